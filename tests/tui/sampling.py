"""An app around the samples panel, as the study screen uses it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from textual.app import App, ComposeResult
from textual.message import Message
from textual.pilot import Pilot
from textual.widgets import Static
from waiting import until

from sitool.client import open_study
from sitool.front.desk import Look
from sitool.tui.desk import Desk, Done, Failed, Looked
from sitool.tui.inspector import InspectorScreen
from sitool.tui.rulings import Ruled
from sitool.tui.sample_table import SampleTable
from sitool.tui.samples import SamplesPanel
from sitool.tui.siblings import SiblingsScreen


class OnePanel(App[None]):
    """The samples panel with a desk behind it."""

    def __init__(self, folder: Path, shown: int | None = 2) -> None:
        super().__init__()
        self.folder, self.shown = folder, shown
        self.desk = Desk(folder, self.post_message)
        self.last: Look | None = None
        self.said: list[Message] = []

    def compose(self) -> ComposeResult:
        yield SamplesPanel(self.folder)

    def on_mount(self) -> None:
        self.desk.start()
        self.panel.focus_table()

    def on_unmount(self) -> None:
        self.desk.close()

    def on_looked(self, message: Looked) -> None:
        self.last = message.look
        for panel in self.screen_stack[0].query(SamplesPanel):  # None any more as the app ends.
            panel.look(message.look, self.shown)

    def on_failed(self, message: Failed) -> None:
        self.notify(message.error.message)

    def on_done(self, message: Done) -> None:
        message.then(message.result)

    def on_ruled(self, message: Ruled) -> None:
        self.said.append(message)
        self.desk.ask(message.ruling.carry_out)

    def on_samples_panel_opened(self, message: SamplesPanel.Opened) -> None:
        self.push_screen(
            InspectorScreen(self.folder, message.sample_id, self.desk, self.panel.neighbour)
        )

    def on_samples_panel_siblings_wanted(self, message: SamplesPanel.SiblingsWanted) -> None:
        self.push_screen(SiblingsScreen(self.folder, message.problem_id, message.round, self.desk))

    @property
    def panel(self) -> SamplesPanel:
        return self.screen_stack[0].query_one(SamplesPanel)

    @property
    def table(self) -> SampleTable:
        return self.screen_stack[0].query_one(SampleTable)

    @property
    def title_text(self) -> str:
        return str(self.panel.border_title)

    @property
    def empty_text(self) -> str:
        if not self.panel.has_class("-empty"):
            return ""
        return str(self.panel.query_one(".empty", Static).render())

    @property
    def toasts(self) -> list[str]:
        return [note.message for note in self._notifications]

    def rows(self) -> list[str]:
        """Return what the table draws, its headings included."""
        return [self.table.render_line(y).text for y in range(self.table.size.height)]

    def ids(self) -> list[int]:
        return list(self.table.listing.ids)


async def listed(pilot: Pilot[Any], app: OnePanel) -> None:
    """Wait until the table shows all of what is asked for."""
    panel = app.panel
    await until(pilot, lambda: panel._coming is app.table.listing and app.table.listing.done)
    await pilot.pause()


async def ask(pilot: Pilot[Any], app: OnePanel, words: str) -> None:
    """Type a filter and wait for what it finds."""
    await pilot.press("slash", *(_KEYS.get(letter, letter) for letter in words), "enter")
    await pilot.pause()
    await listed(pilot, app)


_KEYS = {" ": "space", ":": "colon", "-": "minus", ".": "full_stop", ">": "greater_than_sign"}


def fitting(
    folder: Path, number: int, fits: Callable[[Any], bool], role: str = "train"
) -> list[int]:
    """Return the ids of a round's samples that fit."""
    study = open_study(folder)
    found = [s.id for s in study.round(number).samples(role=role) if fits(s)]
    study.close()
    return found
