"""`sitool lab` before one of its commands is wanted: its name, and where they are.

The theory takes a tenth of the time in which `sitool` starts, and no other command has
a use for it.
"""

from typing import Any

import typer
from typer.core import TyperGroup


class LateGroup(TyperGroup):
    """The commands of `laboratory.py`, imported as soon as they are asked for.

    Contexts and commands are of click's classes, which are typer's own from some version on.
    """

    def list_commands(self, ctx: Any) -> list[str]:
        """Return their names."""
        return _commands().list_commands(ctx)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the one of a name."""
        return _commands().get_command(ctx, cmd_name)


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(
        cls=LateGroup,
        help="Bounds, simulated learners and phase diagrams: the theory, without a model.",
        no_args_is_help=True,
    )
    app.add_typer(group, name="lab")


def _commands() -> TyperGroup:
    from sitool.cli.laboratory import laboratory

    return typer.main.get_group(laboratory)
