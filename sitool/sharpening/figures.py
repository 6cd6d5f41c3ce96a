"""Means over problems and lifts over greedy, each with its interval.

Whole problems are resampled, and every figure of a pool comes from the same resamples,
so that a difference or a ratio is of the same problems on both sides.
"""

import math
from typing import Self

import numpy as np
from numpy.typing import NDArray

from sitool.metrics import RESAMPLES, Accuracy, bootstrap_mean
from sitool.sharpening.pool import Bools, Floats

CONFIDENCE = 0.95


class Resamples:
    """How often each problem is in each bootstrap resample, [resamples, problems].

    Source: percentile bootstrap, Efron & Tibshirani (1993), chapter 13.
    """

    def __init__(self, counts: NDArray[np.float32], seed: int) -> None:
        self._counts = counts
        self._seed = seed

    @classmethod
    def draw(cls, problems: int, seed: int) -> Self:
        """Draw the resamples of so many problems."""
        rng = np.random.default_rng(seed)
        even = np.full(problems, 1 / problems)
        return cls(rng.multinomial(problems, even, size=RESAMPLES).astype(np.float32), seed)

    def within(self, kept: Bools) -> Self:
        """Return the resamples of these problems alone."""
        return type(self)(self._counts[:, kept], self._seed)

    def means(self, values: Floats) -> Floats:
        """Return the mean of a value in each resample, [resamples]; nan without a problem."""
        sizes = self._counts.sum(axis=1, dtype=np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(self._counts @ values / sizes)

    def share(self, values: Floats) -> Accuracy:
        """Return the mean of values in [0, 1]; equal ones are as unsure as Wilson's interval."""
        if np.ptp(values) < 1e-12:
            return bootstrap_mean(values, self._seed, CONFIDENCE, floor=0.0)
        return self.mean(values)

    def mean(self, values: Floats) -> Accuracy:
        """Return a mean of any unit; one problem alone says nothing about others."""
        mean = float(values.mean())
        if len(values) == 1:
            return Accuracy(mean, -math.inf, math.inf, 1)
        return _with_interval(mean, self.means(values), len(values))

    def percent_lift(self, chosen: Floats, greedy: Floats) -> Accuracy | None:
        """Return 100 (mean(chosen) - mean(greedy)) / |mean(greedy)| over the same problems.

        None where the greedy mean is 0. Resamples in which it is are left out.

        Args:
            chosen: Expected worth of the choice, [problems].
            greedy: Worth of the greedy answer, [problems].
        """
        if not greedy.mean():
            return None
        ours, theirs = self.means(chosen), self.means(greedy)
        some = (theirs != 0) & np.isfinite(theirs)
        lifts = 100 * (ours[some] - theirs[some]) / np.abs(theirs[some])
        value = 100 * float((chosen.mean() - greedy.mean()) / abs(greedy.mean()))
        return _with_interval(value, lifts, len(chosen))


def _with_interval(value: float, resamples: Floats, n: int) -> Accuracy:
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.nanpercentile(resamples, [tail, 100 - tail])
    return Accuracy(value, min(float(low), value), max(float(high), value), n)
