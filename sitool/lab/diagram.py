"""Where easy-to-hard beats a mixture, where it loses, and where neither leaves the ground.

A phase diagram goes over two of (initialization, difficulty spread, prompts a round),
plays both curricula in every cell, and says by a fixed rule which one does better
on the hardest level: at the end, or over the whole course (how soon). Beside it stands
what the sitool bound guarantees there.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sitool.errors import LabError, UnknownNameError
from sitool.lab.arguments import Floats, chance, positive, share, whole
from sitool.lab.bounds import easy_to_hard, fixed_mixture
from sitool.lab.learners import PRIOR, TRUTH, Learner, Verifier, ladder_of_lengths
from sitool.lab.mixtures import Counts, Curriculum
from sitool.lab.simulation import Restart, play
from sitool.lab.skills import SharedSkill, SkillChain
from sitool.lab.tables import Tabular

LEARNERS = {"shared": SharedSkill, "chain": SkillChain, "tabular": Tabular}
"""The learners that a diagram can be drawn of."""

AXES = ("initial", "spread", "prompts")
MEASURES = ("final", "course")


class Winner(IntEnum):
    """Which curriculum does better on the hardest level."""

    NEITHER = 0
    EVEN = 1
    FIRST = 2
    SECOND = 3


@dataclass(frozen=True)
class Axis:
    """What one side of the diagram turns.

    Attributes:
        name: `initial`, `spread` or `prompts`.
        values: Of the cells along it.
    """

    name: str
    values: Sequence[float]


@dataclass(frozen=True)
class DiagramPlan:
    """What is played in each cell, and by which rule a curriculum wins there.

    Both curricula are played `runs` times, independently, and measured by their success on the
    hardest level. A cell is NEITHER if both means are at most `ground`. Otherwise one
    wins if its mean is higher by at least `margin` and by more than `errors` standard
    errors of the difference (Welch's); else it is EVEN. With three errors and no true
    difference, one cell in 370 would be called, and most of those lie within the margin.

    Attributes:
        x, y: Two different axes. `spread`, if it is one of them, is y: a row shares its levels.
        learner: A key of `LEARNERS`.
        first, second: The curricula; by default the adaptive rule against the uniform mixture.
        measure: `final` is the success after the last round, `course` its mean over all rounds.
        levels: K, with lengths from 1 to `spread` by equal factors.
        initial, spread, prompts: Of what is on neither axis.
        table_prompts: X of the tabular learner, for each level; each prompt is as much work again.
        class_size, rho: |Pi|, and the chance of failure over all rounds, of the bound alone.

    Raises:
        LabError: The axes do not fit, or a number is out of range.
        UnknownNameError: There is no such axis or learner.
    """

    x: Axis
    y: Axis
    learner: str = "shared"
    first: Curriculum = "adaptive"
    second: Curriculum = "uniform"
    measure: Literal["final", "course"] = "final"
    levels: int = 5
    initial: float = 0.6
    spread: float = 16.0
    prompts: int = 64
    responses: int = 1
    rounds: int = 12
    runs: int = 200
    prior: float = PRIOR
    table_prompts: int = 4
    verifier: Verifier = TRUTH
    restart: Restart = "parent"
    held_out: int = 0
    ground: float = 0.05
    margin: float = 0.02
    errors: float = 3.0
    class_size: float = 1e4
    rho: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        for axis in (self.x, self.y):
            if axis.name not in AXES:
                raise UnknownNameError("axis", axis.name, AXES)
            positive(f"{axis.name} on an axis", axis.values)
        if self.x.name in (self.y.name, "spread"):
            raise LabError(
                f"The axes are x = {self.x.name} and y = {self.y.name}: they must differ,"
                " and spread can only be y.",
                "try: x = prompts, y = spread",
            )
        if self.learner not in LEARNERS:
            raise UnknownNameError("learner", self.learner, LEARNERS)
        if self.measure not in MEASURES:
            raise UnknownNameError("measure", self.measure, MEASURES)
        whole("The number of runs (for a standard error)", self.runs, least=2)
        share("The ground", self.ground)
        share("The margin", self.margin)
        positive("Standard errors", self.errors)
        chance("rho", self.rho)


@dataclass(frozen=True, eq=False, kw_only=True)
class Cells:
    """What is known of cells: arrays [X] of a row, [Y, X] of a diagram.

    Attributes:
        first, second: Mean success on the hardest level, as the plan measures it.
        error: Standard error of their difference.
        winner: As `Winner`.
        bound_first, bound_second: What the sitool bound guarantees of that success: S5's
            easy-to-hard, and the uniform mixture.
        bound_winner: The same rule without errors, on the bound.
    """

    first: Floats
    second: Floats
    error: Floats
    winner: NDArray[np.int64]
    bound_first: Floats
    bound_second: Floats
    bound_winner: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class DiagramRow(Cells):
    """The cells of one value of y.

    Attributes:
        index: Which value of y.
    """

    index: int


@dataclass(frozen=True, eq=False)
class PhaseDiagram(Cells):
    """All cells of a diagram, and what was played."""

    plan: DiagramPlan

    def cells(self, winner: Winner) -> int:
        """Count the cells that the simulation gives to a winner."""
        return int((self.winner == winner).sum())

    def agreement(self) -> float:
        """Return the share of cells where bound and simulation name the same winner."""
        return float((self.winner == self.bound_winner).mean())


def make_learner(
    name: str,
    initial: float | Floats,
    lengths: Sequence[int],
    prior: float = PRIOR,
    verifier: Verifier = TRUTH,
    table_prompts: int = 16,
) -> Learner:
    """Make one of the learners whose verifier knows the truth, by its name.

    Raises:
        UnknownNameError: There is no such learner.
        LabError: A number is out of range.
    """
    if name not in LEARNERS:
        raise UnknownNameError("learner", name, LEARNERS)
    if name == "tabular":
        return Tabular(initial, lengths, table_prompts, prior, verifier)
    kind = SharedSkill if name == "shared" else SkillChain
    return kind(initial, lengths, prior, verifier)


def diagram_rows(plan: DiagramPlan) -> Iterator[DiagramRow]:
    """Play the diagram row by row; whoever wants no more just stops asking.

    Yields:
        The row of each value of y, in order.
    """
    for index in range(len(plan.y.values)):
        initial, spread, prompts = (_along(plan, index, name) for name in AXES)
        lengths = ladder_of_lengths(plan.levels, float(spread[0]))
        budget = np.rint(prompts).astype(np.int64)
        sides = [
            _outcome(plan, curriculum, initial, lengths, budget, (plan.seed, index, side))
            for side, curriculum in enumerate((plan.first, plan.second))
        ]
        (first, first_error), (second, second_error) = sides
        error = np.hypot(first_error, second_error)
        bound_first, bound_second = _guaranteed(plan, initial, lengths, budget)
        yield DiagramRow(
            index,
            first=first,
            second=second,
            error=error,
            winner=decide(plan, first, second, error),
            bound_first=bound_first,
            bound_second=bound_second,
            bound_winner=decide(plan, bound_first, bound_second, np.zeros_like(error)),
        )


def phase_diagram(
    plan: DiagramPlan, progress: Callable[[int, int], object] | None = None
) -> PhaseDiagram:
    """Play a whole diagram.

    Args:
        plan: What to play.
        progress: Is told the rows that are done and how many there are, after each. What it
            raises ends the work.
    """
    rows = []
    for row in diagram_rows(plan):
        rows.append(row)
        if progress is not None:
            progress(len(rows), len(plan.y.values))
    tables = {f.name: np.stack([getattr(row, f.name) for row in rows]) for f in fields(Cells)}
    return PhaseDiagram(plan, **tables)


def decide(plan: DiagramPlan, first: Floats, second: Floats, error: Floats) -> NDArray[np.int64]:
    """Name each cell's winner by the rule of `DiagramPlan`."""
    difference = first - second
    clear = (np.abs(difference) >= plan.margin) & (np.abs(difference) > plan.errors * error)
    ahead = np.where(difference > 0, Winner.FIRST, Winner.SECOND)
    named = np.where(clear, ahead, Winner.EVEN)
    return np.where(np.maximum(first, second) <= plan.ground, Winner.NEITHER, named)


def _along(plan: DiagramPlan, index: int, name: str) -> Floats:
    """Return what a knob is in each cell of a row, [X]."""
    if plan.x.name == name:
        return np.asarray(plan.x.values, dtype=np.float64)
    value = plan.y.values[index] if plan.y.name == name else getattr(plan, name)
    return np.full(len(plan.x.values), float(value))


def _outcome(
    plan: DiagramPlan,
    curriculum: Curriculum,
    initial: Floats,
    lengths: Sequence[int],
    budget: Counts,
    seed: Sequence[int],
) -> tuple[Floats, Floats]:
    """Return mean and standard error of the success on the hardest level, each [X]."""
    starts = np.repeat(initial, plan.runs)[:, None]
    snapshots = play(
        make_learner(plan.learner, starts, lengths, plan.prior, plan.verifier, plan.table_prompts),
        curriculum,
        prompts=np.repeat(budget, plan.runs),
        responses=plan.responses,
        rounds=plan.rounds,
        runs=len(starts),
        restart=plan.restart,
        held_out=plan.held_out,
        seed=seed,
    )
    course = np.stack([snapshot.success[:, -1] for snapshot in snapshots])
    success = _measured(plan, course).reshape(len(initial), plan.runs)
    return success.mean(axis=1), success.std(axis=1, ddof=1) / plan.runs**0.5


def _measured(plan: DiagramPlan, course: Floats) -> Floats:
    """Return what counts of courses [T + 1, ...]."""
    return np.asarray(course[-1] if plan.measure == "final" else course[1:].mean(axis=0))


def _guaranteed(
    plan: DiagramPlan, initial: Floats, lengths: Sequence[int], budget: Counts
) -> tuple[Floats, Floats]:
    """Return the success on the hardest level that S5 guarantees, for both kinds, each [X]."""
    draws, rho = budget * plan.responses, plan.rho / plan.rounds
    even = [1.0 / plan.levels] * plan.levels
    hardest = lengths[-1]
    common = (plan.class_size, rho, draws, plan.rounds)
    climbing = easy_to_hard(initial, lengths, *common)
    mixed = fixed_mixture(initial, lengths, even, *common)
    return _measured(plan, climbing.success(hardest)), _measured(plan, mixed.success(hardest))
