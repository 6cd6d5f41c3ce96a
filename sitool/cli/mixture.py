"""Commands that change the next round: its curriculum, and any other setting."""

import json
from typing import Annotated

import typer

from sitool import client
from sitool.cli import tables
from sitool.cli.commands import AsJson, StudyDir, console, print_json, say
from sitool.client import Study

curriculum = typer.Typer(help="Show or change what the next round draws.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(curriculum, name="curriculum")
    app.command("set")(set_)


@curriculum.command("show")
def curriculum_show(folder: StudyDir, as_json: AsJson = False) -> None:
    """Show what the next round draws, and why."""
    study = client.open_study(folder)
    plan = study.plan()
    if as_json:
        print_json(json.loads(plan.to_json()))
        return
    head = study.head
    say(plan.sentence)
    console.print(tables.plan_table(plan, head.success if head else {}))


@curriculum.command("set")
def curriculum_set(
    folder: StudyDir,
    assignments: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME=VALUE...", help="Such as rule=manual 'weights={5=1.0, 6=2.0}'."
        ),
    ],
) -> None:
    """Change the curriculum of the next round."""
    study = client.open_study(folder)
    study.configure(*(f"curriculum.{a.removeprefix('curriculum.')}" for a in assignments))
    _show_if_measured(study)


@curriculum.command("harder")
def curriculum_harder(folder: StudyDir) -> None:
    """Move the next round's mixture one level harder."""
    study = client.open_study(folder)
    study.curriculum.harder()
    _show_if_measured(study)


@curriculum.command("easier")
def curriculum_easier(folder: StudyDir) -> None:
    """Move the next round's mixture one level easier."""
    study = client.open_study(folder)
    study.curriculum.easier()
    _show_if_measured(study)


def _show_if_measured(study: Study) -> None:
    if study.head is None:
        console.print("Set. What it draws is known once the base is measured.")
    else:
        curriculum_show(study.folder)


def set_(
    folder: StudyDir,
    assignments: Annotated[
        list[str], typer.Argument(metavar="NAME=VALUE...", help="See `sitool settings`.")
    ],
) -> None:
    """Change settings of the next round."""
    changes = client.open_study(folder).configure(*assignments)
    for name, (before, after) in changes.items():
        since = "step" if name.startswith("server.") else "round"
        say(f"{name}: {before} → {after}, from the next {since} on")
    if not changes:
        console.print("Nothing changes: the next round has these settings already.")
