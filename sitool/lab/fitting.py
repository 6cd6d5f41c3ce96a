"""Which skills explain a success that was measured level by level, and whether any do.

At level k, x_k of n_k independent answers were right: x_k ~ Binomial(n_k, s_k). Three
models of s_k are those of the simulated learners: one *shared* skill, s_k = p^{L_k}; a
*chain*, s_k = prod_j p_j^{D_kj}, which says no more than that success falls with the
level; and *tabular*, where each s_k is free. Each fit is a maximum likelihood, exact to
the last bits. What this leaves out: where the counts come from (`sitool.overlay`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from sitool.errors import LabError, UnknownNameError
from sitool.lab.arguments import Floats, at_least, require, whole
from sitool.lab.learners import checked_lengths

MODELS = ("shared", "chain", "tabular")
"""What can be fitted; the names are those of the learners."""

HALF_DEVIANCE = 1.920729410347062
"""Half the 95 % quantile of chi-squared with one degree of freedom."""
HALVINGS = 60
GRID = 2048
RESAMPLES = 999
DISAGREES = 0.05
"""Below this share of resampled studies that fit as badly, the model is said not to fit."""


@dataclass(frozen=True, eq=False)
class Counts:
    """Right answers by level.

    Attributes:
        lengths: L_k, [K].
        right, asked: x_k and n_k, [K]; every n_k is at least 1.

    Raises:
        LabError: A number is out of range, or there is no level.
    """

    lengths: Sequence[int]
    right: Sequence[float]
    asked: Sequence[float]

    def __post_init__(self) -> None:
        steps = checked_lengths(self.lengths)
        asked = whole("The number of answers", self.asked)
        right = at_least("The number of right answers", self.right, 0.0)
        if not steps.shape == asked.shape == right.shape:
            raise LabError(
                f"There are {len(steps)} lengths, {right.size} counts of right answers and"
                f" {asked.size} of answers.",
                "try: one of each for every level",
            )
        require(right <= asked, right, "Right answers must not be more than answers")


@dataclass(frozen=True, eq=False)
class Fit:
    """A model of success by level, fitted to counts.

    Attributes:
        model: One of `MODELS`.
        skill: The estimated skills, [S]: p; p_1 to p_K; or s_1 to s_K.
        low, high: The 95 % interval of each: of likelihood ratios for the shared skill,
            quantiles of `draws` for the others.
        success: The model's s_k, [K].
        deviance: Twice the log-likelihood that the model falls short of free levels.
        p_value: The share of studies drawn from the fitted model that fit as badly or worse; NaN
            where no counts could disagree with the model.
        draws: Skills that the counts leave possible, [R, S].
        misfit: The place of the level that fits worst, and +1 or -1: it is solved more often, or
            less, than the model says.
    """

    model: str
    skill: Floats
    low: Floats
    high: Floats
    success: Floats
    deviance: float
    p_value: float
    draws: Floats
    misfit: tuple[int, int]

    @property
    def fits(self) -> bool:
        """Whether the counts give no reason to doubt the model."""
        return not self.p_value < DISAGREES


def fit(model: str, counts: Counts, *, draws: int = 1000, seed: int = 0) -> Fit:
    """Fit one of the models to counts.

    Args:
        draws: R, how many possible skills to return.
        seed: The same seed gives the same p-value and draws.

    Raises:
        UnknownNameError: There is no such model.
        LabError: Lengths do not rise from level to level, in a chain.

    >>> found = fit("shared", Counts([1, 2], [50, 25], [100, 100]))
    >>> print(f"{found.skill[0]:.3f} ({found.low[0]:.3f} to {found.high[0]:.3f}), {found.fits}")
    0.500 (0.436 to 0.564), True
    """
    if model not in MODELS:
        raise UnknownNameError("model of success", model, MODELS)
    right, asked = (np.asarray(x, dtype=np.float64) for x in (counts.right, counts.asked))
    steps = checked_lengths(counts.lengths)
    rng = np.random.default_rng(seed)
    size = int(whole("The number of draws", draws))
    if model == "shared":
        p = shared_skill(right, asked, steps)[None]
        low, high = _shared_interval(right, asked, steps, float(p[0]))
        success, possible = p**steps, _shared_draws(right, asked, steps, size, rng)
        p_value = _p_value(
            lambda x: shared_skill(x, asked, steps)[..., None] ** steps, success, right, asked, rng
        )
        return _fit(model, p, low, high, success, p_value, possible, right, asked)
    free = rng.beta(right + 0.5, asked - right + 0.5, (size, len(steps)))  # Jeffreys'
    if model == "tabular":
        success = right / asked
        return _fit(model, success, *_ends(free), success, np.nan, free, right, asked)
    new = np.diff(steps, prepend=0.0)
    require(new > 0, steps, "In a chain lengths must rise from level to level")
    success = falling(right / asked, asked)
    possible = _skills(falling(free, asked), new)
    p_value = _p_value(lambda x: falling(x / asked, asked), success, right, asked, rng)
    skill = _skills(success, new)
    return _fit(model, skill, *_ends(possible), success, p_value, possible, right, asked)


def shared_skill(right: Floats, asked: Floats, steps: Floats) -> Floats:
    """Return the maximum likelihood of p where s_k = p^{L_k}, [...].

    d log-likelihood / d log p = sum_k L_k (x_k - (n_k - x_k) s_k / (1 - s_k)) falls in p, so that
    halving finds its root; it is 1 if all is right and 0 if nothing is.

    Args:
        right: x_k, [..., K].
        asked: n_k, [K].
        steps: L_k, [K].
    """
    low, high = np.zeros(right.shape[:-1]), np.ones(right.shape[:-1])
    for _ in range(HALVINGS):
        middle = (low + high) / 2.0
        with np.errstate(under="ignore"):
            s = np.minimum(middle[..., None] ** steps, 1.0 - 1e-16)
        rises = (steps * (right - (asked - right) * s / (1.0 - s))).sum(axis=-1) > 0
        low, high = np.where(rises, middle, low), np.where(rises, high, middle)
    none, every = right.sum(axis=-1) == 0, (right == asked).all(axis=-1)
    return np.asarray(np.where(none, 0.0, np.where(every, 1.0, (low + high) / 2.0)))


def falling(success: Floats, weights: Floats) -> Floats:
    """Return the likeliest success that does not rise with the level, [..., K].

    It is min_{i<=k} max_{j>=k} of the weighted mean over levels i to j (isotonic regression).

    >>> falling(np.array([0.5, 0.7, 0.2]), np.ones(3)).round(3).tolist()
    [0.6, 0.6, 0.2]
    """
    mass = np.concatenate([[0.0], np.cumsum(weights)])
    zero = np.zeros((*success.shape[:-1], 1))
    sums = np.concatenate([zero, np.cumsum(success * weights, axis=-1)], axis=-1)
    first, last = np.meshgrid(np.arange(len(weights)), np.arange(len(weights)), indexing="ij")
    inside = first <= last
    size = np.where(inside, mass[last + 1] - mass[first], 1.0)
    means = (sums[..., last + 1] - sums[..., first]) / size
    from_here = np.where(inside, means, -np.inf)  # [..., i, j]
    best = np.maximum.accumulate(from_here[..., ::-1], axis=-1)[..., ::-1]  # over j >= k
    lowest = np.where(inside, best, np.inf).min(axis=-2)  # over i <= k
    return np.asarray(np.clip(lowest, 0.0, 1.0))


def deviance(right: Floats, asked: Floats, success: Floats) -> Floats:
    """Return twice the log-likelihood by which each level's success falls short, [..., K].

    It is infinite where the model rules out what happened.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        hits = np.where(right > 0, right * np.log(right / (asked * success)), 0.0)
        wrong = asked - right
        misses = np.where(wrong > 0, wrong * np.log(wrong / (asked * (1.0 - success))), 0.0)
    return np.asarray(2.0 * np.maximum(hits + misses, 0.0))


