"""What a person says of a sample, on its way from a widget to the study; and taking it back.

Decisions are rows that are only ever added, so taking one back adds another.
"""

from collections.abc import Sequence

from textual.message import Message
from textual.widget import Widget

from sitool.client import Study
from sitool.records import RULED_ROLES, Action, Decision, Sample
from sitool.tui.dialogs import Write

TAKEN_BACK = "taken back"


class Ruled(Message):
    """A person rules on a sample, or writes something down about it.

    Attributes:
        reason: Why; of a note, the note.
        text: The person's own completion, for an edit.
    """

    def __init__(
        self, sample_id: int, action: Action, reason: str = "", text: str | None = None
    ) -> None:
        super().__init__()
        self.sample_id = sample_id
        self.action = action
        self.reason = reason
        self.text = text


def why_not(role: str) -> str:
    """Say why nobody rules on samples of a role; nothing if people may."""
    if role in RULED_ROLES:
        return ""
    return (
        "This sample belongs to the evaluation, which nobody overrules;"
        " choose a round with samples of its own."
    )


def why_idle(ruling: Decision | None, action: Action) -> str:
    """Say why an action would change nothing; nothing if it would."""
    if action is Action.CLEAR and ruling is None:
        return "Nobody has ruled on this sample, so there is nothing to clear."
    if ruling is not None and ruling.action is action and not ruling.text:
        return f"This sample is {action}ed already; z takes that back."
    return ""


def carry_out(study: Study, ruled: Ruled) -> None:
    """Write a ruling down; for `Desk.ask`.

    Raises:
        SitoolError: It cannot be; the study is as it was.
    """
    sample = ruled.sample_id
    match ruled.action:
        case Action.ACCEPT:
            study.accept(sample, ruled.reason)
        case Action.REJECT:
            study.reject(sample, ruled.reason)
        case Action.EDIT:
            study.edit(sample, ruled.text or "", ruled.reason)
        case Action.NOTE:
            study.note(sample, ruled.reason)
        case Action.CLEAR:
            study.clear(sample, ruled.reason)


def taking_back(sample: Sample) -> Ruled | None:
    """Return what brings back the ruling before the last one; None if there was none.

    Taking back again goes one further back, as if the decisions were a pile.
    """
    pile = _pile(sample.decisions)
    if len(pile) < 2:
        return None
    former = pile[-2]
    if former is None or former.action is Action.CLEAR:
        return Ruled(sample.id, Action.CLEAR, TAKEN_BACK)
    return Ruled(sample.id, former.action, former.reason, former.text)


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


class Ruler(Widget):
    """What a widget does with a person's keys about one sample; a base for such widgets."""

    def ruled_sample(self) -> Sample | None:
        """Return the sample that the keys are about."""
        raise NotImplementedError

    def send(self, ruled: Ruled) -> None:
        """Pass a ruling on."""
        raise NotImplementedError

    def action_rule(self, action: str) -> None:
        """Accept or reject the sample, or let the verifiers decide again."""
        sample = self._rulable()
        if sample is None:
            return
        idle = why_idle(sample.ruling, Action(action))
        if idle:
            self.notify(idle)
        else:
            self.send(Ruled(sample.id, Action(action)))

    def action_take_back(self) -> None:
        """Undo the last decision about the sample."""
        sample = self._rulable()
        if sample is None:
            return
        undo = taking_back(sample)
        if undo is None:
            self.notify("Nothing was decided about this sample that could be taken back.")
        else:
            self.send(undo)

    def action_note(self) -> None:
        """Ask for a note on the sample."""
        sample = self._rulable()
        if sample is None:
            return

        def write(text: str | None) -> None:
            if text:
                self.send(Ruled(sample.id, Action.NOTE, text))

        self.app.push_screen(Write("A note on this sample:"), write)

    def _rulable(self) -> Sample | None:
        """Return the sample if people may rule on it; else say why not."""
        sample = self.ruled_sample()
        reason = why_not(sample.role) if sample is not None else ""
        if reason:
            self.notify(reason, severity="warning")
        return None if reason else sample
