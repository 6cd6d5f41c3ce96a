"""A tabular policy and what one reads off it, against sums written out."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tabular_examples import random_policy

from sitool import lab
from sitool.errors import LabError

SEEDS = range(20)


@pytest.mark.parametrize("seed", SEEDS)
def test_accuracy_is_the_sum_over_everything_that_can_happen(seed: int) -> None:
    policy = random_policy(np.random.default_rng(seed))
    by_hand = sum(
        policy.prompt_weights[x] * policy.probabilities[x, y] * policy.utility[x, y]
        for x in range(3)
        for y in range(4)
    )
    assert lab.accuracy(policy) == pytest.approx(by_hand)
    assert lab.accuracy(policy) == pytest.approx(float(lab.pass_at_k(policy, 1)))


@pytest.mark.parametrize("k", [1, 2, 3])
def test_pass_at_k_is_the_chance_of_a_right_one_among_k(k: int) -> None:
    policy = random_policy(np.random.default_rng(1), prompts=2, responses=3)
    right = 0.0
    for x, weight in enumerate(policy.prompt_weights):
        for drawn in np.ndindex(*(3,) * k):
            chance = np.prod(policy.probabilities[x, list(drawn)])
            right += weight * chance * policy.utility[x, list(drawn)].max()
    assert lab.pass_at_k(policy, k) == pytest.approx(right)


def test_pass_at_k_takes_many_k_at_once() -> None:
    policy = random_policy(np.random.default_rng(1))
    ks = np.array([[1, 2], [4, 8]])
    each = [[float(lab.pass_at_k(policy, k)) for k in row] for row in ks]
    np.testing.assert_allclose(lab.pass_at_k(policy, ks), each)


@pytest.mark.parametrize(("right", "expected"), [(1, 1.0), (0, 0.0)])
def test_pass_at_k_of_all_right_or_all_wrong(right: int, expected: float) -> None:
    policy = lab.TabularPolicy([1.0], [[0.3, 0.7]], right)
    assert lab.pass_at_k(policy, [1, 64]).tolist() == [expected, expected]


@given(st.lists(st.floats(0.001, 1.0), min_size=2, max_size=6), st.floats(0.05, 20.0))
def test_the_sharpened_policy_is_the_power_normalised(raw: list[float], beta: float) -> None:
    row = np.array(raw) / sum(raw)
    policy = lab.TabularPolicy([1.0], [row], 0)
    logs = [(1 + 1 / beta) * math.log(p) for p in row]
    whole = math.log(sum(math.exp(value - max(logs)) for value in logs)) + max(logs)
    expected = [math.exp(value - whole) for value in logs]
    np.testing.assert_allclose(lab.sharpened(policy, beta).probabilities[0], expected, atol=1e-12)


@pytest.mark.parametrize("beta", [0.1, 0.5, 2.0])
def test_no_policy_beats_the_sharpened_one(beta: float) -> None:
    rng = np.random.default_rng(5)
    base = random_policy(rng)

    def objective(policy: lab.TabularPolicy) -> float:
        reward = policy.average((policy.probabilities * np.log(base.probabilities)).sum(axis=1))
        return float(reward - beta * lab.kl(policy, base))

    best = lab.sharpened(base, beta)
    for spread in (0.001, 0.1, 1.0):
        for _ in range(50):
            other = best.probabilities * np.exp(spread * rng.normal(size=base.shape))
            rival = base.with_probabilities(other / other.sum(axis=1, keepdims=True))
            assert objective(rival) <= objective(best) + 1e-12


def test_a_tiny_beta_leaves_only_the_modes() -> None:
    policy = lab.TabularPolicy([1.0], [[0.4, 0.4, 0.2]], 0)
    np.testing.assert_allclose(lab.sharpened(policy, 1e-4).probabilities, [[0.5, 0.5, 0.0]])


def test_coverage_counts_the_whole_set_of_modes_and_modal_coverage_one() -> None:
    policy = lab.TabularPolicy([0.5, 0.5], [[0.4, 0.4, 0.2], [0.5, 0.3, 0.2]], 0)
    assert lab.coverage(policy) == pytest.approx(0.5 / 0.8 + 0.5 / 0.5)
    assert lab.modal_coverage(policy) == pytest.approx(0.5 / 0.4 + 0.5 / 0.5)
    assert lab.coverage(policy, gamma=0.45) == pytest.approx(0.5 / 0.8 + 0.5 / 0.8)
    assert lab.coverage(policy, gamma=1.0) == pytest.approx(1.0)


def test_sharpenedness_asks_the_base_which_response_counts() -> None:
    base = lab.TabularPolicy([0.25, 0.75], [[0.6, 0.4], [0.3, 0.7]], 0)
    policy = base.with_probabilities([[0.95, 0.05], [0.9, 0.1]])
    assert lab.sharpenedness(policy, base, [0.01, 0.05, 0.1, 0.95]).tolist() == [0, 0.25, 0.25, 1]
    assert lab.sharpenedness(policy, policy, 0.1) == 1.0


def test_entropy_and_kl_of_known_policies() -> None:
    even = lab.TabularPolicy([0.5, 0.5], [[0.5, 0.5], [0.5, 0.5]], 0)
    skewed = even.with_probabilities([[0.25, 0.75], [1.0, 0.0]])
    assert lab.entropy(even) == pytest.approx(math.log(2))
    assert lab.kl(even, even) == 0.0
    first = 0.25 * math.log(0.5) + 0.75 * math.log(1.5)
    assert lab.kl(skewed, even) == pytest.approx(0.5 * first + 0.5 * math.log(2))
    assert lab.kl(even, skewed) == math.inf


def test_draws_follow_the_policy() -> None:
    rng = np.random.default_rng(8)
    policy = lab.TabularPolicy([0.5, 0.5], [[0.2, 0.0, 0.8], [0.5, 0.5, 0.0]], 0)
    drawn = lab.draw(policy, [0, 1], 40_000, rng)
    for x in range(2):
        seen = np.bincount(drawn[x], minlength=3) / 40_000
        np.testing.assert_allclose(seen, policy.probabilities[x], atol=0.01)
        assert seen[policy.probabilities[x] == 0].sum() == 0


def test_a_policy_cannot_be_changed_behind_its_back() -> None:
    table = np.array([[0.5, 0.5]])
    policy = lab.TabularPolicy([1.0], table, 0)
    table[0] = [0.9, 0.1]
    assert policy.probabilities.tolist() == [[0.5, 0.5]]
    with pytest.raises(ValueError, match="read-only"):
        policy.probabilities[0, 0] = 1.0


@pytest.mark.parametrize(
    ("weights", "table", "utility", "message"),
    [
        ([1.0], [[0.5, 0.6]], 0, "must sum to 1, but there is a sum of 1.1"),
        ([0.5, 0.4], [[1.0], [1.0]], 0, "weights of the prompts must sum to 1"),
        ([1.0], [[1.5, -0.5]], 0, "must be at least 0, but there is -0.5"),
        ([1.0], [[float("nan"), 1.0]], 0, "must be a number, but there is nan"),
        ([1.0], [0.5, 0.5], 0, "must have 2 axes"),
        ([0.5, 0.5], [[1.0]], 0, "2 weights of prompts for 1 rows"),
        ([1.0], [[0.5, 0.5]], [[0, 2]], "Utility must lie between 0 and 1, but there is 2"),
        ([1.0], [[0.5, 0.5]], [[0, 1, 0]], "which does not fit"),
    ],
)
def test_what_is_no_policy_is_refused(
    weights: list[float], table: list[list[float]], utility: object, message: str
) -> None:
    with pytest.raises(LabError, match=message):
        lab.TabularPolicy(weights, table, utility)


def test_arguments_out_of_range_are_refused() -> None:
    policy = lab.TabularPolicy([1.0], [[0.5, 0.5]], [[0.5, 1.0]])
    with pytest.raises(LabError, match="right or wrong"):
        lab.pass_at_k(policy, 2)
    with pytest.raises(LabError, match="k must be a whole number from 1 up, but there is 0"):
        lab.pass_at_k(lab.TabularPolicy([1.0], [[1.0]], 1), 0)
    with pytest.raises(LabError, match="beta must be above 0, but there is 0"):
        lab.sharpened(policy, 0.0)
    with pytest.raises(LabError, match="delta must be above 0 and at most 1, but there is 2"):
        lab.sharpenedness(policy, policy, 2.0)
    with pytest.raises(LabError, match="gamma must lie between 0 and 1"):
        lab.coverage(policy, -0.1)
