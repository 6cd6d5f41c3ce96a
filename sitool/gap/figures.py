"""J, the reweighted J, the gap and the relative gap.

The gap is J(f[w]) - J(f): how much more often a sample is right if it is drawn
with the weights w of a filter. The relative gap asks of every problem which
share of the way to its best possible utility U_max that is, and averages those.
It is not gap / (1 - J): a few problems that were nearly solved and get a little
worse can turn it far below 0 while the gap is above 0.

Source: Song et al., "Mind the Gap", arXiv 2412.02674, definitions 2.1 and 2.2.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from sitool.gap.pool import Bools, Floats, Pool
from sitool.gap.resampling import Bootstrap
from sitool.metrics import Accuracy

U_MAX = 1.0
"""The best utility of a problem: every problem has a right answer."""


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one filter by one way of matching answers.

    Attributes:
        accuracy: J(f), of the problems that the verifiers have seen.
        reweighted: J(f[w]), of the same.
        gap: Their difference, paired by problem.
        relative_gap: The mean over problems; None where every problem is left out.
        all_right: Problems left out of the relative gap: all of their samples are right,
            so the share of the way that is left is 0/0.
    """

    accuracy: Accuracy
    reweighted: Accuracy
    gap: Accuracy
    relative_gap: Accuracy | None
    all_right: int

    def to_json(self) -> dict[str, Any]:
        """Return it as `sitool gap --json` prints it."""
        return {
            "accuracy": figure_json(self.accuracy),
            "reweighted": figure_json(self.reweighted),
            "gap": figure_json(self.gap),
            "relative_gap": figure_json(self.relative_gap),
            "all_right": self.all_right,
        }


def figure_json(figure: Accuracy | None) -> dict[str, float | int] | None:
    """Return a figure with its interval for JSON."""
    if figure is None:
        return None
    return {"value": figure.value, "low": figure.low, "high": figure.high, "n": figure.n}


def reweighted(pool: Pool, utility: Floats, weights: Floats) -> tuple[Floats, Bools]:
    """Return each problem's accuracy under weights, and where nothing survived.

    A problem without a survivor falls back to its unfiltered accuracy: the filter
    has nothing to say of it.

    Returns:
        [problems] each.
    """
    mass = pool.sums(weights)
    empty = mass == 0
    weighted = pool.sums(weights * utility) / np.where(empty, 1.0, mass)
    return np.where(empty, pool.means(utility), weighted), empty


def relative_gaps(before: Floats, after: Floats) -> Floats:
    """Return (after - before) / (U_max - before) of each problem; NaN where that is 0/0.

    >>> relative_gaps(np.array([0.5, 0.0, 1.0]), np.array([0.75, 0.0, 1.0]))
    array([0.5, 0. , nan])
    """
    room = U_MAX - before
    solved = room < 1e-12
    return np.where(solved, np.nan, (after - before) / np.where(solved, 1.0, room))


def measure_filter(
    pool: Pool, utility: Floats, weights: Floats, seen: Bools, bootstrap: Bootstrap
) -> Figures | None:
    """Measure a filter on the problems that its verifiers have seen.

    Args:
        utility: [samples], 0 or 1.
        weights: [samples], as `filters.weights_of` returns them.
        seen: [problems].

    Returns:
        None if they have seen no problem.
    """
    before = np.where(seen, pool.means(utility), np.nan)
    after = np.where(seen, reweighted(pool, utility, weights)[0], np.nan)
    relative = relative_gaps(before, after)
    j, j_reweighted = bootstrap.figures(np.column_stack((before, after)))
    gap = bootstrap.figure(after - before, lowest=-1.0)
    if j is None or j_reweighted is None or gap is None:
        return None
    # The worst a filter can do: only wrong samples survive where one alone was wrong.
    worst = 1.0 - float(pool.counts.max())
    left_out = int(np.isnan(relative[seen]).sum())
    return Figures(
        j, j_reweighted, gap, bootstrap.figure(relative, lowest=worst), all_right=left_out
    )
