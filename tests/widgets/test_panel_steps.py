"""The buttons that drive a study, on the real engine in its own process."""

from pathlib import Path

import pytest
from following import until
from studies import contents, differing, rows

import sitool
from sitool.records import Phase
from sitool.widgets.curriculum import Curriculum
from sitool.widgets.rounds import RoundTree
from sitool.widgets.signal import ANSWERS, Signal
from sitool.widgets.steps import BUSY, Steps, refusals
from sitool.widgets.view import OVERRULE, View


def idle(view: View) -> bool:
    """Whether everything that was asked for is done, and seen."""
    return not view.waiting and view.look is not None and not view.look.working


def heads(view: View, number: int) -> bool:
    return idle(view) and view.look is not None and view.look.summary.head == number


def test_step_runs_a_round_in_the_engine_and_says_what_came_of_it(view: View) -> None:
    steps = Steps(view)
    seen: set[str] = set()
    steps.phases.observe(lambda change: seen.add(change["new"]), "value")
    view.do("more", lambda study: study.configure("draw.problems=1000", "draw.samples=4"))
    steps._buttons["step"].click()
    assert view.lines == ["more", "study.step()"]
    assert rows(view.folder, "SELECT max(id) FROM rounds") == [
        (2,)
    ]  # The click waited for nothing.
    until(lambda: heads(view, 3))
    until(lambda: "r0003 is done: accuracy" in view.said)
    assert "r0003 is done" in steps.said.value
    # A round of a scripted model is quick: some of its phases come and go between two looks.
    assert any(f"▸ {phase} " in value for value in seen for phase in Phase), seen
    assert view.shown == 3


def test_a_button_that_cannot_be_pressed_says_why(fresh: View) -> None:
    steps = Steps(fresh)
    assert fresh.look is not None
    why = refusals(fresh.look, fresh.shown)
    assert {name for name, words in why.items() if words} == {"stop", "undo", "fork", "redo"}
    for name, button in steps._buttons.items():
        assert button.disabled == bool(why[name])
        assert not why[name] or button.tooltip == why[name]


def test_while_a_round_runs_only_stop_can_be_pressed_and_it_keeps_what_is_done(view: View) -> None:
    steps = Steps(view)
    view.do("slow", lambda study: study.configure("draw.problems=4000", "draw.samples=4"))
    steps._buttons["step"].click()
    until(lambda: view.look is not None and view.look.working)
    until(lambda: not view.waiting and not steps._buttons["stop"].disabled)
    assert steps._buttons["step"].disabled
    assert steps._buttons["fork"].tooltip == BUSY
    steps._buttons["stop"].click()
    until(lambda: idle(view))
    assert view.look is not None
    assert view.look.summary.open == 3
    assert "waits before" in steps.phases.value
    assert not steps._buttons["step"].disabled


def test_review_pauses_before_training_and_step_then_goes_on(view: View) -> None:
    steps = Steps(view)
    steps.review.value = True
    assert view.standing.reviewing
    steps._buttons["step"].click()
    until(lambda: view.look is not None and view.look.review is not None and idle(view))
    assert view.lines == ['study.step(to="select")']
    until(lambda: view.said == OVERRULE)
    assert "it will train on" in steps.phases.value
    steps._buttons["step"].click()
    until(lambda: heads(view, 3))
    assert view.lines[-1] == "study.step()"


def test_undo_fork_and_redo_say_where_the_next_round_starts(view: View) -> None:
    steps, tree = Steps(view), RoundTree(view)
    steps._buttons["undo"].click()
    until(lambda: view.said.startswith("Back at r0001; nothing is lost: Fork"))
    tree.rounds.value = 0
    steps.fork_with.value = "curriculum.rule=fixed"
    steps._buttons["fork"].click()
    until(lambda: view.said == "The head is r0000; Step steps from there.")
    until(lambda: heads(view, 0))
    assert view.study.settings.curriculum.rule == "fixed"
    tree.rounds.value = 2
    steps._buttons["redo"].click()
    until(lambda: view.said == "r0003 has the samples of r0002.")
    until(lambda: view.look is not None and view.look.summary.open == 3 and view.shown == 3)
    # The buttons follow a moment after what is looked at.
    refusal = "r0003 is not finished: Step goes on with it."
    until(lambda: steps._buttons["fork"].tooltip == refusal)


