"""The Theory screen: knobs move curves, a study sets knobs, and the newest setting wins."""

import threading
from typing import Any

import numpy as np
import pytest
from own_desk import OwnDesk
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Static
from waiting import text_of, until

from sitool import lab
from sitool.client import Study
from sitool.front import pages, workbench
from sitool.front.findings import theory
from sitool.front.workbench import Knobs
from sitool.plots import Plot
from sitool.tui.help import HelpScreen
from sitool.tui.knob import Knob
from sitool.tui.theory_pages import PagesScreen
from sitool.tui.theory_screen import KNOBS, LiveChart, TheoryScreen


class Theories(App[None]):
    def __init__(self, study: Study | None = None) -> None:
        super().__init__()
        self.theory = TheoryScreen(None if study is None else OwnDesk(study))

    def on_mount(self) -> None:
        self.push_screen(self.theory)


async def ready(pilot: Pilot[None]) -> TheoryScreen:
    app = pilot.app
    assert isinstance(app, Theories)
    await until(pilot, lambda: app.theory.is_mounted and app.theory.scene is not None)
    await until(pilot, lambda: app.theory.settled)
    return app.theory


def said(screen: TheoryScreen) -> str:
    return str(screen.query_one("#reading", Static).render())


def curve(plot: Plot, label: str) -> np.ndarray:
    return next(line.y for line in plot.lines if line.label == label)


async def test_a_knob_moves_the_curve_and_the_bound() -> None:
    async with Theories().run_test(size=(120, 40)) as pilot:
        screen = await ready(pilot)
        before = screen.query_one(LiveChart).plot
        assert curve(before, "sitool bound")[-1] == 0
        await pilot.press("down", "down", "end")
        await until(pilot, lambda: screen.settled)
        after = screen.query_one(LiveChart).plot
        assert screen.knobs.prompts == 1024
        assert (curve(after, "adaptive")[1:3] > curve(before, "adaptive")[1:3]).all()
        expected = lab.easy_to_hard(0.6, [1, 2, 4, 8, 16], 1e4, 0.1 / 12, 1024, 12)
        np.testing.assert_allclose(curve(after, "sitool bound"), expected.success(16))
        assert "The sitool bound guarantees 0.97" in said(screen)


@pytest.mark.parametrize("name", KNOBS)
async def test_every_knob_turns_by_key_wheel_and_mouse(name: str) -> None:
    async with Theories().run_test(size=(120, 40)) as pilot:
        screen = await ready(pilot)
        knob = screen.query_one(f"#knob-{name}", Knob)
        knob.focus()
        await pilot.press("home")
        values = KNOBS[name][1]
        assert getattr(screen.knobs, name) == values[0]
        await pilot.press("right")
        assert getattr(screen.knobs, name) == values[1]
        await pilot.click(knob, offset=(knob.size.width - 1, 0))
        assert getattr(screen.knobs, name) == values[-1]
        knob.action_turn(-1)
        await until(pilot, lambda: screen.settled and getattr(screen.knobs, name) == values[-2])
        assert screen.scene is not None
        assert screen.scene.knobs == screen.knobs


async def test_the_newest_setting_wins_and_those_between_are_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[int] = []
    gate = threading.Event()

    def slowly(knobs: Knobs) -> workbench.Scene:
        made.append(knobs.prompts)
        if len(made) == 2:
            assert gate.wait(60)
        return workbench.make_scene(knobs)

    monkeypatch.setattr(theory, "make_scene", slowly)
    async with Theories().run_test(size=(120, 40)) as pilot:
        screen = await ready(pilot)
        screen.query_one("#knob-prompts", Knob).focus()
        await pilot.press("right")
        await until(pilot, lambda: len(made) == 2)
        await pilot.press(*["right"] * 5)
        gate.set()
        await until(pilot, lambda: screen.settled)
        assert made == [64, 96, 512]
        assert screen.scene is not None
        assert screen.scene.knobs.prompts == 512


