"""Commands with which a person overrules verdicts, or writes something down beside them."""

from typing import Annotated

import typer

from sitool import client
from sitool.cli.commands import StudyDir, console, say
from sitool.client import Study
from sitool.records import Phase

Reason = Annotated[str, typer.Option("--reason", "-r", help="Why; kept with the decision.")]
SampleIds = Annotated[list[int], typer.Argument(metavar="SAMPLE...", help="Ids of samples.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file, in the order of the help."""
    for command in (accept, reject, edit, note, clear):
        app.command()(command)


def accept(folder: StudyDir, ids: SampleIds, reason: Reason = "") -> None:
    """Let samples count in training, whatever the verifiers say."""
    study = client.open_study(folder)
    for sample_id in ids:
        study.accept(sample_id, reason)
    _say_effect(study, ids)


def reject(folder: StudyDir, ids: SampleIds, reason: Reason = "") -> None:
    """Keep samples out of training, whatever the verifiers say."""
    study = client.open_study(folder)
    for sample_id in ids:
        study.reject(sample_id, reason)
    _say_effect(study, ids)


def edit(
    folder: StudyDir,
    sample_id: Annotated[int, typer.Argument(metavar="SAMPLE", help="Id of the sample.")],
    text: Annotated[str, typer.Argument(help="The completion to train on instead.")],
    reason: Reason = "",
) -> None:
    """Train on a completion of your own in a sample's place."""
    study = client.open_study(folder)
    study.edit(sample_id, text, reason)
    _say_effect(study, [sample_id])


def note(
    folder: StudyDir,
    sample_id: Annotated[int, typer.Argument(metavar="SAMPLE", help="Id of the sample.")],
    text: Annotated[str, typer.Argument(help="What to write down.")],
) -> None:
    """Write something down beside a sample."""
    client.open_study(folder).note(sample_id, text)
    console.print(f"Noted beside sample {sample_id}.")


def clear(folder: StudyDir, ids: SampleIds) -> None:
    """Take rulings back: the verifiers decide again."""
    study = client.open_study(folder)
    for sample_id in ids:
        study.clear(sample_id)
    _say_effect(study, ids)


def _say_effect(study: Study, ids: list[int]) -> None:
    """Say what a ruling changes, which hangs on whether its round is trained already."""
    for number in sorted({study.sample(sample_id).round for sample_id in ids}):
        round_ = study.round(number).record
        if not round_.finished and round_.phase in (None, Phase.SELECT, Phase.VERIFY, Phase.SAMPLE):
            console.print(f"It holds when {round_.label} trains: sitool step {study.folder}")
            continue
        say(
            f"{round_.label} is trained already and stays as it is. Accepted and edited samples"
            f" join the next round that starts from it;\nto train {round_.label} again under your"
            f" rulings: sitool redo {study.folder} {number}"
        )
