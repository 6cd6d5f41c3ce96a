"""Commands for a task of one's own: check its levels, and agree to code that somebody sent."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from sitool import client, own, trust
from sitool.cli.commands import AsJson, Sets, print_json, say
from sitool.validation import LevelCheck, TaskReport, display

task = typer.Typer(help="Check a task of your own before a study uses it.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(task, name="task")
    app.command("trust")(trust_)


@task.callback()
def _only_group() -> None:
    """Check a task of your own before a study uses it."""


@task.command("check")
def check(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A .py file of yours, which is run, or .jsonl.")
    ],
    base: Annotated[
        str, typer.Option(help="Who answers: a built-in base, a folder, or a hub name.")
    ] = "tiny",
    problems: Annotated[
        int, typer.Option(min=0, help="Of each level to answer; 0: ask no base.")
    ] = 8,
    samples: Annotated[int, typer.Option(min=1, help="Sampled answers of each.")] = 4,
    levels: Annotated[
        list[int] | None, typer.Option("--level", help="Only this level; may be repeated.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of what is drawn.")] = 0,
    sets: Sets = None,
    as_json: AsJson = False,
) -> None:
    """Look at every level of a task: whether it is sound, and how often a base is right."""
    given = own.task(file)
    report = TaskReport(str(given), base if problems else "nobody", ())
    stream = given.stream_check(
        base,
        problems,
        samples if problems else 0,
        levels=levels or (),
        seed=seed,
        assignments=sets or (),
    )
    if not as_json:
        say(f"{display.title(report)}\n{display.head()}")
    for found in stream:
        report = replace(report, levels=(*report.levels, found))
        if not as_json:
            say(str(found))
    if as_json:
        levels_found = [_as_json(found) for found in report.levels]
        print_json({"ok": report.ok, "advice": report.advice, "levels": levels_found})
    else:
        say(report.advice)
    if not report.ok:
        raise typer.Exit(1)


def _as_json(found: LevelCheck) -> dict[str, Any]:
    return asdict(found) | {"ok": found.ok, "advice": found.advice}


def trust_(
    place: Annotated[
        Path, typer.Argument(metavar="DIR|FILE", help="A study, or a task file; look at it first.")
    ],
) -> None:
    """Agree that the Python code of a task that somebody sent runs on this machine."""
    if place.is_file():
        sha256 = trust.agree(trust.read_code(place), str(place.resolve()))
    else:
        study = client.open_study(place)
        sha256 = study.trust()
        study.close()
    say(
        f"The task's code in {place} may now run on this machine, with all that you may do here."
        f"\nThis holds for exactly this code, SHA-256 {sha256}."
    )
