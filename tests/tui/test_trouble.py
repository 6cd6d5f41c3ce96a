"""What can go wrong around an open study: a lock, a folder that may not be written or that goes."""

import shutil
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from studies import folder_state, rows
from textual.pilot import Pilot
from textual.widgets import Static
from waiting import until, until_seen

from sitool.process import end_engine
from sitool.store import database
from sitool.tui.app import SitoolApp

WIDE = (120, 40)


@pytest.fixture(autouse=True)
def _apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("SITOOL_ENGINE", "process")


@pytest.fixture
async def app(study: Any) -> AsyncIterator[SitoolApp]:
    yield SitoolApp(study.folder, warm=False)
    if study.folder.exists():
        end_engine(study.folder)


async def shown(pilot: Pilot[None]) -> None:
    """Wait until the study is on the screen."""
    await until_seen(pilot, "Samples of r0002 · 1-")


def said(app: SitoolApp) -> list[str]:
    """Return what the app has to say at present."""
    return [note.message for note in app._notifications]


def answers(app: SitoolApp) -> str:
    """Return all that the app says, where lines are not yet broken."""
    shown = [str(place.render()) for place in app.screen.query(Static)]
    return "\n".join([*said(app), *shown])


# Another writer.


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Hold the right to write to a study, as a process does that writes much."""
    with closing(sqlite3.connect(folder / "study.db", isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


async def test_a_ruling_waits_for_another_writer_and_the_screen_does_not(
    app: SitoolApp, study: Any
) -> None:
    first, second, *_ = study.round(2).samples()
    async with app.run_test(size=WIDE) as pilot:
        await shown(pilot)
        with writing(study.folder):
            await pilot.press("x", "down", "a", "m", "1", "c", "escape", "slash", "escape", "home")
            await until_seen(pilot, "Samples of r0002 · 1-")
            assert not study.round(2).summary().overruled
            assert not said(app)
        await until(pilot, lambda: study.round(2).summary().overruled == 2)
        assert not any("locked" in words for words in said(app))
    assert study.sample(first.id).ruling.action == "reject"
    assert study.sample(second.id).ruling.action == "accept"


async def test_a_step_waits_for_another_writer(app: SitoolApp, study: Any) -> None:
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await shown(pilot)
        with writing(study.folder):
            await pilot.press("s", "down", "up")
            assert study.head.number == 2
        await until_seen(pilot, "r0003 ●")


async def test_a_writer_that_never_ends_is_said_and_nothing_is_done(
    app: SitoolApp, study: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.2)
    before = folder_state(study.folder)
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await shown(pilot)
        with writing(study.folder):
            for key in ("x", "right_square_bracket", "u"):
                app.clear_notifications()
                await pilot.press(key)
                await until(pilot, lambda: said(app))
                (words,) = said(app)
                assert "database is locked" in words
                assert words.endswith("try: again in a moment; another process is writing")
        assert folder_state(study.folder) == before
        assert rows(study.folder, "SELECT * FROM commands WHERE status = 'waiting'") == []
        await pilot.press("x")
        await until(pilot, lambda: study.round(2).summary().overruled == 1)


@pytest.mark.slow  # An engine waits ten seconds for another writer.
async def test_an_engine_that_may_not_write_is_said_with_what_to_do(
    app: SitoolApp, study: Any
) -> None:
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await shown(pilot)
        with writing(study.folder):
            await pilot.press("s")
            await until(pilot, lambda: said(app))
            assert "did not start: The database of" in said(app)[0]
            assert said(app)[0].endswith("try: again in a moment; another process is writing")
        await pilot.press("s")
        await until_seen(pilot, "r0003 ●")


# A folder that goes.


async def test_a_study_that_is_deleted_while_it_is_shown(app: SitoolApp, study: Any) -> None:
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await shown(pilot)
        shutil.rmtree(study.folder)
        await until(pilot, lambda: any("study.db was removed" in words for words in said(app)))
        for key in ("x", "s", "right_square_bracket", "u", "n"):
            app.clear_notifications()
            await pilot.press(key, *(["h", "m", "enter"] if key == "n" else []))
            await until(pilot, lambda: said(app))
            (words,) = said(app)
            assert words.startswith(f"{str(study.folder)!r} cannot be written: No such file")
            assert words.endswith("try: check that the folder is there and can be written")
        assert not study.folder.exists()
