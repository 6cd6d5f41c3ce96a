"""The whole report of several rounds: updates, trend, cross-verification, saturation, JSON."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pools import Drawing, Drawn, drawings, judged, make_pool, mean, untimed

from sitool.gap.assembly import Generation, Question, assemble, judges_of
from sitool.gap.filters import Filter
from sitool.gap.report import GapReport
from sitool.gap.saturation import (
    GO_ON,
    MARGIN,
    STOP,
    UNCLEAR,
    Trend,
    judge_saturation,
    saturated_since,
    signed,
)
from sitool.gap.updates import measure_update, pair_problems, size_of
from sitool.metrics import Accuracy


def report(*rounds: Drawing, **question: Any) -> GapReport:
    """Report on a chain of rounds."""
    generations = [
        Generation(number, number - 1 if number else None, make_pool(drawing))
        for number, drawing in enumerate(rounds)
    ]
    return assemble(generations, Question(**question))


def valid_json(found: GapReport) -> Any:
    return json.loads(json.dumps(found.to_json(), allow_nan=False))


# Updates.


def test_pairs_are_the_problems_that_both_rounds_met_in_any_order() -> None:
    here, there = pair_problems(np.array([7, 3, 9]), np.array([9, 5, 7]))
    assert [(7, 3, 9)[h] for h in here] == [(9, 5, 7)[t] for t in there] == [7, 9]


@untimed
@given(st.lists(st.tuples(*[st.floats(0, 1)] * 3), min_size=1, max_size=20))
def test_what_was_missed_is_the_improvement_less_what_was_promised(
    rows: Sequence[tuple[float, float, float]],
) -> None:
    before, promised, after = (np.array(column) for column in zip(*rows, strict=True))
    found = measure_update(before, promised, after, seed=0)
    assert found is not None
    assert found.improvement.value == pytest.approx(float((after - before).mean()), abs=1e-9)
    total = found.promised.value + found.missed.value
    assert found.improvement.value == pytest.approx(total, abs=1e-9)
    assert found.eps_update.value == pytest.approx(abs(found.missed.value))
    bound = found.promised.value - found.eps_update.value
    assert found.improvement.value >= bound - 1e-9


@pytest.mark.parametrize(
    ("figure", "size"),
    [
        (Accuracy(-0.1, -0.3, -0.05, 9), Accuracy(0.1, 0.05, 0.3, 9)),
        (Accuracy(0.1, -0.3, 0.2, 9), Accuracy(0.1, 0.0, 0.3, 9)),
        (Accuracy(0.1, 0.0, 0.2, 9), Accuracy(0.1, 0.0, 0.2, 9)),
    ],
)
def test_the_size_of_a_difference_has_the_interval_of_its_sizes(
    figure: Accuracy, size: Accuracy
) -> None:
    assert size_of(figure) == size


def test_an_update_by_hand() -> None:
    """J goes from .5 to .75 where the filter promised 1: it missed by .25."""
    parent = judged([(1, 0.9), (0, 0.1)] * 2, [(1, 0.9), (0, 0.1)] * 2)
    child = judged([(1, 0.9), (0, 0.1)] * 2, [(1, 0.9), (1, 0.9)] * 2)
    (update,) = report(parent, child).updates
    assert (update.parent, update.child, update.verifier, update.left_out) == (0, 1, "mc", 0)
    assert update.strict.promised.value == 0.5
    assert update.strict.improvement.value == 0.25
    assert update.strict.missed.value == -0.25
    assert update.strict.eps_update.value == 0.25
    assert update.gap_after is not None
    assert update.gap_after.value == pytest.approx(0.25)


def test_rounds_of_different_branches_are_no_update() -> None:
    drawing = judged([(1, 0.9), (0, 0.1)])
    generations = [Generation(n, parent, make_pool(drawing)) for n, parent in ((1, 0), (2, 0))]
    found = assemble(generations, Question())
    assert found.updates == ()
    assert found.trend is not None
    assert (found.trend.before, found.trend.last) == (1, 2)


def test_problems_that_only_one_round_met_are_left_out_and_counted() -> None:
    parent = make_pool(judged([(1, 0.9), (0, 0.1)], [(0, 0.9)]))
    child = make_pool(judged([(1, 0.9), (1, 0.1)], [(0, 0.9)]), problem_id=np.array([1, 99]))
    (update,) = assemble([Generation(0, None, parent), Generation(1, 0, child)], Question()).updates
    assert update.left_out == 1
    assert update.strict.improvement.value == 0.5
    strangers = make_pool(judged([(1, 0.9)]), problem_id=np.array([50]))
    found = assemble([Generation(0, None, parent), Generation(1, 0, strangers)], Question())
    assert (found.updates, found.trend) == ((), None)


def test_rounds_are_paired_whatever_the_order_of_their_problems() -> None:
    parent = judged([(1, 0.9), (0, 0.1)], [(0, 0.9), (0, 0.1)], [(1, 0.9), (1, 0.1)])
    child = judged([(1, 0.9), (0, 0.1)], [(1, 0.9), (1, 0.1)], [(1, 0.9), (1, 0.1)])
    order = [2, 0, 1]
    plain = report(parent, child)
    turned = assemble(
        [
            Generation(0, None, make_pool(parent)),
            Generation(1, 0, make_pool([child[n] for n in order], problem_id=np.array(order) + 1)),
        ],
        Question(),
    )
    assert turned.updates[0].strict == plain.updates[0].strict
    assert plain.trend is not None
    assert turned.trend is not None
    assert turned.trend.pass_at_1 == plain.trend.pass_at_1
    assert plain.trend.pass_at_1.low == 0
    assert plain.trend.pass_at_1.high == 1


# The whole.


@untimed
@given(st.lists(drawings, min_size=1, max_size=3), st.sampled_from(["quantile:0.5", "best_of_n"]))
def test_any_rounds_at_all_make_a_report_and_its_json(rounds: Sequence[Drawing], text: str) -> None:
    found = report(*rounds, filters={"": Filter.parse(text)})
    body = valid_json(found)
    assert [r["round"] for r in body["rounds"]] == list(range(len(rounds)))
    assert body["gap"] == body["rounds"][-1]["gap"]
    assert set(body["gap"]) == set(body["relative_gap"]) == {"mc", "cot"}
    assert set(body["pass_at_k"]["1"]) == {"value", "low", "high", "n"}
    for r, drawing in zip(found.rounds, rounds, strict=True):
        flat = [mean([s.right for s in problem]) for problem in drawing]
        assert r.accuracy.value == pytest.approx(mean(flat))
        assert r.pass_at_k[1].value == pytest.approx(r.accuracy.value)
        assert set(r.pairs) == {"cot+mc"}


def test_what_is_asked_for_is_reported_and_nothing_else() -> None:
    drawing = [[Drawn(True, {"mc": 0.9, "cot": 0.3}), Drawn(False, {"mc": 0.2, "cot": 0.4})]]
    question = {
        "verifiers": ("mc+cot", "truth", "mc"),
        "filters": {"": Filter("threshold", 0.25), "mc": Filter("best_of_n", 0)},
    }
    last = report(drawing, **question).rounds[-1]
    assert list(last.gaps) == ["truth", "mc", "mc+cot"]
    assert last.gaps["truth"].strict.gap.value == 0.5
    assert last.gaps["mc+cot"].filter == "mc=best_of_n and cot=threshold:0.25"
    assert last.pairs == {}
    assert [(c.first, c.second) for c in last.correlations] == [("truth", "mc")]


def test_a_filter_of_a_judge_holds_for_that_judge_in_other_hands() -> None:
    question = Question(filters={"mc": Filter("best_of_n", 0)})
    assert question.ensemble("mc@3").filter == "best_of_n"
    assert question.ensemble("cot_score").filter == "threshold:0.5"


def test_a_round_without_a_judge_has_its_pass_at_k_all_the_same() -> None:
    found = report([[Drawn(True), Drawn(False)]])
    assert judges_of(make_pool([[Drawn(True)]])) == ()
    body = valid_json(found)
    assert (body["gap"], body["saturation"], body["pass_at_k"]["2"]["value"]) == ({}, [], 1.0)


def test_a_cross_table_has_generators_by_row_and_judging_models_by_column() -> None:
    def drawing(*names: str) -> Drawing:
        return [[Drawn(True, dict.fromkeys(names, 0.9)), Drawn(False, dict.fromkeys(names, 0.1))]]

    found = report(drawing("mc", "cot"), drawing("mc", "mc@base"), drawing("mc", "mc@base", "mc@1"))
    (table,) = found.cross
    assert (table.judge, table.generators) == ("mc", (0, 1, 2))
    assert table.models == ("base", "r0001", "r0002")
    assert set(table.gaps) == {
        (0, "base"), (1, "base"), (1, "r0001"), (2, "base"), (2, "r0001"), (2, "r0002"),
    }  # fmt: skip
    assert {gap.value for gap in table.gaps.values()} == {0.5}
    assert len(valid_json(found)["cross"][0]["cells"]) == 6


# Saturation.


def gap(value: float, half: float) -> Accuracy:
    return Accuracy(value, value - half, value + half, 500)


def test_it_says_stop_once_the_gap_is_within_noise_of_0() -> None:
    gaps = [(0, gap(0.08, 0.02)), (1, gap(0.01, 0.02)), (2, gap(0.002, 0.01))]
    found = judge_saturation("mc", gaps, None)
    assert (found.state, found.since) == (STOP, 1)
    assert found.sentence == (
        "Stop: under mc the gap of r0002 is +.002 (-.008 to +.012, n=500), within noise of 0: what"
        " the judge keeps is right no more often than all samples are (so since r0001);"
        " it was +.080 in r0000."
    )


def test_a_gap_below_0_is_a_reason_to_stop_as_well() -> None:
    found = judge_saturation("mc", [(3, gap(-0.05, 0.02))], None)
    assert (found.state, found.since) == (STOP, 3)
    assert "below 0" in found.sentence


def test_it_goes_on_while_the_gap_is_above_0() -> None:
    found = judge_saturation("mc", [(0, gap(0.0, 0.01)), (1, gap(0.08, 0.02))], None)
    assert (found.state, found.since) == (GO_ON, None)
    assert "above 0" in found.sentence


def test_a_wide_interval_is_no_reason_to_stop() -> None:
    found = judge_saturation("mc", [(0, gap(0.02, 0.2))], None)
    assert (found.state, found.since) == (UNCLEAR, None)
    assert "more held-out problems would tell" in found.sentence


def test_a_gap_that_came_back_is_not_saturated_since_before() -> None:
    quiet, loud = gap(0.0, 0.01), gap(0.08, 0.02)
    assert saturated_since([(0, quiet), (1, loud), (2, quiet)]) == 2
    assert saturated_since([(0, quiet), (1, quiet)]) == 0
    assert saturated_since([(0, quiet), (1, loud)]) is None
    assert saturated_since([(0, gap(0.0, MARGIN + 0.01))]) is None


def trend(pass_at_1: Accuracy, pass_at_most: Accuracy, entropy: Accuracy | None) -> Trend:
    return Trend(2, 1, 0, pass_at_1, 16, pass_at_most, entropy, (1.2, 0.6))


def test_training_that_only_narrows_is_a_reason_to_stop_though_there_is_a_gap() -> None:
    still = trend(gap(0.0, 0.01), gap(-0.06, 0.02), gap(-0.6, 0.1))
    found = judge_saturation("mc", [(2, gap(0.08, 0.02))], still)
    assert (found.state, found.since) == (STOP, None)
    assert "pass@1 no longer rises (.000 (-.010 to +.010, n=500) since r0001)" in found.sentence
    assert "pass@16 fell, -.060 (-.080 to -.040, n=500), and the entropy" in found.sentence
    assert "but training no longer turns it into right answers" in found.sentence
    assert "from 1.20 to 0.60 nats since r0000: diversity is lost" in found.sentence
    rising = trend(gap(0.05, 0.01), gap(-0.06, 0.02), None)
    assert judge_saturation("mc", [(2, gap(0.08, 0.02))], rising).state == GO_ON


def test_the_trend_is_paired_by_problem() -> None:
    """Nine problems of ten rise by .25, however hard they are; unpaired it would hardly show."""
    skills = np.random.default_rng(0).integers(1, 4, 60)
    before = [[Drawn(i < s, {"mc": 0.5}, answer=i) for i in range(4)] for s in skills]
    after = [
        [Drawn(i < s + (n % 10 > 0), {"mc": 0.5}, answer=min(i, 1)) for i in range(4)]
        for n, s in enumerate(skills)
    ]
    found = report(before, after).trend
    assert found is not None
    assert found.pass_at_1.value == pytest.approx(0.25 * 0.9)
    assert found.pass_at_1.high - found.pass_at_1.low < 0.05
    assert not found.stands_still
    assert (found.most, found.pass_at_most.value, found.narrows) == (4, 0, False)
    assert found.settles
    assert found.entropies == pytest.approx((np.log(4), 0.5623), abs=1e-3)


@pytest.mark.parametrize(
    ("value", "text"), [(0.0514, "+.051"), (-0.0514, "-.051"), (0.0, ".000"), (-1.0, "-1.000"),
                        (-15.25, "-15.250"), (-0.0004, ".000")],
)  # fmt: skip
def test_differences_are_written_with_their_sign(value: float, text: str) -> None:
    assert signed(value) == text
