"""A slider on one line: a name, a value, and a bar to turn with keys, the wheel or the mouse."""

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget

Value = float | str
NAME_WIDTH, VALUE_WIDTH, LEAST_BAR = 21, 9, 4
WIDTH_BEFORE_BAR = NAME_WIDTH + VALUE_WIDTH + 1


class Knob(Widget, can_focus=True):
    """One setting out of a row of values.

    Args:
        name: The setting, as messages name it.
        words: What stands before the value.
        values: To choose from, in order. One between two of them may be set from outside; a turn
            goes to the next one of these.
        value: At first.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,minus", "turn(-1)", "Less", show=False),
        Binding("right,plus", "turn(1)", "More", show=False),
        Binding("home", "turn(-999)", "Least", show=False),
        Binding("end", "turn(999)", "Most", show=False),
        Binding("up", "app.focus_previous", "Knob above", show=False),
        Binding("down", "app.focus_next", "Knob below", show=False),
    ]
    DEFAULT_CSS = """
    Knob { height: 1; width: 1fr; }
    Knob:focus { background: $accent 25%; text-style: bold; }
    """

    class Turned(Message):
        """A person turned it."""

        def __init__(self, name: str, value: Value) -> None:
            super().__init__()
            self.name = name
            self.value = value

    def __init__(self, name: str, words: str, values: Sequence[Value], value: Value) -> None:
        super().__init__(id=f"knob-{name}")
        self._setting, self._words, self._values = name, words, values
        self._value = value
        self._held = False

    @property
    def value(self) -> Value:
        """What it stands at."""
        return self._value

    def put(self, value: Value) -> None:
        """Set it from outside; nobody is told."""
        self._value = value
        self.refresh()

    @property
    def place(self) -> int:
        """The place of the nearest of its values."""
        value = self._value
        if value in self._values:
            return self._values.index(value)
        apart = [
            abs(one - value) if not isinstance(one, str) and not isinstance(value, str) else 0.0
            for one in self._values
        ]
        return apart.index(min(apart))

    def render(self) -> Text:
        """Draw name, value and bar."""
        value = self._value if isinstance(self._value, str) else f"{self._value:.4g}"
        text = Text(f"{self._words:<{NAME_WIDTH}}{value:>{VALUE_WIDTH}} ", no_wrap=True)
        reach = self._bar
        knob = round(self.place / max(len(self._values) - 1, 1) * (reach - 1))
        return text.append("━" * knob + "●" + "─" * (reach - 1 - knob))

    @property
    def _bar(self) -> int:
        return max(self.size.width - WIDTH_BEFORE_BAR, LEAST_BAR)

    def action_turn(self, places: int) -> None:
        """Go some places along the values."""
        self._go(min(max(self.place + places, 0), len(self._values) - 1))

    def _go(self, place: int) -> None:
        if self._values[place] != self._value:
            self._value = self._values[place]
            self.refresh()
            self.post_message(self.Turned(self._setting, self._value))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Turn it up."""
        event.stop()
        self.action_turn(1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Turn it down."""
        event.stop()
        self.action_turn(-1)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Take hold of it."""
        self.focus()
        self._held = True
        self.capture_mouse()
        self._follow(event.x)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Follow the pointer while it is held."""
        if self._held:
            self._follow(event.x)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Let go of it."""
        self._held = False
        self.release_mouse()

    def _follow(self, x: int) -> None:
        along = x - WIDTH_BEFORE_BAR
        if along >= 0:
            share = min(along / max(self._bar - 1, 1), 1.0)
            self._go(round(share * (len(self._values) - 1)))
