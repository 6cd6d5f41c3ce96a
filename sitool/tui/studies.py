"""The studies of this machine: look over them, open one, make one, copy one, delete one."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Protocol, cast

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.screen import Screen
from textual.widgets import DataTable, Static

from sitool import shelf
from sitool.errors import SitoolError
from sitool.front.recent import forget, recent_studies, remember
from sitool.shelf import Card, Contents
from sitool.tui.aside import in_thread, tell
from sitool.tui.dialogs import Ask
from sitool.tui.folders import OpenFolder
from sitool.tui.footer import KeyFooter
from sitool.tui.help import show_help
from sitool.tui.study_cards import about_card, cells, columns

LOOK_SECONDS = 2.0
"""How often the list looks for what changed."""

OFFER = """\
There are no studies yet.

[b]Enter[/b]   makes the demo study in {place} and opens it:
        a tiny model that finds short paths in graphs learns to find long ones from its own
        right answers. Then press [b]s[/b] for the first round; it takes some seconds.

[b]n[/b]       makes a study of your own, from one of the presets
[b]o[/b]       opens the folder of a study that you have
[b]T[/b]       turns the knobs of the theory, without a study
[b]?[/b]       says what a study is
"""


class OpensStudies(Protocol):
    """What this screen asks of the app."""

    def open_study(self, folder: Path) -> None:
        """Show a study."""


class StudyTable(DataTable[Text]):
    """The list; Enter opens."""

    BINDINGS: ClassVar = [Binding("enter", "select_cursor", "Open", key_display="⏎")]


class StudiesScreen(Screen[None]):
    """Recent studies, and those in the present folder.

    Args:
        here: The folder whose studies are listed too, and where new ones go.
    """

    BORDER_TITLE = "Studies"
    help_text = (
        "The studies that were opened lately on this machine, and those in the present folder. For"
        " each: its task and base, how many rounds it has, the head's greedy accuracy over all"
        " levels on held-out problems, and how that went from the base to the head (each bar from"
        " 0 to 1). ▸ says that an engine works on it now; it goes on when you leave."
    )
    BINDINGS: ClassVar = [
        Binding("enter", "demo", "Make the demo study", key_display="⏎"),
        Binding("n", "new", "New"),
        Binding("o", "open_folder", "Open path"),
        Binding("d", "duplicate", "Duplicate"),
        Binding("x,delete", "delete", "Delete", key_display="x"),
        Binding("r", "refresh", "Refresh", show=False),
        Binding("T", "theory", "Theory", show=False),
        Binding("q", "app.quit", "Quit"),
        Binding("question_mark", "help", "Help", key_display="?"),
    ]
    DEFAULT_CSS = """
    StudiesScreen #title { height: 1; background: $panel; padding: 0 1; }
    StudiesScreen StudyTable { height: 1fr; margin: 1 1 0 1; background: transparent; }
    StudiesScreen #offer { height: 1fr; padding: 2 4; }
    StudiesScreen #about {
        height: auto; min-height: 6; max-height: 10; margin: 0 1; padding: 0 1;
        border: round $foreground 25%; border-title-color: $text-muted;
    }
    """

    def __init__(self, here: Path | None = None) -> None:
        super().__init__()
        self._here = here or Path.cwd()
        self._folders: list[Path] = []
        self._cards: dict[Path, Card] = {}
        self._signatures: dict[Path, object] = {}
        self._reading = False
        self._listed = False
        self._busy = ""

    def compose(self) -> ComposeResult:
        """Lay out the list, or the offer of a first study, and what the chosen one is."""
        yield Static(Text.assemble(("sitool ", "bold"), (" Studies ", "reverse")), id="title")
        yield StudyTable(cursor_type="row", zebra_stripes=True)
        yield Static(id="offer")
        about = Static(id="about")
        about.border_title = "This study"
        yield about
        yield KeyFooter()

    def on_mount(self) -> None:
        """Show the names at once; the numbers come as they are read."""
        self._list([one.folder for one in recent_studies()])
        self.set_interval(LOOK_SECONDS, self._look)

    def on_screen_resume(self) -> None:
        """Look again after another screen."""
        self._show_parts()
        self._look()

    def on_resize(self, event: events.Resize) -> None:
        """Fit the columns to the width."""
        self._draw()

    @property
    def settling(self) -> bool:
        """Whether it is still to come what there is to choose from; see `keys.py`."""
        return not self._folders and not self._listed

    # Reading, in a thread.

    def _look(self) -> None:
        if not self._reading and self.is_active:
            self._reading = True
            in_thread(self, self._read, self._all_read)

    def _read(self) -> None:
        recent = [one.folder for one in recent_studies()]
        here = [place for place in shelf.studies_in(self._here) if place not in recent]
        folders = recent + here
        tell(self, self._list, folders)
        for folder in folders:
            signature = shelf.signature(folder)
            if self._signatures.get(folder) != signature:
                self._signatures[folder] = signature
                tell(self, self._take, shelf.read_card(folder))

    def _all_read(self, _: None) -> None:
        self._reading, self._listed = False, True
        self._show_parts()

    def _list(self, folders: Sequence[Path]) -> None:
        if list(folders) != self._folders:
            self._folders = list(folders)
            self._draw()

    def _take(self, card: Card) -> None:
        self._cards[card.folder] = card
        if card.folder in self._folders:
            self._draw_row(card)
        self._tell_about()

    # Drawing.

    @property
    def _table(self) -> StudyTable:
        return self.query_one(StudyTable)

    @property
    def _folder(self) -> Path | None:
        """The chosen study's folder."""
        row = self._table.cursor_row
        return self._folders[row] if 0 <= row < len(self._folders) else None

    def _draw(self) -> None:
        table, chosen = self._table, self._folder
        table.clear(columns=True)
        for column in columns(self.size.width):
            table.add_column(column.title, key=column.name, width=column.width)
        for folder in self._folders:
            shown = cells(self._cards.get(folder), folder, self.size.width, time.time())
            table.add_row(*shown, key=str(folder))
        if chosen in self._folders:
            table.move_cursor(row=self._folders.index(chosen))
        self._show_parts()

    def _draw_row(self, card: Card) -> None:
        shown = cells(card, card.folder, self.size.width, time.time())
        for column, cell in zip(columns(self.size.width), shown, strict=True):
            self._table.update_cell(str(card.folder), column.name, cell)

    def _show_parts(self) -> None:
        """Show the list, or the offer where there is nothing to list."""
        empty = not self._folders
        offer = self.query_one("#offer", Static)
        place = Text(str(self._here)).markup
        offer.update(OFFER.format(place=place) if self._listed else "Looking for studies …")
        offer.display = empty
        self._table.display = not empty
        self.query_one("#about").display = not empty
        if empty:
            # Nothing is in the list, so Enter is for the offer in its place.
            self.set_focus(None)
        elif self.focused is None:
            self._table.focus()
        self._tell_about()
        self.refresh_bindings()

    def _tell_about(self) -> None:
        folder = self._folder
        card = self._cards.get(folder) if folder else None
        about = self.query_one("#about", Static)
        about.update(about_card(card, time.time()) if card else Text(str(folder or "")))

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        """Tell about the chosen study."""
        self._tell_about()
        self.refresh_bindings()

    # What a person does.

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Hide what does not fit an empty list, and the demo where there are studies."""
        if action == "demo":
            return self._listed and not self._folders
        if action in ("duplicate", "delete"):
            return bool(self._folders)
        return True

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        """Open it."""
        folder = self._folder
        card = self._cards.get(folder) if folder else None
        if folder is None:
            return
        if card is not None and card.error:
            self.notify(card.error, title="It cannot be opened", severity="error", markup=False)
            return
        self._open(folder)

    def action_demo(self) -> None:
        """Make the demo study and open it."""
        self._do("Making the demo study", partial(shelf.make_demo, self._here), self._open)

    def action_new(self) -> None:
        """Make a study."""
        from sitool.tui.new_study import NewStudyScreen  # Late, for no study is made at first.

        self.app.push_screen(NewStudyScreen(self._here), self._open_if)

    def action_open_folder(self) -> None:
        """Open a study by its folder."""
        self.app.push_screen(OpenFolder(), self._open_if)

    def action_refresh(self) -> None:
        """Read everything again."""
        self._signatures.clear()
        self._look()

    def action_theory(self) -> None:
        """Turn the theory's knobs without a study."""
        from sitool.tui.theory_screen import TheoryScreen  # Late: the first screen needs no theory.

        self.app.push_screen(TheoryScreen())

    def action_help(self) -> None:
        """Explain the screen."""
        show_help(self)

    def action_duplicate(self) -> None:
        """Copy the chosen study beside it."""
        folder = self._folder
        if folder is not None:
            self._do("Copying", partial(shelf.duplicate, folder), self._copied)

    def action_delete(self) -> None:
        """Delete the chosen study, after asking."""
        folder = self._folder
        if folder is None:
            return
        if not shelf.holds_study(folder):
            in_thread(self, partial(forget, folder), lambda _: self._look())
            self.notify("There is no study there any more; it is off the list.")
            return
        self._do("Counting", partial(shelf.read_contents, folder), partial(self._ask, folder))

    def _ask(self, folder: Path, contents: Contents) -> None:
        question = f"Delete the study {folder.name!r} for good?\n\n{_loss(contents)}\n{folder}"
        self.app.push_screen(
            Ask(question, yes="Delete", no="Keep"), partial(self._delete_if, folder)
        )

    def _delete_if(self, folder: Path, sure: bool | None) -> None:
        if sure:
            self._do("Deleting", partial(shelf.delete, folder), partial(self._deleted, folder))

    def _deleted(self, folder: Path, gone: bool) -> None:
        left = "" if gone else f" Other files are left in {folder}."
        self.notify(f"Deleted {folder.name}.{left}", markup=False)
        in_thread(self, partial(forget, folder), lambda _: self._look())

    def _copied(self, target: Path) -> None:
        self.notify(f"Copied to {target}.", markup=False)
        in_thread(self, partial(remember, target), lambda _: self._look())

    def _open_if(self, folder: Path | None) -> None:
        if folder is not None:
            self._open(folder)

    def _open(self, folder: Path) -> None:
        in_thread(self, partial(remember, folder))
        cast(OpensStudies, self.app).open_study(folder)

    def _do(self, doing: str, work: Callable[[], Any], then: Callable[[Any], None]) -> None:
        """Do something in a thread; a mistake is told, and only one thing goes on at a time."""
        if self._busy:
            self.notify(f"{self._busy} is not finished yet.", severity="warning")
            return
        self._busy = doing
        in_thread(self, partial(_caught, work), partial(self._done, then))

    def _done(self, then: Callable[[Any], None], result: Any) -> None:
        self._busy = ""
        if isinstance(result, SitoolError):
            said = f"{result.message}\n{result.hint}".strip()
            self.notify(said, severity="error", timeout=10, markup=False)
        else:
            then(result)


def _caught(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except SitoolError as error:
        return error


def _loss(contents: Contents) -> str:
    """Name what is lost with a study."""
    size = f"{contents.size / 1e6:,.1f} MB"
    if not contents.rounds and not contents.samples:
        return f"Lost: {size}."
    rulings = f", {contents.rulings:,} rulings of yours" if contents.rulings else ""
    return f"Lost: {contents.rounds} rounds, {contents.samples:,} samples{rulings}; {size}."
