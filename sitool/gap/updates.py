"""From one round to the next: how much of the gap the training turned into accuracy.

With f_t the model of a round, f_{t+1} that of its child and f_t[w] the first one
reweighted, J(f_{t+1}) - J(f_t) = gap(f_t) + (J(f_{t+1}) - J(f_t[w])). The size of
the last term is eps_update: how far training landed from what the filter promised.

Source: Song et al., "Mind the Gap", arXiv 2412.02674.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from sitool.gap.figures import figure_json
from sitool.gap.pool import Floats, Ints
from sitool.gap.resampling import Bootstrap
from sitool.metrics import Accuracy


@dataclass(frozen=True, slots=True)
class UpdateFigures:
    """One update by one way of matching answers; differences are paired by problem.

    Attributes:
        improvement: J(f_{t+1}) - J(f_t).
        promised: The gap of f_t.
        missed: J(f_{t+1}) - J(f_t[w]): below 0 the training fell short, above 0 it went beyond.
        eps_update: The size of `missed`.
    """

    improvement: Accuracy
    promised: Accuracy
    missed: Accuracy
    eps_update: Accuracy

    def to_json(self) -> dict[str, Any]:
        """Return it as `sitool gap --json` prints it."""
        names = ("improvement", "promised", "missed", "eps_update")
        return {name: figure_json(getattr(self, name)) for name in names}


@dataclass(frozen=True, slots=True)
class Update:
    """A round and its child under one verifier.

    Attributes:
        gap_after: The child's own gap under the same verifier and filter, if it was measured.
        left_out: Problems of the parent that the child did not meet or the verifier did not see.
    """

    parent: int
    child: int
    verifier: str
    strict: UpdateFigures
    flexible: UpdateFigures
    gap_after: Accuracy | None
    left_out: int

    def to_json(self) -> dict[str, Any]:
        """Return it as `sitool gap --json` prints it."""
        return {
            "parent": self.parent,
            "child": self.child,
            "verifier": self.verifier,
            "strict": self.strict.to_json(),
            "flexible": self.flexible.to_json(),
            "gap_after": figure_json(self.gap_after),
            "left_out": self.left_out,
        }


def pair_problems(first: Ints, second: Ints) -> tuple[Ints, Ints]:
    """Return the places of the problems that two rounds have in common, in both of them."""
    _, places, others = np.intersect1d(first, second, return_indices=True)
    return places, others


def measure_update(
    before: Floats, promised: Floats, after: Floats, seed: int
) -> UpdateFigures | None:
    """Measure an update on the problems that both rounds met.

    Args:
        before: J_x(f_t) of each problem.
        promised: J_x(f_t[w]); NaN where the verifier has not seen the problem.
        after: J_x(f_{t+1}).
    """
    bootstrap = Bootstrap(len(before), seed)
    before = np.where(np.isnan(promised), np.nan, before)
    columns = np.column_stack((after - before, promised - before, after - promised))
    improvement, gap, missed = bootstrap.figures(columns, lowest=-1.0)
    if improvement is None or gap is None or missed is None:
        return None
    return UpdateFigures(improvement, gap, missed, size_of(missed))


def size_of(figure: Accuracy) -> Accuracy:
    """Return the size of a difference, with the interval of sizes that it allows.

    >>> size_of(Accuracy(-0.1, -0.3, 0.1, 20))
    Accuracy(value=0.1, low=0.0, high=0.3, n=20)
    """
    ends = (abs(figure.low), abs(figure.high))
    low = 0.0 if figure.low <= 0 <= figure.high else min(ends)
    return Accuracy(abs(figure.value), low, max(ends), figure.n)
