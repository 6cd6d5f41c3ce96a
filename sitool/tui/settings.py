"""The settings of the next round: to look at, to change, to apply."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.screen import Screen
from textual.widgets import Static

from sitool.client import Study
from sitool.errors import SitoolError
from sitool.front.desk import Look
from sitool.tui.dialogs import Ask
from sitool.tui.footer import KeyFooter
from sitool.tui.form import SettingsForm
from sitool.tui.help import show_help

STUDY_WIDE = ("seed", "task", "model")
"""What no round can change, since rounds could not be compared then."""

Changes = Mapping[str, tuple[Any, Any]]
AskDesk = Callable[[Callable[[Study], Any], Callable[[Any], None]], None]


class SettingsScreen(Screen[Changes | None]):
    """Everything that the next round runs with; returns what was changed, or None.

    Args:
        look: The study as it is now.
        ask: Has the study do something and takes its answer, such as `Desk.ask`.
    """

    AUTO_FOCUS = "#groups"
    BINDINGS: ClassVar = [
        Binding("ctrl+s", "apply", "Apply", key_display="^s"),
        Binding("escape", "leave", "Back"),
        Binding("f1,question_mark", "help", "Help", key_display="F1"),
    ]
    DEFAULT_CSS = """
    SettingsScreen #title { height: 1; background: $panel; padding: 0 1; }
    SettingsScreen SettingsForm { padding: 1 1 0 1; }
    SettingsScreen #answer { height: auto; padding: 0 1; color: $text-error; }
    SettingsScreen #standing { height: 1; padding: 0 1; background: $panel; }
    """

    def __init__(self, look: Look, ask: AskDesk) -> None:
        super().__init__()
        self._ask = ask
        summary = look.summary
        head = None if summary.head is None else summary.round(summary.head).round
        self._from = "" if head is None else head.label
        self._under_way = f"r{summary.open:04d}" if summary.open is not None else ""
        reference = None if head is None else head.settings
        self._form = SettingsForm(summary.settings, reference, STUDY_WIDE)
        self._waiting = False
        self._estimate, self._estimating = "", False
        self._estimated: list[str] | None = None

    def compose(self) -> ComposeResult:
        """Lay out the title, the form, and what is not applied yet."""
        yield Static(self._title(), id="title")
        yield self._form
        yield Static(id="answer")
        yield Static(id="standing")
        yield KeyFooter()

    def on_mount(self) -> None:
        """Say where it stands."""
        self._stand()
        self._ask_estimate()

    @property
    def settling(self) -> bool:
        """Whether the focus is still on its way to a setting; see `keys.py`."""
        return self._form.settling

    def on_settings_form_changed(self, event: SettingsForm.Changed) -> None:
        """Say where it stands after an edit."""
        event.stop()
        self._answer("")
        self._stand()
        self._ask_estimate()

    def action_apply(self) -> None:
        """Ask the study to take the changes; the screen closes when it has."""
        assignments = self._form.assignments()
        if self._waiting:
            self.notify("The study is still at the changes you applied.", severity="warning")
        elif not self._form.valid:
            self._form.show_complaint()
            self.notify("Mend what is marked ✗ first; nothing is changed yet.", severity="warning")
        elif not assignments:
            self.notify("Nothing to apply: you have changed no setting.")
        else:
            self._waiting = True
            self._stand()
            self._ask(lambda study: _configure(study, assignments), self._answered)

    def action_leave(self) -> None:
        """Go back; ask first if something would be lost."""
        count = len(self._form.assignments())
        if not count:
            self.dismiss(None)
            return
        question = f"Leave without applying {_counted(count, 'change')}?"
        self.app.push_screen(Ask(question, yes="Leave", no="Stay"), self._leave_if)

    def action_help(self) -> None:
        """Explain the screen."""
        show_help(self)

    def _leave_if(self, leave: bool | None) -> None:
        if leave:
            self.dismiss(None)

    def _answered(self, answer: Changes | SitoolError) -> None:
        if self not in self.app.screen_stack:
            return
        self._waiting = False
        if isinstance(answer, SitoolError):
            words = f"✗ {answer.message} The settings are as they were.\n{answer.hint}"
            self._answer(words.strip())
            self._stand()
            return
        self.app.notify(f"{_counted(len(answer), 'setting')} changed, from the next round on.")
        self.dismiss(answer)

    def _answer(self, text: str) -> None:
        place = self.query_one("#answer", Static)
        place.update(Text(text))
        place.display = bool(text)

    def _title(self) -> Text:
        text = Text.assemble(("sitool ", "bold"), (" Settings of the next round ", "reverse"))
        if self._under_way:
            text.append(f"  {self._under_way} is under way with its own; these come after it")
        elif self._from:
            text.append(f"  it starts from {self._from}")
        return text

    def _stand(self) -> None:
        """Say how much differs, and how much of it is not applied."""
        waiting = len(self._form.assignments())
        words = [f"{_counted(waiting, 'change')} not applied yet" if waiting else "No change yet"]
        if self._waiting:
            words = ["Applying; a working engine answers after its present chunk"]
        wrong = len(self._form.complaints)
        if wrong:
            words.append(f"✗ {wrong} wrong")
        differing = self._form.differing()
        if self._from and differing:
            words.append(
                f"● {differing} {'differ' if differing > 1 else 'differs'} from {self._from}"
            )
        if self._estimate:
            words.append(self._estimate)
        for line in self.query("#standing").results(Static):  # None any more as the app ends.
            line.update(Text("   ".join(words)))

    def _ask_estimate(self) -> None:
        """Have the next round estimated as the form has it; one question at a time."""
        assignments = self._form.assignments()
        if self._estimating or not self._form.valid or assignments == self._estimated:
            return
        self._estimating, self._estimated = True, assignments
        self._ask(lambda study: _estimate(study, assignments), self._say_estimate)

    def _say_estimate(self, words: str) -> None:
        if self not in self.app.screen_stack:
            return
        self._estimating = False
        self._estimate = words
        self._stand()
        self._ask_estimate()


def _configure(study: Study, assignments: Sequence[str]) -> Changes | SitoolError:
    """Change the settings; a refusal is an answer, shown where the question was asked."""
    try:
        return study.configure(*assignments)
    except SitoolError as error:
        return error


def _estimate(study: Study, assignments: Sequence[str]) -> str:
    """Say what the next round will take; nothing where that cannot be told."""
    try:
        found = study.estimate(*assignments)
    except SitoolError:
        return ""
    return f"next: {found.short}" if found.short else ""


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
