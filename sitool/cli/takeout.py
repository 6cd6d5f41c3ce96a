"""Commands that take things out of a study."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sitool import client
from sitool.cli.commands import Accepted, OfLevel, RoundNumber, StudyDir, say
from sitool.client import Study
from sitool.study import export
from sitool.study.rounds import RoundView

takeout = typer.Typer(
    help="Take samples, an adapter or a merged model out, also for llama.cpp.",
    no_args_is_help=True,
)


class Precision(StrEnum):
    """Of a GGUF file's weights."""

    F32 = "f32"
    F16 = "f16"
    Q8_0 = "q8_0"


Output = Annotated[Path, typer.Option("--output", "-o", help="File or folder to write.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(takeout, name="export")
    app.command()(report)


def report(folder: StudyDir, output: Output = Path("report.html")) -> None:
    """Write the whole study as one HTML file that opens offline, to hand out or to print."""
    study = client.open_study(folder)
    file = study.report(output)
    say(f"Wrote {file} ({file.stat().st_size / 1e6:.1f} MB): open it in any browser.")


@takeout.command("samples")
def samples(
    folder: StudyDir,
    output: Output = Path("samples.jsonl"),
    number: RoundNumber = None,
    accepted: Accepted = None,
    level: OfLevel = None,
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


@takeout.command("gguf")
def gguf(
    folder: StudyDir,
    output: Output = Path("model.gguf"),
    number: RoundNumber = None,
    dtype: Annotated[Precision, typer.Option(help="Precision of the weights.")] = Precision.F16,
) -> None:
    """Write base and adapter merged into one GGUF file, for llama.cpp."""
    round_ = _round(client.open_study(folder), number)
    readable = export.export_gguf(round_.settings, round_.adapter, output, dtype.value)
    say(f"Wrote the model of {round_.record.label} to {output}; it says what torch says.")
    if not readable:
        say(
            "It carries no vocabulary, since llama.cpp would not read texts as the base's own"
            " tokenizer does: give it token ids, not text."
        )


@takeout.command("gguf-lora")
def gguf_lora(
    folder: StudyDir, output: Output = Path("adapter.gguf"), number: RoundNumber = None
) -> None:
    """Write a round's adapter as GGUF, to be laid over a GGUF file of its base.

    The base's own file is that of round 0, which `export gguf` writes.
    """
    round_ = _round(client.open_study(folder), number)
    export.export_gguf_adapter(round_.settings, round_.adapter, output)
    say(f"Wrote the adapter of {round_.record.label} to {output}; it says what torch says.")


def _round(study: Study, number: int | None) -> RoundView:
    return study.round(number) if number is not None else study.head or study.round(0)
