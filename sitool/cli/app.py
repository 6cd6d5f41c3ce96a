"""The commands of `sitool`."""

from typing import Annotated

import typer

from sitool import __version__, client
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
    screen,
    sharpen,
    takeout,
)
from sitool.errors import StudyError

app = typer.Typer(
    name="sitool",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sitool {__version__}")
        raise typer.Exit


@app.callback()
def start(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_say_version, is_eager=True, help="Say which version this is."
        ),
    ] = False,
) -> None:
    """Drive the self-improvement of a small language model, round by round.

    Without a command, in a terminal, it opens the app on your studies.
    """
    if context.invoked_subcommand is not None:
        return
    if screen.in_terminal():
        screen.run_app(None)
    else:
        typer.echo(context.get_help())


@app.command("open")
def open_(folder: commands.StudyDir) -> None:
    """Open a study in the terminal app."""
    client.open_study(folder).close()
    if not screen.in_terminal():
        raise StudyError(
            "The app needs a terminal, and this is none.", f"try: sitool status {folder}"
        )
    screen.run_app(folder)


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
