"""Commands that take things out of a study."""

from pathlib import Path
from typing import Annotated

import typer

from sitool import client, export
from sitool.cli.commands import RoundNumber, StudyDir, say
from sitool.client import Study
from sitool.views import RoundView

takeout = typer.Typer(help="Take samples, an adapter or a merged model out.", no_args_is_help=True)
Output = Annotated[Path, typer.Option("--output", "-o", help="File or folder to write.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(takeout, name="export")


@takeout.command("samples")
def samples(
    folder: StudyDir,
    output: Output = Path("samples.jsonl"),
    number: RoundNumber = None,
    accepted: Annotated[
        bool | None, typer.Option("--accepted/--rejected", help="Counted in training, or not.")
    ] = None,
    level: Annotated[int | None, typer.Option(help="Of this level.")] = None,
) -> None:
    """Write samples as .jsonl, .csv or .parquet; of all rounds unless one is given."""
    study = client.open_study(folder)
    rounds = study.rounds() if number is None else [study.round(number)]
    chosen = (s for r in rounds for s in r.samples(accepted=accepted, level=level))
    count = export.export_samples(chosen, output)
    say(f"Wrote {count:,} samples to {output}.")


@takeout.command("adapter")
def adapter(folder: StudyDir, output: Output = Path("adapter"), number: RoundNumber = None) -> None:
    """Copy a round's LoRA adapter, in PEFT's format (after full fine-tuning: export model)."""
    round_ = _round(client.open_study(folder), number)
    export.export_adapter(round_.adapter, output)
    say(f"Wrote the adapter of {round_.record.label} to {output}.")


@takeout.command("model")
def model(folder: StudyDir, output: Output = Path("model"), number: RoundNumber = None) -> None:
    """Write a round's whole model as transformers loads it, an adapter merged in."""
    round_ = _round(client.open_study(folder), number)
    export.export_model(round_.settings, round_.adapter, output)
    say(f"Wrote the model of {round_.record.label} to {output}.")


def _round(study: Study, number: int | None) -> RoundView:
    return study.round(number) if number is not None else study.head or study.round(0)
