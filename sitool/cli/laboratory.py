"""`sitool lab`: what the guarantees say, what simulated learners do, and where curricula help."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import typer
from rich.progress import Progress

from sitool import client, lab, theory
from sitool.cli import lab_tables, overlay_tables
from sitool.cli.commands import AsJson, RoundNumber, StudyDir, console, print_json, say
from sitool.errors import LabError
from sitool.lab.simulation import Restart as RestartName
from sitool.overlay import Lens

laboratory = typer.Typer()
"""The commands of this file; `late_laboratory.py` offers them."""


LearnerName = Literal["shared", "chain", "tabular", "self", "sharpening"]
TruthLearnerName = Literal["shared", "chain", "tabular"]
MeasuredName = Literal["greedy", "sampled"]
OverlayChart = Literal["levels", "feedback"]
MeasureName = Literal["final", "course"]
SeriesName = Literal["success", "accepted", "skill", "gap", "coverage"]

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
        print_json([lab_tables.bound_as_json(bound) for bound in found])
        return
    console.print(lab_tables.bounds_table(found))
    for bound in found:
        say(f"{bound.name} ({bound.source}): {bound.formula}. Assumes: {bound.assumptions}")
    say(lab_tables.reading_of_bounds(at))


@laboratory.command("simulate")
def simulate(
    learner: Annotated[LearnerName, typer.Option(help="The law of learning.")] = "shared",
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
    restart: Restart = "parent",
    held_out: HeldOut = 0,
    seed: Seed = 0,
    level: Annotated[
        int | None, typer.Option(min=1, help="Level to show; default: the hardest.")
    ] = None,
    series: Annotated[SeriesName, typer.Option(help="What is drawn.")] = "success",
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
    names = dict.fromkeys(curricula or ["adaptive", "uniform"])
    played = {
        name: lab.simulate(
            law, name, prompts=prompts, responses=responses, rounds=rounds, runs=runs,
            restart=restart, held_out=held_out, seed=seed,
        )
        for name in names
    }  # fmt: skip
    if output is not None:
        plot = theory.run_plot(played, series, None if series == "skill" else shown)
        theory.save(output, theory.run_rows(played), plot)
    if as_json:
        print_json(lab_tables.runs_as_json(played, lengths))
        return
    console.print(lab_tables.course_table(played, shown))
    remark = lab_tables.remark(law, shown)
    _say_with_file(lab_tables.reading_of_runs(played, shown) + remark, output)


def _say_with_file(reading: str, output: Path | None) -> None:
    say(reading)
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
    if name == "self":
        return lab.SelfVerified(initial, lengths, prior=prior, correlation=correlation)
    if name == "sharpening":
        return lab.Sharpener(*lab.sharpening_base(initial, lengths), prior=prior)
    return lab.make_learner(name, initial, lengths, prior, verifier)


@laboratory.command("diagram")
def diagram(
    x: Annotated[
        str, typer.Option(help="NAME:FROM:TO:CELLS, of initial, prompts.")
    ] = "initial:0.1:0.95:30",
    y: Annotated[
        str, typer.Option(help="The same, of initial, prompts, spread.")
    ] = "spread:2:64:12",
    learner: Annotated[TruthLearnerName, typer.Option(help="The law of learning.")] = "shared",
    first: Annotated[str, typer.Option(help="A curriculum.")] = "adaptive",
    second: Annotated[str, typer.Option(help="The one to beat.")] = "uniform",
    measure: Annotated[
        MeasureName, typer.Option(help="Success after the last round, or its mean over rounds.")
    ] = "course",
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
    restart: Restart = "parent",
    held_out: HeldOut = 0,
    class_size: ClassSize = 1e4,
    rho: Rho = 0.1,
    seed: Seed = 0,
    output: Output = None,
    as_json: AsJson = False,
) -> None:
    """Map where one curriculum beats another, and what the sitool bound says there."""
    plan = lab.DiagramPlan(
        _axis(x), _axis(y), learner, first, second, measure, levels, initial, spread,
        prompts, responses, rounds, runs, prior,
        verifier=lab.Verifier(false_accepts, false_rejects), restart=restart,
        held_out=held_out, class_size=class_size, rho=rho, seed=seed,
    )  # fmt: skip
    _show_diagram(plan, output, as_json)


@laboratory.command("overlay")
def overlay(
    folder: StudyDir,
    number: RoundNumber = None,
    model: Annotated[
        TruthLearnerName, typer.Option(help="Which skills explain success.")
    ] = "shared",
    measure: Annotated[
        MeasuredName, typer.Option(help="Held-out answers: the likeliest, or samples.")
    ] = "greedy",
    lengths: Annotated[
        str, typer.Option(help="Steps by level, such as 1=2,2=4; default: a level's number.")
    ] = "",
    prior: Annotated[
        float | None,
        typer.Option(help="Prior counts; default: fitted to the steps before, first 20."),
    ] = None,
    runs: Annotated[int, typer.Option(min=100, help="Simulated rounds of a prediction.")] = 1000,
    class_size: ClassSize = 1e4,
    rho: Rho = 0.1,
    seed: Seed = 0,
    chart: Annotated[OverlayChart, typer.Option(help="What a picture shows.")] = "levels",
    output: Output = None,
    as_json: AsJson = False,
) -> None:
    """Lay the theory over a study: the skill that explains it, and the next round before it is."""
    lens = Lens(model, measure, _lengths(lengths), prior, runs, class_size, rho, seed)
    found = client.open_study(folder).theory(number, lens)
    if output is not None:
        levels = chart == "levels"
        drawn = theory.levels_plot(found) if levels else theory.feedback_plot(found.feedback)
        theory.save(output, theory.overlay_rows(found), drawn)
    if as_json:
        print_json(found.to_json())
        return
    overlay_tables.show(found)
    if output is not None:
        say(f"Wrote {output}.")


def _lengths(words: str) -> dict[int, int]:
    """Read `LEVEL=STEPS,...`.

    >>> _lengths("1=2, 2=4"), _lengths("")
    ({1: 2, 2: 4}, {})
    """
    try:
        pairs = [part.split("=") for part in words.split(",") if part.strip()]
        return {int(level): int(steps) for level, steps in pairs}
    except ValueError:
        raise LabError(
            f"{words!r} does not say how many steps levels have: LEVEL=STEPS,LEVEL=STEPS.",
            "try: --lengths 1=1,2=2,3=4",
        ) from None


def _show_diagram(plan: lab.DiagramPlan, output: Path | None, as_json: bool) -> None:
    """Play a diagram with a bar of its rows, and print and write it."""
    with Progress(
        console=console, transient=True, disable=as_json or not console.is_terminal
    ) as progress:
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
    console.print(lab_tables.map_table(found))
    _say_with_file(lab_tables.reading_of_diagram(found), output)


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
    values = (np.linspace if name == "initial" else np.geomspace)(*ends, count)
    if name == "prompts":
        values = np.maximum(np.rint(values), 1.0)
    return lab.Axis(name, tuple(float(f"{value:.6g}") for value in values))


MOST_CELLS = 200
