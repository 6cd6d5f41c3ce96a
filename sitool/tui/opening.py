"""What is on the screen from the first moment, while everything that draws a study is imported.

This and what it needs (`app.py`, `keys.py`, `themes.py`, `sieve.py`) import Textual and little
else: reading settings and charts takes twice as long to import as drawing this does. What this
leaves out: a study's own numbers, and any mistake in it.
"""

import gc
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from sys import modules
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import Static

from sitool.imports import nothing_collected
from sitool.tui.aside import in_thread
from sitool.visible import one_line

FIRST_SCREENS = ("sitool.tui.studies", "sitool.tui.study")
LONGEST_NAME = 40


class OpeningScreen(Screen[None]):
    """A study's name, or none, and that it is being opened.

    Args:
        folder: The study; None for the list of studies.
    """

    DEFAULT_CSS = """
    OpeningScreen #title { height: 1; background: $panel; padding: 0 1; }
    OpeningScreen #opening { height: 1fr; content-align: center middle; color: $text-muted; }
    """
    settling: ClassVar = True
    """Keys wait for the screen that they are for; see `keys.py`."""
    patience: ClassVar = float("inf")
    overtaking: ClassVar = ("ctrl+q",)

    def __init__(self, folder: Path | None) -> None:
        super().__init__()
        self._folder = folder

    def compose(self) -> ComposeResult:
        """Draw the first line as the screen that follows does."""
        name = "Studies"
        if self._folder is not None:
            name = one_line(self._folder.absolute().name, LONGEST_NAME)
        yield Static(Text.assemble(("sitool ", "bold"), (f" {name} ", "reverse")), id="title")
        yield Static("Opening …", id="opening")

    def open(self, then: Callable[[], None]) -> None:
        """Have the first screens imported, then call; at once if they are there."""
        if all(name in modules for name in FIRST_SCREENS):
            then()
        else:
            # Behind the first frame: a thread that imports would make it late.
            self.call_after_refresh(in_thread, self, _import_all, lambda _: then())


def _import_all() -> None:
    with nothing_collected():
        for name in FIRST_SCREENS:
            import_module(name)
    gc.freeze()
