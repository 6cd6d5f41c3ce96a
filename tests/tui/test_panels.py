"""The panels of the study screen, each alone in an app, on real studies."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from studies import create
from textual.app import App, ComposeResult
from textual.widget import Widget
from textual.widgets import OptionList

from sitool.client import Study
from sitool.front.desk import Look
from sitool.progress import Progress
from sitool.study.lineage import tree_lines
from sitool.tui.compare import other_end
from sitool.tui.curriculum import CurriculumPanel
from sitool.tui.desk import Desk, Looked
from sitool.tui.dialogs import Ask, Choose, Write
from sitool.tui.help import HelpScreen
from sitool.tui.rounds import RoundTree
from sitool.tui.status import HeaderLine, PhaseBar, SignalPanel
from sitool.tui.tabs import PanelTabs


def look_of(study: Study, **changes: Any) -> Look:
    """Return how a study looks, as a desk says it."""
    said: list[Looked] = []
    desk = Desk(study.folder, lambda m: said.append(m) if isinstance(m, Looked) else None)
    desk.start()
    desk.close()
    look = said[0].look
    return look.__class__(**{f: changes.get(f, getattr(look, f)) for f in look.__slots__})


class OnePanel(App[None]):
    """Shows one panel and keeps what it says."""

    def __init__(self, panel: Widget) -> None:
        super().__init__()
        self.panel = panel
        self.said: list[Any] = []

    def compose(self) -> ComposeResult:
        yield self.panel

    def on_round_tree_shown(self, message: RoundTree.Shown) -> None:
        self.said.append(message.number)

    def on_panel_tabs_chosen(self, message: PanelTabs.Chosen) -> None:
        self.said.append(message.name)

    def on_curriculum_panel_changed(self, message: CurriculumPanel.Changed) -> None:
        self.said.append(message.changes)

    def text(self) -> str:
        return "\n".join(
            "".join(segment.text for segment in strip)
            for strip in self.screen._compositor.render_strips()
        )


@pytest.fixture
def forked(tmp_path: Path) -> Iterator[Study]:
    """A study with rounds 0-1-2, a fork 0-3-4 whose tip is the head."""
    study = create(tmp_path / "forked")
    study.run(2)
    study.fork(0)
    study.run(2)
    yield study
    study.close()


def test_the_heads_branch_runs_straight_down_and_forks_stand_aside(forked: Study) -> None:
    lines = [(line.round.round.id, line.stem) for line in tree_lines(forked.summary())]
    assert lines == [(0, ""), (1, "├ "), (2, "│ "), (3, ""), (4, "")]
    forked.fork(2)
    lines = [(line.round.round.id, line.stem) for line in tree_lines(forked.summary())]
    assert lines == [(0, ""), (3, "├ "), (4, "│ "), (1, ""), (2, "")]


async def test_the_tree_shows_every_round_and_says_which_is_chosen(forked: Study) -> None:
    app = OnePanel(RoundTree())
    async with app.run_test(size=(30, 12)) as pilot:
        app.panel.look(look_of(forked), 4)
        await pilot.pause()
        assert "r0004 ●" in app.text()
        assert app.said == [], "putting the cursor on the shown round is no choice"
        app.query_one(OptionList).focus()
        await pilot.press("up")
        assert app.said == [3]
        app.panel.look(look_of(forked), 3)
        await pilot.pause()
        assert app.said == [3]


def test_the_head_is_compared_with_the_end_of_another_branch(forked: Study) -> None:
    assert [other_end(forked.summary(), head) for head in (4, 3, 2, 1)] == [2, 2, 4, 4]
    assert other_end(forked.summary(), 0) == 0


async def test_a_cursor_that_was_moved_stays_when_a_look_comes_at_the_same_moment(
    forked: Study,
) -> None:
    app, look = OnePanel(RoundTree()), look_of(forked)
    async with app.run_test(size=(30, 12)) as pilot:
        app.panel.look(look, 4)
        await pilot.pause()
        options = app.query_one(OptionList)
        options.highlighted = 1  # By a key; the panel is told a moment later.
        app.panel.look(look, 4)
        await pilot.pause()
        assert options.highlighted == 1
        assert app.said == [tree_lines(look.summary)[1].round.round.id]


async def test_on_a_very_small_terminal_the_chosen_tab_is_still_named() -> None:
    names = ("samples", "charts", "curriculum", "rounds", "signal")
    app = OnePanel(PanelTabs(names))
    async with app.run_test(size=(40, 12)) as pilot:
        for name in names:
            app.panel.choose(name)
            await pilot.pause()
            assert name in app.text()
        await pilot.click(app.panel, offset=(app.text().index("cur"), 0))
        assert app.said[-1] == "curriculum"


async def test_a_round_that_is_not_measured_shows_the_success_it_started_from(
    forked: Study,
) -> None:
    before = look_of(forked)
    forked.step(to="select")
    app = OnePanel(CurriculumPanel())
    async with app.run_test(size=(110, 12)) as pilot:
        app.panel.look(before, 4)
        await pilot.pause()
        success = [line for line in app.text().splitlines() if "success" in line]
        app.panel.look(look_of(forked), 5)
        await pilot.pause()
        assert [line for line in app.text().splitlines() if "success" in line] == success
        assert "·" not in success[0]


@pytest.mark.parametrize("width", [120, 80, 60])
async def test_the_header_always_says_which_round_is_looked_at(forked: Study, width: int) -> None:
    app = OnePanel(HeaderLine())
    async with app.run_test(size=(width, 4)) as pilot:
        app.panel.reviewing = width >= 80
        app.panel.look(look_of(forked), 3)
        await pilot.pause()
        assert "looking at r0003" in app.text()
        assert ("seed 0" in app.text()) == (width == 120)


@pytest.mark.parametrize("question", [Ask("Is it? " * 30), Choose("Which? " * 30, [("a", "one")]),
                                      Write("What? " * 30)])  # fmt: skip
async def test_a_long_question_is_shown_in_full(question: Any) -> None:
    app = OnePanel(SignalPanel())
    async with app.run_test(size=(60, 30)) as pilot:
        app.push_screen(question)
        await pilot.pause()
        word = question._question.split()[0]
        assert app.text().count(word) == 30


async def test_the_curriculum_is_moved_by_keys(forked: Study) -> None:
    app = OnePanel(CurriculumPanel())
    async with app.run_test(size=(110, 12)) as pilot:
        app.panel.look(look_of(forked), 4)
        app.panel.focus()
        await pilot.press("right", "up")
        change = app.said[-1]
        assert change["rule"] == "manual"
        before = forked.plan().weights
        assert change["weights"][2] == pytest.approx(before[2] + 0.05, abs=1e-3)
        assert {k: w for k, w in change["weights"].items() if k != 2} == pytest.approx(
            {k: w for k, w in before.items() if k != 2}, abs=1e-3
        )
        await pilot.press("t")
        assert app.said[-1] == {"rule": "fixed"}
        forked.curriculum.set(**change)
        assert forked.plan().weights[2] > before[2]


async def test_a_click_on_a_bar_sets_its_weight(forked: Study) -> None:
    app = OnePanel(CurriculumPanel())
    async with app.run_test(size=(110, 12)) as pilot:
        app.panel.look(look_of(forked), 4)
        await pilot.pause()
        width = app.panel._column_width()
        await pilot.click(offset=(2 + 9 + 4 * width + 1, 1))
        weights = app.said[-1]["weights"]
        assert weights[5] == max(weights.values())


async def test_the_curriculum_before_the_base_is_measured_says_what_to_do(tmp_path: Path) -> None:
    study = create(tmp_path / "new")
    app = OnePanel(CurriculumPanel())
    async with app.run_test(size=(80, 12)) as pilot:
        app.panel.look(look_of(study), None)
        await pilot.pause()
        assert "Step once" in app.text()
        app.panel.focus()
        await pilot.press("up")
        assert app.said == []
    study.close()


async def test_the_signal_names_shares_acceptance_and_a_key(forked: Study) -> None:
    app = OnePanel(SignalPanel())
    async with app.run_test(size=(60, 24)) as pilot:
        app.panel.look(look_of(forked), 4)
        await pilot.pause()
        text = app.text()
        summary = forked.round(4).summary()
        assert f"accepted  {summary.accepted} of {summary.sampled}" in text
        assert "mixed" in text
        assert "Press" in text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"died": True}, "The engine ended"),
        ({"engine": None}, "No engine is running"),
        ({"engine": 4711}, "process 4711"),
    ],
)
async def test_the_phase_bar_says_how_the_engine_is(
    forked: Study, changes: dict[str, Any], words: str
) -> None:
    app = OnePanel(PhaseBar())
    async with app.run_test(size=(100, 4)) as pilot:
        app.panel.look(look_of(forked, **changes), 4)
        await pilot.pause()
        assert words in app.text()


async def test_the_phase_bar_follows_a_round(forked: Study) -> None:
    app = OnePanel(PhaseBar())
    async with app.run_test(size=(120, 4)) as pilot:
        app.panel.look(look_of(forked, working=True, engine=1), 4)
        progress = Progress(lambda _: {})
        for event in forked.stream_rounds(1):
            progress.follow(event)
            if event.kind == "StepTrained":
                break
        app.panel.follow(progress)
        await pilot.pause()
        text = app.text()
        assert "✓ sample" in text
        assert "▸ train" in text
        assert "loss" in text


async def test_before_the_next_round_begins_nothing_is_shown_of_the_last(forked: Study) -> None:
    app = OnePanel(PhaseBar())
    async with app.run_test(size=(120, 4)) as pilot:
        progress = Progress(lambda _: {})
        for event in forked.stream_rounds(1):
            progress.follow(event)
        app.panel.look(look_of(forked, working=True, engine=1), 4)
        app.panel.follow(progress)
        await pilot.pause()
        assert "The engine is at work" in app.text()
        assert "evaluate" not in app.text()


async def test_a_paused_round_says_how_to_go_on(forked: Study) -> None:
    forked.step(to="select")
    app, look = OnePanel(PhaseBar()), look_of(forked)
    assert look.review is not None
    async with app.run_test(size=(100, 4)) as pilot:
        app.panel.look(look, 5)
        await pilot.pause()
        assert f"waits before training: it will train on {look.review.total}" in app.text()


async def test_help_explains_every_panel_and_key() -> None:
    app = OnePanel(SignalPanel())
    async with app.run_test(size=(100, 60)) as pilot:
        app.push_screen(HelpScreen([app.panel], [("s", "Run a round.")]))
        await pilot.pause()
        text = app.text()
        assert "Signal" in text
        assert "Run a round." in text
        assert "arXiv 2602.10014" in text
        await pilot.press("escape")
        assert not isinstance(app.screen, HelpScreen)


async def test_questions_are_answered_by_key() -> None:
    app = OnePanel(SignalPanel())
    answers: list[Any] = []
    async with app.run_test(size=(100, 30)) as pilot:
        app.push_screen(Ask("Delete it?"), answers.append)
        await pilot.press("enter")
        app.push_screen(Ask("Delete it?"), answers.append)
        await pilot.press("y")
        app.push_screen(Choose("Which?", [("a", "one"), ("b", "two")]), answers.append)
        await pilot.press("down", "enter")
        app.push_screen(Write("Why?"), answers.append)
        await pilot.press("o", "k", "enter")
        app.push_screen(Write("Why?"), answers.append)
        await pilot.press("escape")
    assert answers == [False, True, "b", "ok", None]
