"""What can go wrong around an open study: a lock, a folder that goes, a tiny window, wild texts."""

import shutil
import sqlite3
import unicodedata
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from disks import fill, mounted
from pictures import rows_of
from rich.cells import cell_len
from studies import folder_state, rows
from textual.pilot import Pilot
from textual.widgets import Static
from waiting import text_of, until, until_seen

from sitool.process import end_engine
from sitool.store import database
from sitool.tui.app import SitoolApp
from sitool.tui.help import HelpScreen
from sitool.tui.studies import StudiesScreen

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


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (("enter",), "There is no study in"),
        (("v",), "There is no study in"),
        (("c",), "Compare"),
        (("o", "ctrl+f", *"draw.problems", "enter", "9", "ctrl+s"), "cannot be written"),
        (("e", "down", "enter"), "cannot be written"),
        (("f", "enter"), "cannot be written"),
        (("slash", *"failed", "enter"), "Samples of r0002 · failed"),
        (("question_mark",), "A study improves a model"),
        (("q",), "There is no study in this folder any more"),
    ],
)
async def test_no_screen_breaks_where_a_study_is_deleted(
    app: SitoolApp, study: Any, keys: tuple[str, ...], words: str
) -> None:
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await shown(pilot)
        shutil.rmtree(study.folder)
        await pilot.press(*keys)
        await until(pilot, lambda: words in text_of(pilot) + answers(app))
        await pilot.press("escape", "escape", "q", "q")
        assert not study.folder.exists()


async def test_a_study_that_is_deleted_under_another_screen_is_said_there(
    app: SitoolApp, study: Any
) -> None:
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await shown(pilot)
        await pilot.press("enter")
        shutil.rmtree(study.folder)
        await until_seen(pilot, "study.db was removed")
        await pilot.press("x")
        await until_seen(pilot, "cannot be written: No such file")
        await pilot.press("right", "left", "k", "v", "escape", "escape", "q")
        await until(pilot, lambda: isinstance(app.screen, StudiesScreen))


# A full disk.


async def test_on_a_full_disk_everything_is_said_and_nothing_is_lost(
    study: Any, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    with mounted(disk, "size=3m"):
        folder = Path(shutil.copytree(study.folder, disk / "study"))
        app = SitoolApp(folder, warm=False)
        async with app.run_test(size=WIDE, notifications=True) as pilot:
            await shown(pilot)
            ballast = fill(disk)
            before = folder_state(folder)
            for keys in (
                ("x",), ("right_square_bracket",), ("u",), ("s",), ("e", "enter"),
                ("e", "down", "enter"), ("e", "end", "enter"), ("n", "m", "enter"),
            ):  # fmt: skip
                app.clear_notifications()
                await pilot.press(*keys)
                await until(pilot, lambda: said(app))
                (words,) = said(app)
                assert "full" in words or "No space left" in words, (keys, words)
                assert "free some disk space" in words, (keys, words)
            assert folder_state(folder) == before
            ballast.unlink()
            await pilot.press("x")
            await until(pilot, lambda: len(rows(folder, "SELECT id FROM decisions")) == 1)
            await pilot.press("s")
            await until_seen(pilot, "r0003 ●")
        end_engine(folder)


# Names and texts that are not what they seem.

WILD_NAME = "b][red]\x1b]0;pwned\x07\u202ez"


async def test_a_folder_of_any_name_is_shown_as_it_is(study: Any) -> None:
    above = study.folder.parent / "a["
    above.mkdir()
    folder = study.folder.rename(above / WILD_NAME)  # Its path ends in a[/b], as markup does.
    app = SitoolApp(folder, warm=False)
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await shown(pilot)
        assert "b][red]␛]0;pwned" in text_of(pilot)
        await pilot.press("e", "down", "enter")
        await until_seen(pilot, "Wrote 96 samples")
        shutil.rmtree(folder)
        await until_seen(pilot, "study.db was removed")
        assert not {"\x1b", "\x07", "\u202e"} & set(text_of(pilot))
        await pilot.press("q")
        await until_seen(pilot, "There is no study in this folder any more")
        assert not {"\x1b", "\x07", "\u202e"} & set(text_of(pilot))


TEXTS = {
    "controls": "".join(map(chr, range(32))) + "\x7f" + "".join(map(chr, range(0x80, 0xA0))),
    "escapes": "\x1b[2J\x1b[6;66H\x1b[31mred\x9b31m\x1bc",
    "titles": "\x1b]0;pwned\x07\x1b]52;c;cHduZWQ=\x1b\\\x1bP+q544e\x1b\\",
    "emoji": "🙂👨‍👩‍👧❤️🇨🇭👍🏽" * 9,
    "wide": "漢字かな交じり文" * 9,
    "right to left": "שלום \u202eעולם\u2066 العربية\u200f" * 5,
    "marks": "z̶̡̛͇̀́͂̃̄̅a" * 9,
    "markup": "[bold]b[/bold][/red][@click=app.quit]x[/]" * 3,
    "long": "a1\n" * 33_333,
    "nothing": "",
}


def put_everywhere(folder: Path) -> None:
    """Let a model have written these texts in turn, and people and verifiers have said them."""
    with closing(sqlite3.connect(folder / "study.db")) as connection:
        for turn, text in enumerate(TEXTS.values()):
            mine = f"% {len(TEXTS)} = {turn}"
            for sql in (
                f"UPDATE samples SET text = :text WHERE id {mine}",
                f"UPDATE problems SET prompt = :text || id, truth = :text WHERE id {mine}",
                f"UPDATE scores SET answer = :text, explanation = :text WHERE sample {mine}",
                f"UPDATE selections SET rule = :text WHERE sample {mine}",
                "INSERT INTO decisions (sample, action, text, reason, author, time)"
                " SELECT min(id), 'edit', :text, :text, :text, 0 FROM samples"
                f" WHERE round = 2 AND role = 'train' AND id {mine}",
            ):
                connection.execute(sql, {"text": text})
        connection.commit()


def assert_whole(app: SitoolApp) -> None:
    """Hold a screen to its size, and to signs on which no terminal acts."""
    for row in rows_of(app):
        line = "".join(segment.text for segment in row)
        assert cell_len(line) == app.size.width, repr(line)
        assert not any(unicodedata.category(letter) == "Cc" for letter in line), repr(line)
        assert not set("\u061c\u200e\u200f\u202a\u202d\u202e\u2066\u2069") & set(line), repr(line)


@pytest.mark.parametrize(
    "size",
    [
        WIDE,
        pytest.param((80, 24), marks=pytest.mark.slow),  # A quarter of a minute each.
        pytest.param((40, 12), marks=pytest.mark.slow),
    ],
)
async def test_whatever_a_model_writes_stays_in_its_place(
    study: Any, size: tuple[int, int]
) -> None:
    put_everywhere(study.folder)
    app = SitoolApp(study.folder, warm=False)
    async with app.run_test(size=size, notifications=True) as pilot:
        await shown(pilot)
        a_sample = (("enter",), ("t",), ("i", "pagedown"), ("escape", "down"))
        for keys in (
            ("end",), ("home",), *(len(TEXTS) * a_sample), ("e",), ("escape", "v"),
            ("down", "down"), ("escape", "c"), ("p", "down"), ("enter", "right", "down"),
            ("escape", "escape", "n"), ("escape", "question_mark"),
        ):  # fmt: skip
            await pilot.press(*keys)
            await pilot.pause()
            assert_whole(app)
        assert isinstance(app.screen, HelpScreen)
