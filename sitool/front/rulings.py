"""What a person says of a sample, on its way to the study; and taking it back.

Decisions are rows that are only ever added, so taking one back adds another. What
this leaves out: keys and buttons (`tui/rulings.py`, `widgets/`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sitool.client import Study
from sitool.records import RULED_ROLES, Action, Decision, Sample

TAKEN_BACK = "taken back"
LONGEST_EDIT = 50_000
"""Characters; more would make every key wait."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """A person rules on a sample, or writes something down about it.

    Attributes:
        reason: Why; of a note, the note.
        text: The person's own completion, for an edit.
    """

    sample_id: int
    action: Action
    reason: str = ""
    text: str | None = None

    @property
    def code(self) -> str:
        """The line that does the same.

        >>> Ruling(123, Action.REJECT, "lucky").code
        "study.reject(123, reason='lucky')"
        """
        words = [str(self.sample_id)]
        if self.action is Action.EDIT:
            words.append(repr(self.text or ""))
        if self.action is Action.NOTE:
            words.append(repr(self.reason))
        elif self.reason:
            words.append(f"reason={self.reason!r}")
        return f"study.{self.action}({', '.join(words)})"

    def carry_out(self, study: Study) -> None:
        """Write it down; for `Desk.ask`.

        Raises:
            SitoolError: It cannot be; the study is as it was.
        """
        match self.action:
            case Action.ACCEPT:
                study.accept(self.sample_id, self.reason)
            case Action.REJECT:
                study.reject(self.sample_id, self.reason)
            case Action.EDIT:
                study.edit(self.sample_id, self.text or "", self.reason)
            case Action.NOTE:
                study.note(self.sample_id, self.reason)
            case Action.CLEAR:
                study.clear(self.sample_id, self.reason)


def why_not(role: str) -> str:
    """Say why nobody rules on samples of a role; nothing if people may."""
    if role in RULED_ROLES:
        return ""
    return (
        "This sample belongs to the evaluation, which nobody overrules;"
        " choose a round with samples of its own."
    )


def why_idle(ruling: Decision | None, action: Action, back: str) -> str:
    """Say why an action would change nothing; nothing if it would.

    Args:
        back: What takes a ruling back here, such as `z takes that back`.
    """
    if action is Action.CLEAR and ruling is None:
        return "Nobody has ruled on this sample, so there is nothing to clear."
    if ruling is not None and ruling.action is action and not ruling.text:
        return f"This sample is {action}ed already; {back}."
    return ""


def edit_of(sample: Sample) -> str:
    """Return what stands in a sample's place now: a person's completion, or else the model's."""
    edited = None if sample.ruling is None else sample.ruling.text
    return sample.completion.text if edited is None else edited


def why_no_edit(text: str) -> str:
    """Say why a text is not edited by hand; nothing if it may be."""
    if len(text) <= LONGEST_EDIT:
        return ""
    return f"{len(text):,} characters are too many to edit here."


def late_words(action: Action, label: str) -> str:
    """Say what a ruling on a round that has trained already can still do.

    Args:
        label: The round's.
    """
    if action in (Action.ACCEPT, Action.EDIT):
        return f"Written down; it joins the next round that starts from {label}."
    if action is Action.REJECT:
        return (
            f"Written down beside the score. {label} has trained already, so what it learnt stays."
        )
    return ""


def taking_back(sample: Sample) -> Ruling | None:
    """Return what brings back the ruling before the last one; None if there was none.

    Taking back again goes one further back, as if the decisions were a pile.
    """
    pile = _pile(sample.decisions)
    if len(pile) < 2:
        return None
    former = pile[-2]
    if former is None or former.action is Action.CLEAR:
        return Ruling(sample.id, Action.CLEAR, TAKEN_BACK)
    return Ruling(sample.id, former.action, former.reason, former.text)


def _pile(decisions: Sequence[Decision]) -> list[Decision | None]:
    """Return the rulings that stand on one another, those left out that were taken back."""
    pile: list[Decision | None] = [None]
    for decision in decisions:
        if decision.action is Action.NOTE:
            continue
        if len(pile) > 1 and _brings_back(decision, pile[-2]):
            pile.pop()
        else:
            pile.append(decision)
    return pile


def _brings_back(decision: Decision, former: Decision | None) -> bool:
    if former is None or former.action is Action.CLEAR:
        return decision.action is Action.CLEAR and decision.reason == TAKEN_BACK
    said, before = ((d.action, d.reason, d.text) for d in (decision, former))
    return said == before
