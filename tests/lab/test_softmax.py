"""Training on a softmax policy: gradients, minima, and that both losses sharpen."""

import math

import numpy as np
import pytest
from tabular_examples import Floats, random_policy

from sitool import lab
from sitool.errors import LabError
from sitool.lab.softmax import Loss


def slope_by_differences(loss: Loss, logits: Floats) -> Floats:
    slope = np.zeros(logits.shape)
    for place in np.ndindex(*logits.shape):
        step = np.zeros(logits.shape)
        step[place] = 1e-5
        slope[place] = (loss(logits + step)[0] - loss(logits - step)[0]) / 2e-5
    return slope


def regression(base: lab.TabularPolicy, beta: float, pairs: Floats) -> Loss:
    return lambda logits: lab.dpo_regression_loss(logits, base, pairs, beta)


@pytest.mark.parametrize("alpha", [None, 0.0, 0.7])
@pytest.mark.parametrize("seed", range(3))
def test_losses_equal_their_sums_and_gradients_their_differences(
    seed: int, alpha: float | None
) -> None:
    rng = np.random.default_rng(seed)
    base = random_policy(rng, prompts=2, responses=3)
    pairs, logits, beta = rng.random((2, 3, 3)), rng.normal(size=(2, 3)), 0.6
    pi, reference = lab.softmax(logits), base.probabilities
    expected = 0.0
    for x, y, z in np.ndindex(2, 3, 3):
        gained = math.log(pi[x, y] / reference[x, y]) - math.log(pi[x, z] / reference[x, z])
        wanted = math.log(reference[x, y]) - math.log(reference[x, z])
        expected += pairs[x, y, z] * (beta * gained - wanted) ** 2
        expected += (alpha or 0.0) * pairs[x, y, z] * math.log(pi[x, z])

    def loss(point: Floats) -> tuple[float, Floats]:
        if alpha is None:
            return lab.dpo_regression_loss(point, base, pairs, beta)
        return lab.xpo_loss(point, base, pairs, beta, alpha)

    value, slope = loss(logits)
    assert value == pytest.approx(expected)
    np.testing.assert_allclose(slope, slope_by_differences(loss, logits), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("beta", [0.1, 0.5, 1.0, 5.0])
@pytest.mark.parametrize("seed", range(3))
def test_dpo_regression_converges_to_the_sharpened_policy(seed: int, beta: float) -> None:
    rng = np.random.default_rng(seed)
    base = random_policy(rng, prompts=4, responses=5)
    found = lab.minimise(
        regression(base, beta, lab.pair_weights(base, base)), rng.normal(size=base.shape)
    )
    assert found.converged
    assert found.loss == pytest.approx(0.0, abs=1e-16)
    expected = lab.sharpened(base, beta).probabilities
    np.testing.assert_allclose(lab.softmax(found.logits), expected, atol=1e-8)


def test_dpo_regression_on_drawn_pairs_converges_to_the_sharpened_policy() -> None:
    """The target is without noise, so that pairs need only connect all responses."""
    rng = np.random.default_rng(3)
    base = random_policy(rng, prompts=3, responses=4)
    pairs = lab.sampled_pairs(base, base, 400, rng)
    assert pairs.sum() == pytest.approx(1.0)
    found = lab.minimise(regression(base, 0.5, pairs), np.zeros(base.shape))
    assert found.converged
    expected = lab.sharpened(base, 0.5).probabilities
    np.testing.assert_allclose(lab.softmax(found.logits), expected, atol=1e-7)


def test_responses_without_a_pair_stay_where_they_began() -> None:
    base = lab.TabularPolicy([1.0], [[0.5, 0.3, 0.2]], 0)
    pairs = np.zeros((1, 3, 3))
    pairs[0, 0, 1] = 1.0
    found = lab.minimise(regression(base, 1.0, pairs), lab.logits_of(base))
    assert found.logits[0, 2] == math.log(0.2)
    ratio = np.exp(found.logits[0, 0] - found.logits[0, 1])
    assert ratio == pytest.approx((0.5 / 0.3) ** 2)


@pytest.mark.parametrize("beta", [0.5, 1.0])
@pytest.mark.parametrize("seed", range(2))
def test_xpo_without_optimism_converges_to_the_sharpened_policy(seed: int, beta: float) -> None:
    base = random_policy(np.random.default_rng(seed), prompts=3, responses=4)
    found = lab.xpo(base, beta, alpha=0.0, rounds=5)
    expected = lab.sharpened(base, beta).probabilities
    np.testing.assert_allclose(found.probabilities, expected, atol=1e-8)


def test_xpo_converges_to_the_sharpened_policy_as_its_optimism_fades() -> None:
    """Its bias is of order alpha, so a tenth of it brings a hundredth of the KL divergence."""
    base = random_policy(np.random.default_rng(1), prompts=3, responses=4)
    target = lab.sharpened(base, 1.0)
    apart = [float(lab.kl(lab.xpo(base, 1.0, alpha, 5), target)) for alpha in (0.1, 0.01, 0.001)]
    assert apart[0] < 0.05
    np.testing.assert_allclose([apart[0] / apart[1], apart[1] / apart[2]], 100, rtol=0.35)


def test_optimism_moves_the_policy_further_from_the_base() -> None:
    base = lab.TabularPolicy([1.0], [[0.7, 0.2, 0.1]], 0)
    plain, optimistic = (lab.xpo(base, 1.0, alpha, 3) for alpha in (0.0, 0.2))
    assert lab.kl(base, optimistic) > 1.01 * lab.kl(base, plain)


def test_on_policy_pairs_hold_the_mode_more_often_than_pairs_of_the_base() -> None:
    """That is why XPO does not pay for the coverage of the base."""
    base = lab.TabularPolicy([1.0], [[0.3, 0.25, 0.25, 0.2]], 0)
    sharp = lab.xpo(base, 0.25, 0.0, 3)
    on_policy = lab.pair_weights(sharp, base)[0, 0].sum()
    assert on_policy > 1.5 * lab.pair_weights(base, base)[0, 0].sum()


@pytest.mark.parametrize("size", [1, 5, 30])
def test_minimise_finds_the_minimum_of_a_stretched_bowl(size: int) -> None:
    rng = np.random.default_rng(size)
    turned, _ = np.linalg.qr(rng.normal(size=(size, size)))
    bowl = turned @ np.diag(np.logspace(-2, 2, size)) @ turned.T
    centre = rng.normal(size=size)

    def loss(point: Floats) -> tuple[float, Floats]:
        away = point - centre
        return float(away @ bowl @ away) / 2, bowl @ away

    found = lab.minimise(loss, np.zeros(size))
    assert found.converged
    np.testing.assert_allclose(found.logits, centre, atol=1e-7)


def test_minimise_says_when_it_did_not_arrive() -> None:
    found = lab.minimise(lambda point: (float(point.sum()), np.ones(2)), np.zeros(2), max_steps=7)
    assert (found.converged, found.steps, found.steepness) == (False, 7, 1.0)


def test_minimise_ends_where_no_step_helps() -> None:
    """A wrong gradient promises what no step brings."""
    found = lab.minimise(lambda point: (float(point @ point), -np.ones(2)), np.zeros(2))
    assert not found.converged
    assert found.logits.tolist() == [0.0, 0.0]


def test_softmax_holds_for_logits_of_any_size() -> None:
    np.testing.assert_allclose(lab.softmax([1e4, 1e4 - math.log(3)]), [0.75, 0.25])
    np.testing.assert_allclose(lab.log_softmax([[-1e4, 0.0]]), [[-1e4, 0.0]])


def test_maximum_likelihood_among_candidates() -> None:
    candidates = [[[0.5, 0.5, 0.0]], [[0.9, 0.1, 0.0]], [[0.3, 0.3, 0.4]]]
    assert lab.maximum_likelihood(candidates, [[9, 1, 0]]) == 1
    assert lab.maximum_likelihood(candidates, [[9, 1, 1]]) == 2
    likelihoods = lab.log_likelihood(candidates, [[2, 0, 1]])
    assert likelihoods[0] == -math.inf
    assert likelihoods[2] == pytest.approx(2 * math.log(0.3) + math.log(0.4))


def test_arguments_out_of_range_are_refused() -> None:
    base = lab.TabularPolicy([1.0], [[0.5, 0.5]], 0)
    pairs = lab.pair_weights(base, base)
    with pytest.raises(LabError, match="beta must be above 0"):
        lab.dpo_regression_loss(np.zeros((1, 2)), base, pairs, 0.0)
    with pytest.raises(LabError, match="alpha must be at least 0"):
        lab.xpo_loss(np.zeros((1, 2)), base, pairs, 1.0, -1.0)
    with pytest.raises(LabError, match="softmax policy must be above 0, but there is 0"):
        lab.logits_of(lab.TabularPolicy([1.0], [[1.0, 0.0]], 0))
    with pytest.raises(LabError, match="None of the 1 candidates"):
        lab.maximum_likelihood([[[1.0, 0.0]]], [[0, 1]])
    with pytest.raises(LabError, match="Candidates must be tables"):
        lab.log_likelihood([[1.0, 0.0]], [[0, 1]])
    with pytest.raises(LabError, match="pairs must be a whole number"):
        lab.sampled_pairs(base, base, 0, np.random.default_rng(0))
