"""The command `sitool gap`: can a judge tell the good samples of a model from the bad?"""

from typing import Annotated

import typer
from rich.text import Text

from sitool import client
from sitool.cli.commands import AsJson, StudyDir, console, print_json, say

Rounds = Annotated[
    list[int] | None,
    typer.Option("--round", "-r", help="Which round; may be repeated. Default: base to head."),
]
Verifiers = Annotated[
    list[str] | None,
    typer.Option(
        "--verifier",
        help="Such as mc, or mc+majority for both at once; may be repeated. Default: all judges.",
    ),
]
Filters = Annotated[
    list[str] | None,
    typer.Option(
        "--filter",
        metavar="[VERIFIER=]RULE[:AMOUNT]",
        help="threshold:0.5, quantile:0.25, exponential:0.5, best_of_n or tournament:1; for one"
        " verifier alone: mc=threshold:0.7.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command()(gap)


def gap(
    folder: StudyDir,
    rounds: Rounds = None,
    verifiers: Verifiers = None,
    filters: Filters = None,
    as_json: AsJson = False,
) -> None:
    """Measure how much better a model gets where a judge filters its samples."""
    # Imported late, for no other command needs the report.
    from sitool.cli import gap_tables

    study = client.open_study(folder)
    report = study.gap(rounds or (), verifiers or (), filters or ())
    if as_json:
        print_json(report.to_json())
        return
    for title, table in gap_tables.tables(report):
        if table.row_count:
            console.print(Text(title, style="bold"))
            console.print(table)
            console.print()
    for sentence in gap_tables.reading(report):
        say(sentence)
