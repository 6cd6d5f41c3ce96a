"""Metrics against enumeration, root-finding and coverage, not against themselves."""

import itertools
import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sitool.metrics import (
    Shares,
    answer_entropy,
    mean_pass_at_k,
    paired_difference,
    pass_at_k,
    pass_at_k_by_problem,
    signal_shares,
    unique_answers,
    wilson,
)
from sitool.records import Outcome, Score

PASSED = Score(Outcome.SCORED, 1.0, 1.0, "7")
WRONG = Score(Outcome.SCORED, 0.0, 0.0, "8")
UNPARSED = Score(Outcome.UNPARSED)
ERROR = Score(Outcome.ERROR)


def score_test_bound(rate: float, n: int, z: float, low: float, high: float) -> float:
    """Find by bisection the p at which the score test's statistic is exactly z."""

    def excess(p: float) -> float:
        return abs(rate - p) - z * math.sqrt(p * (1 - p) / n)

    sign = math.copysign(1, excess(low))
    for _ in range(200):
        middle = (low + high) / 2
        if math.copysign(1, excess(middle)) == sign:
            low = middle
        else:
            high = middle
    return (low + high) / 2


@pytest.mark.parametrize(("passed", "n"), [(1, 2), (3, 10), (9, 10), (50, 64), (999, 1000)])
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_wilson_inverts_the_score_test(passed: int, n: int, confidence: float) -> None:
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    accuracy = wilson(passed, n, confidence)
    rate = passed / n
    assert accuracy.low == pytest.approx(score_test_bound(rate, n, z, 1e-12, rate), abs=1e-9)
    assert accuracy.high == pytest.approx(score_test_bound(rate, n, z, rate, 1 - 1e-12), abs=1e-9)


@given(st.integers(1, 500), st.data())
def test_wilson_holds_the_rate_and_mirrors(n: int, data: st.DataObject) -> None:
    passed = data.draw(st.integers(0, n))
    one, other = wilson(passed, n), wilson(n - passed, n)
    assert 0 <= one.low <= one.value <= one.high <= 1
    assert one.low == pytest.approx(1 - other.high)
    assert one.n == n


@pytest.mark.parametrize(("passed", "n"), [(0, 0), (3, 2), (-1, 2)])
def test_a_rate_of_nothing_is_refused(passed: int, n: int) -> None:
    with pytest.raises(ValueError, match="is not a pass rate"):
        wilson(passed, n)


@pytest.mark.parametrize("n", range(1, 8))
def test_pass_at_k_equals_the_share_of_all_draws_with_a_pass(n: int) -> None:
    for passed, k in itertools.product(range(n + 1), range(1, n + 1)):
        draws = list(itertools.combinations(range(n), k))
        share = sum(any(one < passed for one in draw) for draw in draws) / len(draws)
        assert pass_at_k(n, passed, k) == pytest.approx(share, abs=1e-12)


def test_pass_at_k_is_unbiased() -> None:
    n, k, p = 6, 3, 0.3
    law = [math.comb(n, c) * p**c * (1 - p) ** (n - c) for c in range(n + 1)]
    mean = sum(chance * pass_at_k(n, c, k) for c, chance in enumerate(law))
    assert mean == pytest.approx(1 - (1 - p) ** k)


def test_pass_at_k_does_not_overflow_with_many_samples() -> None:
    expected = 1 - math.comb(99_000, 512) / math.comb(100_000, 512)
    assert pass_at_k(100_000, 1000, 512) == pytest.approx(expected)


@pytest.mark.parametrize(("n", "c", "k"), [(3, 1, 4), (3, 1, 0), (3, 4, 1), (3, -1, 1)])
def test_an_impossible_pass_at_k_is_refused(n: int, c: int, k: int) -> None:
    with pytest.raises(ValueError, match="samples"):
        pass_at_k(n, c, k)


def test_problems_may_have_different_numbers_of_samples() -> None:
    values = pass_at_k_by_problem([4, 8], [2, 2], k=2)
    assert list(values) == pytest.approx([pass_at_k(4, 2, 2), pass_at_k(8, 2, 2)])


