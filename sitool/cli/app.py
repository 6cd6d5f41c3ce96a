"""The commands of `sitool`, how the terminal app is started, and how an error is told."""

import sys
from pathlib import Path

import typer
from rich.console import Console

from sitool import client
from sitool.cli import (
    branches,
    commands,
    explain,
    forecast,
    gaps,
    judging,
    late_laboratory,
    mixture,
    own_task,
    rulings,
    sharpen,
    takeout,
)
from sitool.errors import SitoolError, StudyError
from sitool.imports import nothing_collected

app = typer.Typer(
    name="sitool",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def start(context: typer.Context) -> None:
    """Drive the self-improvement of a small language model, round by round.

    Without a command, in a terminal, it opens the app on your studies.
    """
    if context.invoked_subcommand is not None:
        return
    if in_terminal():
        run_app(None)
    else:
        typer.echo(context.get_help())


@app.command("open")
def open_(folder: commands.StudyDir) -> None:
    """Open a study in the terminal app."""
    client.open_study(folder).close()
    if not in_terminal():
        raise StudyError(
            "The app needs a terminal, and this is none.", f"try: sitool status {folder}"
        )
    run_app(folder)


def in_terminal() -> bool:
    """Whether a person is there to look and to press keys."""
    return all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))


def run_app(folder: Path | None) -> None:
    """Run the terminal app; imported here, since no other command needs a screen."""
    with nothing_collected():
        from sitool.tui.app import run

    run(folder)


commands.register(app)
rulings.register(app)
mixture.register(app)
branches.register(app)
gaps.register(app)
judging.register(app)
sharpen.register(app)
takeout.register(app)
forecast.register(app)
late_laboratory.register(app)
explain.register(app)
own_task.register(app)


def main() -> None:
    """Run the command line; a mistake of the user's ends with 2 and no traceback."""
    try:
        app()
    except SitoolError as error:
        console = Console(stderr=True, highlight=False, soft_wrap=True)
        console.print(f"error: {error.message}", markup=False)
        if error.hint:
            console.print(error.hint, markup=False)
        sys.exit(2)
    except BrokenPipeError:
        sys.exit(0)
