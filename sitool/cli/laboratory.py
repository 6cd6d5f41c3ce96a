"""`sitool lab`: what the guarantees say, what simulated learners do, and where curricula help."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from sitool import lab, theory
from sitool.cli.commands import AsJson, console, print_json, say
from sitool.cli.tables import short
from sitool.errors import LabError

laboratory = typer.Typer(
    help="Bounds, simulated learners and phase diagrams: the theory, without a model.",
    no_args_is_help=True,
)


class LearnerName(StrEnum):
    """A law of learning."""

    SHARED = "shared"
    CHAIN = "chain"
    TABULAR = "tabular"
    SELF = "self"
    SHARPENING = "sharpening"


class StepLearnerName(StrEnum):
    """A learner that knows the truth."""

    SHARED = "shared"
    CHAIN = "chain"
    TABULAR = "tabular"


class RestartName(StrEnum):
    """What a round is trained from."""

    PARENT = "parent"
    BASE = "base"


class MeasureName(StrEnum):
    """What of a course counts."""

    FINAL = "final"
    COURSE = "course"


class SeriesName(StrEnum):
    """What is drawn over rounds."""

    SUCCESS = "success"
    ACCEPTED = "accepted"
    SKILL = "skill"
    GAP = "gap"
    COVERAGE = "coverage"


Initial = Annotated[
    float, typer.Option(help="Skill at the start: a level of L steps succeeds with its L-th power.")
]
Levels = Annotated[int, typer.Option(min=1, max=64, help="How many levels.")]
Spread = Annotated[float, typer.Option(help="Steps of the hardest level; the easiest has 1.")]
Prompts = Annotated[int, typer.Option("--prompts", "-n", min=1, help="Prompts a round.")]
Responses = Annotated[int, typer.Option("--responses", "-k", min=1, help="Responses a prompt.")]
Rounds = Annotated[int, typer.Option(min=1, help="Rounds.")]
Prior = Annotated[float, typer.Option(help="Prior counts: how much data it takes to learn.")]
FalseAccepts = Annotated[float, typer.Option(help="Share of wrong responses that are kept.")]
FalseRejects = Annotated[float, typer.Option(help="Share of right responses that are dropped.")]
Restart = Annotated[RestartName, typer.Option(help="What each round is trained from.")]
HeldOut = Annotated[
    int,
    typer.Option(
        min=0, help="Held-out samples a level by which the adaptive rule moves; 0: it is told."
    ),
]
Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same runs.")]
ClassSize = Annotated[float, typer.Option(help="|Pi|, of the bounds.")]
Rho = Annotated[float, typer.Option(help="The chance that a bound fails.")]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="File to write: .csv, .svg, .png or .html."),
]


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(laboratory, name="lab")


@laboratory.command("bounds")
def bounds(
    initial: Initial = 0.6,
    levels: Levels = 5,
    spread: Spread = 16.0,
    draws: Annotated[int, typer.Option(min=1, help="Responses drawn in a round.")] = 200,
    rounds: Rounds = 12,
    class_size: ClassSize = 1e4,
    rho: Rho = 0.1,
    coverage: Annotated[float, typer.Option(help="C_cov of the base, for sharpening.")] = 4.0,
    epsilon: Annotated[float, typer.Option(help="Share of prompts left unsharpened.")] = 0.1,
    delta: Annotated[float, typer.Option(help="Mass off the mode where it is sharp.")] = 0.1,
    as_json: AsJson = False,
) -> None:
    """Say what is guaranteed, and under which assumptions."""
    lengths = lab.ladder_of_lengths(levels, spread)
    at = lab.Situation(initial, lengths, draws, rounds, class_size, rho, coverage, epsilon, delta)
    found = [*lab.guarantees(at), *lab.sharpening_counts(at)]
    if as_json:
        print_json([_bound_as_json(bound) for bound in found])
        return
    table = _plain_table("bound", "value", "source", left=("bound", "source"))
    for bound in found:
        table.add_row(Text(bound.name), Text(_figures(bound.value)), bound.source)
    console.print(table)
    for bound in found:
        say(f"{bound.name}: {bound.formula}. Assumes: {bound.assumptions}")
    say(_reading_of_bounds(at))


def _bound_as_json(bound: lab.Bound) -> dict[str, object]:
    return {
        "name": bound.name,
        "value": _json_numbers(bound.value),
        "probability": _json_numbers(bound.probability),
        "formula": bound.formula,
        "assumptions": bound.assumptions,
        "source": bound.source,
    }


def _json_numbers(value: object) -> list[float | None] | float | None:
    """Return numbers as JSON knows them; what is not finite is null."""
    array = np.asarray(value, dtype=np.float64)
    numbers = [float(x) if np.isfinite(x) else None for x in array.flat]
    return numbers if array.ndim else numbers[0]


def _figures(value: object) -> str:
    """Write numbers short.

    >>> _figures([0.5, float("inf"), float("nan"), 1234567.0])
    '.50 ∞ · 1,234,567'
    """
    words = []
    for x in np.asarray(value, dtype=np.float64).flat:
        if np.isnan(x):
            words.append("·")
        elif np.isinf(x):
            words.append("∞")
        else:
            words.append(short(float(x)) if abs(x) < 10 else f"{x:,.0f}")
    return " ".join(words)


def _reading_of_bounds(at: lab.Situation) -> str:
    strength = lab.feedback_strength(at.class_size, at.rho, at.draws)
    lower, upper = (float(point) for point in lab.fixed_points(strength))
    if np.isnan(lower):
        return (
            f"With {at.draws:,} draws a round nothing is guaranteed, wherever it starts:"
            f" c/n is {float(strength):.2f}, and must be at most .25. try: more draws"
        )
    return (
        f"With {at.draws:,} draws a round the guarantee climbs from above J- = {short(lower)} to"
        f" J+ = {short(upper)} and no further; from below J- it says nothing."
    )


@laboratory.command("simulate")
def simulate(
    learner: Annotated[LearnerName, typer.Option(help="The law of learning.")] = LearnerName.SHARED,
    curricula: Annotated[
        list[str] | None,
        typer.Option("--curriculum", "-c", help=f"May be repeated: {', '.join(lab.CURRICULA)}."),
    ] = None,
    initial: Initial = 0.6,
    levels: Levels = 5,
    spread: Spread = 16.0,
    prompts: Prompts = 64,
    responses: Responses = 1,
    rounds: Rounds = 12,
    runs: Annotated[int, typer.Option(min=2, help="Runs of each curriculum.")] = 1000,
    prior: Prior = lab.PRIOR,
    false_accepts: FalseAccepts = 0.0,
    false_rejects: FalseRejects = 0.0,
    correlation: Annotated[
        float, typer.Option(help="Of a self-verifier's verdicts with the truth, at the start.")
    ] = 0.3,
    restart: Restart = RestartName.PARENT,
    held_out: HeldOut = 0,
    seed: Seed = 0,
    level: Annotated[
        int | None, typer.Option(min=1, help="Level to show; default: the hardest.")
    ] = None,
    series: Annotated[SeriesName, typer.Option(help="What is drawn.")] = SeriesName.SUCCESS,
    output: Output = None,
    as_json: AsJson = False,
) -> None:
    """Play many runs of a simulated learner under one or more curricula."""
    lengths = lab.ladder_of_lengths(levels, spread)
    shown = level or levels
    if shown > levels:
        raise LabError(f"There is no level {shown} of {levels}.", "try: a smaller --level")
    law = _learner(
        learner, initial, lengths, prior, lab.Verifier(false_accepts, false_rejects), correlation
    )
    played = {
        name: lab.simulate(
            law,
            name,
            prompts=prompts,
            responses=responses,
            rounds=rounds,
            runs=runs,
            restart=restart.value,
            held_out=held_out,
            seed=seed,
        )
        for name in dict.fromkeys(curricula or ["adaptive", "uniform"])
    }
    if output is not None:
        of_level = None if series is SeriesName.SKILL else shown
        theory.save(
            output, theory.run_rows(played), theory.run_plot(played, series.value, of_level)
        )
    if as_json:
        print_json(_runs_as_json(played, lengths))
        return
    console.print(_course_table(played, shown))
    say(_reading_of_runs(played, shown))
    if output is not None:
        say(f"Wrote {output}.")


def _learner(
    name: LearnerName,
    initial: float,
    lengths: Sequence[int],
    prior: float,
    verifier: lab.Verifier,
    correlation: float,
) -> lab.Learner:
    if name is LearnerName.SELF:
        return lab.SelfVerified(initial, lengths, prior=prior, correlation=correlation)
    if name is LearnerName.SHARPENING:
        return lab.Sharpener(*lab.sharpening_base(initial, lengths), prior=prior)
    return lab.make_learner(name.value, initial, lengths, prior, verifier)


def _course_table(played: dict[str, lab.Run], level: int) -> Table:
    """Lay out success on a level, accepted samples and the gap, round by round."""
    table = _plain_table("round")
    bands = {}
    for name, run in played.items():
        bands[name] = (run.band("success", level), run.band("accepted"), run.band("gap", level))
        for column in (name, "5 to 95 %", "kept", "gap"):
            table.add_column(column, justify="right", no_wrap=True)
    rounds = len(next(iter(played.values())).success)
    for number in range(rounds):
        row = [str(number)]
        for success, accepted, gap in bands.values():
            row.append(short(success.mean[number]))
            row.append(f"{short(success.low[number])} to {short(success.high[number])}")
            row.append(f"{accepted.mean[number]:,.0f}" if number else "")
            row.append(short(gap.mean[number]))
        table.add_row(*row)
    return table


def _reading_of_runs(played: dict[str, lab.Run], level: int) -> str:
    words = []
    for name, run in played.items():
        band = run.band("success", level)
        half = float(np.quantile(run.rounds_to(0.5, level), 0.5, method="inverted_cdf"))
        when = f"half of the runs reach .50 by round {half:.0f}"
        if np.isinf(half):
            when = "fewer than half of the runs ever reach .50"
        words.append(f"{name} ends at {short(band.mean[-1])}, and {when}")
    count = next(iter(played.values())).success.shape[1]
    return f"Level {level}, {count:,} runs each: {'; '.join(words)}."


def _runs_as_json(played: dict[str, lab.Run], lengths: Sequence[int]) -> dict[str, object]:
    return {
        "lengths": list(lengths),
        "runs": next(iter(played.values())).success.shape[1],
        "quantiles": list(theory.CENTRAL),
        "curricula": {
            name: {
                series: {
                    "all" if level is None else str(level): {
                        "mean": _json_numbers(band.mean),
                        "low": _json_numbers(band.low),
                        "high": _json_numbers(band.high),
                    }
                    for level in (None, *range(1, getattr(run, series).shape[2] + 1))
                    for band in [run.band(series, level, theory.CENTRAL)]
                }
                for series in theory.TITLES
            }
            for name, run in played.items()
        },
    }


@laboratory.command("diagram")
def diagram(
    x: Annotated[
        str, typer.Option(help="NAME:FROM:TO:CELLS, of initial, prompts.")
    ] = "initial:0.1:0.95:30",
    y: Annotated[
        str, typer.Option(help="The same, of initial, prompts, spread.")
    ] = "spread:2:64:12",
    learner: Annotated[
        StepLearnerName, typer.Option(help="The law of learning.")
    ] = StepLearnerName.SHARED,
    first: Annotated[str, typer.Option(help="A curriculum.")] = "adaptive",
    second: Annotated[str, typer.Option(help="The one to beat.")] = "uniform",
    measure: Annotated[
        MeasureName, typer.Option(help="Success after the last round, or its mean over rounds.")
    ] = MeasureName.COURSE,
    initial: Initial = 0.6,
    levels: Levels = 5,
    spread: Spread = 16.0,
    prompts: Prompts = 64,
    responses: Responses = 1,
    rounds: Rounds = 12,
    runs: Annotated[int, typer.Option(min=2, help="Runs of each curriculum in a cell.")] = 200,
    prior: Prior = lab.PRIOR,
    false_accepts: FalseAccepts = 0.0,
    false_rejects: FalseRejects = 0.0,
    restart: Restart = RestartName.PARENT,
    held_out: HeldOut = 0,
    class_size: ClassSize = 1e4,
    rho: Rho = 0.1,
    seed: Seed = 0,
    output: Output = None,
    as_json: AsJson = False,
) -> None:
    """Map where one curriculum beats another, and what the sitool bound says there."""
    plan = lab.DiagramPlan(
        _axis(x),
        _axis(y),
        learner=learner.value,
        first=first,
        second=second,
        measure=measure.value,
        levels=levels,
        initial=initial,
        spread=spread,
        prompts=prompts,
        responses=responses,
        rounds=rounds,
        runs=runs,
        prior=prior,
        verifier=lab.Verifier(false_accepts, false_rejects),
        restart=restart.value,
        held_out=held_out,
        class_size=class_size,
        rho=rho,
        seed=seed,
    )
    with Progress(console=console, transient=True, disable=as_json) as progress:
        bar = progress.add_task("playing", total=len(plan.y.values))
        found = lab.phase_diagram(plan, lambda done, _: progress.update(bar, completed=done))
    if output is not None:
        theory.save(output, theory.diagram_rows_of(found), theory.diagram_spec(found))
    if as_json:
        header, *cells = theory.diagram_rows_of(found)
        print_json({
            "learner": plan.learner,
            "measure": plan.measure,
            "agreement": found.agreement(),
            "cells": [dict(zip(map(str, header), cell, strict=True)) for cell in cells],
        })  # fmt: skip
        return
    console.print(_map_table(found))
    say(_reading_of_diagram(found))
    if output is not None:
        say(f"Wrote {output}.")


def _axis(words: str) -> lab.Axis:
    """Read `NAME:FROM:TO:CELLS`; `initial` goes by equal steps, the others by equal factors.

    >>> _axis("prompts:4:16:3").values
    (4.0, 8.0, 16.0)
    """
    try:
        name, low, high, cells = words.split(":")
        ends, count = (float(low), float(high)), int(cells)
        if not (np.all(np.isfinite(ends)) and min(ends) > 0 and 1 <= count <= MOST_CELLS):
            raise ValueError
    except ValueError:
        raise LabError(
            f"{words!r} is no axis: NAME:FROM:TO:CELLS, above 0, with 1 to {MOST_CELLS} cells.",
            "try: --x initial:0.1:0.95:30",
        ) from None
    spaced = np.linspace if name == "initial" else np.geomspace
    return lab.Axis(name, tuple(float(f"{value:.6g}") for value in spaced(*ends, count)))


MOST_CELLS = 200
LETTERS = {
    lab.Winner.NEITHER: "·",
    lab.Winner.EVEN: "=",
    lab.Winner.FIRST: "1",
    lab.Winner.SECOND: "2",
}


def _map_table(found: lab.PhaseDiagram) -> Table:
    """Lay out the simulation's map and the bound's, a letter a cell, large y at the top."""
    plan = found.plan
    low, high = (f"{plan.x.values[end]:.3g}" for end in (0, -1))
    table = _plain_table(plan.y.name)
    for title in ("simulated", "sitool bound"):
        table.add_column(f"{title}, {plan.x.name} {low} to {high}", justify="left", no_wrap=True)
    for row in reversed(range(len(plan.y.values))):
        maps = (found.winner[row], found.bound_winner[row])
        drawn = ["".join(LETTERS[lab.Winner(int(cell))] for cell in cells) for cells in maps]
        table.add_row(f"{plan.y.values[row]:.3g}", *drawn)
    return table


def _reading_of_diagram(found: lab.PhaseDiagram) -> str:
    names = theory.winner_names(found.plan)
    total = found.winner.size
    counts = "; ".join(
        f"{LETTERS[winner]} {names[winner]} in {found.cells(winner):,}"
        for winner in (lab.Winner.FIRST, lab.Winner.SECOND, lab.Winner.EVEN, lab.Winner.NEITHER)
    )
    return (
        f"Of {total:,} cells: {counts}. The bound (for a shared skill) names the same in"
        f" {found.agreement():.0%}."
    )


def _plain_table(*columns: str, left: Sequence[str] = ()) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    for column in columns:
        table.add_column(column, justify="left" if column in left else "right", no_wrap=True)
    return table
