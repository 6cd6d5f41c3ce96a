"""What a person's keys say of a sample, on its way from a widget to the study's screen.

What this leaves out: what can be said, and taking it back (`sitool/front/rulings.py`).
"""

from textual.message import Message
from textual.widget import Widget

from sitool.front.rulings import Ruling, taking_back, why_idle, why_not
from sitool.records import Action, Sample
from sitool.tui.dialogs import Write


class Ruled(Message):
    """A person rules on a sample, or writes something down about it."""

    def __init__(self, ruling: Ruling) -> None:
        super().__init__()
        self.ruling = ruling


class Ruler(Widget):
    """What a widget does with a person's keys about one sample; a base for such widgets."""

    def ruled_sample(self) -> Sample | None:
        """Return the sample that the keys are about."""
        raise NotImplementedError

    def send(self, ruling: Ruling) -> None:
        """Pass a ruling on."""
        raise NotImplementedError

    def action_rule(self, action: str) -> None:
        """Accept or reject the sample, or let the verifiers decide again."""
        sample = self._rulable()
        if sample is None:
            return
        idle = why_idle(sample.ruling, Action(action), "z takes that back")
        if idle:
            self.notify(idle)
        else:
            self.send(Ruling(sample.id, Action(action)))

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
                self.send(Ruling(sample.id, Action.NOTE, text))

        self.app.push_screen(Write("A note on this sample:"), write)

    def _rulable(self) -> Sample | None:
        """Return the sample if people may rule on it; else say why not."""
        sample = self.ruled_sample()
        reason = why_not(sample.role) if sample is not None else ""
        if reason:
            self.notify(reason, severity="warning")
        return None if reason else sample