def _fit(
    model: str, skill: Floats, low: Floats, high: Floats, success: Floats, p_value: float,
    draws: Floats, right: Floats, asked: Floats,
) -> Fit:  # fmt: skip
    apart = deviance(right, asked, success)
    worst = int(apart.argmax())
    sign = 1 if right[worst] / asked[worst] > success[worst] else -1
    total = float(apart.sum())
    return Fit(model, skill, low, high, success, total, p_value, draws, (worst, sign))


def _log_likelihood(right: Floats, asked: Floats, steps: Floats, p: Floats) -> Floats:
    """Return the log-likelihood of each p but for a constant, [G]."""
    with np.errstate(divide="ignore", invalid="ignore"):
        log_success = np.log(p)[:, None] * steps
        hits = np.where(right > 0, right * log_success, 0.0)
        misses = np.where(asked > right, (asked - right) * np.log(-np.expm1(log_success)), 0.0)
    return np.asarray((hits + misses).sum(axis=-1))


def _shared_interval(
    right: Floats, asked: Floats, steps: Floats, p: float
) -> tuple[Floats, Floats]:
    """Return the p at both ends of those that a likelihood ratio does not reject."""

    def inside(value: float) -> bool:
        return bool(_log_likelihood(right, asked, steps, np.array([value]))[0] > least)

    least = float(_log_likelihood(right, asked, steps, np.array([p]))[0]) - HALF_DEVIANCE
    ends = []
    for end in (0.0, 1.0):
        near, far = p, end
        for _ in range(HALVINGS if p != end else 0):
            middle = (near + far) / 2.0
            near, far = (middle, far) if inside(middle) else (near, middle)
        ends.append(np.array([near]))
    return ends[0], ends[1]


