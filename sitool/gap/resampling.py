"""A bootstrap over problems that many figures of one pool share.

Whole problems are drawn, since the samples of one are not independent. All
figures of a report see the same draws, so a thousand of them cost one matrix
product, and the differences between them are paired.

Source: percentile bootstrap, Efron & Tibshirani (1993), chapter 13.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sitool.gap.pool import Floats
from sitool.metrics import RESAMPLES, Accuracy, wilson

CELLS = 4_000_000
"""Most numbers of a block of draws: 32 MB."""

KEPT = 50_000_000
"""Most numbers that are kept for the next figures, 100 MB; more are drawn anew each time."""


class Bootstrap:
    """Draws problems with replacement, the same for everything that is asked of it.

    Args:
        problems: How many there are.
        seed: The same seed, the same intervals.
        confidence: In (0, 1).
    """

    def __init__(self, problems: int, seed: int, confidence: float = 0.95) -> None:
        self._problems, self._seed, self._confidence = problems, seed, confidence
        self._kept: list[NDArray[np.uint16]] | None = None

    def figure(self, values: Floats, lowest: float = 0.0, highest: float = 1.0) -> Accuracy | None:
        """Return the mean of one value a problem, with its interval.

        Args:
            values: [problems]; NaN leaves a problem out.
            lowest: The least value that a problem can have.
            highest: The greatest.

        Returns:
            None if every problem is left out.
        """
        return self.figures(values[:, None], lowest, highest)[0]

    def figures(
        self, values: Floats, lowest: float = 0.0, highest: float = 1.0
    ) -> list[Accuracy | None]:
        """Return the means of columns, [problems, columns], as `figure` does."""
        there = ~np.isnan(values)
        n = there.sum(axis=0)
        if not len(values):
            return [None] * values.shape[1]
        filled = np.where(there, values, 0.0)
        means = filled.sum(axis=0) / np.maximum(n, 1)
        lows, highs = self._ends(filled, there)
        found: list[Accuracy | None] = []
        for column, mean in enumerate(means):
            if not n[column]:
                found.append(None)
                continue
            given = values[there[:, column], column]
            if np.ptp(given) < 1e-12:
                found.append(self._of_equals(float(mean), int(n[column]), lowest, highest))
                continue
            low, high = min(lows[column], mean), max(highs[column], mean)
            found.append(Accuracy(float(mean), float(low), float(high), int(n[column])))
        return found

    def _ends(self, filled: Floats, there: np.ndarray) -> tuple[Floats, Floats]:
        """Return the ends of every column's interval, [columns] each."""
        tail = (1 - self._confidence) / 2
        whole = bool(there.all())
        blocks = []
        for drawn in self._blocks():
            size = self._problems if whole else drawn @ there
            with np.errstate(invalid="ignore"):
                blocks.append(drawn @ filled / size)
        means = np.concatenate(blocks)
        if np.isnan(means).any():
            # A draw may miss all the problems that a column has; it says nothing then.
            ends = np.array([_quantiles(column, tail) for column in means.T]).T
        else:
            ends = np.quantile(means, [tail, 1 - tail], axis=0)
        return ends[0], ends[1]

    def _of_equals(self, mean: float, n: int, lowest: float, highest: float) -> Accuracy:
        """Return the interval where all problems are equal, which the bootstrap calls certain.

        Other problems may differ: as many as n draws may well have missed by Wilson's
        interval, each as far off as can be.
        """
        unseen = wilson(0, n, self._confidence).high
        low, high = mean - unseen * (mean - lowest), mean + unseen * (highest - mean)
        return Accuracy(mean, min(low, mean), max(high, mean), n)

    def _blocks(self) -> Iterator[Floats]:
        """Yield how often each problem was drawn, [draws, problems], a block at a time."""
        if self._kept is not None:
            yield from (times.astype(float) for times in self._kept)
            return
        kept = []
        for times in self._drawn():
            if self._problems * RESAMPLES <= KEPT:
                kept.append(times.astype(np.uint16))
            yield times.astype(float)
        self._kept = kept or None

    def _drawn(self) -> Iterator[NDArray[np.int64]]:
        """Draw the blocks; the same each time."""
        rng = np.random.default_rng(self._seed)
        rows = max(1, CELLS // self._problems)
        for first in range(0, RESAMPLES, rows):
            count = min(rows, RESAMPLES - first)
            drawn = rng.integers(self._problems, size=(count, self._problems))
            drawn += np.arange(count)[:, None] * self._problems
            times = np.bincount(drawn.ravel(), minlength=count * self._problems)
            yield times.reshape(count, self._problems)


def _quantiles(means: Floats, tail: float) -> Floats:
    known = means[~np.isnan(means)]
    return np.quantile(known, [tail, 1 - tail]) if len(known) else np.full(2, np.nan)
