"""A new study: a preset to begin with, a folder, and any setting you like."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.screen import Screen
from textual.widgets import Input, Label, OptionList, Static, TabbedContent, TabPane
from textual.widgets.option_list import Option

from sitool import client
from sitool.config import Settings
from sitool.errors import ModelError, SitoolError, StoreError, TaskError
from sitool.front.declared import written
from sitool.parts import make_task
from sitool.planning.estimates import estimate
from sitool.planning.situations import of_new_study
from sitool.presets import build_settings, changed_settings, load_preset, preset_names
from sitool.shelf import DEMO_PRESET, holds_study
from sitool.study.founding import free_name
from sitool.tui.aside import in_thread
from sitool.tui.folders import FolderInput
from sitool.tui.footer import KeyFooter
from sitool.tui.form import SettingsForm
from sitool.tui.help import show_help
from sitool.visible import one_line


class NewStudyScreen(Screen[Path | None]):
    """Makes a study; returns its folder, or None if there is to be none.

    Args:
        beside: Where the folder is proposed.
    """

    AUTO_FOCUS = "#presets"
    BORDER_TITLE = "A new study"
    help_text = (
        "A study is one folder. A preset is a set of settings to begin with; whatever you change"
        " beside it holds for this study. Seed, task and base stay for the study's life, all else"
        " can be changed before every round. Nothing is written before all settings are right."
    )
    BINDINGS: ClassVar = [
        Binding("ctrl+s", "make", "Make the study", key_display="^s"),
        Binding("ctrl+t", "turn", "Preset/settings", key_display="^t"),
        Binding("escape", "dismiss(None)", "Back"),
        Binding("f1,question_mark", "help", "Help", key_display="F1"),
    ]
    DEFAULT_CSS = """
    NewStudyScreen #title { height: 1; background: $panel; padding: 0 1; }
    NewStudyScreen #folder-row { height: 1; margin: 1 1 0 1; }
    NewStudyScreen #folder-row Label { width: 9; text-style: bold; }
    NewStudyScreen FolderInput { width: 1fr; background: $panel; }
    NewStudyScreen FolderInput:focus { background: $primary 30%; }
    NewStudyScreen #folder-says { height: 1; margin: 0 1 1 10; color: $text-muted; }
    NewStudyScreen #folder-says.wrong { color: $text-error; }
    NewStudyScreen TabbedContent { height: 1fr; }
    NewStudyScreen TabPane { padding: 0 1; }
    NewStudyScreen #presets { width: 22; height: 1fr; border: none; background: transparent; }
    NewStudyScreen #preset-pane VerticalScroll {
        width: 1fr; padding-left: 1; border-left: solid $panel;
    }
    NewStudyScreen #estimate { height: 1; padding: 0 1; color: $text-muted; }
    NewStudyScreen #complaint { height: auto; padding: 0 1; color: $text-error; display: none; }
    """

    def __init__(self, beside: Path | None = None) -> None:
        super().__init__()
        self._beside = beside or Path.cwd()
        self._preset = DEMO_PRESET
        self._proposed = self._propose()
        self._making = False
        self._estimating = False
        self._estimated: tuple[str, list[str]] | None = None

    def compose(self) -> ComposeResult:
        """Lay out the folder, the presets and the settings."""
        yield Static(Text.assemble(("sitool ", "bold"), (" A new study ", "reverse")), id="title")
        with Horizontal(id="folder-row"):
            yield Label("Folder")
            yield FolderInput(self._proposed, id="folder", compact=True)
        yield Static(id="folder-says")
        with TabbedContent():
            with TabPane("Preset", id="preset-pane"), Horizontal():
                yield OptionList(*map(_option, preset_names()), id="presets", compact=True)
                with VerticalScroll(can_focus=False):
                    yield Static(id="preset-about")
            with TabPane("All settings", id="settings-pane"):
                yield SettingsForm(build_settings(self._preset))
        yield Static(id="estimate")
        yield Static(id="complaint")
        yield KeyFooter()

    def on_mount(self) -> None:
        """Begin at the preset of the demo."""
        self.query_one("#presets", OptionList).highlighted = preset_names().index(self._preset)
        self._say_folder()
        self.call_after_refresh(self._ask_estimate)

    @property
    def settling(self) -> bool:
        """Whether the focus is still on its way to a setting; see `keys.py`."""
        return any(form.settling for form in self.query(SettingsForm))

    # What a person does.

    @on(OptionList.OptionHighlighted, "#presets")
    def _take_preset(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        self.query_one("#preset-about", Static).update(_about(str(event.option_id)))
        if str(event.option_id) == self._preset:
            return
        self._preset = str(event.option_id)
        self.query_one(SettingsForm).begin_with(build_settings(self._preset))
        folder = self.query_one("#folder", Input)
        untouched = folder.value == self._proposed
        self._proposed = self._propose()
        if untouched:
            folder.value = self._proposed
        self._say_tab()
        self._ask_estimate()

    @on(OptionList.OptionSelected, "#presets")
    def _to_folder(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.query_one("#folder").focus()

    @on(Input.Changed, "#folder")
    def _folder_changed(self) -> None:
        self._complain("")
        self._say_folder()

    @on(Input.Submitted, "#folder")
    def _folder_entered(self) -> None:
        self.action_make()

    def on_settings_form_changed(self, event: SettingsForm.Changed) -> None:
        """Say how many settings are changed."""
        event.stop()
        self._complain("")
        self._say_tab()
        self._ask_estimate()

    def action_turn(self) -> None:
        """Go to the settings, or back to the presets."""
        tabs = self.query_one(TabbedContent)
        to_settings = tabs.active == "preset-pane"
        tabs.active = "settings-pane" if to_settings else "preset-pane"
        self.query_one("#groups" if to_settings else "#presets").focus()

    def action_help(self) -> None:
        """Explain the screen."""
        show_help(self)

    def action_make(self) -> None:
        """Make the study, once everything is right."""
        form, text = self.query_one(SettingsForm), self.query_one("#folder", Input).value
        if self._making:
            return
        if _folder_complaint(text):
            self.query_one("#folder").focus()
            self._say_folder()
        elif not form.valid:
            self._show_wrong_setting()
        else:
            self._making = True
            work = partial(_make, Path(text).expanduser(), self._preset, form.assignments())
            in_thread(self, work, self._made)

    # What comes of it.

    def _made(self, made: Path | SitoolError) -> None:
        self._making = False
        if isinstance(made, Path):
            self.dismiss(made)
        elif isinstance(made, (ModelError, TaskError)):
            place = "model.base" if isinstance(made, ModelError) else self._place_in_task()
            self.query_one(SettingsForm).complain(place, made.message)
            self._show_wrong_setting()
        elif isinstance(made, StoreError):
            self._say_folder(made.message)
            self.query_one("#folder").focus()
        else:
            self._complain(f"✗ {made.message}")

    def _place_in_task(self) -> str:
        task = self.query_one(SettingsForm).task_name
        return "task.path" if task in ("jsonl", "python") else "task.name"

    def _show_wrong_setting(self) -> None:
        self.query_one(TabbedContent).active = "settings-pane"
        self.query_one(SettingsForm).show_complaint()

    # What is shown.

    def _propose(self) -> str:
        return str(free_name(self._beside / f"{self._preset}-study"))

    def _say_folder(self, complaint: str = "") -> None:
        text = self.query_one("#folder", Input).value
        said = complaint or _folder_complaint(text)
        place = self.query_one("#folder-says", Static)
        words = f"✗ {said}" if said else _folder_note(Path(text).expanduser())
        place.update(Text(one_line(words), no_wrap=True, overflow="ellipsis"))
        place.set_class(bool(said), "wrong")

    def _say_tab(self) -> None:
        form = self.query_one(SettingsForm)
        mark = " ✗" if form.complaints else f" ●{form.differing()}" if form.differing() else ""
        self.query_one(TabbedContent).get_tab("settings-pane").label = f"All settings{mark}"

    def _ask_estimate(self) -> None:
        """Have a round of such a study estimated, in a thread; one question at a time."""
        asked = self._wanted()
        if self._estimating or not self.query_one(SettingsForm).valid or asked == self._estimated:
            return
        self._estimating, self._estimated = True, asked
        in_thread(self, partial(_estimate, *asked), self._say_estimate)

    def _wanted(self) -> tuple[str, list[str]]:
        """Return what the study would be made of now."""
        return self._preset, self.query_one(SettingsForm).assignments()

    def _say_estimate(self, words: str) -> None:
        """Show an estimate, unless it is of what was wanted before."""
        self._estimating = False
        if self._estimated == self._wanted():
            place = self.query_one("#estimate", Static)
            place.update(Text(words, no_wrap=True, overflow="ellipsis"))
        self._ask_estimate()

    def _complain(self, text: str) -> None:
        place = self.query_one("#complaint", Static)
        place.update(Text(text))
        place.display = bool(text)


def _make(folder: Path, preset: str, assignments: Sequence[str]) -> Path | SitoolError:
    """Make the study; what is wrong is an answer, shown where it belongs."""
    try:
        client.create(folder, preset, assignments=assignments).close()
    except SitoolError as error:
        return error
    return folder


def _estimate(preset: str, assignments: Sequence[str]) -> str:
    """Say what a round of such a study will take; nothing where that cannot be told."""
    try:
        settings = build_settings(preset, assignments=assignments)
        found = estimate(settings, of_new_study(settings, make_task(settings)))
    except SitoolError:
        return ""
    if found.fits is False:
        return f"✗ {found.sentence}"
    return f"A round takes {found.short}." if found.short else ""


def _option(name: str) -> Option:
    return Option(name, id=name)


def _about(name: str) -> Text:
    """Say what a preset is for, and what of it differs from the defaults."""
    changes = changed_settings(Settings(), build_settings(name))
    width = max(map(len, changes), default=0)
    lines = [Text(load_preset(name).about), Text()]
    lines += [
        Text.assemble((f"{path:<{width}}  ", "dim"), one_line(written(value)))
        for path, (_, value) in changes.items()
    ]
    return Text("\n").join(lines)


def _folder_complaint(text: str) -> str:
    """Say what is wrong with a folder for a new study; nothing if all is well."""
    if not text.strip():
        return "Type a name for the study's folder."
    folder = Path(text).expanduser()
    if holds_study(folder):
        return "There is a study in this folder already; type another name."
    try:
        if folder.exists() and not folder.is_dir():
            return "This is a file; type the name of a folder."
    except (OSError, ValueError) as error:
        return f"This cannot be a folder: {error}."
    return ""


def _folder_note(folder: Path) -> str:
    """Say where the study will be."""
    if folder.exists():
        return f"{folder.absolute()} exists; the study is put beside what is in it."
    return f"{folder.absolute()} will be made."
