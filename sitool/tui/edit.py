"""Writing a completion of one's own, to train on in a sample's place."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.widgets import Static, TextArea

from sitool.tui.dialogs import Dialog
from sitool.tui.footer import KeyFooter
from sitool.visible import both_ends, safe_lines


class EditScreen(Dialog[str | None]):
    """Asks for a completion of one's own, to train on in a sample's place."""

    BINDINGS: ClassVar = [
        Binding("ctrl+s", "save", "Save", priority=True),
        Binding("escape", "dismiss(None)", "Cancel"),
    ]
    DEFAULT_CSS = """
    EditScreen > Vertical { width: 100; height: 80%; }
    EditScreen TextArea { height: 1fr; margin-top: 1; }
    """

    def __init__(self, prompt: str, text: str) -> None:
        super().__init__()
        self._prompt, self._text = prompt, text

    def compose(self) -> ComposeResult:
        """Show the prompt and what the model wrote, to change."""
        with Vertical():
            yield Static(
                f"What should stand after {both_ends(self._prompt, 60)!r}?"
                " Training learns this instead. Ctrl+S saves, Escape leaves it.",
                markup=False,
            )
            yield TextArea(safe_lines(self._text))
        yield KeyFooter(show_command_palette=False)

    def action_save(self) -> None:
        """Answer."""
        self.dismiss(self.query_one(TextArea).text)
