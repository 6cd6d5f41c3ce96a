"""Screens that show a report, as they are opened from the study screen."""

from typing import Any, TypeVar

from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Static
from waiting import until

from sitool.tui.help import HelpScreen
from sitool.tui.report_screen import ReportScreen
from sitool.tui.study import StudyScreen

Report = TypeVar("Report", bound=ReportScreen)


async def report_opened(pilot: Pilot[Any], key: str, kind: type[Report]) -> Report:
    """Open a report of the shown round by its key, and wait until it is worked out."""
    await until(pilot, lambda: isinstance(pilot.app.screen, StudyScreen))
    await until(pilot, lambda: not pilot.app.screen.settling)  # type: ignore[attr-defined]
    await pilot.press(key)
    await until(pilot, lambda: isinstance(pilot.app.screen, kind))
    screen = pilot.app.screen
    assert isinstance(screen, kind)
    await until(pilot, lambda: not screen.settling)
    await pilot.pause()
    return screen


async def parts_by_tab(pilot: Pilot[Any], screen: ReportScreen) -> list[list[str | None]]:
    """Press Tab once for each part, and return those that could be seen before."""
    seen = []
    for _ in screen.parts:
        shown = [part for part in screen.query(".part") if part.region.area]
        assert all(part.region.width == pilot.app.size.width for part in shown)
        seen.append([part.id for part in shown])
        await pilot.press("tab")
        await pilot.pause()
    return seen


async def help_said(pilot: Pilot[Any]) -> str:
    """Ask for help, and return what it says of the screen's parts."""
    await pilot.press("question_mark")
    screen = pilot.app.screen
    assert isinstance(screen, HelpScreen)
    return " ".join(text for _, text in screen._parts)


def words(screen: Screen[Any], selector: str) -> str:
    """Return what one line of a screen says."""
    return str(screen.query_one(selector, Static).render())
