"""A screen above a study's that shows samples, keeps up with them, and takes rulings.

It reads through a store of its own, so that it never waits for the desk; rulings
go through the desk. What this leaves out: what is read and how it is drawn.
"""

from pathlib import Path
from typing import ClassVar

from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget

from sitool.errors import SitoolError
from sitool.front.rulings import Ruling
from sitool.store import Store
from sitool.tui.desk import Desk
from sitool.tui.help import show_help
from sitool.tui.rulings import Ruler
from sitool.visible import one_line

POLL_SECONDS = 0.25


class SampleScreen(Ruler, ModalScreen[None]):
    """Shows samples as they are now, and takes rulings; a base for such screens.

    Args:
        folder: The study.
        desk: Carries rulings out; None only shows.

    Attributes:
        main: The widget that has the keys first.
    """

    main: ClassVar[type[Widget]]
    DEFAULT_CSS = """
    SampleScreen { align: center middle; }
    SampleScreen > Vertical {
        width: 100%; height: 1fr; background: $surface; border: round $accent; padding: 0 1;
    }
    """

    def __init__(self, folder: Path, desk: Desk | None) -> None:
        super().__init__()
        self._folder, self._desk = folder, desk
        self._store: Store | None = None
        self._version = -1

    def read_samples(self, store: Store) -> None:
        """Read what is shown.

        Raises:
            SitoolError: It cannot be read; what was shown stays.
        """
        raise NotImplementedError

    def draw(self) -> None:
        """Show what was read."""
        raise NotImplementedError

    def say_unread(self, why: Content) -> None:
        """Say why there is nothing to show."""
        raise NotImplementedError

    def on_mount(self) -> None:
        """Open the study for reading, and look again when it changes."""
        try:
            self._store = Store(self._folder)
        except SitoolError as error:
            self.say_unread(Content(one_line(error.message)))
            return
        self._look_again()
        self.query_one(self.main).focus()
        self.set_interval(POLL_SECONDS, self._poll)

    def on_unmount(self) -> None:
        """Close what was opened."""
        if self._store is not None:
            self._store.close()

    def _poll(self) -> None:
        if self._store is not None and self._store.version != self._version:
            self._look_again()

    def _look_again(self) -> None:
        assert self._store is not None
        try:
            self._version = self._store.version
            self.read_samples(self._store)
        except SitoolError as error:
            self.notify(error.message, severity="error")
            return
        self.draw()

    def send(self, ruling: Ruling) -> None:
        """Carry a ruling out."""
        if self._desk is None:
            self.notify("This view only shows.", severity="warning")
        else:
            self._desk.ask(ruling.carry_out)

    def action_help(self) -> None:
        """Explain this screen."""
        show_help(self)
