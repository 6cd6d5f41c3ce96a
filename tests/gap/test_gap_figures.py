"""J, the reweighted J, both gaps, sweeps and pairs: against loops and exact laws."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pools import Drawing, Drawn, accuracy, drawings, judged, law_of_draws, make_pool, mean, untimed

from sitool.gap.figures import measure_filter, relative_gaps, reweighted
from sitool.gap.filters import Ensemble, Filter, weights_of
from sitool.gap.judged import FilterGap, measure_ensemble, measure_judge, measure_pair
from sitool.gap.pool import Pool
from sitool.gap.resampling import Bootstrap
from sitool.gap.sweeps import best_point, sweep_quantiles, sweep_thresholds, thresholds_of

RULES = ("threshold:0.5", "quantile:0.5", "exponential:0.3", "best_of_n", "tournament:1")


def ensemble(text: str, *verifiers: str) -> Ensemble:
    return Ensemble(tuple((name, Filter.parse(text)) for name in verifiers or ("mc",)))


def measured(pool: Pool, text: str = "threshold:0.5", *verifiers: str) -> FilterGap:
    found = measure_ensemble(pool, ensemble(text, *verifiers), Bootstrap(pool.problems, 0))
    assert found is not None
    return found


@untimed
@given(drawings, st.sampled_from(RULES), st.sampled_from([("mc",), ("mc", "cot")]))
def test_every_figure_is_what_a_loop_over_problems_says(
    drawing: Drawing, text: str, verifiers: tuple[str, ...]
) -> None:
    pool = make_pool(drawing)
    weights = iter(weights_of(pool, ensemble(text, *verifiers)).tolist())
    by_problem = [[next(weights) for _ in problem] for problem in drawing]
    before = [accuracy(problem) for problem in drawing]
    after = [accuracy(p, w) for p, w in zip(drawing, by_problem, strict=True)]
    relative = [(a - b) / (1 - b) for a, b in zip(after, before, strict=True) if b < 1]
    found = measured(pool, text, *verifiers)
    assert found.strict.accuracy.value == pytest.approx(mean(before))
    assert found.strict.reweighted.value == pytest.approx(mean(after))
    assert found.strict.gap.value == pytest.approx(mean(after) - mean(before), abs=1e-12)
    assert found.strict.all_right == len(before) - len(relative)
    if relative:
        assert found.strict.relative_gap is not None
        assert found.strict.relative_gap.value == pytest.approx(mean(relative), abs=1e-9)
        assert found.strict.relative_gap.n == len(relative)
    else:
        assert found.strict.relative_gap is None
    assert found.empty == sum(not any(w) for w in by_problem)
    assert found.kept == sum(w > 0 for ws in by_problem for w in ws)
    assert found.samples == sum(map(len, drawing))
    for figure in (found.strict.accuracy, found.strict.reweighted, found.strict.gap):
        assert figure.low <= figure.value <= figure.high
        assert figure.n == len(drawing)


@untimed
@given(drawings)
def test_flexible_figures_are_strict_ones_of_the_other_utility(drawing: Drawing) -> None:
    turned = [
        [Drawn(bool(s.flexible), s.said, s.answer, s.right) for s in problem] for problem in drawing
    ]
    one, other = measured(make_pool(drawing)), measured(make_pool(turned))
    assert (one.strict, one.flexible) == (other.flexible, other.strict)


def test_a_published_row_whose_relative_gap_is_not_gap_over_one_minus_j() -> None:
    """A gap of +.14 points with a relative gap of -.61, as a table of the paper has it.

    Five problems of a hundred get better. One that was right 63 times of 64 keeps its
    only wrong sample, which is 63 times what it was short of.
    """
    spoilt = [(1, 0.0)] * 63 + [(0, 1.0)]
    better = [(1, 1.0)] * 3 + [(0, 1.0)] + [(1, 0.0)] + [(0, 0.0)] * 3
    little = [(1, 1.0)] * 5 + [(0, 1.0)] * 3 + [(0, 0.0)] * 2
    hopeless = [(0, 1.0), (0, 0.0)]
    pool = make_pool(judged(spoilt, *[better] * 4, little, *[hopeless] * 94))
    found = measured(pool).strict
    assert found.relative_gap is not None
    assert round(100 * found.gap.value, 2) == 0.14
    assert round(found.relative_gap.value, 2) == -0.61
    assert found.gap.value / (1 - found.accuracy.value) > 0


def test_the_relative_gap_of_two_problems_by_hand() -> None:
    """Problem 1 goes from 1/2 to 1, the whole way; problem 2 from 3/4 to 1/2, one share back."""
    drawing = judged(
        [(1, 0.9), (0, 0.1)],
        [(1, 0.9), (0, 0.9), (1, 0.1), (1, 0.1)],
    )
    found = measured(make_pool(drawing)).strict
    assert found.gap.value == pytest.approx((0.5 - 0.25) / 2)
    assert found.relative_gap is not None
    assert found.relative_gap.value == pytest.approx((1.0 - 1.0) / 2)


def test_relative_gaps_leave_out_nothing_but_0_over_0() -> None:
    found = relative_gaps(np.array([1.0, 0.0, 0.0, 0.5]), np.array([1.0, 0.0, 1.0, 0.0]))
    assert np.isnan(found[0])
    assert found[1:].tolist() == [0, 1, -1]


# Corners.


def test_all_right_has_no_gap_and_no_relative_gap() -> None:
    found = measured(make_pool(judged([(1, 0.9), (1, 0.1)], [(1, 0.2)]))).strict
    assert (found.accuracy.value, found.gap.value, found.relative_gap) == (1, 0, None)
    assert found.all_right == 2


def test_all_wrong_has_a_relative_gap_of_0() -> None:
    found = measured(make_pool(judged([(0, 0.9), (0, 0.1)], [(0, 0.2)]))).strict
    assert found.gap.value == 0
    assert found.relative_gap is not None
    assert (found.relative_gap.value, found.all_right) == (0, 0)


def test_one_sample_of_one_problem_claims_no_certainty() -> None:
    found = measured(make_pool(judged([(1, 0.9)]))).strict
    assert (found.accuracy.value, found.gap.value, found.gap.n) == (1, 0, 1)
    assert found.gap.low < -0.5
    assert found.gap.high > 0.5


@pytest.mark.parametrize("text", ["threshold:0.4", "quantile:0.25", "exponential:0.1"])
def test_scores_that_are_all_tied_have_a_gap_of_0(text: str) -> None:
    found = measured(make_pool(judged([(1, 0.4), (0, 0.4)], [(0, 0.4), (0, 0.4)])), text)
    assert found.strict.gap.value == 0
    assert found.kept == 4


def test_without_a_survivor_the_unfiltered_accuracy_counts() -> None:
    found = measured(make_pool(judged([(1, 0.1), (0, 0.2)], [(1, 0.9), (0, 0.1)])))
    assert found.empty == 1
    assert found.strict.reweighted.value == pytest.approx((0.5 + 1.0) / 2)
    nothing = measured(make_pool(judged([(1, 0.1), (0, 0.2)])))
    assert (nothing.empty, nothing.kept, nothing.strict.gap.value) == (1, 0, 0)


def test_verdicts_without_any_value_leave_the_accuracy_as_it_is() -> None:
    pool = make_pool(judged([(1, "unparsed"), (0, "error")], [(1, "unparsed")]))
    for text in RULES:
        found = measured(pool, text)
        assert (found.kept, found.empty, found.unparsed, found.errors) == (0, 2, 2, 1)
        assert found.strict.gap.value == 0
        assert found.strict.accuracy.value == 0.75


def test_a_problem_that_was_not_seen_whole_is_left_out_and_counted() -> None:
    pool = make_pool(judged([(1, 0.9), (0, 0.1)], [(0, 0.9), (0, None)]))
    found = measured(pool)
    assert (found.unseen, found.samples, found.strict.gap.n) == (1, 2, 1)
    assert found.strict.accuracy.value == 0.5
    assert measure_ensemble(make_pool(judged([(1, None)])), ensemble("best_of_n"),
                            Bootstrap(1, 0)) is None  # fmt: skip


def test_levels_average_to_the_whole() -> None:
    drawing = judged([(1, 0.9), (0, 0.1)], [(0, 0.9), (1, 0.1)], [(1, 0.9), (0, 0.1)])
    found = measured(make_pool(drawing, levels=[3, 7, 7]))
    assert {level: gap.value for level, gap in found.by_level.items()} == {3: 0.5, 7: 0.0}
    assert {level: gap.n for level, gap in found.by_level.items()} == {3: 1, 7: 2}


# Exact laws: the average over every draw of N samples, each as likely as it is.

LAW = [(0.3, True, 0.9), (0.2, False, 0.9), (0.1, True, 0.4), (0.4, False, 0.2)]
"""(probability, right, score) of each response to one problem."""


def expected(law: Sequence[tuple[float, bool, float]], count: int, text: str) -> float:
    """Return the reweighted accuracy that draws of `count` samples have on average."""
    drawing, chances = law_of_draws(law, count)
    pool = make_pool(drawing)
    after, _ = reweighted(pool, pool.strict, weights_of(pool, ensemble(text)))
    return float(after @ chances)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_a_threshold_has_its_closed_form(count: int) -> None:
    """Survivors are draws from the law above tau; without one, all are draws from below."""
    above = 0.5
    right_above, right_below = 0.3 / 0.5, 0.1 / 0.5
    nobody = (1 - above) ** count
    exact = (1 - nobody) * right_above + nobody * right_below
    assert expected(LAW, count, "threshold:0.5") == pytest.approx(exact)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_best_of_n_has_its_closed_form(count: int) -> None:
    """The best score is s with chance F(s)^N - F(s-)^N; given s, all responses are as likely."""
    exact, below = 0.0, 0.0
    for score in (0.2, 0.4, 0.9):
        mass = sum(p for p, _, s in LAW if s == score)
        right = sum(p for p, u, s in LAW if s == score and u)
        exact += ((below + mass) ** count - below**count) * right / mass
        below += mass
    assert expected(LAW, count, "best_of_n") == pytest.approx(exact)


def test_exponential_weights_approach_the_tilted_law() -> None:
    """With many samples of a problem, f[w] is the law times exp(score / beta), normalised."""
    rng, beta = np.random.default_rng(4), 0.5
    drawn = rng.choice(len(LAW), size=200_000, p=[p for p, _, _ in LAW])
    pool = make_pool([[Drawn(LAW[d][1], {"mc": LAW[d][2]}) for d in drawn]])
    tilted = [(p * math.exp(s / beta), u) for p, u, s in LAW]
    exact = sum(w for w, u in tilted if u) / sum(w for w, _ in tilted)
    found = measured(pool, f"exponential:{beta}").strict.reweighted
    assert found.value == pytest.approx(exact, abs=0.005)


# Sweeps.


@untimed
@given(drawings)
def test_a_sweep_of_thresholds_is_every_threshold_by_itself(drawing: Drawing) -> None:
    pool = make_pool(drawing)
    seen, bootstrap = pool.seen_by(["mc"]), Bootstrap(pool.problems, 0)
    points = sweep_thresholds(pool, "mc", seen, bootstrap)
    flat = [s.said["mc"] for problem in drawing for s in problem]
    assert [p.at for p in points] == sorted({v for v in flat if isinstance(v, float)})
    for point in points:
        alone = measured(pool, f"threshold:{point.at}")
        assert point.gap.value == pytest.approx(alone.strict.gap.value, abs=1e-12)
        assert point.kept == pytest.approx(alone.kept / alone.samples)
        assert point.survivors == len(drawing) - alone.empty


@untimed
@given(drawings)
def test_a_sweep_of_shares_is_every_share_by_itself(drawing: Drawing) -> None:
    pool = make_pool(drawing)
    seen, bootstrap = pool.seen_by(["mc"]), Bootstrap(pool.problems, 0)
    points = sweep_quantiles(pool, "mc", seen, bootstrap)
    assert points[-1].at == 1
    for point in points:
        alone = measured(pool, f"quantile:{point.at}")
        assert point.gap.value == pytest.approx(alone.strict.gap.value, abs=1e-12)
        assert point.kept == pytest.approx(alone.kept / alone.samples)


def test_many_distinct_scores_are_swept_on_a_grid_from_the_least_to_the_greatest() -> None:
    scores = np.random.default_rng(0).random(500)
    pool = make_pool(judged([(1, float(s)) for s in scores]))
    taus = thresholds_of(pool, "mc", grid=20)
    assert (len(taus), taus[0], taus[-1]) == (20, scores.min(), scores.max())
    assert set(taus) <= set(scores)


def test_a_verifier_without_values_has_no_thresholds_to_sweep() -> None:
    pool = make_pool(judged([(1, "unparsed")]))
    judged_ = measure_judge(pool, ensemble("threshold:0.5"), Bootstrap(1, 0))
    assert judged_ is not None
    assert judged_.thresholds == ()
    assert best_point(judged_.thresholds) is None
    assert [p.kept for p in judged_.quantiles] == [0.0]


def test_the_best_point_is_the_one_with_the_largest_gap() -> None:
    pool = make_pool(judged([(1, 0.9), (0, 0.5), (0, 0.1)]))
    points = sweep_thresholds(pool, "mc", pool.seen_by(["mc"]), Bootstrap(1, 0))
    best = best_point(points)
    assert best is not None
    assert (best.at, best.gap.value) == (0.9, pytest.approx(2 / 3))


# AND.


def test_two_judges_that_err_apart_are_better_together() -> None:
    problem = [
        Drawn(True, {"mc": 1.0, "cot": 1.0}),
        Drawn(False, {"mc": 1.0, "cot": 0.0}),
        Drawn(False, {"mc": 0.0, "cot": 1.0}),
        Drawn(False, {"mc": 0.0, "cot": 0.0}),
    ]
    pool = make_pool([problem] * 3)
    pair = measure_pair(pool, ensemble("threshold:0.5", "mc", "cot"), Bootstrap(3, 0))
    assert pair is not None
    assert pair.gap.strict.gap.value == pytest.approx(1 - 0.25)
    assert (pair.best, pair.over_best.value) == ("mc", pytest.approx(0.5))


@untimed
@given(drawings)
def test_a_pair_is_measured_against_the_better_of_its_parts(drawing: Drawing) -> None:
    pool = make_pool(drawing)
    pair = measure_pair(pool, ensemble("quantile:0.5", "mc", "cot"), Bootstrap(pool.problems, 0))
    assert pair is not None
    parts = {name: measured(pool, "quantile:0.5", name).strict.gap.value for name in ("mc", "cot")}
    assert parts[pair.best] == pytest.approx(max(parts.values()))
    over = pair.gap.strict.gap.value - max(parts.values())
    assert pair.over_best.value == pytest.approx(over, abs=1e-12)


def test_weights_of_zero_everywhere_are_no_division_by_zero() -> None:
    pool = make_pool(judged([(1, 0.5)], [(0, 0.5)]))
    found = measure_filter(pool, pool.strict, np.zeros(2), pool.seen_by(["mc"]), Bootstrap(2, 0))
    assert found is not None
    assert found.gap.value == 0


def test_a_problem_that_was_not_seen_whole_takes_no_part_in_sweeps_and_pairs() -> None:
    """With it left out every figure is that of a pool without it."""
    good = [Drawn(True, {"mc": 0.9, "cot": 0.6}), Drawn(False, {"mc": 0.2, "cot": 0.7})]
    half = [Drawn(True, {"mc": 0.1, "cot": 0.9}), Drawn(False, {"mc": 0.8, "cot": None})]
    cut = [Drawn(True, {"mc": None, "cot": 0.9}), Drawn(False, {"mc": 0.9, "cot": 0.1})]
    whole, partial = make_pool([good]), make_pool([good, half, cut])
    for sweep in (sweep_thresholds, sweep_quantiles):
        points = sweep(partial, "mc", partial.seen_by(["mc", "cot"]), Bootstrap(3, 0))
        alone = {p.at: p for p in sweep(whole, "mc", whole.seen_by(["mc"]), Bootstrap(1, 0))}
        assert {p.gap.n for p in points} == {1}
        for point in points:
            if point.at in alone:
                assert point.gap.value == alone[point.at].gap.value
                assert point.kept == alone[point.at].kept
    both = ensemble("threshold:0.65", "cot", "mc")
    pair = measure_pair(partial, both, Bootstrap(3, 0))
    assert pair is not None
    assert (pair.best, pair.over_best.n, pair.gap.unseen) == ("mc", 1, 2)
    assert pair.over_best.value == -0.5
