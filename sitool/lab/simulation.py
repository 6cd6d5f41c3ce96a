"""Many simulated runs of the loop at once, and what they say together.

A run is T rounds of one learner under one curriculum; R runs move side by side as
rows of arrays, so that a round of all of them is a few draws of numpy. What this
leaves out: how a learner learns (`learners.py` and its laws), and comparing two
curricula over a map of starts (`diagram.py`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypedDict, Unpack

import numpy as np
from numpy.typing import ArrayLike

from sitool.errors import LabError, UnknownNameError
from sitool.lab.arguments import Floats, share, whole
from sitool.lab.learners import Learner
from sitool.lab.mixtures import Counts, Curriculum, Mixtures, settings_of

Restart = Literal["parent", "base"]
SERIES = ("success", "accepted", "skill", "gap", "coverage")
"""What a band can be asked of."""


@dataclass(frozen=True, eq=False)
class Snapshot:
    """All runs after one round; round 0 is the base, which drew nothing.

    Attributes:
        round: From 0.
        learner: Whose law it is.
        responses: N.
        state: The learner's, of all runs.
        success: By level, [R, K].
        prompts: n_k drawn in the round, [R, K].
        accepted: Samples accepted in the round, [R, K].
    """

    round: int
    learner: Learner
    responses: int
    state: Floats
    success: Floats
    prompts: Counts
    accepted: Counts

    @property
    def skill(self) -> Floats:
        """Return what the learner estimates, [R, S]."""
        return self.learner.skill(self.state)

    @property
    def gap(self) -> Floats:
        """Return the success of what the verifier would keep, less success, by level, [R, K]."""
        return self.learner.gap(self.state, self.responses)

    @property
    def coverage(self) -> Floats:
        """Return E_x[1 / pi(y*|x)] by level, [R, K]."""
        return self.learner.coverage(self.state)


@dataclass(frozen=True, eq=False)
class Band:
    """A course over rounds: its mean over runs, and the quantiles around it.

    Attributes:
        mean: [T + 1, ...].
        low, high: The quantiles, [T + 1, ...].
        error: Standard error of the mean, [T + 1, ...]; NaN of a single run.
        quantiles: Which they are.
    """

    mean: Floats
    low: Floats
    high: Floats
    error: Floats
    quantiles: tuple[float, float]


@dataclass(frozen=True, eq=False)
class Run:
    """Everything that many simulated runs did; round 0 is the base.

    Attributes:
        curriculum: What chose the levels.
        success: By level, [T + 1, R, K].
        prompts: Drawn in each round, by level, [T + 1, R, K]; none in round 0.
        accepted: Kept in each round, by level, [T + 1, R, K].
        skill: What the learner estimates, [T + 1, R, S].
        gap: Success of what the verifier keeps, less success, by level, [T + 1, R, K].
        coverage: E_x[1 / pi(y*|x)] by level, [T + 1, R, K].
    """

    curriculum: Curriculum
    success: Floats
    prompts: Counts
    accepted: Counts
    skill: Floats
    gap: Floats
    coverage: Floats

    def series(self, name: str, level: int | None = None) -> Floats:
        """Return one quantity of every run, [T + 1, R].

        Args:
            name: One of `SERIES`.
            level: Of this level (or the skill of that number), from 1; None is over all levels:
                the sum of accepted samples, and the mean of anything else.

        Raises:
            UnknownNameError: There is no such quantity.
            LabError: There is no such level.
        """
        if name not in SERIES:
            raise UnknownNameError("series", name, SERIES)
        table = np.asarray(getattr(self, name), dtype=np.float64)
        if level is None:
            return np.asarray(table.sum(axis=2) if name == "accepted" else table.mean(axis=2))
        if not 1 <= level <= table.shape[2]:
            raise LabError(
                f"There is no level {level} of {name}.", f"try: a level from 1 to {table.shape[2]}"
            )
        return np.asarray(table[:, :, level - 1])

    def band(
        self, name: str, level: int | None = None, quantiles: tuple[float, float] = (0.05, 0.95)
    ) -> Band:
        """Return the mean over runs and the quantiles around it, as `series`."""
        share("A quantile", quantiles)
        course = self.series(name, level)
        low, high = np.quantile(course, quantiles, axis=1, method="inverted_cdf")
        runs = course.shape[1]
        error = course.std(axis=1, ddof=1) / runs**0.5 if runs > 1 else np.full(len(course), np.nan)
        return Band(course.mean(axis=1), low, high, error, quantiles)

    def rounds_to(self, threshold: float, level: int | None = None) -> Floats:
        """Return the first round at which each run's success is at least that, [R]; inf: never.

        Raises:
            LabError: There is no such level.
        """
        reached = self.series("success", level) >= threshold
        return np.where(reached.any(axis=0), reached.argmax(axis=0).astype(float), np.inf)


def play(
    learner: Learner,
    curriculum: Curriculum,
    *,
    prompts: ArrayLike = 64,
    responses: int = 1,
    rounds: int = 12,
    runs: int = 1000,
    restart: Restart = "parent",
    held_out: int = 0,
    seed: int | Sequence[int] = 0,
) -> Iterator[Snapshot]:
    """Play many runs side by side, round by round; whoever has enough just stops asking.

    Args:
        learner: The law of learning.
        curriculum: A study's settings, or a name of `mixtures.CURRICULA`.
        prompts: n a round, one number or one a run [R].
        responses: N a prompt.
        rounds: T.
        runs: R.
        restart: What each round is trained from: the parent (the round before), or the base.
            Samples always come from the newest policy.
        held_out: Held-out samples a level with which the adaptive rule measures success after
            each round; 0 tells it success exactly.
        seed: The same seed gives the same runs.

    Yields:
        The base, and then every round.

    Raises:
        LabError: A number is out of range.
        UnknownNameError: There is no such curriculum.
    """
    count = int(whole("The number of runs", runs))
    steps = int(whole("The number of rounds", rounds))
    draws = int(whole("The number of responses", responses))
    budget = np.broadcast_to(whole("The number of prompts", prompts), (count,)).astype(np.int64)
    measured = int(whole("Held-out samples", held_out, least=0))
    if restart not in ("parent", "base"):
        raise UnknownNameError("restart policy", restart, ("parent", "base"))
    rng = np.random.default_rng(seed)
    mixtures = Mixtures(settings_of(curriculum, learner.levels, steps), learner.levels, budget)
    base = state = learner.start(count)
    nothing = np.zeros((count, learner.levels), dtype=np.int64)
    success = learner.success(state)
    yield Snapshot(0, learner, draws, state, success, nothing, nothing)
    for taken in range(steps):
        seen = success
        if measured:
            seen = rng.binomial(measured, np.clip(success, 0.0, 1.0)) / measured
        drawn = mixtures.counts(taken, seen)
        start = state if restart == "parent" else base
        state, accepted = learner.learn(state, start, drawn, draws, rng)
        success = learner.success(state)
        yield Snapshot(taken + 1, learner, draws, state, success, drawn, accepted)


class HowPlayed(TypedDict, total=False):
    """What `play` may be told by name; it says what each is."""

    prompts: ArrayLike
    responses: int
    rounds: int
    runs: int
    restart: Restart
    held_out: int
    seed: int | Sequence[int]


def simulate(learner: Learner, curriculum: Curriculum, **how: Unpack[HowPlayed]) -> Run:
    """Play many runs to the end; the arguments are those of `play`.

    >>> from sitool.lab.skills import SharedSkill
    >>> run = simulate(SharedSkill(0.6, [1, 2, 4]), "adaptive", rounds=6, runs=200)
    >>> run.success.shape, bool((run.band("success", level=3).mean[[0, -1]] > [0.1, 0.8]).all())
    ((7, 200, 3), True)
    """
    snapshots = play(learner, curriculum, **how)
    # A table's states would be too much to keep: each round leaves its figures alone.
    figures = [[getattr(snapshot, name) for name in _FIGURES] for snapshot in snapshots]
    return Run(curriculum, *(np.stack(column) for column in zip(*figures, strict=True)))


_FIGURES = ("success", "prompts", "accepted", "skill", "gap", "coverage")
