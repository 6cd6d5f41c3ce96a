"""Commands that make a study, drive it, and look at it.

What this leaves out: rulings (`rulings.py`), the next round's settings (`mixture.py`), and
other branches (`branches.py`).
"""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from sitool import client
from sitool.cli import live, tables
from sitool.client import Study
from sitool.errors import StudyError
from sitool.records import ROLES, Outcome, Phase, Sample
from sitool.study.round_words import accuracy_line
from sitool.study.rounds import RoundView
from sitool.study.sample_rows import sample_row
from sitool.summary import advice

console = Console(highlight=False, soft_wrap=False)
PhaseName = StrEnum("PhaseName", {p.name: p.value for p in Phase})  # type: ignore[misc]

StudyDir = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the study.")]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Change one setting; may be repeated."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Plain = Annotated[bool, typer.Option("--plain", help="Print lines instead of a live display.")]
RoundNumber = Annotated[
    int | None, typer.Option("--round", "-r", help="Which round; default: the last.")
]
Accepted = Annotated[
    bool | None, typer.Option("--accepted/--rejected", help="Counted in training, or not.")
]
OfLevel = Annotated[int | None, typer.Option(help="Of this level.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file, in the order of the help."""
    for command in (new, run, step, stop, status, rounds, samples):
        app.command()(command)


def say(text: str) -> None:
    """Print a sentence as it is: never wrapped, so that a command in it can be copied."""
    console.print(text, markup=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """Print a value as JSON, for scripts; in ASCII, so that no text can act on a terminal."""
    typer.echo(json.dumps(value, indent=2))


def new(
    folder: StudyDir,
    preset: Annotated[
        str | None,
        typer.Option(
            "--preset", "-p", help="See `sitool presets`; path, unless there is a task file."
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", "-f", help="TOML file of settings, laid over the preset."),
    ] = None,
    task_file: Annotated[
        Path | None,
        typer.Option(
            "--task-file", "-t", help="A task of your own: .py, which is kept and run, or .jsonl."
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the study.")] = None,
    sets: Sets = None,
) -> None:
    """Make a new study."""
    preset = "path" if preset is None and task_file is None else preset
    assignments = [*(sets or []), *([f"seed={seed}"] if seed is not None else [])]
    study = client.create(folder, preset, file=file, assignments=assignments, task=task_file)
    s = study.settings
    say(
        f"Made {folder}: task {s.task.name}, base {s.model.base}, seed {s.seed}."
        f"\nNext: sitool run {folder} --rounds 3"
    )


def run(
    folder: StudyDir,
    count: Annotated[
        int, typer.Option("--rounds", "-n", min=0, help="How many; 0: only the base.")
    ] = 1,
    plain: Plain = False,
) -> None:
    """Run rounds, one after the other; goes on with an unfinished one."""
    drive(client.open_study(folder), count, None, plain)


def step(
    folder: StudyDir,
    to: Annotated[
        PhaseName | None,
        typer.Option(help="Stop after this phase, such as select, to review before training."),
    ] = None,
    plain: Plain = False,
) -> None:
    """Run one round, or go on with the unfinished one."""
    drive(client.open_study(folder), 1, None if to is None else Phase(to.value), plain)


def drive(study: Study, count: int, to: Phase | None, plain: bool) -> None:
    """Let rounds run, show how they go, and say what to do next."""
    stopped = live.follow(study, study.stream_rounds(count, to), console, rich=not plain)
    folder = study.folder
    if stopped:
        say(f"Stopped; everything done is kept. Go on: sitool step {folder}")
        raise typer.Exit(130)
    if console.is_terminal and not plain:
        console.print(tables.accuracy_table(study.summary()))
    summary = study.summary()
    if summary.open is None:
        say(advice(summary))
    else:
        say(
            f"Look: sitool samples {folder}   overrule: sitool reject {folder} ID"
            f"   go on: sitool step {folder}"
        )


def stop(folder: StudyDir) -> None:
    """Stop the round that another terminal is running; what is done is kept."""
    client.open_study(folder).stop()
    console.print("Stopped at the next chunk.")


def status(folder: StudyDir, as_json: AsJson = False) -> None:
    """Say where a study stands and what to do next."""
    study = client.open_study(folder)
    summary = study.summary()
    if as_json:
        print_json(
            {
                "folder": summary.folder,
                "head": summary.head,
                "open": summary.open,
                "rounds": len(summary.rounds),
                "advice": advice(summary),
                "settings": summary.settings.model_dump(mode="json"),
            }
        )
        return
    s = summary.settings
    say(f"{folder}: task {s.task.name}, base {s.model.base}, seed {s.seed}")
    if summary.rounds:
        console.print(tables.accuracy_table(summary))
        console.print("● head   ▸ under way   ✗ left   ✎ overruled samples", style="dim")
    if summary.open is not None:
        open_round = summary.round(summary.open).round
        say(f"{open_round.label} stands before {open_round.phase}: sitool step {folder}")
    say(advice(summary))


def rounds(folder: StudyDir, as_json: AsJson = False) -> None:
    """List the rounds with their numbers."""
    summary = client.open_study(folder).summary()
    if as_json:
        print_json([r.to_json() for r in summary.rounds])
        return
    console.print(tables.accuracy_table(summary))
    for r in summary.rounds:
        changes = ", ".join(f"{k} {a} → {b}" for k, (a, b) in r.changes.items())
        say(f"{accuracy_line(r)}  {changes}")


def samples(
    folder: StudyDir,
    number: RoundNumber = None,
    accepted: Accepted = None,
    passed: Annotated[
        bool | None, typer.Option("--passed/--failed", help="Right as the truth says, or not.")
    ] = None,
    overruled: Annotated[
        bool | None, typer.Option("--overruled/--not-overruled", help="Under a person's ruling.")
    ] = None,
    unparsed: Annotated[bool, typer.Option("--unparsed", help="No answer could be read.")] = False,
    level: OfLevel = None,
    text: Annotated[str | None, typer.Option(help="Containing this text.")] = None,
    role: Annotated[
        str, typer.Option(help="train, base, or of the evaluation: greedy, sampled.")
    ] = "train",
    limit: Annotated[int, typer.Option(min=1, help="At most this many.")] = 20,
    sample_id: Annotated[int | None, typer.Option("--id", help="One sample in full.")] = None,
    as_json: AsJson = False,
) -> None:
    """Look at samples: a filtered list, or one in full."""
    study = client.open_study(folder)
    if sample_id is not None:
        _show_sample(study.sample(sample_id), as_json)
        return
    round_ = study.round(number) if number is not None else _last_round(study)
    outcome = Outcome.UNPARSED if unparsed else None
    found = round_.samples(
        accepted=accepted, passed=passed, overruled=overruled, level=level,
        outcome=outcome, text=text, role=_role(role),
    )  # fmt: skip
    page = [sample for sample, _ in zip(found, range(limit), strict=False)]
    if as_json:
        print_json([sample_row(sample) for sample in page])
        return
    console.print(tables.samples_table(page))
    say(f"{len(page)} shown of {round_.record.label}. One in full: sitool samples {folder} --id ID")


def _show_sample(sample: Sample, as_json: bool) -> None:
    if as_json:
        print_json(sample_row(sample))
    else:
        console.print(tables.sample_in_full(sample))


def _role(role: str) -> str:
    if role not in ROLES:
        raise StudyError(f"No role is named {role!r}; known: {', '.join(ROLES)}.")
    return role


def _last_round(study: Study) -> RoundView:
    drawn = [r for r in study.rounds() if r.record.parent is not None]
    if not drawn:
        raise StudyError("No round has drawn samples yet.", f"try: sitool step {study.folder}")
    return drawn[-1]
