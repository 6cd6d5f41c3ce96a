"""How verifiers agree with each other and with the truth: Pearson matrix, confusion matrix."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sitool.gap.pool import ERROR, SCORED, UNPARSED, UNSEEN, Pool

CUT = 0.5
"""A judge calls a sample right from this score on, unless its own threshold says otherwise."""

SAID = ("right", "wrong", "unparsed", "error", "unseen")
"""Columns of a confusion matrix: what the judge said."""

TRUE = ("right", "wrong", "unread")
"""Rows of it: the truth; `unread` is wrong too, since no answer could be read."""


@dataclass(frozen=True, slots=True)
class Correlation:
    """Pearson's r of two verifiers' scores.

    Attributes:
        r: None where it does not exist.
        n: Samples that both of them scored.
        why: Why there is no r; empty where there is one.
    """

    first: str
    second: str
    r: float | None
    n: int
    why: str

    def to_json(self) -> dict[str, Any]:
        """Return it as `sitool gap --json` prints it."""
        return {
            "first": self.first,
            "second": self.second,
            "r": self.r,
            "n": self.n,
            "why": self.why,
        }


def correlations(pool: Pool, verifiers: Sequence[str]) -> tuple[Correlation, ...]:
    """Return the upper triangle of the Pearson matrix, over samples that both scored."""
    return tuple(
        correlate(pool, first, second)
        for place, first in enumerate(verifiers)
        for second in verifiers[place + 1 :]
    )


def correlate(pool: Pool, first: str, second: str) -> Correlation:
    """Return Pearson's r of two verifiers, or why there is none."""
    both = pool.scored_by((first, second))
    n = int(both.sum())
    x, y = (pool.verdicts[name].value[both] for name in (first, second))
    if n < 2:
        return Correlation(first, second, None, n, "fewer than 2 samples were scored by both")
    flat = [name for name, values in ((first, x), (second, y)) if np.ptp(values) < 1e-12]
    if flat:
        why = f"{' and '.join(flat)} gave all of them the same score"
        return Correlation(first, second, None, n, why)
    x, y = x - x.mean(), y - y.mean()
    r = float((x @ y) / np.sqrt((x @ x) * (y @ y)))
    return Correlation(first, second, min(1.0, max(-1.0, r)), n, "")


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a confusion matrix: how many samples, and the id of the first of them."""

    count: int
    example: int | None


@dataclass(frozen=True, slots=True)
class Confusion:
    """A judge against the truth.

    Attributes:
        cut: From which score on the judge calls a sample right.
        cells: By (row of `TRUE`, column of `SAID`).
    """

    cut: float
    cells: dict[tuple[str, str], Cell]

    def count(self, true: Sequence[str], said: Sequence[str]) -> int:
        """Count the samples of some rows and columns."""
        return sum(self.cells[row, column].count for row in true for column in said)

    def to_json(self) -> dict[str, Any]:
        """Return it as `sitool gap --json` prints it."""
        table = {
            row: {
                column: {
                    "count": self.cells[row, column].count,
                    "example": self.cells[row, column].example,
                }
                for column in SAID
            }
            for row in TRUE
        }
        return {"cut": self.cut, "truth": table}


def confusion(pool: Pool, verifier: str, cut: float = CUT) -> Confusion:
    """Count what a judge said of right and of wrong samples, with an example of each.

    Unparsed verdicts and failures are columns of their own and count as neither.
    """
    verdicts = pool.verdicts[verifier]
    said = np.select(
        [verdicts.outcome == code for code in (SCORED, UNPARSED, ERROR, UNSEEN)],
        [np.where(np.nan_to_num(verdicts.value) >= cut, 0, 1), 2, 3, 4],
    )
    true = np.where(pool.strict == 1, 0, np.where(pool.read, 1, 2))
    place = true * len(SAID) + said
    counts = np.bincount(place, minlength=len(TRUE) * len(SAID))
    examples = np.full(len(counts), -1)
    examples[place[::-1]] = pool.sample[::-1]
    cells = {
        (row, column): Cell(int(count), int(example) if count else None)
        for (row, column), count, example in zip(
            ((row, column) for row in TRUE for column in SAID), counts, examples, strict=True
        )
    }
    return Confusion(cut, cells)
