"""Every main screen as it was when somebody last looked at it, on a large and a small terminal.

The study is made by the scripted parts, so that its numbers are the same everywhere; what
clocks and the machine put on the screens is fixed in a copy of it. `pictures.py` says how
a screen is written down.
"""

import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from pictures import SNAPSHOTS, check, picture_of, rows_of
from studies import first_sample
from textual.pilot import Pilot
from textual.widgets import Input
from waiting import settled, until, until_seen

import sitool
from sitool.models import loading
from sitool.planning import machines
from sitool.tui.app import SitoolApp
from sitool.tui.chart import Chart
from sitool.tui.compare import CompareScreen
from sitool.tui.dialogs import Choose
from sitool.tui.edit import EditScreen
from sitool.tui.export import ExportScreen
from sitool.tui.gap_screen import GapScreen
from sitool.tui.help import HelpScreen
from sitool.tui.inspector import InspectorScreen
from sitool.tui.new_study import NewStudyScreen
from sitool.tui.pairs import PairScreen, PairTable
from sitool.tui.settings import SettingsScreen
from sitool.tui.sharpening_screen import SharpeningScreen
from sitool.tui.siblings import SiblingsScreen
from sitool.tui.studies import StudiesScreen
from sitool.tui.theory_pages import PagesScreen
from sitool.tui.theory_screen import TheoryScreen

SIZES = {"120x40": (120, 40), "80x24": (80, 24)}
SOME_DAY = 1_700_000_000.0
FIXED = """
UPDATE rounds SET created = {day}, seconds = 8;
UPDATE metrics SET value = 2 WHERE name LIKE 'seconds_%';
UPDATE decisions SET time = {day} + 60 * id;
UPDATE events SET time = {day} + id;
UPDATE commands SET time = {day} + id;
"""
Open = Callable[[Pilot[None]], Awaitable[None]]


@pytest.fixture(scope="session")
def kept(two_rounds: Path) -> Iterator[Path]:
    """A folder of one length everywhere, with a study that people have ruled on."""
    with tempfile.TemporaryDirectory(prefix="sitool-", dir="/tmp") as name:
        shutil.copytree(two_rounds, Path(name) / "mine")
        study = sitool.open(Path(name) / "mine")
        study.reject(first_sample(study, 2, accepted=True).id, "lucky")
        wrong = first_sample(study, 2, passed=False, level=2)
        study.accept(wrong.id, "nearly right")
        study.note(wrong.id, "look at this again")
        study.close()
        yield Path(name)


@pytest.fixture
def _greenwich() -> Iterator[None]:
    """Show times as they are in Greenwich."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture
def folder(
    kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, _greenwich: None
) -> Iterator[Path]:
    """A fresh copy of that study, with the app in its folder."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    # What is measured of this machine would be on the screens.
    monkeypatch.setattr(machines, "known_rates", lambda threads: None)
    monkeypatch.setattr(machines, "measure_rates", lambda threads: None)
    monkeypatch.setattr(loading, "available_cores", lambda: 1)
    monkeypatch.delenv("NO_COLOR", raising=False)
    with tempfile.TemporaryDirectory(prefix="sitool-", dir="/tmp") as name:
        monkeypatch.chdir(name)
        yield Path(shutil.copytree(kept / "mine", Path(name) / "mine"))


@pytest.fixture
def judged_folder(
    judged_rounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, _greenwich: None
) -> Iterator[Path]:
    """A fresh copy of a study whose held-out samples are judged, with the app in its folder."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("NO_COLOR", raising=False)
    with tempfile.TemporaryDirectory(prefix="sitool-", dir="/tmp") as name:
        monkeypatch.chdir(name)
        yield Path(shutil.copytree(judged_rounds, Path(name) / "mine"))


def stop_clocks(folder: Path) -> None:
    """Give everything in a study a time of its own that is always the same."""
    with closing(sqlite3.connect(folder / "study.db")) as connection:
        connection.executescript(FIXED.format(day=SOME_DAY))
        connection.execute("UPDATE decisions SET author = 'jo'")
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    long_ago = time.time() - 100 * 86400 - 60
    for file in folder.glob("study.db*"):
        os.utime(file, (long_ago, long_ago))


def pressing(*keys: str, until_on: type) -> Open:
    """Open a screen by keys."""

    async def open_it(pilot: Pilot[None]) -> None:
        await pilot.press(*keys)
        await until(pilot, lambda: isinstance(pilot.app.screen, until_on))

    return open_it


async def stay(pilot: Pilot[None]) -> None:
    """Look at what is there."""


async def chart(pilot: Pilot[None]) -> None:
    """Look at a chart, with its keys at hand."""
    await pilot.press("1")
    pilot.app.screen.query_one(Chart).focus()


async def curriculum(pilot: Pilot[None]) -> None:
    """Look at the next round's mixture."""
    await pilot.press("m")


