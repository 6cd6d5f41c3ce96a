"""What each part of a panel shows: the app's own words and numbers, and a still of itself."""

import html
import re
from pathlib import Path
from typing import Any

import pytest
from following import elsewhere, until
from studies import create

import sitool
from sitool import widgets
from sitool.front.declared import settings_of
from sitool.front.findings.gap import JUDGES, rows_of
from sitool.front.findings.sharpening import SCORER, lift_rows
from sitool.front.mixture import RULES, TURNED_ALWAYS, TURNED_BY_RULE, success_by_level
from sitool.front.workbench import Knobs, make_scene, reading
from sitool.summary import advise
from sitool.tui.curriculum import CurriculumPanel
from sitool.widgets.curriculum import NAMES, Curriculum
from sitool.widgets.finding import Finding
from sitool.widgets.gap import Gap
from sitool.widgets.rounds import RoundTree
from sitool.widgets.sharpening import Sharpening
from sitool.widgets.signal import Signal
from sitool.widgets.theory import Theory, written
from sitool.widgets.view import View

PARTS = ("Code", "Curriculum", "Gap", "RoundTree", "Sharpening", "Signal", "Steps", "Theory")


def words_of(part: Any) -> str:
    return str(part.still()["text/plain"])


@pytest.mark.parametrize("name", PARTS)
def test_every_part_has_a_still_that_needs_no_kernel(judged: View, name: str) -> None:
    part = getattr(widgets, name)(judged)
    bundle = part._repr_mimebundle_()
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == part.model_id
    page = bundle["text/html"]
    assert bundle["text/plain"]
    assert not re.search(r"<(script|style|link)\b|https?://(?!arxiv)|\bclass=", page)
    part.close()


@pytest.mark.parametrize("name", PARTS)
def test_every_part_opens_on_a_study_without_a_round(fresh: View, name: str) -> None:
    part = getattr(widgets, name)(fresh)
    assert part.still()["text/plain"]
    part.close()


@pytest.mark.parametrize("name", PARTS)
def test_no_text_of_a_study_becomes_markup(tmp_path: Path, name: str) -> None:
    study = create(tmp_path / "<img src=x onerror=alert(1)>", "evaluation.samples=4")
    study.run(1, inline=True)
    part = getattr(widgets, name)(study)
    part.view.say("<script>alert(1)</script>")
    page = part._repr_mimebundle_()["text/html"]
    live = "".join(str(child.value) for child in _inside(part) if type(child).__name__ == "HTML")
    for shown in (page, live):
        assert "<script" not in shown
        assert "<img src=x" not in shown
    part.close()
    study.close()


def _inside(part: Any) -> list[Any]:
    found = [part]
    for child in getattr(part, "children", ()):
        found += _inside(child)
    return found


def test_the_card_of_a_study_shows_its_tree_and_its_main_chart(view: View) -> None:
    view.study.fork(1)
    bundle = sitool.open(view.folder)._repr_mimebundle_()
    words = bundle["text/plain"]
    assert "The next round starts from r0001." in words
    assert advise(view.study.summary()).text in words
    assert re.search(r"r0001 ● +\d+ of 96", words)
    assert "data:image/svg+xml;base64," in bundle["text/html"]
    assert bundle["image/svg+xml"].startswith("<svg")


def test_the_signal_says_what_the_app_says(view: View) -> None:
    signal = Signal(view)
    assert view.look is not None
    here = view.look.summary.round(2)
    shown = html.unescape(signal.shares.value)
    for name, sign, words in (("all_wrong", "✗", "all wrong"), ("mixed", "±", "mixed")):
        assert f"{sign} {here.shares[name]:.0%} {words}" in shown
    assert f"accepted  {here.accepted:,} of {here.sampled:,}" in shown
    view.show(1)
    assert "Signal of r0001" in signal.shares.value


