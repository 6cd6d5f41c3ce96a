"""The study screen as a person drives it, with a real engine behind it."""

import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from patience import Stopwatch
from studies import create, rows
from textual.widgets import Input
from waiting import text_of, until, until_seen

import sitool
from sitool.front.desk import Looked, Told
from sitool.process import end_engine, engine_pid
from sitool.tui.app import SitoolApp
from sitool.tui.charts import ChartPanel
from sitool.tui.compare import CompareScreen
from sitool.tui.curriculum import CurriculumPanel
from sitool.tui.desk import Done
from sitool.tui.dialogs import Choose
from sitool.tui.export import ExportScreen
from sitool.tui.help import HelpScreen
from sitool.tui.inspector import InspectorScreen
from sitool.tui.rounds import RoundTree
from sitool.tui.samples import SamplesPanel
from sitool.tui.settings import SettingsScreen
from sitool.tui.studies import StudiesScreen
from sitool.tui.study import StudyScreen
from sitool.tui.tabs import PanelTabs

Drive = Callable[..., Any]
WIDE, SMALL = (120, 40), (80, 24)


@pytest.fixture(autouse=True)
def _apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("SITOOL_ENGINE", "process")


@pytest.fixture
async def app(study: sitool.client.Study) -> AsyncIterator[SitoolApp]:
    yield SitoolApp(study.folder, warm=False)
    end_engine(study.folder)


async def test_a_step_shows_its_phases_and_its_round(app: SitoolApp, study: Any) -> None:
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await until_seen(pilot, "r0002 ●", "Accuracy", "Signal", "Curriculum", "Samples")
        await pilot.press("s")
        await until_seen(pilot, "r0003 ●", "r0003 is done: accuracy 0.35")
        assert study.head.number == 3
        await until_seen(pilot, "The engine is ready")


async def test_review_pauses_and_trains_on_what_was_left(app: SitoolApp, study: Any) -> None:
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "r0002 ●")
        await pilot.press("r", "s")
        await until_seen(pilot, "waits before train", "it will train on")
        kept = next(iter(study.round(3).samples(accepted=True)))
        pilot.app.screen.query_one(SamplesPanel).focus()
        study.reject(kept.id, "lucky")
        await until_seen(pilot, "(-1 by you)")
        await pilot.press("s")
        await until_seen(pilot, "r0003 ●")
        assert not study.sample(kept.id).accepted


async def test_a_key_in_the_table_rejects_and_is_written_down(app: SitoolApp, study: Any) -> None:
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "r0002 ●", "Samples of r0002 · 1-")
        await pilot.press("x")
        await until(pilot, lambda: study.round(2).summary().overruled == 1)
        await until_seen(pilot, "✎1")


async def test_difficulty_goes_up_and_down_and_is_recorded(app: SitoolApp, study: Any) -> None:
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "r0002 ●")
        await pilot.press("right_square_bracket")
        await until_seen(pilot, "moved 1 harder")
        await pilot.press("s")
        await until_seen(pilot, "r0003 ●")
        assert study.round(3).settings.curriculum.shift == 1
        await pilot.press("left_square_bracket")
        await until(pilot, lambda: study.settings.curriculum.shift == 0)


async def test_undo_and_fork_move_the_head(app: SitoolApp, study: Any) -> None:
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "r0002 ●")
        await pilot.press("u")
        await until_seen(pilot, "r0001 ●")
        pilot.app.screen.query_one(RoundTree).query_one("OptionList").focus()
        await pilot.press("f")
        assert isinstance(pilot.app.screen, Choose)
        await pilot.press("down", "down", "enter")
        await until(pilot, lambda: study.settings.curriculum.rule == "fixed")
        await pilot.press("s")
        await until_seen(pilot, "r0003 ●")
        assert study.round(3).record.parent == 1


async def test_looking_at_an_older_round_stays_there_while_another_runs(
    app: SitoolApp, study: Any
) -> None:
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "r0002 ●")
        pilot.app.screen.query_one(RoundTree).query_one("OptionList").focus()
        await pilot.press("up")
        await until_seen(pilot, "Samples of r0001")
        study.step(inline=False)
        await until_seen(pilot, "r0003 ●")
        assert "Samples of r0001" in text_of(pilot)


