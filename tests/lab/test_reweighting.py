"""Filters, the gap and reward filtering, against loops and at their corners."""

import math

import numpy as np
import pytest
from tabular_examples import random_policy

from sitool import lab
from sitool.errors import LabError

SEEDS = range(20)
ONE = lab.TabularPolicy([1.0], [[0.5, 0.3, 0.2]], [[1, 0, 1]])


@pytest.mark.parametrize("seed", SEEDS)
def test_reweighting_and_gaps_equal_their_definitions(seed: int) -> None:
    rng = np.random.default_rng(seed)
    policy = random_policy(rng)
    weights = lab.threshold_weights(rng.random(policy.shape), 0.5)
    after, ratios, masses = 0.0, [], []
    for x, mu in enumerate(policy.prompt_weights):
        f, u, w = policy.probabilities[x], policy.utility[x], weights[x]
        before = sum(f * u)
        now = sum(f * w * u) / sum(f * w) if sum(f * w) else before
        after += mu * now
        if max(u) > before + 1e-12:
            ratios.append((now - before) / (max(u) - before))
            masses.append(mu)
    assert lab.accuracy(lab.reweight(policy, weights).policy) == pytest.approx(after)
    assert lab.gap(policy, weights) == pytest.approx(after - float(lab.accuracy(policy)))
    relative = lab.relative_gap(policy, weights)
    assert relative.value == pytest.approx(np.average(ratios, weights=masses))
    assert relative.dropped == 3 - len(ratios)


def test_a_prompt_without_survivor_keeps_its_policy_and_is_counted() -> None:
    policy = lab.TabularPolicy([0.5, 0.5], [[0.5, 0.5], [0.2, 0.8]], [[0, 1], [1, 0]])
    kept = lab.reweight(policy, lab.threshold_weights([[0.1, 0.9], [0.3, 0.2]], 0.5))
    assert kept.policy.probabilities.tolist() == [[0.0, 1.0], [0.2, 0.8]]
    assert kept.empty.tolist() == [False, True]
    assert kept.without_survivor == 1


def test_a_survivor_that_is_never_drawn_is_none() -> None:
    policy = lab.TabularPolicy([1.0], [[1.0, 0.0]], [[0, 1]])
    kept = lab.reweight(policy, [[0.0, 1.0]])
    assert kept.without_survivor == 1
    assert lab.gap(policy, [[0.0, 1.0]]) == 0.0


@pytest.mark.parametrize(
    ("top", "scores", "kept"),
    [
        (0.5, [3, 2, 1], [1, 0, 0]),
        (0.51, [3, 2, 1], [1, 1, 0]),
        (0.2, [1, 2, 2], [0, 1, 1]),  # the two best tie: more than the top 0.2 stays
        (0.1, [5, 5, 5], [1, 1, 1]),
        (1.0, [3, 2, 1], [1, 1, 1]),
        (1e-9, [1, 2, 3], [0, 0, 1]),
    ],
)
def test_a_quantile_of_mass_keeps_ties(top: float, scores: list[int], kept: list[int]) -> None:
    assert lab.quantile_weights(ONE, [scores], top).tolist() == [kept]


def test_a_quantile_passes_over_what_is_never_drawn() -> None:
    policy = lab.TabularPolicy([1.0], [[0.0, 0.5, 0.5]], 0)
    weights = lab.quantile_weights(policy, [[9, 2, 1]], 0.5)
    assert weights.tolist() == [[1, 1, 0]]
    assert lab.reweight(policy, weights).policy.probabilities.tolist() == [[0, 1, 0]]


def test_a_share_of_mass_is_not_missed_by_a_rounding() -> None:
    policy = lab.TabularPolicy([1.0], [[0.7, 0.1, 0.2]], 0)
    assert policy.probabilities[0, :2].sum() < 0.8
    assert lab.quantile_weights(policy, [[3, 2, 1]], 0.8).tolist() == [[1, 1, 0]]


def test_exponential_weights_interpolate_from_nothing_to_the_best() -> None:
    scores = [[0.0, 1.0, 1.0]]
    even = lab.reweight(ONE, lab.exponential_weights(scores, 1e9)).policy
    np.testing.assert_allclose(even.probabilities, ONE.probabilities)
    best = lab.reweight(ONE, lab.exponential_weights(scores, 1e-9)).policy
    np.testing.assert_allclose(best.probabilities, [[0.0, 0.6, 0.4]])
    raw = ONE.probabilities * np.exp(np.array(scores) / 0.7)
    weighted = lab.reweight(ONE, lab.exponential_weights(scores, 0.7)).policy
    np.testing.assert_allclose(weighted.probabilities, raw / raw.sum())