def test_the_advice_has_a_button_that_follows_it(view: View) -> None:
    signal = Signal(view)
    assert view.look is not None
    before = view.look.summary.settings.curriculum.shift
    assert signal.follow.description in ANSWERS.values()
    signal.press()
    until(lambda: view.said)
    until(lambda: not view.waiting)
    if signal.follow.description == ANSWERS["easier"]:
        assert view.study.settings.curriculum.shift == before - 1
    assert len(view.lines) == 1


def test_every_click_does_what_its_line_of_code_does(
    view: View, two_rounds: Path, tmp_path: Path
) -> None:
    import shutil

    shutil.copytree(two_rounds, tmp_path / "by-code")
    _click_all(view)
    study = sitool.open(tmp_path / "by-code")
    for line in view.lines:
        exec(line, {"study": study})  # What a person pastes into a cell.
    study.close()
    one, other = contents(view.folder), contents(tmp_path / "by-code")
    assert differing(one, other) == [], view.lines


def _click_all(view: View) -> None:
    """Click through a study: mixtures, phases, a review, a fork, a redo, a judge."""
    steps, tree, mixture = Steps(view), RoundTree(view), Curriculum(view)
    _press(view, mixture.easier)
    mixture.rule.value = "gaussian"
    until(lambda: _rule(view) == "gaussian")
    mixture.knobs["sigma"].value = 0.8
    until(
        lambda: idle(view) and mixture.knobs["sigma"].value == view.study.settings.curriculum.sigma
    )
    mixture.weights[3].value = 0.5
    until(lambda: _rule(view) == "manual")
    steps.far.value = "phase"
    for phase in (Phase.SAMPLE, Phase.VERIFY):
        _press(view, steps._buttons["step"])
        until(lambda phase=phase: view.standing.open_round is not None
              and view.standing.open_round.phase is phase)  # fmt: skip
    steps.far.value = "round"
    _press(view, steps._buttons["step"])
    until(lambda: heads(view, 3))
    _press(view, steps._buttons["undo"])
    until(lambda: heads(view, 2))
    tree.rounds.value = 1
    steps.fork_with.value = "curriculum.rule=fixed"
    _press(view, steps._buttons["fork"])
    until(lambda: heads(view, 1))
    steps.review.value = True
    _press(view, steps._buttons["step"])
    until(lambda: view.look is not None and view.look.review is not None and idle(view))
    _press(view, steps._buttons["step"])
    until(lambda: heads(view, 4))
    tree.rounds.value = 2
    _press(view, steps._buttons["redo"])
    until(lambda: idle(view) and view.standing.open_round is not None)


def _press(view: View, button: object) -> None:
    until(lambda: idle(view) and not button.disabled)  # type: ignore[attr-defined]
    button.click()  # type: ignore[attr-defined]
    until(lambda: not view.waiting)


def _rule(view: View) -> str:
    return view.look.summary.settings.curriculum.rule if view.look is not None else ""


def test_nothing_piles_up_where_it_cannot_get_easier(view: View) -> None:
    mixture = Curriculum(view)
    view.do("alone", lambda study: study.curriculum.set(rule="manual", weights={1: 1.0}))
    until(lambda: _rule(view) == "manual" and idle(view))
    lines, shift = list(view.lines), view.study.settings.curriculum.shift
    mixture.easier.click()
    until(lambda: view.failed)
    assert view.said == "It cannot get any easier: nothing is changed."
    assert (view.lines, view.study.settings.curriculum.shift) == (lines, shift)


@pytest.mark.parametrize("far", ["phase", "many"])
def test_the_menu_says_how_far_a_step_goes(view: View, far: str) -> None:
    steps = Steps(view)
    steps.far.value = far
    steps._buttons["step"].click()
    if far == "many":
        assert view.lines == ["study.run(5)"]
        until(lambda: heads(view, 7))
    else:
        assert view.lines == ['study.step(to="draw")']
        until(lambda: idle(view) and view.standing.open_round is not None)
        assert view.standing.open_round is not None
        assert view.standing.open_round.phase is Phase.SAMPLE
