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

KEPT_READY = 1_000_000
"""Most numbers that are kept as the product takes them, 8 MB: so few are sooner multiplied than
made ready."""


class Bootstrap:
    """Draws problems with replacement, the same for everything that is asked of it.

    Args:
        problems: How many there are.
        seed: The same seed, the same intervals.
        confidence: In (0, 1).
    """

    def __init__(self, problems: int, seed: int, confidence: float = 0.95) -> None:
        self._problems, self._seed, self._confidence = problems, seed, confidence
        self._kept: list[NDArray[np.uint16] | Floats] | None = None

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
        lowest_given = np.where(there, values, np.inf).min(axis=0)
        highest_given = np.where(there, values, -np.inf).max(axis=0)
        differing = np.flatnonzero(highest_given - lowest_given >= 1e-12)
        ends = dict(
            zip(
                differing.tolist(),
                self._ends(filled[:, differing], there[:, differing]),
                strict=True,
            )
        )
        found: list[Accuracy | None] = []
        for column, (mean, count) in enumerate(zip(means.tolist(), n.tolist(), strict=True)):
            if not count:
                found.append(None)
            elif column in ends:
                low, high = ends[column]
                found.append(Accuracy(mean, min(low, mean), max(high, mean), count))
            else:
                found.append(self._of_equals(mean, count, lowest, highest))
        return found

    def _ends(self, filled: Floats, there: np.ndarray) -> list[tuple[float, float]]:
        """Return the ends of every column's interval."""
        if not filled.shape[1]:
            return []
        tail = (1 - self._confidence) / 2
        whole = bool(there.all())
        blocks = []
        for drawn in self._blocks():
            size = self._problems if whole else drawn @ there
            with np.errstate(invalid="ignore"):
                blocks.append(drawn @ filled / size)
        means = np.concatenate(blocks)
        # A draw may miss all the problems that a column has; it says nothing then.
        gaps = np.isnan(means).any(axis=0)
        ends = np.empty((2, filled.shape[1]))
        ends[:, ~gaps] = np.quantile(means[:, ~gaps], [tail, 1 - tail], axis=0)
        for column in np.flatnonzero(gaps):
            known = means[~np.isnan(means[:, column]), column]
            ends[:, column] = np.quantile(known, [tail, 1 - tail])
        return [(float(low), float(high)) for low, high in ends.T]

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
            yield from (times.astype(float, copy=False) for times in self._kept)
            return
        numbers = self._problems * RESAMPLES
        kept = []
        for times in self._drawn():
            ready = times.astype(float)
            if numbers <= KEPT:
                kept.append(ready if numbers <= KEPT_READY else times.astype(np.uint16))
            yield ready
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