def test_the_tree_is_a_list_to_choose_from_that_keeps_its_choice(view: View) -> None:
    tree = RoundTree(view)
    assert [number for _, number in tree.rounds.options] == [0, 1, 2]
    assert tree.rounds.value == 2
    tree.rounds.value = 0
    assert view.shown == 0
    elsewhere(view.folder, "study.fork(1); study.run(1, inline=True)")
    until(lambda: [number for _, number in tree.rounds.options] == [0, 1, 2, 3])
    assert tree.rounds.value == 0
    assert "├\N{NO-BREAK SPACE}r0002" in tree.rounds.options[2][0]


def test_the_sliders_come_from_the_declarations(view: View) -> None:
    mixture = Curriculum(view)
    declared = {s.name: s for s in settings_of("path") if s.group == "curriculum"}
    for name in NAMES:
        knob, setting = mixture.knobs[name], declared[name]
        assert knob.max == setting.high
        assert knob.min == pytest.approx(setting.low, abs=0.01)
        assert setting.about in knob.tooltip
    turned = {name for names in TURNED_BY_RULE.values() for name in names} | set(TURNED_ALWAYS)
    assert turned == {*NAMES, "low", "high"} == set(declared) - {"rule", "weights"}
    assert set(RULES) == set(declared["rule"].choices) == set(TURNED_BY_RULE)


@pytest.mark.parametrize("rule", RULES)
def test_only_what_a_rule_looks_at_is_shown(view: View, rule: str) -> None:
    mixture = Curriculum(view)
    view.do("", lambda study: study.curriculum.set(rule=rule))
    until(lambda: mixture.rule.value == rule)
    until(lambda: f"the next round: {rule}" in mixture.title.value)
    shown = {name for name, knob in mixture.knobs.items() if knob.layout.display != "none"}
    expected = {*TURNED_BY_RULE[rule], *TURNED_ALWAYS} - {"low", "high"}
    assert shown == expected | ({"band"} if rule == "adaptive" else set())


def test_levels_show_weight_success_and_what_is_drawn(view: View) -> None:
    mixture = Curriculum(view)
    assert view.look is not None
    assert view.look.plan is not None
    success = success_by_level(view.look.summary, 2)
    for level, slider in mixture.weights.items():
        assert slider.value == pytest.approx(view.look.plan.weights.get(level, 0.0))
        assert f"success {success[level]:.2f}" in mixture._beside[level].value
        drawn = view.look.plan.problems.get(level, 0)
        assert (f"draws {drawn:,}" if drawn else "not drawn") in mixture._beside[level].value


def test_a_slider_that_asks_for_the_impossible_goes_back_and_says_why(view: View) -> None:
    mixture = Curriculum(view)
    before = mixture.knobs["ahead"].value
    mixture.knobs["ahead"].value = 0.95
    until(lambda: view.failed)
    assert "ahead (0.95) and review" in view.said
    until(lambda: mixture.knobs["ahead"].value == before)
    assert view.lines == []


def test_the_last_level_with_a_weight_keeps_it(view: View) -> None:
    mixture = Curriculum(view)
    view.do("", lambda study: study.curriculum.set(rule="manual", weights={2: 1.0}))
    until(lambda: mixture.weights[2].value == 1.0)
    mixture.weights[2].value = 0
    assert "Some level must be drawn" in view.said
    assert mixture.weights[2].value == 1.0


def test_the_app_has_the_same_rules_in_the_same_words(view: View) -> None:
    panel, mixture = CurriculumPanel(), Curriculum(view)
    assert view.look is not None
    panel.look(view.look, 2)
    assert str(panel.border_title) in mixture.title.value


def answered(part: Finding) -> bool:
    return part.answer is not None and part.answer.report is not None


def test_the_gap_shows_the_report_that_its_line_makes(judged: View) -> None:
    gap = Gap(judged)
    until(lambda: answered(gap))
    gap.rule.value = "quantile"
    gap.amount.value = 0.5
    until(lambda: not judged.waiting and gap.answer.report is not None
          and "best 0.5" in gap.heading.value)  # fmt: skip
    assert judged.lines[-1] == 'study.gap([0, 1, 2], filters=["quantile:0.5"])'
    report = eval(judged.lines[-1], {"study": judged.study})
    assert gap.answer.report.rounds[-1].gaps == report.rounds[-1].gaps
    assert list(gap.judge.options) == rows_of(report.rounds[-1])
    for name in rows_of(report.rounds[-1]):
        assert name in gap.tables.value
    gap.judge.value = "majority"
    assert "majority keeps" in gap.tables.value
    gap.kind.value = "level"
    assert "majority" in gap.chart.title


