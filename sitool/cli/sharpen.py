"""`sitool sharpen`: what choosing by its own likelihood would bring a round's model."""

from typing import Annotated

import typer

from sitool import client
from sitool.cli.commands import AsJson, RoundNumber, StudyDir, console, print_json, say


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(sharpen)


def sharpen(
    folder: StudyDir,
    number: RoundNumber = None,
    level: Annotated[int | None, typer.Option(help="Problems of this level alone.")] = None,
    delta: Annotated[
        float, typer.Option(help="Sharp: y* has at least 1 - delta; below 0.5.")
    ] = 0.1,
    epsilon: Annotated[float, typer.Option(help="Share of problems that may stay unsharp.")] = 0.1,
    rho: Annotated[float, typer.Option(help="Chance of failure that the theorems may have.")] = 0.1,
    class_size: Annotated[
        float, typer.Option(help="|Pi|, how many models could be learnt: a convention.")
    ] = 1e4,
    constant: Annotated[
        float, typer.Option(help="The constant in front of the theorems' n and N.")
    ] = 1.0,
    as_json: AsJson = False,
) -> None:
    """Measure what choosing among a round's held-out samples by likelihood would bring."""
    # Imported late, for no other command needs the report.
    from sitool.cli import sharpening_tables
    from sitool.sharpening.report import Targets

    targets = Targets(delta, epsilon, rho, class_size, constant)
    report = client.open_study(folder).sharpening(number, level=level, targets=targets)
    if as_json:
        print_json(report.to_json())
        return
    for said in sharpening_tables.reading(report, str(folder), level):
        if isinstance(said, str):
            say(said)
        else:
            console.print(said)
