"""The next round before it is stepped: one round of a simulated learner from fitted skills.

What this leaves out: a study's summary, from which all of this is read (`overlay.py`).

The learners' one free number, the prior count m (how much data it takes to learn), cannot be
seen in one round. It is fitted to the steps that were made before, and `lab.PRIOR` where
there are none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sitool import lab
from sitool.errors import UnknownNameError

Floats = NDArray[np.float64]
MEASURES: Mapping[str, str] = {
    "greedy": "the share of held-out problems that the likeliest answer solves",
    "sampled": "the share of held-out samples that are right; n is the number of problems",
}
"""What counts as success. Samples of one problem are alike, so problems are what is counted: that
is careful, and bands are too wide rather than too narrow."""
ENDS = (0.025, 0.975)
LEAST_SKILL = 1e-9
"""Where nothing was solved: a law of steps has no start at 0."""
PRIORS = tuple(float(m) for m in np.geomspace(2.0, 2e5, 31).round(1))
"""What is tried for m."""
PRIOR_RUNS = 100


@dataclass(frozen=True)
class Lens:
    """How a study is looked at.

    Attributes:
        model: A key of `lab.MODELS`.
        measure: A key of `MEASURES`.
        lengths: L_k by level; a level that is not named has as many steps as its number.
        prior: m of the simulated learner; None is fitted to the steps before, as `fit_prior`.
        runs: Simulated rounds behind every prediction.
        class_size, rho: |Pi| and the chance of failure of the sitool bound.
        seed: The same seed gives the same bands.

    Raises:
        UnknownNameError: There is no such model or measure.
    """

    model: str = "shared"
    measure: str = "greedy"
    lengths: Mapping[int, int] | None = None
    prior: float | None = None
    runs: int = 1000
    class_size: float = 1e4
    rho: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.model not in lab.MODELS:
            raise UnknownNameError("model of success", self.model, lab.MODELS)
        if self.measure not in MEASURES:
            raise UnknownNameError("measure of success", self.measure, MEASURES)

    def length(self, level: int) -> int:
        """Return L_k."""
        return (self.lengths or {}).get(level, level)


@dataclass(frozen=True, eq=False)
class FittedRound:
    """A round's measured success, and the skills that explain it.

    Attributes:
        levels: That were measured, ascending.
        accuracy: Over all levels, J.
        draws: Samples drawn for training in this round, all levels together; 0 for the base.
    """

    round: int
    levels: Sequence[int]
    counts: lab.Counts
    fit: lab.Fit
    accuracy: float
    draws: int

    @property
    def measured(self) -> Floats:
        """Return x_k / n_k."""
        right, asked = np.array(self.counts.right), np.array(self.counts.asked)
        return np.asarray(right / asked, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a simulated round says of a round, made from the round before it.

    Attributes:
        start: The round that it was made from.
        round: The round that it is of; None before it is stepped.
        levels: That are measured, ascending.
        problems: n_k by level, of the round's own mixture.
        samples: N.
        prior: m of the learner.
        mean, low, high: Of the success that would be measured, [K], with its noise; 95 %.
        measured: What was measured, [K]; NaN before, or where nothing was.
        overall: The same over all levels: mean, low, high, measured.
    """

    start: int
    round: int | None
    levels: Sequence[int]
    problems: Mapping[int, int]
    samples: int
    prior: float
    mean: Floats
    low: Floats
    high: Floats
    measured: Floats
    overall: tuple[float, float, float, float]

    @property
    def inside(self) -> tuple[int, int]:
        """Count the measured levels that lie within their band, and all that were measured."""
        known = np.isfinite(self.measured)
        within = (self.low <= self.measured) & (self.measured <= self.high) & known
        return int(within.sum()), int(known.sum())


