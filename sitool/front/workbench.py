"""What the Theory screen and a notebook turn: knobs, what is simulated under them, and its plots.

A `Scene` is a hundred simulated runs and the sitool bound for one setting of the knobs,
some ten milliseconds of work. What this leaves out: the widgets (`tui/`), and the words about each
bound (`pages.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from sitool import lab
from sitool.config import Settings
from sitool.errors import UnknownNameError
from sitool.overlay import Feedback, Overlay
from sitool.plots import Line, Plot
from sitool.theory import CENTRAL, feedback_plot, levels_plot

RUNS = 100
CLASS_SIZE, RHO = 1e4, 0.1
LOWEST_START = 0.01
KINDS: Mapping[str, str] = {
    "success": "Success",
    "levels": "Levels",
    "accepted": "Accepted",
    "feedback": "Feedback",
    "next": "Next round",
}
"""The plots of a scene: name -> what its tab says."""


@dataclass(frozen=True)
class Knobs:
    """What a person turns.

    Attributes:
        initial: Skill at the start.
        spread: Steps of the hardest level; `lengths` go from 1 to it by equal factors.
        prompts, responses: n and N of a round.
        rule: One of `lab.CURRICULA`.
        false_accepts, false_rejects: Of the verifier.
        learner: A key of `lab.MODELS`.
        own_lengths: L_k of a study; they take the place of the spread.
        prior: m.
    """

    initial: float = 0.6
    spread: int = 16
    prompts: int = 64
    rule: str = "adaptive"
    false_accepts: float = 0.0
    false_rejects: float = 0.0
    learner: str = "shared"
    responses: int = 1
    levels: int = 5
    rounds: int = 12
    own_lengths: tuple[int, ...] = ()
    prior: float = lab.PRIOR
    restart: Literal["parent", "base"] = "parent"

    @property
    def lengths(self) -> Sequence[int]:
        """Return L_k, easiest first."""
        return self.own_lengths or lab.ladder_of_lengths(self.levels, self.spread)

    @property
    def draws(self) -> int:
        """Return n N."""
        return self.prompts * self.responses


@dataclass(frozen=True, eq=False)
class Scene:
    """What happens, and what is guaranteed, under one setting of the knobs.

    Attributes:
        runs: Simulated, by the curriculum's name: the chosen one, and the uniform mixture.
        bound: S5's easy-to-hard course; its chance of failure is over all rounds.
    """

    knobs: Knobs
    runs: Mapping[str, lab.Run]
    bound: lab.Trajectory


def make_scene(knobs: Knobs, runs: int = RUNS) -> Scene:
    """Simulate and bound one setting.

    Raises:
        LabError: A knob is out of range.
        StudyError: The curriculum leaves no level.
    """
    verifier = lab.Verifier(knobs.false_accepts, knobs.false_rejects)
    law = lab.make_learner(knobs.learner, knobs.initial, knobs.lengths, knobs.prior, verifier, 4)
    played = {
        name: lab.simulate(
            law, name, prompts=knobs.prompts, responses=knobs.responses, rounds=knobs.rounds,
            runs=runs, restart=knobs.restart,
        )
        for name in dict.fromkeys((knobs.rule, "uniform"))
    }  # fmt: skip
    bound = lab.easy_to_hard(
        knobs.initial, knobs.lengths, CLASS_SIZE, RHO / knobs.rounds, knobs.draws, knobs.rounds
    )
    return Scene(knobs, played, bound)


def knobs_of(found: Overlay, settings: Settings) -> Knobs:
    """Set the knobs from a study: its base's fitted skill, its levels, its budget, its rule."""
    base, ahead = found.rounds[0], found.next or next(iter(found.predictions[-1:]), None)
    skill = lab.fit("shared", base.counts, draws=1).skill[0]
    rule = settings.curriculum.rule
    return Knobs(
        initial=max(round(float(skill), 3), LOWEST_START),
        spread=int(max(base.counts.lengths)),
        prompts=settings.draw.problems,
        rule=rule if rule in lab.CURRICULA else "uniform",
        learner=found.lens.model,
        responses=settings.draw.samples,
        levels=len(base.levels),
        rounds=max(12, len(found.rounds) - 1),
        own_lengths=tuple(int(length) for length in base.counts.lengths),
        prior=lab.PRIOR if ahead is None else ahead.prior,
        restart=settings.trainer.start_from,
    )


def scene_plot(scene: Scene, kind: str, level: int, found: Overlay | None = None) -> Plot:
    """Plot a scene.

    Args:
        kind: A key of `KINDS`.
        level: The place of the level to show, from 1, where one is shown.
        found: A study whose own points are drawn over it.

    Raises:
        UnknownNameError: There is no such plot.
    """
    if kind not in KINDS:
        raise UnknownNameError("plot of the theory", kind, KINDS)
    if kind == "levels":
        return _levels(scene)
    if kind == "feedback":
        return _feedback(scene, found)
    if kind == "next":
        return _next(found)
    return _course(scene, kind, level, found)


