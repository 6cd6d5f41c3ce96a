"""Small questions: yes or no, one of a list, a line of text."""

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label, OptionList
from textual.widgets.option_list import Option


class Ask(ModalScreen[bool]):
    """Asks before something that is hard to undo."""

    BINDINGS: ClassVar = [
        Binding("y", "answer(True)", "Yes"),
        Binding("n,escape", "answer(False)", "No"),
    ]
    DEFAULT_CSS = """
    Ask { align: center middle; }
    Ask Label { width: 100%; }
    Ask > Vertical {
        width: 64; max-width: 96%; height: auto; padding: 1 2;
        background: $surface; border: round $warning;
    }
    Ask Horizontal { height: auto; margin-top: 1; }
    Ask Button { margin-right: 2; }
    """

    def __init__(self, question: str, yes: str = "Yes", no: str = "No") -> None:
        super().__init__()
        self._question, self._yes, self._no = question, yes, no

    def compose(self) -> ComposeResult:
        """Show the question and two buttons."""
        with Vertical():
            yield Label(Text(self._question))
            with Horizontal():
                yield Button(f"{self._yes} (y)", id="yes", variant="warning")
                yield Button(f"{self._no} (n)", id="no")

    def on_mount(self) -> None:
        """Put the focus on the harmless answer."""
        self.query_one("#no").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer."""
        self.dismiss(event.button.id == "yes")

    def action_answer(self, answer: bool) -> None:
        """Answer by key."""
        self.dismiss(answer)


class Choose(ModalScreen[str | None]):
    """Asks for one of a few things.

    Args:
        options: (what is returned, what is shown).
    """

    BINDINGS: ClassVar = [Binding("escape", "dismiss(None)", "Cancel")]
    DEFAULT_CSS = """
    Choose { align: center middle; }
    Choose Label { width: 100%; }
    Choose > Vertical {
        width: 72; max-width: 96%; height: auto; max-height: 90%; padding: 1 2;
        background: $surface; border: round $accent;
    }
    Choose OptionList { height: auto; max-height: 16; margin-top: 1; }
    """

    def __init__(self, question: str, options: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._question, self._options = question, options

    def compose(self) -> ComposeResult:
        """Show the question and the list."""
        with Vertical():
            yield Label(Text(self._question))
            yield OptionList(*(Option(Text(words), id=value) for value, words in self._options))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Answer."""
        self.dismiss(event.option.id)


class Write(ModalScreen[str | None]):
    """Asks for a line of text."""

    BINDINGS: ClassVar = [Binding("escape", "dismiss(None)", "Cancel")]
    DEFAULT_CSS = """
    Write { align: center middle; }
    Write Label { width: 100%; }
    Write > Vertical {
        width: 72; max-width: 96%; height: auto; padding: 1 2;
        background: $surface; border: round $accent;
    }
    """

    def __init__(self, question: str, value: str = "") -> None:
        super().__init__()
        self._question, self._value = question, value

    def compose(self) -> ComposeResult:
        """Show the question and the line."""
        with Vertical():
            yield Label(Text(self._question))
            yield Input(self._value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Answer."""
        self.dismiss(event.value)