def looks_after_the_death_of(engine: int, app: SitoolApp) -> list[bool]:
    """Return a list that gets, for every look the desk begins from then on, if death was told."""
    screen = app.screen
    assert isinstance(screen, StudyScreen)
    desk, deaths, told = screen._desk, list[Told](), list[bool]()
    look, post = desk._look, desk._post

    def is_dead() -> bool:
        try:
            how = os.waitid(os.P_PID, engine, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return True
        return how is not None

    def posting(said: Told) -> object:
        if isinstance(said, Looked) and said.look.died:
            deaths.append(said)
        return post(said)

    def looking(study: sitool.client.Study, *, first: bool) -> None:
        after = is_dead()
        look(study, first=first)
        if after and not (told and told[-1]):
            told.append(bool(deaths))

    desk._post, desk._look = posting, looking  # type: ignore[method-assign]
    return told


async def test_a_killed_engine_shows_as_such_and_s_goes_on(tmp_path: Path) -> None:
    study = create(tmp_path / "slow", "draw.problems=3000", "draw.samples=8")
    study.run(0)
    app = SitoolApp(study.folder, warm=False)
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "r0000 ●")
        await pilot.press("s")
        await until(pilot, lambda: study.summary().open == 1)
        await until_seen(pilot, "▸")
        engine = engine_pid(study.folder)
        assert engine is not None
        told = looks_after_the_death_of(engine, app)
        stopwatch = Stopwatch(engine)
        os.kill(engine, signal.SIGKILL)
        await until_seen(pilot, "The engine ended", "Press s")
        assert stopwatch.seconds < 2.0
        assert told in ([], [True]), "the first look after a death tells of it"
        await pilot.press("s")
        await until_seen(pilot, "under way")
        await pilot.press("p")
        await until_seen(pilot, "waits before")
        await pilot.press("s")
        await until_seen(pilot, "r0001 ●")
    end_engine(study.folder)
    study.close()


async def test_a_step_during_a_round_is_refused_with_a_word_and_waits_nowhere(
    tmp_path: Path,
) -> None:
    study = create(tmp_path / "slow", "draw.problems=3000", "draw.samples=8")
    study.run(0)
    async with SitoolApp(study.folder, warm=False).run_test(size=WIDE, notifications=True) as pilot:
        await until_seen(pilot, "r0000 ●")
        await pilot.press("s")
        await until_seen(pilot, "under way; p stops")
        for key in ("s", "u", "f"):
            await pilot.press(key)
            await until_seen(pilot, "A round is under way: p stops it")
        await pilot.press("p")
        await until_seen(pilot, "waits before")
        await until(pilot, lambda: not study.busy)
        assert study.summary().open == 1
        assert study.engine_pid is not None
    asked = rows(study.folder, "SELECT kind, status FROM commands ORDER BY id")
    assert asked == [("step", "done"), ("step", "stopped"), ("stop", "stopped")]
    end_engine(study.folder)
    study.close()


async def test_at_the_last_notch_the_difficulty_stays_and_says_so(
    app: SitoolApp, study: Any
) -> None:
    study.curriculum.set(rule="manual", weights={8: 1.0})
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await until_seen(pilot, "manual")
        await pilot.press("right_square_bracket")
        await until_seen(pilot, "It cannot get any harder")
        assert study.settings.curriculum.shift == 0


async def test_a_slash_filters_samples_wherever_the_focus_is(app: SitoolApp, study: Any) -> None:
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "r0002 ●")
        await pilot.press("m", "slash", *"failed", "enter")
        await until_seen(pilot, "Samples of r0002 · failed")
        assert study.head.number == 2


async def test_two_apps_on_one_study_see_each_other(study: Any) -> None:
    one, two = SitoolApp(study.folder, warm=False), SitoolApp(study.folder, warm=False)
    async with one.run_test(size=WIDE) as first, two.run_test(size=WIDE) as second:
        await until_seen(first, "r0002 ●")
        await until_seen(second, "r0002 ●")
        await first.press("s")
        await until_seen(second, "r0003 ●")
        await second.press("right_square_bracket")
        await until_seen(first, "moved 1 harder")
    end_engine(study.folder)


