"""On a small terminal: which one of the panels is shown."""

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding
from textual.message import Message
from textual.widget import Widget

SHORT = 3
"""Letters of a name where there is no room for all."""


class PanelTabs(Widget, can_focus=False):
    """A line of names, of which one is shown; by mouse, or by Tab on the screen."""

    BINDINGS: ClassVar = [Binding("left", "go(-1)"), Binding("right", "go(1)")]
    DEFAULT_CSS = "PanelTabs { height: 1; padding: 0 1; background: $surface; }"

    class Chosen(Message):
        """Another panel is to be shown."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self._names = list(names)
        self._chosen = self._names[0]

    @property
    def chosen(self) -> str:
        """The panel that is shown."""
        return self._chosen

    def choose(self, name: str) -> None:
        """Mark a name as shown."""
        self._chosen = name
        self.refresh()

    def next_name(self, places: int) -> str:
        """Return the name some places further, round and round."""
        place = self._names.index(self._chosen)
        return self._names[(place + places) % len(self._names)]

    def _words(self) -> list[str]:
        """Return the names as they are written: where there is little room, only one in full."""
        if sum(len(name) + 3 for name in self._names) <= self.size.width:
            return self._names
        return [name if name == self._chosen else name[:SHORT] for name in self._names]

    def render(self) -> Text:
        """Draw the names."""
        text = Text(no_wrap=True)
        for name, word in zip(self._names, self._words(), strict=True):
            text.append(f" {word} ", style="reverse bold" if name == self._chosen else "")
            text.append(" ")
        text.append("  Tab: next", style="dim")
        return text

    def on_click(self, event: events.Click) -> None:
        """Choose what was clicked."""
        place = 1
        for name, word in zip(self._names, self._words(), strict=True):
            place += len(word) + 3
            if event.x < place:
                self.post_message(self.Chosen(name))
                return
