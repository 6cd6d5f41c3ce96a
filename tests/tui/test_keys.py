"""Keys that come faster than screens: typed ahead, in one go, they do what they do one by one."""

from pathlib import Path
from typing import Any

import pytest
from studies import create
from textual.widgets import Input, OptionList
from waiting import burst, until, until_seen

from sitool.process import end_engine
from sitool.tui import keys
from sitool.tui.app import SitoolApp
from sitool.tui.compare import CompareScreen
from sitool.tui.dialogs import Choose
from sitool.tui.inspector import InspectorScreen
from sitool.tui.settings import SettingsScreen
from sitool.tui.studies import StudiesScreen
from sitool.tui.study import StudyScreen

WIDE = (120, 40)


@pytest.fixture(autouse=True)
def _apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def app(study: Any) -> SitoolApp:
    return SitoolApp(study.folder, warm=False)


def inspected(app: SitoolApp) -> int | None:
    """Return which sample is shown in full."""
    screen = app.screen
    shown = isinstance(screen, InspectorScreen) and screen.sample
    return shown.id if shown else None


def enabled(screen: StudyScreen) -> set[str]:
    """Return the keys that do something now."""
    return {key for key, active in screen.active_bindings.items() if active.enabled}


async def test_keys_typed_before_the_study_is_read_wait_for_it(app: SitoolApp, study: Any) -> None:
    async with app.run_test(size=WIDE) as pilot:
        burst(pilot, "x", "down", "x", "o")
        await until(pilot, lambda: isinstance(app.screen, SettingsScreen))
        await until(pilot, lambda: study.round(2).summary().overruled == 2)
    first, second, *_ = study.round(2).samples()
    assert [s.id for s in study.round(2).samples(overruled=True)] == [first.id, second.id]


async def test_a_question_that_comes_up_gets_the_keys_that_follow(
    app: SitoolApp, study: Any
) -> None:
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "Samples of r0002 · 1-")
        burst(pilot, "e", "down", "tab")
        await until(pilot, lambda: isinstance(app.focused, Input))
        assert app.screen.query_one(OptionList).highlighted == 1
        assert str(app.screen.query_one(Input).value).endswith("samples-r0002.jsonl")


async def test_keys_after_one_that_leaves_a_screen_are_for_the_one_below(
    app: SitoolApp, study: Any
) -> None:
    samples = [s.id for s in study.round(2).samples()]
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "Samples of r0002 · 1-")
        burst(pilot, "enter", "right", "right", "escape", "down", "enter")
        await until(pilot, lambda: inspected(app) == samples[3])
        burst(pilot, "escape", "c", "escape", "f", "escape", "q")
        await until(pilot, lambda: isinstance(app.screen, StudiesScreen))


async def test_a_word_typed_ahead_reaches_the_filter_and_the_rows_it_finds(
    app: SitoolApp, study: Any
) -> None:
    failed = next(iter(study.round(2).samples(passed=False)))
    async with app.run_test(size=WIDE) as pilot:
        burst(pilot, "slash", *"failed", "enter", "x")
        await until(pilot, lambda: study.round(2).summary().overruled == 1)
        await until_seen(pilot, "Samples of r0002 · failed")
    assert study.sample(failed.id).ruling is not None


async def test_a_number_typed_ahead_reaches_its_setting(app: SitoolApp, study: Any) -> None:
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "Samples of r0002 · 1-")
        burst(pilot, "o", "ctrl+f", *"draw.problems", "enter", "9", "ctrl+s")
        await until(pilot, lambda: study.settings.draw.problems == 9)
        await until(pilot, lambda: isinstance(app.screen, StudyScreen))


async def test_a_screen_that_never_gets_ready_keeps_no_key_for_long(
    app: SitoolApp, study: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "Samples of r0002 · 1-")
        monkeypatch.setattr(keys, "PATIENCE_SECONDS", 0.1)
        (study.folder / "study.db").rename(study.folder / "elsewhere.db")
        burst(pilot, "f")
        await until(pilot, lambda: isinstance(app.screen, Choose))
        burst(pilot, "escape", "c")
        await until(pilot, lambda: isinstance(app.screen, CompareScreen))
        burst(pilot, "escape", "q")
        await until(pilot, lambda: isinstance(app.screen, StudiesScreen))


async def test_while_a_study_is_opened_its_keys_are_dim(tmp_path: Path) -> None:
    create(tmp_path / "new").close()
    app = SitoolApp(tmp_path / "new", warm=False)
    async with app.run_test(size=WIDE) as pilot:
        screen = app.screen
        assert isinstance(screen, StudyScreen)
        await until(pilot, lambda: screen._standing.look is not None)
        assert enabled(screen) >= {*"sorcfq", "question_mark"}
        screen._standing.look = None
        assert enabled(screen) & {*"sorcfq", "question_mark"} == {"q", "question_mark"}
    end_engine(tmp_path / "new")


async def test_enter_makes_the_demo_even_before_it_is_known_that_there_is_no_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app = SitoolApp(warm=False)
    async with app.run_test(size=WIDE) as pilot:
        burst(pilot, "enter")
        await until_seen(pilot, "demo-study", "Samples")
    end_engine(tmp_path / "demo-study")