@dataclass(frozen=True, eq=False)
class Step:
    """What a round draws, and from where it learns.

    Attributes:
        start: The round before, from which it samples.
        base: Whose skills training starts from, if `restart` is `base`.
        problems: n_k by level.
        samples: N.
        restart: `parent` or `base`.
    """

    start: FittedRound
    base: FittedRound
    problems: Mapping[int, int]
    samples: int
    restart: str

    def play(self, lens: Lens, prior: float, seed: int, runs: int | None = None) -> Floats:
        """Simulate the round; returns success on the measured levels, [R, K]."""
        levels = sorted({*self.start.levels, *self.problems})
        state, law = _state(self.start, levels, lens, prior, runs)
        first = state
        if self.restart == "base":
            first = _state(self.base, levels, lens, prior, runs)[0]
        drawn = np.tile([self.problems.get(level, 0) for level in levels], (len(state), 1))
        rng = np.random.default_rng([seed, self.start.round])
        after, _ = law.learn(state, first, drawn, self.samples, rng)
        return law.success(after)[:, [levels.index(level) for level in self.start.levels]]


def predict(step: Step, lens: Lens, prior: float) -> Prediction:
    """Say what would be measured after a step.

    The band holds three kinds of chance: which skill it is, what the round draws, and which
    held-out problems are solved then. Drawn anew, the held-out problems are independent of
    those before; a study asks the same ones again, so that its own steps vary less.
    """
    start = step.start
    asked = np.asarray(start.counts.asked, dtype=np.int64)
    success = np.clip(step.play(lens, prior, lens.seed), 0.0, 1.0)
    rng = np.random.default_rng([lens.seed, start.round, 1])
    seen = rng.binomial(asked, success) / asked
    low, high = np.quantile(seen, ENDS, axis=0, method="inverted_cdf")
    overall = seen @ (asked / asked.sum())
    ends = np.quantile(overall, ENDS, method="inverted_cdf")
    return Prediction(
        start.round, None, start.levels, dict(step.problems), step.samples, prior,
        success.mean(axis=0), low, high, np.full(len(asked), np.nan),
        (float(overall.mean()), float(ends[0]), float(ends[1]), float("nan")),
    )  # fmt: skip


def fit_prior(made: Sequence[tuple[Step, FittedRound]], lens: Lens) -> float:
    """Return the m of `PRIORS` under which what came of some steps is likeliest.

    Each step starts from the skill that was fitted before it, and its mean success is set beside
    what was measured after it: binomial, level by level. Without steps it is `lab.PRIOR`.
    """
    if not made:
        return lab.PRIOR
    fits = [sum(_log_likelihood(s, after, lens, prior) for s, after in made) for prior in PRIORS]
    return PRIORS[int(np.argmax(fits))]


def _log_likelihood(step: Step, after: FittedRound, lens: Lens, prior: float) -> float:
    mean = step.play(lens, prior, lens.seed, PRIOR_RUNS).mean(axis=0)
    seen = dict(zip(after.levels, zip(after.counts.right, after.counts.asked, strict=True),
                    strict=True))  # fmt: skip
    shared = [place for place, level in enumerate(step.start.levels) if level in seen]
    right, asked = np.array([seen[step.start.levels[place]] for place in shared]).reshape(-1, 2).T
    s = np.clip(mean[shared], 1e-6, 1.0 - 1e-6)
    return float((right * np.log(s) + (asked - right) * np.log1p(-s)).sum())


def _state(
    here: FittedRound, levels: Sequence[int], lens: Lens, prior: float, runs: int | None
) -> tuple[Floats, lab.Learner]:
    """Return a simulated learner's state at the skills that a fit leaves possible.

    A level that is drawn but was not measured has the success (of a chain: the skill) of the
    nearest easier one that was, or of the easiest.
    """
    lengths = [lens.length(level) for level in levels]
    draws = np.maximum(here.fit.draws[:runs], LEAST_SKILL)
    if lens.model == "shared":
        return draws, lab.SharedSkill(1.0, lengths, prior)
    nearest = np.searchsorted(np.array(here.levels), levels, side="right") - 1
    skills = draws[:, np.maximum(nearest, 0)]
    if lens.model == "chain":
        return skills, lab.SkillChain(1.0, lengths, prior)
    table = lab.Tabular(1.0, lengths, prompts=1, prior=prior)
    return table.shares(skills)[:, :, None, :], table
