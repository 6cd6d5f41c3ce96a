"""One setting on the screen: its name, an editor, its help, and what is wrong with it."""

import contextlib
from typing import Any, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.css.query import NoMatches
from textual.message import Message
from textual.suggester import SuggestFromList
from textual.widget import Widget
from textual.widgets import Input, Label, Select, Static, Switch

from sitool.front.declared import Setting, stepped
from sitool.models.builtin import builtin_names
from sitool.visible import one_line


class NumberInput(Input):
    """A number that keys move up and down."""

    BINDINGS: ClassVar = [
        Binding("up", "step(1)", "Step", key_display="↑↓"),
        Binding("down", "step(-1)", "Step down", show=False),
        Binding("pageup", "step(1, True)", "Double", show=False),
        Binding("pagedown", "step(-1, True)", "Halve", show=False),
    ]

    def __init__(self, value: str, setting: Setting) -> None:
        super().__init__(value, compact=True)
        self._setting = setting

    def action_step(self, direction: int, fast: bool = False) -> None:
        """Go one step up or down, within the bounds."""
        self.value = stepped(self._setting, self.value, direction, fast=fast)
        self.cursor_position = len(self.value)


class Choice(Select[str]):
    """A choice that may be taken away before it is wholly there."""

    # Textual 8.2 looks for parts of a Select that are gone already when a screen closes.
    def _setup_options_renderables(self) -> None:
        with contextlib.suppress(NoMatches):
            super()._setup_options_renderables()

    def _watch_value(self, value: Any) -> None:
        with contextlib.suppress(NoMatches):
            super()._watch_value(value)


class SettingField(Widget):
    """One setting: name and editor, its mark, its help, its complaint."""

    class Edited(Message):
        """A person changed the setting; `text` is what is typed now."""

        def __init__(self, path: str, text: str) -> None:
            super().__init__()
            self.path, self.text = path, text

    class ResetWanted(Message):
        """A person wants the setting back as it was."""

        def __init__(self, path: str) -> None:
            super().__init__()
            self.path = path

    BINDINGS: ClassVar = [Binding("ctrl+r", "reset", "Reset", key_display="^r")]
    DEFAULT_CSS = """
    SettingField { height: auto; margin-bottom: 1; }
    SettingField > Horizontal { height: 1; }
    SettingField .name { width: 21; text-style: bold; }
    SettingField Input, SettingField Select { width: 20; }
    SettingField Input { background: $panel; }
    SettingField Input:focus { background: $primary 30%; }
    SettingField Switch { border: none; padding: 0; height: 1; width: auto; background: $panel; }
    SettingField Switch:focus { border: none; background: $primary 30%; }
    SettingField SelectCurrent { background: $panel; padding: 0 1; }
    SettingField Switch { margin-right: 16; }
    SettingField .mark { width: 1fr; padding-left: 1; color: $text-accent; }
    SettingField .about { color: $text-muted; padding-left: 2; }
    SettingField.wrong .about { color: $text-error; }
    SettingField:disabled .name { color: $text-muted; text-style: none; }
    """

    def __init__(self, setting: Setting, text: str, *, full_name: bool = False) -> None:
        super().__init__()
        self.setting = setting
        self._text = text
        self._title = setting.path if full_name else setting.name
        self._marked: tuple[str | None, str] = (None, "")

    def compose(self) -> ComposeResult:
        """Lay out the name, the editor, the mark, and the help."""
        with Horizontal():
            yield Label(self._title, classes="name")
            yield self._editor()
            yield Static(classes="mark")
        yield Static(self._about(), classes="about")

    def on_mount(self) -> None:
        """Give a long name the room it needs."""
        if len(self._title) > 20:
            self.query_one(".name").styles.width = len(self._title) + 1

    def _editor(self) -> Widget:
        setting = self.setting
        if setting.kind == "choice":
            known = self._text if self._text in setting.choices else setting.choices[0]
            options = [(choice, choice) for choice in setting.choices]
            return Choice(options, value=known, allow_blank=False, compact=True)
        if setting.kind == "switch":
            return Switch(self._text == "true", animate=False)
        if setting.kind in ("whole", "number"):
            return NumberInput(self._text, setting)
        bases = builtin_names() if setting.path == "model.base" else ()
        return Input(self._text, compact=True, suggester=SuggestFromList(bases) if bases else None)

    def _about(self) -> Text:
        words = [self.setting.about]
        limits = " ".join(filter(None, [self.setting.allowed, self.setting.unit]))
        return Text(f"{words[0]}  [{limits}]" if limits else words[0])

    def show(self, text: str) -> None:
        """Show another value."""
        if text == self._text:
            return
        self._text = text
        match self.editor:
            case Switch() as switch:
                switch.value = text == "true"
            case Select() as select:
                select.value = text
            case Input() as field:
                field.value = text

    def mark(self, was: str | None, complaint: str) -> None:
        """Show what the value was if it is another now, and what is wrong with it."""
        if (was, complaint) == self._marked:
            return
        self._marked = (was, complaint)
        shown = "" if was is None else f"● was {one_line(was, 40) or 'empty'}"
        mark = Text(shown, no_wrap=True, overflow="ellipsis")
        self.query_one(".mark", Static).update(mark)
        about = self._about()
        if complaint:
            about.append(f"\n✗ {one_line(complaint)}", "bold")
        self.query_one(".about", Static).update(about)
        self.set_class(bool(complaint), "wrong")

    @property
    def editor(self) -> Widget:
        """The widget that a person types in."""
        return self.query_one("Input, Select, Switch", Widget)

    def action_reset(self) -> None:
        """Ask for the setting as it was."""
        self.post_message(self.ResetWanted(self.setting.path))

    @on(Input.Changed)
    @on(Select.Changed)
    @on(Switch.Changed)
    def _edit(self, event: Input.Changed | Select.Changed | Switch.Changed) -> None:
        event.stop()
        text = str(event.value).lower() if isinstance(event.value, bool) else str(event.value)
        if text != self._text:
            self._text = text
            self.post_message(self.Edited(self.setting.path, text))

    @on(Input.Submitted)
    def _next(self, event: Input.Submitted) -> None:
        event.stop()
        self.screen.focus_next("SettingField Input, SettingField Select, SettingField Switch")