def test_rewarding_with_the_log_likelihood_is_sharpening() -> None:
    policy = random_policy(np.random.default_rng(3))
    weights = lab.exponential_weights(np.log(policy.probabilities), 0.5)
    sharp = lab.sharpened(policy, 0.5).probabilities
    np.testing.assert_allclose(lab.reweight(policy, weights).policy.probabilities, sharp)


def test_the_relative_gap_may_differ_in_sign_from_the_gap() -> None:
    policy = lab.TabularPolicy([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], [[1, 0], [1, 0]])
    weights = [[0.5, 1.0], [1.0, 0.45]]
    assert lab.gap(policy, weights) > 0
    assert lab.relative_gap(policy, weights).value < 0


def test_prompts_with_nothing_to_gain_are_dropped() -> None:
    policy = lab.TabularPolicy([0.5, 0.25, 0.25], [[0.5, 0.5]] * 3, [[1, 1], [0, 0], [0, 1]])
    relative = lab.relative_gap(policy, [[1, 1], [1, 1], [0, 1]])
    assert (relative.value, relative.dropped) == (1.0, 2)
    assert np.isnan(relative.by_prompt).tolist() == [True, True, False]
    above = lab.relative_gap(policy, [[1, 1], [1, 1], [0, 1]], ceiling=1.0)
    assert (above.value, above.dropped) == (0.5, 1)
    nothing = lab.relative_gap(lab.TabularPolicy([1.0], [[1.0]], 1), [[1.0]])
    assert math.isnan(nothing.value)
    assert nothing.dropped == 1


def test_reward_filtering_leans_to_what_is_solved() -> None:
    policy = lab.TabularPolicy([0.5, 0.3, 0.2], [[0.8, 0.2], [0.1, 0.9], [1.0, 0.0]],
                               [[1, 0], [1, 0], [0, 1]])  # fmt: skip
    filtered = lab.reward_filtered(policy)
    np.testing.assert_allclose(filtered.joint, [[0.4 / 0.43, 0], [0.03 / 0.43, 0], [0, 0]])
    np.testing.assert_allclose(filtered.prompts, [0.4 / 0.43, 0.03 / 0.43, 0.0])
    np.testing.assert_allclose(filtered.target.probabilities, [[1, 0], [1, 0], [1, 0]])
    assert filtered.kappa == 0.0
    assert lab.accuracy(filtered.target) == pytest.approx(0.8)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_reward_filtered_target_has_the_largest_likelihood(seed: int) -> None:
    rng = np.random.default_rng(seed)
    policy = random_policy(rng)
    filtered = lab.reward_filtered(policy)
    rivals = rng.dirichlet(np.ones(policy.shape[1]), (30, policy.shape[0]))
    near = filtered.target.probabilities * 0.999 + rivals * 0.001
    candidates = np.concatenate([rivals, near, [filtered.target.probabilities]])
    assert lab.maximum_likelihood(candidates, filtered.joint) == 60


def test_kappa_is_the_worst_prompt_beside_the_average() -> None:
    policy = lab.TabularPolicy([0.5, 0.5], [[0.8, 0.2], [0.4, 0.6]], [[1, 0], [1, 0]])
    assert lab.reward_filtered(policy).kappa == pytest.approx(0.4 / 0.6)


def test_arguments_that_do_not_fit_are_refused() -> None:
    with pytest.raises(LabError, match="Weights must be at least 0, but there is -1"):
        lab.reweight(ONE, [[1, -1, 0]])
    with pytest.raises(LabError, match="Weights has the shape"):
        lab.reweight(ONE, [[1, 1]])
    with pytest.raises(LabError, match="top must be above 0 and at most 1, but there is 0"):
        lab.quantile_weights(ONE, [[1, 2, 3]], 0.0)
    with pytest.raises(LabError, match=r"ceiling lies 0\.3 below"):
        lab.relative_gap(ONE, [[1, 1, 1]], ceiling=0.4)
    with pytest.raises(LabError, match="accepts no response"):
        lab.reward_filtered(ONE, 0)
