"""The command that lets verifiers score a round that is finished already."""

from typing import Annotated

import typer
from rich.table import Table

from sitool import client
from sitool.cli import live
from sitool.cli.commands import AsJson, Plain, RoundNumber, StudyDir, console, print_json, say
from sitool.errors import StudyError
from sitool.records import Outcome
from sitool.study.rounds import RoundView

Names = Annotated[
    list[str],
    typer.Option(
        "--verifier", "-v", metavar="NAME", help="Such as mc, likelihood@base or mc@3; repeat it."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command()(measure)


def measure(
    folder: StudyDir,
    verifiers: Names,
    number: RoundNumber = None,
    training: Annotated[
        bool, typer.Option("--training", help="Also score the samples drawn for training.")
    ] = False,
    plain: Plain = False,
    as_json: AsJson = False,
) -> None:
    """Let verifiers score a finished round's held-out samples; only scores are added."""
    study = client.open_study(folder)
    if number is None:
        if study.head is None:
            raise StudyError(
                "The base is not measured yet.", f"try: sitool run {folder} --rounds 0"
            )
        number = study.head.number
    stream = study.stream_measurement(number, verifiers, training=training)
    if as_json:
        for _ in stream:
            pass
    elif live.follow(study, stream, console, rich=not plain):
        raise typer.Exit(130)
    figures = [_figures(study.round(number), name) for name in dict.fromkeys(verifiers)]
    if as_json:
        print_json(figures)
        return
    console.print(_table(figures))
    say(f"Scored r{number:04d}. One sample in full: sitool samples {folder} --id ID")


def _figures(round_: RoundView, name: str) -> dict[str, float | int | str | None]:
    """Count what a verifier said of a round's held-out sampled answers."""
    found = [s.scores[name] for s in round_.samples(role="sampled") if name in s.scores]
    values = [score.value for score in found if score.value is not None]
    return {
        "verifier": name,
        "round": round_.number,
        "scored": len(values),
        "unparsed": sum(score.outcome is Outcome.UNPARSED for score in found),
        "failed": sum(score.outcome is Outcome.ERROR for score in found),
        "mean": sum(values) / len(values) if values else None,
    }


def _table(figures: list[dict[str, float | int | str | None]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("verifier", "scored", "unparsed", "failed", "mean"):
        table.add_column(name, justify="left" if name == "verifier" else "right")
    for row in figures:
        mean = row["mean"]
        last = "" if mean is None else f"{mean:.3f}"
        table.add_row(*(f"{row[n]}" for n in ("verifier", "scored", "unparsed", "failed")), last)
    return table
