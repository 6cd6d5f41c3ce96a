"""The app: its screens, its themes, and how it is started."""

import gc
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from textual.binding import Binding
from textual.filter import LineFilter

from sitool.errors import SitoolError
from sitool.front import recent
from sitool.tui.keys import KeysInOrder
from sitool.tui.sieve import Sieve
from sitool.tui.studies import StudiesScreen
from sitool.tui.study import StudyScreen
from sitool.tui.themes import THEMES
from sitool.visible import safe_lines

SETTLED_SECONDS = 2.0
"""By then the first screens have been made."""


class SitoolApp(KeysInOrder):
    """The terminal app.

    Args:
        folder: A study to go straight into; None for the studies screen.
        warm: Start a study's engine as it is opened, so that the first step does
            not wait for the model to be loaded.
    """

    TITLE = "sitool"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-low"), (34, "-tall")]  # noqa: RUF012
    CSS = """
    Footer.-compact FooterLabel { margin: 0 1 0 0; }
    Footer.-compact KeyGroup.-compact { padding-left: 0; }
    """
    BINDINGS: ClassVar = [
        Binding("ctrl+q", "quit", "Quit", show=False, priority=True),
        Binding("f9", "next_theme", "Theme", show=False),
    ]

    def __init__(self, folder: Path | None = None, *, warm: bool = True) -> None:
        super().__init__()
        self._folder = folder
        self._warm = warm
        self._sieve = Sieve()
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = THEMES[0].name

    def on_mount(self) -> None:
        """Show the studies, and the study that was asked for above them."""
        self.push_screen(StudiesScreen())
        if self._folder is not None:
            recent.remember(self._folder)
            self.open_study(self._folder)

    def on_ready(self) -> None:
        """Leave what stays alone: looking for garbage in it would cost keys up to 0.1 s."""
        self.set_timer(SETTLED_SECONDS, gc.freeze)

    def open_study(self, folder: Path) -> None:
        """Go into a study; says so if it cannot be opened."""
        try:
            screen = StudyScreen(folder, warm=self._warm)
        except SitoolError as error:
            self.notify(f"{error.message}\n{error.hint}".strip(), severity="error", timeout=12)
            return
        self.push_screen(screen)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Let nothing through to the terminal that it would act on."""
        return [*super().get_line_filters(), self._sieve]

    def notify(self, message: str, **options: Any) -> None:
        """Say something; names and texts in it are shown as they are, and do nothing."""
        super().notify(safe_lines(message), **{**options, "markup": False})

    def action_help_quit(self) -> None:
        """Tell whoever presses ^C how to leave."""
        self.notify("^Q leaves sitool; an engine that is at work goes on.")

    def action_next_theme(self) -> None:
        """Take the next theme."""
        names = [theme.name for theme in THEMES]
        place = names.index(self.theme) if self.theme in names else -1
        self.theme = names[(place + 1) % len(names)]
        self.notify(f"Theme: {self.theme}")


def run(folder: Path | None = None) -> None:
    """Run the app until the person leaves it."""
    gc.freeze()
    SitoolApp(folder).run()