def test_a_mean_pass_at_k_lies_in_its_interval_and_repeats_with_its_seed() -> None:
    first = mean_pass_at_k(8, [0, 1, 8, 3, 0, 5], k=2, seed=3)
    assert first.low < first.value < first.high
    assert first == mean_pass_at_k(8, [0, 1, 8, 3, 0, 5], k=2, seed=3)
    assert first.n == 6


def test_the_bootstrap_interval_has_about_the_width_of_the_normal_one() -> None:
    passed = np.random.default_rng(1).binomial(1, 0.3, 4000)
    accuracy = mean_pass_at_k(1, passed, k=1, seed=0)
    standard_error = passed.std() / math.sqrt(passed.size)
    assert accuracy.high - accuracy.low == pytest.approx(2 * 1.96 * standard_error, rel=0.1)


def test_the_bootstrap_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    covered = 0
    for trial in range(200):
        skill = rng.beta(1, 2, 100)
        accuracy = mean_pass_at_k(4, rng.binomial(4, skill), k=1, seed=trial)
        covered += accuracy.low <= 1 / 3 <= accuracy.high
    assert 180 <= covered <= 199


@pytest.mark.parametrize("passed", [0, 4])
def test_equal_problems_do_not_claim_certainty(passed: int) -> None:
    accuracy = mean_pass_at_k(4, [passed] * 10, k=1, seed=0)
    expected = wilson(10 * passed // 4, 10)
    assert (accuracy.low, accuracy.high) == pytest.approx((expected.low, expected.high))


def test_a_hundred_thousand_problems_take_no_memory_to_speak_of() -> None:
    passed = np.random.default_rng(2).binomial(8, 0.5, 100_000)
    accuracy = mean_pass_at_k(8, passed, k=4, seed=0)
    assert accuracy.high - accuracy.low < 0.01


def test_a_mean_over_no_problem_is_refused() -> None:
    with pytest.raises(ValueError, match="no problem"):
        mean_pass_at_k(4, [], k=1, seed=0)


def test_pairing_cancels_how_hard_the_problems_are() -> None:
    rng = np.random.default_rng(0)
    before = rng.uniform(0, 0.9, 300)
    after = before + rng.uniform(0.0, 0.04, 300)
    change = paired_difference(before, after, seed=0)
    assert change.value == pytest.approx(0.02, abs=0.003)
    assert 0 < change.low < change.high < 0.03


def test_a_paired_difference_changes_sign_with_its_order() -> None:
    before, after = [0, 1, 0, 1, 1], [1, 1, 0, 1, 0.5]
    there, back = paired_difference(before, after, 1), paired_difference(after, before, 1)
    assert there.value == pytest.approx(-back.value)


def test_no_change_at_all_is_not_certainty() -> None:
    change = paired_difference([0, 1, 1], [0, 1, 1], seed=0)
    assert change.value == 0
    assert change.low == pytest.approx(-wilson(0, 3).high)
    assert change.high == pytest.approx(wilson(0, 3).high)


def test_unpaired_problems_are_refused() -> None:
    with pytest.raises(ValueError, match="2 problems before and 1 after"):
        paired_difference([0, 1], [1], seed=0)


def test_signal_shares_put_each_problem_in_one_place() -> None:
    problems = [
        [PASSED, PASSED, ERROR],
        [PASSED, UNPARSED],
        [WRONG, UNPARSED],
        [UNPARSED, UNPARSED, ERROR],
        [ERROR],
        [],
    ]
    assert signal_shares(problems) == Shares(0.25, 0.25, 0.25, 0.25, n=4)


def test_signal_shares_of_nothing_are_zero() -> None:
    assert signal_shares([]) == Shares(0, 0, 0, 0, n=0)


def test_answer_entropy_is_that_of_the_answers_in_nats() -> None:
    assert answer_entropy([[PASSED, WRONG], [PASSED, PASSED]]) == pytest.approx(math.log(2) / 2)
    assert answer_entropy([[PASSED, WRONG, UNPARSED], [UNPARSED]]) == pytest.approx(math.log(2))


def test_entropy_without_an_answer_is_unknown_and_not_zero() -> None:
    assert answer_entropy([[UNPARSED]]) is None
    assert unique_answers([]) is None


def test_unique_answers_counts_problems_without_any_as_zero() -> None:
    assert unique_answers([[PASSED, WRONG, PASSED], [UNPARSED]]) == 1.0
