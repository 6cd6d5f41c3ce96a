"""Commands for a task of one's own: check its levels, and agree to code that somebody sent."""

from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from sitool import agreements, client, own, trust
from sitool.cli.commands import AsJson, Sets, print_json, say
from sitool.config import ModelSettings
from sitool.errors import ModelError
from sitool.models.folders import find_base
from sitool.shelf import holds_study
from sitool.validation import LevelCheck, TaskReport, display
from sitool.visible import one_line

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
        Path, typer.Argument(metavar="DIR|FILE|BASE", help="A study, a task file, or a base.")
    ],
    show: Annotated[
        bool, typer.Option("--show", help="Only list the code, to look at it; agree to nothing.")
    ] = False,
) -> None:
    """Agree that the Python code of a task or a base that somebody sent runs on this machine."""
    if place.is_file():
        if not show:
            trust.agree(trust.read_code(place), str(place.resolve()))
        codes = [agreements.task_code(place)]
    elif _is_base(place):
        base = agreements.code_of_base(str(place))
        if not show:
            base.agree()
        codes = [agreements.shown(base)]
    else:
        with closing(client.open_study(place)) as study:
            codes = study.code if show else study.trust()
    say("\n".join(map(_described, codes)) or f"{place} brings no code of its own.")


def _is_base(place: Path) -> bool:
    """Whether a place is a base and no study: a folder, or a hub model that is here."""
    if place.exists():
        return (place / "config.json").is_file() and not holds_study(place)
    try:
        find_base(ModelSettings(base=str(place)))
    except ModelError:
        return False
    return True


def _described(code: agreements.Code) -> str:
    """Say what some code is, and whether it may run, in lines."""
    may = "may run" if code.agreed else "does not run, unless you agree,"
    place = one_line(code.place)
    lines = [
        f"The {code.what}'s code in {place} {may} on this machine, with all that you may do here:",
        *(f"  {one_line(str(file))}" for file in code.files),
        f"This holds for exactly this code, SHA-256 {code.sha256}.",
    ]
    return "\n".join(lines)
