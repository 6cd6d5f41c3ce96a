"""Best-of-N curves against enumeration of every subset, at their corners too."""

import math
from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sitool import lab
from sitool.metrics import pass_at_k
from sitool.sharpening import curves
from sitool.sharpening.pool import NOT_READ

pools = st.integers(1, 7).flatmap(
    lambda n: st.tuples(
        # Few kinds of reward, so that most pools have ties.
        st.lists(st.sampled_from([-math.inf, -3.0, -1.0, -0.5]), min_size=n, max_size=n),
        st.lists(st.sampled_from([0.0, 1.0, 0.25]), min_size=n, max_size=n),
        st.lists(st.sampled_from([NOT_READ, 0, 1, 2]), min_size=n, max_size=n),
    )
)


def by_enumeration(rewards: list[float], values: list[float], size: int) -> float:
    """Return the mean over all subsets of what the first of their best is worth."""
    picked = [
        values[max(subset, key=lambda place: (rewards[place], -place))]
        for subset in combinations(range(len(rewards)), size)
    ]
    return math.fsum(picked) / len(picked)


def majority_of(answers: list[int], subset: tuple[int, ...]) -> int:
    """Return the first sample with the commonest answer, the first seen of equals."""
    counts = Counter(answers[place] for place in subset if answers[place] != NOT_READ)
    if not counts:
        return subset[0]
    most = max(counts.values())
    return next(p for p in subset if answers[p] != NOT_READ and counts[answers[p]] == most)


@given(pools)
def test_the_best_of_n_is_the_mean_over_every_subset(
    pool: tuple[list[float], list[float], list[int]],
) -> None:
    rewards, values, _ = pool
    sizes = list(range(1, len(rewards) + 1))
    found = curves.best_of_n(np.array([rewards]), np.array([values]), sizes)[0]
    expected = [by_enumeration(rewards, values, size) for size in sizes]
    assert found.tolist() == pytest.approx(expected, abs=1e-12)


@given(pools)
def test_majority_of_few_subsets_is_the_mean_over_all_of_them(
    pool: tuple[list[float], list[float], list[int]],
) -> None:
    _, values, answers = pool
    sizes = list(range(1, len(values) + 1))
    (found,) = curves.majority_of_n(np.array([answers]), [np.array([values])], sizes, seed=0)
    for place, size in enumerate(sizes):
        picked = [
            values[majority_of(answers, subset)]
            for subset in combinations(range(len(values)), size)
        ]
        assert found[0, place] == pytest.approx(math.fsum(picked) / len(picked), abs=1e-12)


def test_majority_of_many_subsets_draws_them_without_leaning() -> None:
    """C(12, 6) = 924 subsets are more than are looked at: 400 problems alike show the mean."""
    answers, values = [0, 0, 0, 1, 1, 1, 1, 2, 2, NOT_READ, 3, 3], [1.0] * 3 + [0.0] * 9
    assert math.comb(12, 6) > curves.SUBSETS
    subsets = combinations(range(12), 6)
    picked = [values[majority_of(answers, subset)] for subset in subsets]
    exact = math.fsum(picked) / len(picked)
    tables = np.array([answers] * 400), [np.array([values] * 400)]
    (found,) = curves.majority_of_n(*tables, [6], seed=1)
    error = math.sqrt(exact * (1 - exact) / (400 * curves.SUBSETS))
    assert found.mean() == pytest.approx(exact, abs=4 * error)
    (again,) = curves.majority_of_n(*tables, [6], seed=1)
    (other,) = curves.majority_of_n(*tables, [6], seed=2)
    assert np.array_equal(found, again)
    assert not np.array_equal(found, other)


@settings(max_examples=30)
@given(st.integers(1, 40), st.data())
def test_the_chances_of_the_ranks_are_those_of_the_hypergeometric_law(
    samples: int, data: st.DataObject
) -> None:
    size = data.draw(st.integers(1, samples))
    chances = curves.chance_of_rank(samples, size)
    whole = math.comb(samples, size)
    expected = [math.comb(samples - 1 - rank, size - 1) / whole for rank in range(samples)]
    assert chances.tolist() == pytest.approx(expected, abs=1e-12)


def test_a_pool_of_64_is_told_without_losing_a_digit() -> None:
    for size in (1, 2, 32, 63, 64):
        assert curves.chance_of_rank(64, size).sum() == pytest.approx(1, abs=1e-12)
    assert curves.chance_of_rank(64, 64).tolist() == [1.0] + [0.0] * 63


def test_one_sample_is_its_own_best() -> None:
    rewards, values = np.array([[-2.0], [-math.inf]]), np.array([[1.0], [0.0]])
    assert curves.best_of_n(rewards, values, [1]).tolist() == [[1.0], [0.0]]
    (found,) = curves.majority_of_n(np.array([[0], [NOT_READ]]), [values], [1], seed=0)
    assert found.tolist() == [[1.0], [0.0]]


@pytest.mark.parametrize("worth", [0.0, 1.0])
def test_all_right_and_all_wrong_stay_so_at_every_n(worth: float) -> None:
    sizes = curves.sizes_up_to(9)
    rewards, values = np.random.default_rng(0).normal(size=(3, 9)), np.full((3, 9), worth)
    assert curves.best_of_n(rewards, values, sizes) == pytest.approx(np.full((3, 5), worth))
    (found,) = curves.majority_of_n(np.zeros((3, 9), int), [values], sizes, seed=0)
    assert found == pytest.approx(np.full((3, 5), worth))


def test_choosing_by_the_truth_is_the_skyline() -> None:
    values = np.array([[0.0, 1.0, 0.0, 0.0, 1.0, 0.0]])
    found = curves.best_of_n(values, values, list(range(1, 7)))[0]
    assert found.tolist() == pytest.approx([pass_at_k(6, 2, k) for k in range(1, 7)])


def test_sizes_double_up_to_the_whole_pool() -> None:
    assert curves.sizes_up_to(64) == [1, 2, 4, 8, 16, 32, 64]
    assert curves.sizes_up_to(50) == [1, 2, 4, 8, 16, 32, 50]


def test_on_a_finite_law_the_curve_is_the_laboratorys_law() -> None:
    """Pools of 24 draws each: what the curve expects is what fresh draws would bring."""
    probabilities, utility = [0.4, 0.3, 0.2, 0.1], [0.0, 1.0, 1.0, 0.0]
    scores = np.array([-1.0, -2.0, -1.0, -0.5])
    policy = lab.TabularPolicy([1.0], [probabilities], [utility])
    rng = np.random.default_rng(2)
    drawn = rng.choice(4, p=probabilities, size=(8000, 24))
    sizes = [1, 2, 4, 8]
    found = curves.best_of_n(scores[drawn], np.array(utility)[drawn], sizes)
    exact = [lab.accuracy(lab.best_of_n(policy, [scores], n)) for n in sizes]
    errors = 4 * found.std(axis=0) / math.sqrt(len(drawn))
    assert (abs(found.mean(axis=0) - exact) <= errors).all()