def test_a_round_without_judges_asks_for_one_and_the_engine_scores_it(view: View) -> None:
    gap = Gap(view)
    until(lambda: gap.answer is not None)
    assert "Measure asks a judge" in gap.sentence.value
    assert gap.chart.empty
    gap.verifier.value = "majority"
    gap.measure.click()
    assert view.lines == ['study.measure(2, ["majority"])']
    until(lambda: gap.judge.value == "majority")
    assert "majority keeps" in gap.tables.value
    assert not gap.chart.empty
    assert {name for name, _ in JUDGES} >= {"majority"}


@pytest.mark.parametrize("make", [Gap, Sharpening])
def test_measure_says_why_it_cannot_be_pressed(fresh: View, make: type[Finding]) -> None:
    part = make(fresh)
    assert part.measure.disabled
    assert part.measure.tooltip == "There is no finished round yet: Step measures the base."
    part.close()


def test_sliders_of_levels_say_why_they_cannot_be_moved(fresh: View) -> None:
    mixture = Curriculum(fresh)
    for slider in mixture.weights.values():
        assert slider.disabled == ("Step once" in slider.tooltip)


def test_a_part_in_a_tab_that_nobody_opened_asks_nothing(judged: View) -> None:
    gap = Gap(judged, awake=False)
    judged.do("", lambda study: study.configure("draw.samples=3"))
    until(lambda: not judged.waiting)
    assert gap.answer is None
    gap.wake()
    until(lambda: answered(gap))


def test_sharpening_shows_the_report_of_a_level_and_what_it_lifts(judged: View) -> None:
    part = Sharpening(judged)
    until(lambda: answered(part))
    part.level.value = 1
    until(lambda: "level 1" in part.heading.value)
    assert judged.lines == ["study.sharpening(2, level=1)"]
    report = eval(judged.lines[0], {"study": judged.study})
    words = html.unescape(part.tables.value)
    for row in lift_rows(report):
        assert row[-1] in words
    part.measure.click()
    assert "known already" in judged.said


def test_sharpening_asks_the_base_for_what_it_lacks(view: View) -> None:
    part = Sharpening(view)
    until(lambda: answered(part))
    assert "Ask the base" in part.sentence.value
    part.measure.click()
    assert view.lines == [f'study.measure(2, ["{SCORER}"])']
    until(lambda: "Ask the base" not in part.sentence.value)


def test_theory_begins_with_the_study_and_follows_its_knobs(view: View) -> None:
    part = Theory(view)
    until(lambda: part.scene is not None)
    assert part.knobs.own_lengths
    until(lambda: "one shared skill" in part.reading.value)
    part.turners["prompts"].value = 512
    until(lambda: part.scene is not None and part.scene.knobs.prompts == 512)
    part.turners["rule"].value = "uniform"
    until(lambda: part.scene is not None and part.scene.knobs.rule == "uniform")
    assert len(view.lines) == 1
    space: dict[str, Any] = {}
    exec(view.lines[0], space)
    assert space["scene"].knobs == part.knobs
    level = len(part.knobs.lengths)
    assert reading(space["scene"], level)[:40] in html.unescape(part.reading.value)
    part.turners["spread"].value = 32
    until(lambda: part.scene is not None and part.scene.knobs.spread == 32)
    assert not part.knobs.own_lengths
    part.load.click()
    until(lambda: bool(part.knobs.own_lengths))
    assert view.lines[-1] == "study.theory(2)"


def test_knobs_are_written_as_the_code_that_makes_them() -> None:
    knobs = Knobs(initial=0.25, rule="uniform", own_lengths=(1, 2), false_accepts=0.1)
    assert eval(written(knobs), {"Knobs": Knobs}) == knobs
    assert make_scene(eval(written(Knobs()), {"Knobs": Knobs})).knobs == Knobs()
