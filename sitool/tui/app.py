"""The app: its first screens, its themes, and how it is started.

Screens are imported where they are shown: the first frame must not wait for them (`opening.py`).
"""

import gc
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from textual.binding import Binding
from textual.filter import LineFilter
from textual.screen import Screen

from sitool.errors import SitoolError
from sitool.front import recent
from sitool.tui.keys import KeysInOrder
from sitool.tui.opening import OpeningScreen
from sitool.tui.sieve import Sieve
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
        self._is_leaving = False
        self.mistake: SitoolError | None = None
        """Why the study that was asked for could not be opened."""
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = THEMES[0].name

    def get_default_screen(self) -> Screen[None]:
        """Begin with what is there at once."""
        return OpeningScreen(self._folder)

    def on_mount(self) -> None:
        """Show the study that was asked for, or the studies."""
        opening = self.screen
        assert isinstance(opening, OpeningScreen)
        opening.open(self._show_first)

    def _show_first(self) -> None:
        if self._folder is None:
            self._show_studies()
            return
        try:
            # The studies are not below: drawing them too would make this one late.
            self._push_study(self._folder, above_studies=False)
        except SitoolError as error:
            self.mistake = error
            self.exit(return_code=2)
        else:
            recent.remember(self._folder)

    def _show_studies(self, _: None = None) -> None:
        from sitool.tui.studies import StudiesScreen

        self.push_screen(StudiesScreen())

    def _push_study(self, folder: Path, *, above_studies: bool) -> None:
        from sitool.tui.study import StudyScreen

        screen = StudyScreen(folder, warm=self._warm)
        self.push_screen(screen, None if above_studies else self._show_studies)

    def on_ready(self) -> None:
        """Leave what stays alone: looking for garbage in it would cost keys up to 0.1 s."""
        self.set_timer(SETTLED_SECONDS, gc.freeze)

    def open_study(self, folder: Path) -> None:
        """Go into a study; says so if it cannot be opened."""
        try:
            self._push_study(folder, above_studies=True)
        except SitoolError as error:
            self.notify(f"{error.message}\n{error.hint}".strip(), severity="error", timeout=12)

    def exit(self, *args: Any, **options: Any) -> None:
        """Leave."""
        self._is_leaving = True
        super().exit(*args, **options)

    async def _shutdown(self) -> None:
        self._is_leaving = True
        await super()._shutdown()

    def _handle_exception(self, error: Exception) -> None:
        """End the app, unless it ends already: a screen that comes just then has lost its parts."""
        if not self._is_leaving:
            super()._handle_exception(error)

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
    """Run the app until the person leaves it; if it breaks, the process ends with 1.

    Raises:
        SitoolError: The study that was asked for cannot be opened.
    """
    gc.freeze()
    app = SitoolApp(folder)
    app.run()
    if app.mistake is not None:
        raise app.mistake
    if app.return_code:
        sys.exit(app.return_code)