async def filtered(pilot: Pilot[None]) -> None:
    """Look at the filter while it is typed in."""
    await pilot.press("slash", *"overridden")
    pilot.app.screen.query_one(Input).cursor_blink = False
    await until_seen(pilot, "Samples of r0002 · overridden · 1-")


async def compare(pilot: Pilot[None]) -> None:
    """Look at two rounds."""
    await pressing("c", until_on=CompareScreen)(pilot)
    await until(pilot, lambda: pilot.app.screen.query_one(PairTable).pairs)


async def pair(pilot: Pilot[None]) -> None:
    """Look at one problem under two rounds."""
    await compare(pilot)
    await pressing("p", "enter", until_on=PairScreen)(pilot)


async def settings(pilot: Pilot[None]) -> None:
    """Look at a table of settings, one of which is changed."""
    await pressing("o", until_on=SettingsScreen)(pilot)
    await pilot.press("ctrl+f", *"draw.problems", "enter", "up")
    await until_seen(pilot, "● was 24")
    await pilot.press("ctrl+f", "ctrl+u")
    pilot.app.screen.query_one("#search", Input).cursor_blink = False
    await until_seen(pilot, "Samples of each problem", "1 change not applied yet", "next: about")


async def studies(pilot: Pilot[None]) -> None:
    """Look at the list of studies."""
    await pressing("q", until_on=StudiesScreen)(pilot)
    await until_seen(pilot, "r0002 solves")


async def new_study(pilot: Pilot[None]) -> None:
    """Look at the form of a new study."""
    await studies(pilot)
    await pressing("n", until_on=NewStudyScreen)(pilot)
    await until_seen(pilot, "A round takes")


async def theory(pilot: Pilot[None]) -> None:
    """Look at the theory beside the study."""
    await pressing("T", until_on=TheoryScreen)(pilot)
    screen = pilot.app.screen
    await until(pilot, lambda: screen.settled and screen.knobs.own_lengths)


async def bounds(pilot: Pilot[None]) -> None:
    """Look at the page of a bound."""
    await theory(pilot)
    await pressing("a", until_on=PagesScreen)(pilot)


SCREENS: dict[str, Open] = {
    "study": stay,
    "curriculum": curriculum,
    "chart": chart,
    "filter": filtered,
    "inspector": pressing("down", "enter", until_on=InspectorScreen),
    "edit": pressing("enter", "e", until_on=EditScreen),
    "siblings": pressing("v", until_on=SiblingsScreen),
    "compare": compare,
    "pair": pair,
    "settings": settings,
    "export": pressing("e", until_on=ExportScreen),
    "theory": theory,
    "bounds": bounds,
    "fork": pressing("f", until_on=Choose),
    "help": pressing("question_mark", until_on=HelpScreen),
    "studies": studies,
    "new-study": new_study,
}


async def gap(pilot: Pilot[None]) -> None:
    """Look at the gap of a judge that has one."""
    await pressing("g", until_on=GapScreen)(pilot)
    await until_seen(pilot, "cot_binary keeps")
    await pilot.press("down", "down", "down")
    await until_seen(pilot, "Go on: under majority")


async def gap_over_rounds(pilot: Pilot[None]) -> None:
    """Look at whether it closes."""
    await gap(pilot)
    await pilot.press("3")


async def truth(pilot: Pilot[None]) -> None:
    """Look at a judge against the truth."""
    await gap(pilot)
    await pilot.press("tab", "tab", "down", "right")


