"""What earlier rounds of a study took: seconds, samples, tokens."""

from collections.abc import Mapping
from dataclasses import dataclass

from sitool.config import Settings
from sitool.records import Phase
from sitool.store import Metric, Round, Store

ROUNDS_LOOKED_AT = 3


@dataclass(frozen=True, slots=True)
class Past:
    """One finished round in the numbers that a forecast needs.

    Attributes:
        seconds: By phase.
        drawn: Samples; 0 in the round that measured the base.
        mean_new: Tokens of a completion.
        kept: Samples that it trained on.
        trained: Tokens that went through training, prompts and repetitions included.
        answers: Greedy and sampled answers of the evaluation.
    """

    seconds: Mapping[Phase, float]
    drawn: int
    mean_new: float
    kept: int
    trained: int
    answers: int


def past_rounds(store: Store, parent: int | None, settings: Settings) -> list[Past]:
    """Return the last finished rounds of a branch that ran the same model, and taught it alike.

    The newest comes first; the round that measured the base is among them only
    where there are no others.
    """
    branch = [round_ for round_ in store.tree.branch(parent) if round_.finished]
    alike = [round_ for round_ in branch if _runs_alike(round_.settings, settings)]
    stepped = sorted((r for r in alike if _learns_alike(r, settings)), key=lambda r: -r.id)
    return [_past(store, r) for r in (stepped[:ROUNDS_LOOKED_AT] or alike[:1])]


def _runs_alike(one: Settings, other: Settings) -> bool:
    """Whether rounds of two settings take as long for the same samples."""
    same = ("model", "judge", "cross")
    return (
        all(getattr(one, name) == getattr(other, name) for name in same)
        and one.sampler.name == other.sampler.name
        and one.verifier.names == other.verifier.names
        and one.evaluation.verifiers == other.evaluation.verifiers
    )


def _learns_alike(round_: Round, settings: Settings) -> bool:
    """Whether a round drew samples, and learnt from them by the same objective."""
    return round_.parent is not None and round_.settings.trainer.name == settings.trainer.name


def _past(store: Store, round_: Round) -> Past:
    found = store.metrics.by_name(round_.id)

    def overall(name: str) -> Metric | None:
        return found.get(name, {}).get(0)

    seconds = {
        phase: metric.value
        for phase in Phase
        if (metric := overall(f"seconds_{phase}")) is not None
    }
    drawn, length, accuracy = overall("sampled"), overall("length"), overall("accuracy")
    problems = accuracy.n or 0 if accuracy else 0
    return Past(
        seconds=seconds,
        drawn=int(drawn.value) if drawn else 0,
        mean_new=length.value if length else 0.0,
        kept=store.samples.count_selected(round_.id),
        trained=sum(metric.n or 0 for metric in found.get("loss", {}).values()),
        answers=problems * (1 + round_.settings.evaluation.samples),
    )