def _shared_draws(
    right: Floats, asked: Floats, steps: Floats, size: int, rng: np.random.Generator
) -> Floats:
    """Draw p in proportion to its likelihood, [R, 1]: a flat prior on p."""
    grid = (np.arange(GRID) + 0.5) / GRID
    logs = _log_likelihood(right, asked, steps, grid)
    weights = np.cumsum(np.exp(logs - logs.max()))
    place = np.searchsorted(weights, rng.random(size) * weights[-1])
    within = (rng.random(size) - 0.5) / GRID
    return np.asarray((grid[np.minimum(place, GRID - 1)] + within)[:, None])


def _skills(success: Floats, new: Floats) -> Floats:
    """Return p_j = (s_j / s_{j-1})^{1 / D_jj}; 1 where the level before is never solved."""
    before = np.concatenate([np.ones((*success.shape[:-1], 1)), success[..., :-1]], axis=-1)
    ratio = np.where(before > 0, success / np.where(before > 0, before, 1.0), 1.0)
    return np.asarray(ratio ** (1.0 / new))


def _ends(draws: Floats) -> tuple[Floats, Floats]:
    low, high = np.quantile(draws, (0.025, 0.975), axis=0)
    return low, high


def _p_value(
    refit: Callable[[Floats], Floats], success: Floats, right: Floats, asked: Floats,
    rng: np.random.Generator,
) -> float:  # fmt: skip
    """Draw studies from the fitted model, fit each, and count those that fit as badly."""
    if len(asked) == 1:
        return float("nan")  # a single level fits any of these models
    drawn = rng.binomial(asked.astype(np.int64), success, (RESAMPLES, len(asked))).astype(float)
    theirs = deviance(drawn, asked, refit(drawn)).sum(axis=-1)
    ours = float(deviance(right, asked, success).sum())
    return float((1 + np.count_nonzero(theirs >= ours - 1e-9)) / (RESAMPLES + 1))
