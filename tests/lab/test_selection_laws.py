"""The laws of best-of-N, tournaments and adaptive stopping, against enumeration and draws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tabular_examples import (
    adaptive_by_steps,
    best_of_n_by_enumeration,
    random_policy,
    tournament_by_enumeration,
)

from sitool import lab
from sitool.errors import LabError


@pytest.mark.parametrize("n", [1, 2, 3, 5])
@pytest.mark.parametrize("seed", range(5))
def test_best_of_n_equals_enumeration_also_with_ties(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    policy = random_policy(rng, prompts=2, responses=4)
    scores = rng.integers(0, 3, policy.shape)
    law = lab.best_of_n(policy, scores, n).probabilities
    for x in range(2):
        expected = best_of_n_by_enumeration(policy.probabilities[x], scores[x], n)
        np.testing.assert_allclose(law[x], expected, atol=1e-14)


def test_best_of_n_of_equal_scores_is_the_policy() -> None:
    policy = random_policy(np.random.default_rng(2))
    np.testing.assert_allclose(lab.best_of_n(policy, 0.0, 17).probabilities, policy.probabilities)


def test_best_of_one_is_the_policy_and_of_very_many_the_best() -> None:
    policy = lab.TabularPolicy([1.0], [[0.5, 0.5 - 1e-6, 1e-6, 0.0]], 0)
    scores = [[0, 1, 2, 3]]
    np.testing.assert_allclose(lab.best_of_n(policy, scores, 1).probabilities, policy.probabilities)
    rare = lab.best_of_n(policy, scores, 10**9).probabilities
    np.testing.assert_allclose(rare, [[0, 0, 1, 0]], atol=1e-12)


def test_a_rare_best_response_keeps_its_digits() -> None:
    policy = lab.TabularPolicy([1.0], [[1e-15, 1.0 - 1e-15]], 0)
    law = lab.best_of_n(policy, [[1, 0]], 1000).probabilities
    assert law[0, 0] == pytest.approx(1e-12, rel=1e-9)


def test_best_of_n_as_drawn() -> None:
    rng = np.random.default_rng(4)
    policy = random_policy(rng, prompts=1)
    scores = np.array([[1, 2, 2, 0]])
    drawn = lab.draw(policy, np.zeros(40_000, dtype=int), 4, rng)
    chosen = drawn[np.arange(40_000), scores[0][drawn].argmax(axis=1)]
    seen = np.bincount(chosen, minlength=4) / 40_000
    np.testing.assert_allclose(seen, lab.best_of_n(policy, scores, 4).probabilities[0], atol=0.01)


@pytest.mark.parametrize("rounds", [0, 1, 2])
@pytest.mark.parametrize("seed", range(4))
def test_a_tournament_equals_enumeration_for_any_judge(seed: int, rounds: int) -> None:
    rng = np.random.default_rng(seed)
    policy = random_policy(rng, prompts=2, responses=3)
    wins = rng.random((2, 3, 3))
    law = lab.tournament(policy, wins, rounds).probabilities
    for x in range(2):
        expected = tournament_by_enumeration(policy.probabilities[x], wins[x], rounds)
        np.testing.assert_allclose(law[x], expected, atol=1e-14)


def test_a_judge_in_circles_still_has_a_law() -> None:
    policy = lab.TabularPolicy([1.0], [[0.5, 0.3, 0.2]], 0)
    circle = np.array([[[1, 1, 0], [0, 1, 1], [1, 0, 1]]])
    law = lab.tournament(policy, circle, 2).probabilities[0]
    expected = tournament_by_enumeration(policy.probabilities[0], circle[0], 2)
    np.testing.assert_allclose(law, expected, atol=1e-14)


@pytest.mark.parametrize("rounds", [1, 3, 6])
def test_a_tournament_by_scores_is_best_of_its_block(rounds: int) -> None:
    rng = np.random.default_rng(6)
    policy = random_policy(rng, responses=6)
    scores = rng.integers(0, 4, policy.shape)
    law = lab.tournament(policy, lab.wins_by_score(scores), rounds)
    expected = lab.best_of_n(policy, scores, 2**rounds)
    np.testing.assert_allclose(law.probabilities, expected.probabilities, atol=1e-13)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 6), min_size=1, max_size=5).filter(any),
    st.floats(0.01, 6.0),
)
def test_adaptive_best_of_n_equals_following_every_draw(raw: list[int], mu: float) -> None:
    row = np.array(raw, dtype=float) / sum(raw)
    adaptive = lab.adaptive_best_of_n(lab.TabularPolicy([1.0], [row], 0), mu)
    law, expected = adaptive_by_steps(row, mu)
    np.testing.assert_allclose(adaptive.policy.probabilities[0], law, atol=1e-12)
    assert adaptive.expected_draws[0] == pytest.approx(expected)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("delta", [0.01, 0.2, 1.0])
def test_adaptive_best_of_n_stays_below_its_bound_and_finds_the_mode(
    tied: bool, delta: float
) -> None:
    rng = np.random.default_rng(7)
    mu = float(lab.stopping_constant(delta))
    policy = random_policy(rng, prompts=200, responses=6, tied=tied)
    adaptive = lab.adaptive_best_of_n(policy, mu)
    modes = lab.modes(policy).sum(axis=1)
    bound = lab.adaptive_draws_bound(mu, policy.probabilities.max(axis=1), modes)
    assert (adaptive.expected_draws <= bound + 1e-9).all()
    missed = 1.0 - lab.mode_mass(adaptive.policy, policy)
    assert (missed <= delta / 2 + 1e-12).all()


def test_adaptive_best_of_n_as_drawn() -> None:
    rng = np.random.default_rng(9)
    policy = lab.TabularPolicy([1.0], [[0.4, 0.3, 0.2, 0.1]], 0)
    mu, p = 0.9, policy.probabilities[0]
    spent, returned = [], []
    for drawn in lab.draw(policy, np.zeros(20_000, dtype=int), 40, rng):
        best = np.maximum.accumulate(p[drawn])
        k = int((np.arange(1, 41) >= mu / best).argmax())
        spent.append(k + 1)
        returned.append(drawn[p[drawn[: k + 1]].argmax()])
    adaptive = lab.adaptive_best_of_n(policy, mu)
    assert adaptive.expected_draws[0] == pytest.approx(np.mean(spent), abs=0.03)
    seen = np.bincount(returned, minlength=4) / len(returned)
    np.testing.assert_allclose(adaptive.policy.probabilities[0], seen, atol=0.015)


def test_adaptive_best_of_n_is_exact_where_steps_would_be_endless() -> None:
    row = np.array([0.5, 0.5 - 1e-12, 1e-12])
    adaptive = lab.adaptive_best_of_n(lab.TabularPolicy([1.0], [row], 0), 1e-3)
    assert adaptive.policy.probabilities[0].sum() == pytest.approx(1.0)
    assert np.isfinite(adaptive.expected_draws[0])


def test_arguments_out_of_range_are_refused() -> None:
    policy = random_policy(np.random.default_rng(0))
    with pytest.raises(LabError, match="n must be a whole number from 1 up, but there is 0"):
        lab.best_of_n(policy, 0, 0)
    with pytest.raises(LabError, match="mu must be above 0"):
        lab.adaptive_best_of_n(policy, 0)
    with pytest.raises(LabError, match="Wins must lie between 0 and 1, but there is 2"):
        lab.tournament(policy, 2, 1)
    with pytest.raises(LabError, match="rounds must be a whole number from 0 up"):
        lab.tournament(policy, 1, 0.5)
    with pytest.raises(LabError, match="Scores must be a table"):
        lab.wins_by_score([1, 2])