async def sharpening(pilot: Pilot[None]) -> None:
    """Look at what choosing by likelihood would bring."""
    await pressing("h", until_on=SharpeningScreen)(pilot)
    await until_seen(pilot, "Of 8 samples")


async def lifts(pilot: Pilot[None]) -> None:
    """Look at how much more often that is right."""
    await sharpening(pilot)
    await pilot.press("tab")


REPORTS: dict[str, Open] = {
    "gap": gap,
    "gap-rounds": gap_over_rounds,
    "gap-truth": truth,
    "sharpening": sharpening,
    "sharpening-lifts": lifts,
}
"""Screens of a study whose samples are judged."""


async def draw(pilot: Pilot[None]) -> None:
    """Wait until everything is where it stays."""
    await pilot.pause()
    await settled()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", SCREENS)
async def test_a_screen_is_as_it_was_seen_last(
    folder: Path, tmp_path: Path, name: str, size: str
) -> None:
    hidden = {str(folder.parent): "/tmp/sitool-........"}
    await is_as_it_was(folder, SCREENS[name], f"{name}-{size}", SIZES[size], tmp_path, hidden)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", REPORTS)
async def test_a_report_is_as_it_was_seen_last(
    judged_folder: Path, tmp_path: Path, name: str, size: str
) -> None:
    await is_as_it_was(judged_folder, REPORTS[name], f"{name}-{size}", SIZES[size], tmp_path, {})


async def is_as_it_was(
    folder: Path,
    go_there: Open,
    name: str,
    size: tuple[int, int],
    tmp_path: Path,
    hidden: dict[str, str],
) -> None:
    """Hold a screen of a study to its picture, and see that it fits itself to any terminal."""
    stop_clocks(folder)
    app = SitoolApp(folder, warm=False)
    async with app.run_test(size=size) as pilot:
        await until_seen(pilot, "Samples of r0002 · 1-")
        await go_there(pilot)
        await draw(pilot)
        check(app, name, tmp_path, hidden)
        await shrink_and_grow(app, pilot, size)


async def shrink_and_grow(app: SitoolApp, pilot: Pilot[None], size: tuple[int, int]) -> None:
    """Make the terminal tiny and as it was: everything is where it was before."""
    before, screen = picture_of(app), app.screen
    for width, height in ((40, 12), size):
        await pilot.resize_terminal(width, height)
        await until(pilot, lambda s=(width, height): size_of(app) == s)
        assert app.screen is screen
    await until(pilot, lambda: picture_of(app) == before)


def size_of(app: SitoolApp) -> tuple[int, int]:
    """Return how wide the widest row is that is drawn, and how many rows there are."""
    drawn = rows_of(app)
    return max(sum(segment.cell_length for segment in row) for row in drawn), len(drawn)


@pytest.mark.parametrize("size", SIZES)
async def test_a_round_in_review_is_as_it_was_seen_last(
    folder: Path, tmp_path: Path, size: str
) -> None:
    study = sitool.open(folder)
    study.step(to="select")
    study.reject(first_sample(study, 3, accepted=True).id, "lucky")
    study.close()
    stop_clocks(folder)
    app = SitoolApp(folder, warm=False)
    async with app.run_test(size=SIZES[size]) as pilot:
        await until_seen(pilot, "Samples of r0003 · 1-", "review: on", "waits before")
        await draw(pilot)
        check(app, f"review-{size}", tmp_path, {})


def test_every_picture_is_of_a_screen() -> None:
    names = {f"{name}-{size}" for name in (*SCREENS, *REPORTS, "review") for size in SIZES}
    assert {file.stem for file in SNAPSHOTS.glob("*")} == names


async def test_a_screen_is_exported_as_svg_with_all_its_words(folder: Path) -> None:
    stop_clocks(folder)
    app = SitoolApp(folder, warm=False)
    async with app.run_test(size=SIZES["120x40"]) as pilot:
        await until_seen(pilot, "Samples of r0002 · 1-")
        svg = app.export_screenshot()
    assert svg.startswith("<svg")
    for words in ("Rounds", "Signal", "Curriculum", "Samples", "accepted"):
        assert words in svg
