"""The commands of `sitool`, and how an error is told."""

import sys

import typer
from rich.console import Console

from sitool.cli import commands, explain, takeout
from sitool.errors import SitoolError

app = typer.Typer(
    name="sitool",
    help="Drive the self-improvement of a small language model, round by round.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
commands.register(app)
takeout.register(app)
explain.register(app)


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