async def test_on_a_small_terminal_tabs_choose_the_panel(app: SitoolApp, study: Any) -> None:
    async with app.run_test(size=SMALL) as pilot:
        await until_seen(pilot, "samples", "Samples of r0002")
        for key, kind in (("1", ChartPanel), ("m", CurriculumPanel)):
            await pilot.press(key)
            await pilot.pause()
            assert pilot.app.screen.query_one(kind).region.area > 80 * 12
        await pilot.press("tab")
        for name in ("rounds", "signal", "samples", "charts"):
            assert pilot.app.screen.query_one(PanelTabs).chosen == name
            assert pilot.app.screen.query_one(f"#{name}").display
            await pilot.press("tab")
        await pilot.press("shift+tab", "shift+tab", "shift+tab")
        assert pilot.app.screen.query_one(PanelTabs).chosen == "signal"
        await pilot.resize_terminal(40, 12)
        await pilot.pause()
        await pilot.resize_terminal(120, 40)
        await until_seen(pilot, "Rounds", "Signal", "Curriculum", "Samples of r0002")


@pytest.mark.parametrize(
    ("key", "screen"),
    [
        ("question_mark", HelpScreen),
        ("c", CompareScreen),
        ("o", SettingsScreen),
        ("e", ExportScreen),
        ("enter", InspectorScreen),
    ],
)
@pytest.mark.parametrize("size", [WIDE, SMALL])
async def test_every_screen_opens_and_closes(
    app: SitoolApp, study: Any, key: str, screen: type, size: tuple[int, int]
) -> None:
    async with app.run_test(size=size) as pilot:
        await until_seen(pilot, "Samples of r0002 · 1-")
        await pilot.press(key)
        await until(pilot, lambda: isinstance(pilot.app.screen, screen))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, StudyScreen))


async def test_leaving_a_study_shows_the_studies_and_the_engine_works_on(
    app: SitoolApp, study: Any
) -> None:
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "r0002 ●")
        await pilot.press("s", "q")
        await until(pilot, lambda: isinstance(pilot.app.screen, StudiesScreen))
        await until(pilot, lambda: study.head.number == 3)


async def test_an_answer_that_comes_while_the_app_ends_is_for_nobody(
    app: SitoolApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Screens are taken down from the top, so the study screen still hears what they asked for."""
    came: list[str] = []
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "Samples of r0002 · 1-")
        home = app.screen

        def answer(self: SettingsScreen) -> None:
            came.append("the answer")
            home.post_message(Done(self._say_estimate, "next: about 1 s"))

        monkeypatch.setattr(SettingsScreen, "on_unmount", answer, raising=False)
        await pilot.press("o")
        await until(pilot, lambda: isinstance(app.screen, SettingsScreen))
    assert came == ["the answer"]


async def test_a_folder_without_a_study_is_said_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app = SitoolApp()
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await until_seen(pilot, "There are no studies yet.")
        app.open_study(tmp_path / "nothing")
        await until_seen(pilot, "There is no study in")
        assert isinstance(pilot.app.screen, StudiesScreen)


@pytest.mark.parametrize(
    ("choice", "file"),
    [(0, "accuracy-r0002.svg"), (1, "samples-r0002.jsonl"), (2, "samples-r0002.csv"),
     (3, "screen-r0002.svg")],
)  # fmt: skip
async def test_what_is_shown_is_written_to_a_file(
    app: SitoolApp, study: Any, choice: int, file: str
) -> None:
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await until_seen(pilot, "Samples of r0002 · 1-")
        await pilot.press("e", *["down"] * choice, "enter")
        await until(pilot, (study.folder / file).exists)
        await until_seen(pilot, "Wrote")
    written = (study.folder / file).read_text(encoding="utf-8")
    assert written.startswith("<svg") == (choice in (0, 3))
    assert "http" not in written.replace("http://www.w3.org", "")
    if choice == 1:
        assert written.count("\n") == study.round(2).summary().sampled


async def test_a_file_that_cannot_be_written_is_said(app: SitoolApp, study: Any) -> None:
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await until_seen(pilot, "Samples of r0002 · 1-")
        await pilot.press("e", "tab")
        await until(pilot, lambda: isinstance(pilot.app.focused, Input))
        pilot.app.screen.query_one(Input).value = "/proc/nowhere/chart.svg"
        await pilot.press("enter")
        await until_seen(pilot, "cannot be written")
