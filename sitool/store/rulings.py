"""What a person's ruling does to a sample, and how that is said."""

from sitool.records import Action, Sample
from sitool.store.tree import round_label


def came_late(sample: Sample, fixed: float) -> bool:
    """Whether a sample's ruling came after training and says something else."""
    ruling = sample.ruling
    if ruling is None or ruling.time <= fixed:
        return False
    if ruling.action is Action.REJECT:
        return sample.accepted
    return ruling.action is Action.EDIT or not sample.accepted


def human_rule(action: Action, round_id: int | None = None) -> str:
    """Say which ruling gave a sample its weight, and in which round it was drawn.

    >>> human_rule(Action.ACCEPT, 3)
    'you accepted it in r0003'
    """
    words = {Action.ACCEPT: "accepted", Action.REJECT: "rejected", Action.EDIT: "edited"}
    place = "" if round_id is None else f" in {round_label(round_id)}"
    return f"you {words[action]} it{place}"
