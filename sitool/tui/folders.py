"""A folder, typed: with the rest of its name offered, and the studies marked."""

import asyncio
import contextlib
import os
from itertools import islice
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.suggester import Suggester
from textual.widgets import Input, Label, OptionList, Static
from textual.widgets.option_list import Option

from sitool.shelf import holds_study
from sitool.tui.dialogs import Dialog
from sitool.tui.footer import KeyFooter
from sitool.visible import one_line

OFFERED = 12
LOOKED_AT = 5000


def folders_like(text: str, limit: int = OFFERED) -> list[str]:
    """Return the folders whose path begins as typed, each ending in a slash.

    Hidden ones are left out unless a dot is typed.
    """
    shown, _, begun = text.rpartition("/")
    root = f"{shown}/" if "/" in text else ""
    found: list[str] = []
    with contextlib.suppress(OSError, ValueError), os.scandir(Path(root).expanduser()) as inside:
        for entry in islice(inside, LOOKED_AT):
            hidden = entry.name.startswith(".") and not begun.startswith(".")
            if entry.name.startswith(begun) and not hidden and entry.is_dir():
                found.append(f"{root}{entry.name}/")
    return sorted(found)[:limit]


class _Folders(Suggester):
    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        found = await asyncio.to_thread(folders_like, value, 1) if value else []
        return found[0] if found else None


class FolderInput(Input):
    """A folder; Tab takes what is offered."""

    BINDINGS: ClassVar = [Binding("tab", "complete", "Complete", show=False)]

    def __init__(self, value: str = "", *, id: str | None = None, compact: bool = False) -> None:  # noqa: A002
        super().__init__(value, id=id, compact=compact, suggester=_Folders())

    def action_complete(self) -> None:
        """Take the offered folder, or go to the next widget if there is none."""
        if self._suggestion and self._suggestion != self.value:
            self.value = self._suggestion
            self.cursor_position = len(self.value)
        else:
            self.screen.focus_next()


class OpenFolder(Dialog[Path | None]):
    """Asks which folder to open; returns one that holds a study, or None."""

    BINDINGS: ClassVar = [
        Binding("escape", "dismiss(None)", "Cancel"),
        Binding("down", "down", "To the list", show=False),
    ]
    DEFAULT_CSS = """
    OpenFolder > Vertical { width: 80; max-height: 90%; }
    OpenFolder OptionList { height: auto; max-height: 12; background: transparent; border: none; }
    OpenFolder #says { height: auto; color: $text-error; margin: 1 0; }
    """

    def __init__(self, start: str = "") -> None:
        super().__init__()
        self._start = start

    def compose(self) -> ComposeResult:
        """Show the line to type in, and the folders that begin so."""
        with Vertical():
            yield Label(Text("Open the study in which folder?  (Tab completes, ● is a study)"))
            yield FolderInput(self._start)
            yield Static(id="says")
            yield OptionList(compact=True)
        yield KeyFooter()

    def on_mount(self) -> None:
        """List what is at hand."""
        self._list(self._start)

    def on_input_changed(self, event: Input.Changed) -> None:
        """List the folders that begin as typed."""
        self.query_one("#says", Static).update("")
        self._list(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Open the folder if it holds a study."""
        self._take(event.value)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Open a study, or look into a folder."""
        chosen = str(event.option_id)
        if holds_study(Path(chosen).expanduser()):
            self._take(chosen)
        else:
            field = self.query_one(FolderInput)
            field.value = chosen
            field.cursor_position = len(chosen)
            field.focus()

    def action_down(self) -> None:
        """Go to the list."""
        self.query_one(OptionList).focus()

    def _take(self, text: str) -> None:
        folder = Path(text).expanduser()
        if text and holds_study(folder):
            self.dismiss(folder.absolute())
            return
        said = f"There is no study in {text!r}." if text else "Type a folder."
        hint = " n on the studies screen makes one." if text else ""
        self.query_one("#says", Static).update(Text(f"✗ {one_line(said)}{hint}"))

    def _list(self, text: str) -> None:
        options = self.query_one(OptionList)
        options.clear_options()
        for folder in folders_like(text):
            sign = "●" if holds_study(Path(folder).expanduser()) else " "
            options.add_option(Option(Text(f"{sign} {one_line(folder)}"), id=folder))
