"""Accuracies with their uncertainty, and what the samples of a round look like.

Pure functions over counts and scores, fast enough for 100,000 samples. What
this leaves out: reading a study and deciding what a screen shows (`summary.py`).
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sitool.records import Outcome, Score

RESAMPLES = 2000
"""Bootstrap resamples: the ends of a 95% interval are then steady to about a tenth of its width."""


@dataclass(frozen=True, slots=True)
class Accuracy:
    """A figure and the interval that it may well lie in.

    Attributes:
        value: The estimate: in [0, 1], or in [-1, 1] for a difference.
        low: Lower end of the interval.
        high: Upper end of the interval.
        n: How many independent units it rests on (trials, or problems).

    >>> print(Accuracy(0.5, 0.31, 0.69, 24))
    0.500 (0.310 to 0.690), n=24
    """

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f}), n={self.n:,}"


@dataclass(frozen=True, slots=True)
class Shares:
    """How the problems of a round came out, each as a share in [0, 1]; they sum to 1.

    Only `mixed` problems tell good samples from bad ones.

    Attributes:
        all_wrong: Some answer was read and none passed.
        mixed: Some samples passed and some did not.
        all_right: Every sample passed.
        unparsed: No answer could be read at all.
        n: Problems counted. With 0 all shares are 0.
    """

    all_wrong: float
    mixed: float
    all_right: float
    unparsed: float
    n: int


def wilson(passed: int, n: int, confidence: float = 0.95) -> Accuracy:
    """Return a pass rate with Wilson's score interval.

    It keeps its level at rates near 0 and 1, where the textbook interval
    collapses. The trials must be independent: for several samples of each
    problem use `mean_pass_at_k`.

    Source: E. B. Wilson, JASA 22 (1927) 209-212.

    Args:
        confidence: In (0, 1).

    Raises:
        ValueError: Not 0 <= passed <= n, or no trial at all.

    >>> wilson(0, 10).low, round(wilson(0, 10).high, 4)
    (0.0, 0.2775)
    """
    if n < 1 or not 0 <= passed <= n:
        raise ValueError(f"{passed} of {n} is not a pass rate")
    z2 = NormalDist().inv_cdf((1 + confidence) / 2) ** 2
    rate = passed / n
    centre = (rate + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(z2 * (rate * (1 - rate) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    low = 0.0 if passed == 0 else max(0.0, centre - half)
    high = 1.0 if passed == n else min(1.0, centre + half)
    return Accuracy(rate, low, high, n)


def pass_at_k(samples: int, passed: int, k: int) -> float:
    """Estimate the chance that at least one of `k` fresh samples would pass.

    Counts the ways to draw `k` of the samples we have without meeting a passed
    one, which is unbiased; `1 - (1 - passed / samples) ** k` is not.

    Source: Chen et al., arXiv 2107.03374 (2021), equation 1.

    Raises:
        ValueError: `k` is more than there are samples to draw from.

    >>> pass_at_k(samples=4, passed=2, k=1)
    0.5
    """
    return float(pass_at_k_by_problem([samples], [passed], k)[0])


def pass_at_k_by_problem(samples: ArrayLike, passed: ArrayLike, k: int) -> NDArray[np.float64]:
    """Estimate pass@k of each problem, as `pass_at_k` does.

    The share of draws without a pass, C(n - c, k) / C(n, k), is taken as a
    product of k ratios, which cannot overflow.

    Args:
        samples: n of each problem, or one number for all.
        passed: c of each problem.

    Raises:
        ValueError: k < 1, n < k, or not 0 <= c <= n, for any problem.
    """
    c, n = np.broadcast_arrays(np.asarray(passed, float), np.asarray(samples, float))
    if k < 1 or np.any(n < k):
        raise ValueError(f"pass@{k} needs at least {k} samples of every problem, k from 1")
    if np.any(c < 0) or np.any(c > n):
        raise ValueError("a problem has more passed samples than samples, or fewer than 0")
    missed = np.ones(c.shape)
    for drawn in range(k):
        missed *= np.maximum(n - c - drawn, 0) / (n - drawn)
    return np.asarray(1 - missed, dtype=np.float64)


def mean_pass_at_k(
    samples_per_problem: ArrayLike,
    passed_per_problem: ArrayLike,
    k: int,
    seed: int,
    confidence: float = 0.95,
) -> Accuracy:
    """Return the mean pass@k over problems, with a bootstrap interval over problems.

    Whole problems are resampled, since the samples of one are not independent.

    Source: percentile bootstrap, Efron & Tibshirani (1993), chapter 13.

    Args:
        samples_per_problem: One number for all, or one for each problem.
        seed: Of the resampling: the same seed, the same interval.

    Raises:
        ValueError: No problem, or as `pass_at_k_by_problem`.
    """
    values = pass_at_k_by_problem(samples_per_problem, np.atleast_1d(passed_per_problem), k)
    return bootstrap_mean(values, seed, confidence, floor=0.0)


def paired_difference(
    before: ArrayLike, after: ArrayLike, seed: int, confidence: float = 0.95
) -> Accuracy:
    """Return the mean of after - before over the same problems, with a bootstrap interval.

    Problem by problem, so that how hard the problems are cancels out.

    Args:
        before: A figure in [0, 1] for each problem, such as its share of passed samples.
        after: The same of the same problems, in the same order.

    Raises:
        ValueError: Not the same number of problems, or none.
    """
    first, second = np.asarray(before, float), np.asarray(after, float)
    if first.shape != second.shape:
        raise ValueError(f"{first.size} problems before and {second.size} after are no pairs")
    return bootstrap_mean(second - first, seed, confidence, floor=-1.0)


def bootstrap_mean(
    values: NDArray[np.float64], seed: int, confidence: float, floor: float
) -> Accuracy:
    """Return a mean with its percentile bootstrap interval.

    If all values are equal the bootstrap would claim certainty, however few
    there are. Then the interval takes in what Wilson's allows: the share of
    other problems that n problems may have missed, each off by at most 1.

    Args:
        floor: The least value there can be; the greatest is 1.

    Raises:
        ValueError: There is no value.
    """
    if not values.size:
        raise ValueError("there is no problem to take a mean over")
    kinds, counts = np.unique(np.round(values, 12), return_counts=True)
    mean = float(values.mean())
    if len(kinds) == 1:
        unseen = wilson(0, values.size, confidence).high
        return Accuracy(mean, max(floor, mean - unseen), min(1.0, mean + unseen), values.size)
    means = resampled_means(kinds, counts, np.random.default_rng(seed))
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return Accuracy(mean, min(float(low), mean), max(float(high), mean), values.size)


def resampled_means(
    kinds: NDArray[np.float64], counts: NDArray[np.intp], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the means of `RESAMPLES` bootstrap samples.

    A bootstrap sample matters only by how often each distinct value is in it,
    which is multinomial. Problems have few distinct values, so this costs
    milliseconds where drawing indices costs seconds.
    """
    n = int(counts.sum())
    rows = max(1, min(RESAMPLES, 4_000_000 // len(kinds)))
    parts = [
        rng.multinomial(n, counts / n, size=min(rows, RESAMPLES - start)) @ kinds / n
        for start in range(0, RESAMPLES, rows)
    ]
    return np.concatenate(parts)


def signal_shares(problems: Iterable[Sequence[Score]]) -> Shares:
    """Return how many of a round's problems carry a signal.

    Samples on which the verifier failed say nothing and are left out; a
    problem with no other ones is not counted.
    """
    counts = Counter(kind for scores in problems if (kind := kind_of_problem(scores)))
    n = counts.total()
    share = {kind: count / n for kind, count in counts.items()}
    return Shares(
        all_wrong=share.get("all_wrong", 0.0),
        mixed=share.get("mixed", 0.0),
        all_right=share.get("all_right", 0.0),
        unparsed=share.get("unparsed", 0.0),
        n=n,
    )


def kind_of_problem(scores: Sequence[Score]) -> str | None:
    """Name the share of `Shares` that a problem belongs to; None if nothing is known of it."""
    judged = [score for score in scores if score.outcome is not Outcome.ERROR]
    passed = sum(score.passed for score in judged)
    if not judged:
        return None
    if all(score.outcome is Outcome.UNPARSED for score in judged):
        return "unparsed"
    if passed == len(judged):
        return "all_right"
    return "mixed" if passed else "all_wrong"


def answers_of(scores: Sequence[Score]) -> Counter[str]:
    """Count the answers that were read from a problem's samples."""
    return Counter(score.answer for score in scores if score.answer is not None)


def answer_entropy(problems: Iterable[Sequence[Score]]) -> float | None:
    """Return the mean entropy of a problem's answers, in nats.

    It falls towards 0 as the model settles on one answer, right or wrong; its
    greatest value is ln(samples). It is the plug-in estimate, so it reads low
    with few samples: compare rounds of equally many. Problems without a single
    answer are left out; None if there is no other.
    """
    entropies = [entropy(counts.values()) for p in problems if (counts := answers_of(p))]
    return math.fsum(entropies) / len(entropies) if entropies else None


def entropy(counts: Iterable[int]) -> float:
    """Return the entropy of a distribution given by counts, in nats.

    >>> entropy([3]), round(entropy([1, 1]), 4)
    (0.0, 0.6931)
    """
    listed = [count for count in counts if count]
    total = sum(listed)
    return math.fsum(count / total * math.log(total / count) for count in listed)


def unique_answers(problems: Iterable[Sequence[Score]]) -> float | None:
    """Return how many different answers a problem's samples gave, on average.

    From 0 (nothing could be read) to the number of samples; None without problems.
    """
    numbers = [len(answers_of(scores)) for scores in problems]
    return sum(numbers) / len(numbers) if numbers else None
