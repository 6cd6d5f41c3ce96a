"""The screens that open above a study, each loaded when it is first wanted.

The study itself has a second until its first frame, and none of these is in it. What
this leaves out: which key opens which (`study.py`), and what they show.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from textual.screen import Screen

from sitool.events import Event
from sitool.front.desk import Look
from sitool.front.findings.kept import Findings
from sitool.front.standing import Standing
from sitool.plots import Plot
from sitool.store import SampleFilter
from sitool.tui.desk import Desk
from sitool.tui.report_screen import ReportScreen
from sitool.tui.samples import SamplesPanel


class Above:
    """Opens screens above a study.

    Args:
        home: The study's own screen.
        folder: The study.
        desk: Holds the study for all of them.
        standing: Where the person stands.
    """

    def __init__(self, home: Screen[None], folder: Path, desk: Desk, standing: Standing) -> None:
        self._home, self._folder = home, folder
        self._desk, self._standing = desk, standing
        self._findings = Findings()

    def follow(self, happened: Sequence[Event]) -> None:
        """Forget what is not so any more, and tell the reports on the screen."""
        changed = self._findings.follow(happened)
        for screen in self._home.app.screen_stack:
            if isinstance(screen, ReportScreen):
                screen.follow(happened, changed=changed)

    def compare(self, look: Look, head: int) -> None:
        """Compare the head with the shown round, or with the end of another branch."""
        from sitool.tui.compare import CompareScreen, other_end

        shown = head if self._standing.shown is None else self._standing.shown
        if not look.summary.round(shown).round.finished:
            shown = head
        first = other_end(look.summary, shown) if shown == head else shown
        self._open(CompareScreen(first, head, self._desk))

    def gap(self) -> None:
        """Look at the generation-verification gap of the shown round."""
        from sitool.tui.gap_screen import GapScreen

        self._open(GapScreen(self._folder, self._standing, self._desk, self._findings))

    def sharpening(self) -> None:
        """Look at what choosing by its own likelihood would bring the shown round."""
        from sitool.tui.sharpening_screen import SharpeningScreen

        self._open(SharpeningScreen(self._folder, self._standing, self._desk, self._findings))

    def theory(self) -> None:
        """Lay the theory over the branch of the shown round."""
        from sitool.tui.theory_screen import TheoryScreen

        self._open(TheoryScreen(self._desk, self._standing.shown))

    def settings(self, look: Look) -> None:
        """Look at the settings, and change them for the next round."""
        from sitool.tui.settings import SettingsScreen

        self._open(SettingsScreen(look, self._desk.ask))

    def export(self, plot: Plot, where: SampleFilter | None) -> None:
        """Write the chart, the samples or a screenshot to a file."""
        from sitool.tui.export import ExportScreen

        self._open(ExportScreen(self._folder, self._standing.shown, plot, where, self._desk))

    def inspector(self, sample_id: int, samples: SamplesPanel) -> None:
        """Show a sample in full."""
        from sitool.tui.inspector import InspectorScreen

        self._open(InspectorScreen(self._folder, sample_id, self._desk, samples.neighbour))

    def siblings(self, problem_id: int, round_id: int) -> None:
        """Show all samples of one problem."""
        from sitool.tui.siblings import SiblingsScreen

        self._open(SiblingsScreen(self._folder, problem_id, round_id, self._desk))

    def _open(self, screen: Screen[Any]) -> None:
        self._home.app.push_screen(screen)