async def test_a_study_sets_the_knobs_and_lays_its_points_over(study: Study) -> None:
    found = study.theory()
    async with Theories(study).run_test(size=(120, 40)) as pilot:
        screen = await ready(pilot)
        knobs = screen.knobs
        assert knobs.initial == pytest.approx(found.rounds[0].fit.skill[0], abs=1e-3)
        assert list(knobs.lengths) == list(found.rounds[0].counts.lengths)
        assert knobs.prompts == study.settings.draw.problems
        assert knobs.responses == study.settings.draw.samples
        points = curve(screen.plot, "this study")
        np.testing.assert_array_equal(points, [here.measured[-1] for here in found.rounds])
        await pilot.press("left_square_bracket")
        points = curve(screen.plot, "this study")
        np.testing.assert_array_equal(points, [here.measured[-2] for here in found.rounds])
        await pilot.press("4")
        steps = {(x, y) for _, x, y in found.feedback.points}
        line = next(line for line in screen.plot.lines if line.label == "this study")
        assert set(zip(line.x, line.y, strict=True)) == steps
        await pilot.press("5")
        assert found.next is not None
        np.testing.assert_array_equal(curve(screen.plot, "predicted, next round"), found.next.mean)
        assert "lay in the band predicted" in said(screen)
        await pilot.press("4")
        screen.query_one("#knob-spread", Knob).focus()
        await pilot.press("right")
        await until(pilot, lambda: screen.settled)
        assert all(line.label != "this study" for line in screen.plot.lines)
        await pilot.press("s")
        await until(pilot, lambda: screen.settled)
        assert screen.knobs == knobs


async def test_pages_say_what_is_assumed_and_try_it() -> None:
    async with Theories().run_test(size=(120, 40)) as pilot:
        screen = await ready(pilot)
        await pilot.press("a")
        await until(pilot, lambda: isinstance(pilot.app.screen, PagesScreen))
        assert "S5, shared skill" in text_of(pilot)
        assert "no theorem of a paper" in text_of(pilot)
        assert "one exactly shared skill" in text_of(pilot)
        await pilot.press("left", "enter")
        await until(pilot, lambda: screen.settled and screen.is_current)
        assert (screen.knobs.learner, screen.knobs.rule) == ("tabular", "staged")
        assert screen.query_one("#knob-learner", Knob).value == "tabular"
        assert "does not apply here" in said(screen)


@pytest.mark.parametrize("page", pages.PAGES, ids=lambda page: page.title)
def test_every_page_has_numbers_formulas_and_something_to_try(page: pages.Page) -> None:
    bounds = pages.bounds_of(page, Knobs())
    assert bounds
    for bound in bounds:
        assert bound.formula
        assert bound.assumptions
        assert pages.value_words(bound)
        assert (bound.source == "sitool bound") == bool(page.begins)
    assert page.turn(Knobs()) != Knobs()
    workbench.make_scene(page.turn(Knobs()), runs=5)


def test_what_pages_promise_of_their_knobs_is_so() -> None:
    third = pages.bounds_of(pages.PAGES[2], pages.PAGES[2].turn(Knobs()))
    np.testing.assert_allclose(third[1].value, [0.133, 0.867], atol=1e-3)
    easy, _, hard = pages.bounds_of(pages.PAGES[4], pages.PAGES[4].turn(Knobs(initial=0.3)))
    assert round(float(easy.value), 2) == 0.97
    assert float(hard.value) == 0


@pytest.mark.parametrize("kind", workbench.KINDS)
@pytest.mark.parametrize("learner", lab.MODELS)
def test_every_learner_has_every_plot(kind: str, learner: str) -> None:
    scene = workbench.make_scene(Knobs(learner=learner, false_accepts=0.05, rounds=3), runs=6)
    plot = workbench.scene_plot(scene, kind, 2)
    assert bool(plot.empty) == (kind == "next")
    assert all(np.isfinite(line.y).all() for line in plot.lines)
    if kind == "success":
        labels = [line.label for line in plot.lines]
        assert labels == ["adaptive", "uniform", "sitool bound"]


async def test_a_small_terminal_shows_knobs_chart_and_reading_without_colour(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with Theories().run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        await pilot.pause()
        seen = text_of(pilot)
        for words in ("skill at the start", "learner", "1 Success", "sitool bound", "Level 5: "):
            assert words in seen
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))


async def test_a_study_without_a_measured_base_leaves_the_knobs(tmp_path: Any) -> None:
    from studies import create

    study = create(tmp_path / "study")
    async with Theories(study).run_test(size=(120, 40)) as pilot:
        screen = await ready(pilot)
        assert screen.knobs == Knobs()
        await until(pilot, lambda: "not measured yet" in said(screen))
    study.close()