def _course(scene: Scene, kind: str, level: int, found: Overlay | None) -> Plot:
    """Plot success on a level, or all accepted samples, over rounds."""
    of_level = level if kind == "success" else None
    lines = [_line(name, run, kind, of_level) for name, run in scene.runs.items()]
    rounds = np.arange(len(scene.bound.skill), dtype=np.float64)
    if kind == "success":
        guaranteed = scene.bound.success(scene.knobs.lengths[level - 1])
        lines.append(Line("sitool bound", rounds, guaranteed))
    if found is not None:
        lines.extend(_own(found, kind, level))
    what = f"Success on level {level}" if kind == "success" else "Accepted samples a round"
    return Plot(
        kind,
        f"{what}: {lines_of_runs(scene):,} simulated runs",
        lines,
        x_title="round",
        y_title="success" if kind == "success" else "accepted",
        limits=(0.0, 1.0) if kind == "success" else None,
        note="lines are means",
        intervals="bands hold 95 % of the runs",
    )


def _next(found: Overlay | None) -> Plot:
    """Plot what a study's next round is predicted to measure."""
    if found is None:
        return Plot("next", KINDS["next"], empty="There is no study here whose next round is next.")
    return replace(levels_plot(found), kind="next")


def lines_of_runs(scene: Scene) -> int:
    """Return how many runs were simulated under each curriculum."""
    return int(scene.runs[scene.knobs.rule].success.shape[1])


def _own(found: Overlay, kind: str, level: int) -> list[Line]:
    """Return what the study measured on the level of that place, round by round."""
    if kind != "success":
        return []
    points = [
        (place, float(here.measured[level - 1]))
        for place, here in enumerate(found.rounds)
        if level <= len(here.levels)
    ]
    x, y = (np.array(column, dtype=np.float64) for column in zip(*points, strict=True))
    return [Line("this study", x, y)]


def _line(name: str, run: lab.Run, series: str, level: int | None) -> Line:
    band = run.band(series, level, CENTRAL)
    first = int(series == "accepted")
    x = np.arange(first, len(band.mean), dtype=np.float64)
    return Line(name, x, band.mean[first:], band.low[first:], band.high[first:])


def _levels(scene: Scene) -> Plot:
    """Plot the mean success of every level under the chosen rule."""
    run, lengths = scene.runs[scene.knobs.rule], scene.knobs.lengths
    rounds = np.arange(len(run.success), dtype=np.float64)
    return Plot(
        "levels",
        f"Success by level under '{scene.knobs.rule}': {lines_of_runs(scene):,} simulated runs",
        [
            Line(f"level {place}, {length} steps", rounds, run.band("success", place).mean)
            for place, length in enumerate(lengths, 1)
        ],
        x_title="round",
        y_title="success",
        limits=(0.0, 1.0),
        note="lines are means",
    )


def _feedback(scene: Scene, found: Overlay | None) -> Plot:
    """Plot J_{t+1} against J_t: the map of S3, what the simulation does, and the study's steps."""
    draws = scene.knobs.draws
    places = np.linspace(0.0, 1.0, 101)
    bound = lab.next_accuracy(places, CLASS_SIZE, RHO, draws)
    lower, upper = lab.fixed_points(lab.feedback_strength(CLASS_SIZE, RHO, draws))
    points = () if found is None else found.feedback.points
    plot = feedback_plot(
        Feedback(points, draws, places, bound.value, float(lower), float(upper), bound)
    )
    course = scene.runs[scene.knobs.rule].band("success").mean
    order = np.argsort(course[:-1], kind="stable")
    simulated = Line(f"simulated, {scene.knobs.rule}", course[:-1][order], course[1:][order])
    return Plot(
        plot.kind, plot.title, [*plot.lines, simulated], plot.x_title, plot.y_title,
        limits=plot.limits, note=plot.note,
    )  # fmt: skip


def reading(scene: Scene, level: int) -> str:
    """Say where the simulation ends, what the sitool bound guarantees, and whether it applies."""
    knobs = scene.knobs
    ends = []
    for name, run in scene.runs.items():
        band = run.band("success", level, CENTRAL)
        ends.append(
            f"{name} ends at {band.mean[-1]:.2f} ({band.low[-1]:.2f} to {band.high[-1]:.2f})"
        )
    guaranteed = float(scene.bound.success(knobs.lengths[level - 1])[-1])
    says = f"{guaranteed:.2f}" if guaranteed > 0 else "nothing"
    words = f"Level {level}: {'; '.join(ends)}. The sitool bound guarantees {says}."
    against = departures(knobs)
    if against:
        words += f" It does not apply here: {' and '.join(against)}."
    return words


def departures(knobs: Knobs) -> list[str]:
    """Name the assumptions of the bound S5 that these knobs break."""
    broken = []
    if knobs.learner != "shared":
        broken.append("it assumes one shared skill")
    if knobs.false_accepts:
        broken.append("it assumes that nothing wrong is accepted")
    if knobs.false_rejects:
        broken.append("it counts every right answer as accepted")
    if knobs.prior > lab.PRIOR:
        broken.append(
            "it assumes maximum likelihood, and this learner weighs what it sees against"
            f" {knobs.prior:,.0f} imagined steps"
        )
    return broken
