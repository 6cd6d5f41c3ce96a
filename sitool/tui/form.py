"""A form of all settings, made from their declarations.

The tables are on the left, the settings of one on the right, each with its help,
its bounds and its unit; a search shows those whose name or help has some words.
"""

import contextlib
from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.css.query import NoMatches
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from sitool.config import Settings
from sitool.front.declared import STUDY, Setting, about_group
from sitool.tui.draft import Draft
from sitool.tui.fields import SettingField

FOUND_AT_MOST = 20
"""Editors that a search shows at once; more would make typing slow."""

SEARCH_SECONDS = 0.15
REST_SECONDS = 0.06
FIRST = "*"
"""In place of a path: whichever setting is shown first."""


class SettingsForm(Widget):
    """Every setting, to be edited.

    Args:
        settings: What the form starts from.
        reference: What changes are marked against; None is `settings`.
        locked: Tables, or settings by path, that cannot be changed here.
        reason: Why they cannot.
    """

    BORDER_TITLE = "Settings"
    help_text = (
        "Every setting of the next round, a table at a time, with what it does, its bounds and its"
        " unit. Up and down move a number a step, page up and page down double and halve it; a"
        " changed setting says what it was, and Ctrl+R brings it back."
    )

    class Changed(Message):
        """Something was edited.

        Attributes:
            valid: Whether everything is right.
            complaints: By path, by table, or "" for the rest.
        """

        def __init__(self, valid: bool, complaints: Mapping[str, str]) -> None:
            super().__init__()
            self.valid, self.complaints = valid, complaints

    BINDINGS: ClassVar = [Binding("ctrl+f", "search", "Search", key_display="^f")]
    DEFAULT_CSS = """
    SettingsForm { height: 1fr; layout: vertical; }
    SettingsForm #search { margin-bottom: 1; background: $panel; }
    SettingsForm > Horizontal { height: 1fr; }
    SettingsForm #groups { width: 16; height: 1fr; background: transparent; border: none; }
    SettingsForm #panes { width: 1fr; padding: 0 0 0 1; border-left: solid $panel; }
    SettingsForm .fields { height: 1fr; padding: 0 1 0 0; }
    SettingsForm #group-about { color: $text-muted; margin-bottom: 1; }
    SettingsForm #group-complaint { color: $text-error; }
    """

    def __init__(
        self,
        settings: Settings,
        reference: Settings | None = None,
        locked: Collection[str] = (),
        *,
        reason: str = "belongs to the whole study",
    ) -> None:
        super().__init__()
        self._draft = Draft(settings, reference)
        self._locked = frozenset(locked)
        self._reason = reason
        self._outside: dict[str, str] = {}
        self._group = self._first_open_group()
        self._timer: Timer | None = None
        self._stale = self._showing = self._drawn_once = False
        self._focus = ""

    def compose(self) -> ComposeResult:
        """Lay out the search, the tables and the settings."""
        yield Input(placeholder="Search names and help", id="search", compact=True)
        with Horizontal():
            yield OptionList(*self._options(), id="groups", compact=True)
            with Vertical(id="panes"):
                yield Static(id="group-about")
                yield Static(id="group-complaint")

    def on_mount(self) -> None:
        """Show the first table that can be edited."""
        self.query_one("#groups", OptionList).highlighted = self._draft.groups.index(self._group)

    # What the owner asks.

    def assignments(self) -> list[str]:
        """Return what was changed from the settings it began with, as `a.b=value` texts."""
        return self._draft.assignments()

    @property
    def complaints(self) -> Mapping[str, str]:
        """What is wrong, by path, by table, or "" for the rest."""
        return self._outside | self._draft.complaints

    @property
    def valid(self) -> bool:
        """Whether everything that was typed is right."""
        return not self._draft.complaints

    def differing(self) -> int:
        """Count the settings that differ from the reference."""
        return sum(self._draft.differing(group) for group in self._draft.groups)

    @property
    def settling(self) -> bool:
        """Whether the focus is on its way to a setting that is not drawn yet."""
        return self._showing and bool(self._focus)

    @property
    def task_name(self) -> str:
        """The name of the task that is chosen."""
        return self._draft.task

    def begin_with(self, settings: Settings) -> None:
        """Begin with other settings; what was edited stays as it was edited."""
        self._draft = self._draft.moved_to(settings)
        self._outside = {}
        self._show_later()

    def complain(self, path: str, sentence: str) -> None:
        """Show what somebody else has found wrong with a setting, until the next edit."""
        self._outside = {path: sentence}
        self._mark()

    def show_complaint(self) -> None:
        """Go to the first setting that is wrong."""
        place = next(iter(self.complaints), "")
        group = place.rpartition(".")[0] or place
        if group in self._draft.groups:
            self.query_one("#search", Input).value = ""
            self._group = group
            self.query_one("#groups", OptionList).highlighted = self._draft.groups.index(group)
            self._show_later(focus=place)

    # What a person does.

    def action_search(self) -> None:
        """Go to the search."""
        self.query_one("#search").focus()

    @on(OptionList.OptionHighlighted, "#groups")
    def _show_group(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        group = str(event.option_id)
        # The list tells a moment later where its cursor was; it may be elsewhere by now.
        late = event.option_index != event.option_list.highlighted
        if late or (group == self._group and self._drawn_once and not self._search):
            return
        self._group, self._focus = group, ""
        self.query_one("#search", Input).value = ""
        # Whoever goes on down the list does not wait for tables that were never drawn.
        self._show_soon(0 if self.query(f"#{self._table_name()}") else REST_SECONDS)

    @on(OptionList.OptionSelected, "#groups")
    def _enter_group(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        # What is on the screen may not be drawn yet.
        self._show_later(focus=FIRST)

    @on(Input.Changed, "#search")
    def _search_soon(self, event: Input.Changed) -> None:
        event.stop()
        self._show_soon(SEARCH_SECONDS)

    @on(Input.Submitted, "#search")
    def _enter_found(self, event: Input.Submitted) -> None:
        event.stop()
        # What is on the screen may not be drawn yet.
        self._show_later(focus=FIRST)

    def on_setting_field_edited(self, event: SettingField.Edited) -> None:
        """Take in an edit."""
        event.stop()
        self._take(event.path, event.text)

    def on_setting_field_reset_wanted(self, event: SettingField.ResetWanted) -> None:
        """Bring one setting back."""
        event.stop()
        was = self._draft.was(event.path)
        for field in self._fields():
            if field.setting.path == event.path:
                field.show(was)
        self._take(event.path, was)

    def _take(self, path: str, text: str) -> None:
        self._outside = {}
        task = self._draft.task
        self._draft.type(path, text)
        if self._draft.task != task:
            self._show_later(focus="task.name")
        self._mark()
        self.post_message(self.Changed(self.valid, dict(self.complaints)))

    # What is shown.

    @property
    def _search(self) -> str:
        return self.query_one("#search", Input).value.strip()

    def _fields(self) -> list[SettingField]:
        return [field for pane in self._shown_panes() for field in pane.query(SettingField)]

    def _shown_panes(self) -> list[Widget]:
        return [pane for pane in self.query(".fields") if pane.display]

    def _first_open_group(self) -> str:
        groups = self._draft.groups
        return next((g for g in groups if not self._is_locked(g)), groups[0])

    def _is_locked(self, place: str) -> bool:
        if place == STUDY:
            return "seed" in self._locked or STUDY in self._locked
        return place in self._locked or place.partition(".")[0] in self._locked

    def _options(self) -> list[Option]:
        return [Option(self._option(group), id=group) for group in self._draft.groups]

    def _option(self, group: str) -> Text:
        count = self._draft.differing(group)
        wrong = any(place == group or self._is_in(place, group) for place in self.complaints)
        text = Text(group)
        if self._is_locked(group):
            text.stylize("dim")
        if wrong:
            text.append(" ✗", "bold")
        elif count:
            text.append(f" ●{count}", "bold")
        return text

    def _is_in(self, place: str, group: str) -> bool:
        return place.startswith(f"{group}.") or (group == STUDY and place == "seed")

    def _show_soon(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.stop()
        if seconds:
            self._timer = self.set_timer(seconds, self._show_later)
        else:
            self._show_later()

    def _show_later(self, focus: str = "") -> None:
        """Draw, and move the focus if it is to go somewhere, now or from a drawing before."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        self._drawn_once = self._stale = True
        self._focus = focus or self._focus
        if not self._showing:
            self._showing = True
            self.run_worker(self._show_until_fresh(), group="fields")

    async def _show_until_fresh(self) -> None:
        """Draw until nothing newer is wanted; a drawing is never broken off half-way."""
        # The form may be closed while it draws.
        with contextlib.suppress(NoMatches):
            while self._stale:
                self._stale = False
                await self._show()
                if not self._stale:
                    self._move_focus()
        self._showing = False

    async def _show(self) -> None:
        """Show the settings of the table, or those that the search finds."""
        searching = self._search
        found = self._draft.found(searching) if searching else []
        about = self._about_found(len(found)) if searching else self._about_group()
        self.query_one("#group-about", Static).update(about)
        pane = await (self._found(found[:FOUND_AT_MOST]) if searching else self._table())
        for other in self.query(".fields"):
            other.display = other is pane
        self._mark()

    def _move_focus(self) -> None:
        """Go to the setting that was asked for, once it is on the screen."""
        for field in self._fields():
            if self._focus in (FIRST, field.setting.path) and not field.disabled:
                field.editor.focus()
                break
        self._focus = ""

    async def _table(self) -> Widget:
        """Return the settings of the present table; drawn once, since that takes a while."""
        draft, name = self._draft, self._table_name()
        for pane in self.query(f"#{name}"):
            for field in pane.query(SettingField):
                field.show(draft.text(field.setting.path))
            return pane
        return await self._drawn(name, [s for s in draft.settings if s.group == self._group])

    def _table_name(self) -> str:
        task = f"-{self._draft.task}" if self._group == "task" else ""
        return f"table-{self._group}{task}"

    async def _found(self, settings: Sequence[Setting]) -> Widget:
        """Return what the search finds, drawn afresh."""
        await self.query("#found").remove()
        return await self._drawn("found", settings, full_names=True)

    async def _drawn(
        self, name: str, settings: Sequence[Setting], *, full_names: bool = False
    ) -> Widget:
        fields = [SettingField(s, self._draft.text(s.path), full_name=full_names) for s in settings]
        for field in fields:
            field.disabled = self._is_locked(field.setting.path)
        pane = VerticalScroll(*fields, id=name, classes="fields", can_focus=False)
        pane.display = False
        await self.query_one("#panes").mount(pane)
        return pane

    def _about_group(self) -> Text:
        about = about_group(self._group, self._draft.task)
        if self._is_locked(self._group):
            about += f" Not to be changed here: it {self._reason}."
        return Text(about)

    def _about_found(self, count: int) -> Text:
        if not count:
            return Text("No setting's name or help has these words. Try fewer of them.")
        more = count - FOUND_AT_MOST
        return Text(f"{count} found" + (f", {more} of them not shown." if more > 0 else "."))

    def _mark(self) -> None:
        """Mark what is changed and what is wrong."""
        draft, complaints = self._draft, self.complaints
        # A task that was just left is still shown for a moment.
        for field in (field for field in self._fields() if field.setting.path in draft):
            path = field.setting.path
            was = draft.was(path) if draft.differs(path) else None
            field.mark(was, complaints.get(path, ""))
        groups = self.query_one("#groups", OptionList)
        for group in draft.groups:
            groups.replace_option_prompt(group, self._option(group))
        said = complaints.get(self._group) or complaints.get("", "")
        place = self.query_one("#group-complaint", Static)
        place.update(Text(f"✗ {said}\n" if said else ""))
        place.display = bool(said)
