"""The counts of the theorems on sharpening, and that a learner who has them does what they say."""

import math

import numpy as np
import pytest
from tabular_examples import random_policy

from sitool import lab
from sitool.errors import LabError

DELTA, EPSILON, RHO = 0.2, 0.2, 0.1
PROMPTS, RIVALS = 20, 39


@pytest.mark.parametrize("seed", range(10))
def test_the_responses_asked_for_reach_the_modes(seed: int) -> None:
    """And the bound is not idle: three fewer in four would often not do."""
    policy = random_policy(np.random.default_rng(seed), prompts=20, responses=6)
    for gamma in (0.0, 0.3):
        modes = lab.modes(policy, gamma)
        mass = lab.mode_mass(policy, gamma=gamma)
        needed = lab.responses_to_reach(mass, 0.05)
        for x in range(20):
            reached = lab.best_of_n(policy, modes, int(needed[x])).probabilities[x, modes[x]]
            assert reached.sum() >= 0.95
        short = lab.best_of_n(policy, modes, max(int(needed.min()) // 4, 1))
        assert (short.probabilities * modes).sum(axis=1).min() < 0.95


def test_counts_equal_their_formulas_over_arrays() -> None:
    delta, epsilon = np.array([0.1, 0.5])[:, None], np.array([0.05, 0.2, 1.0])
    n = lab.sft_prompts(1e4, 0.1, delta, epsilon, constant=3)
    responses = lab.sft_responses(7.5, delta, epsilon)
    samples = lab.sft_samples(7.5, 1e4, 0.1, delta, epsilon)
    least = lab.samples_lower_bound(7.5, 1e4, epsilon)
    adaptive = lab.adaptive_samples(7.5, 1e4, 0.1, delta, epsilon)
    assert n.shape == responses.shape == samples.shape == (2, 3)
    for i, j in np.ndindex(2, 3):
        d, e, size = float(delta[i, 0]), float(epsilon[j]), math.log(1e5)
        assert n[i, j] == math.ceil(3 * size / (d * e))
        assert responses[i, j] == math.ceil(7.5 * math.log(2 / d) / e)
        assert samples[i, j] == pytest.approx(7.5 * size * math.log(1 / d) / (d * e**2))
        assert least[j] == pytest.approx(7.5 * math.log(1e4) / (e**2 * (1 + math.log(7.5 / e))))
        expected = math.ceil(size / (d * e)) * (math.log(2 / d) + 1) * 7.5
        assert adaptive[i, j] == pytest.approx(expected)


def test_adaptive_sampling_costs_one_over_epsilon_where_a_fixed_number_costs_its_square() -> None:
    fixed = lab.sft_samples(10, 1e4, 0.1, 0.1, np.array([1e-2, 1e-4]))
    adaptive = lab.adaptive_samples(10, 1e4, 0.1, 0.1, np.array([1e-2, 1e-4]))
    assert fixed[1] / fixed[0] == pytest.approx(1e4, rel=1e-3)
    assert adaptive[1] / adaptive[0] == pytest.approx(1e2, rel=1e-3)


def test_the_constant_for_prompts_is_the_least_that_its_proof_allows() -> None:
    """Best-of-N misses y* with delta/2, the learner with delta: so far apart are they at least."""
    delta, epsilon = np.logspace(-9, 0, 50), 0.1
    apart = (np.sqrt(delta) - np.sqrt(delta / 2)) ** 2 + (
        np.sqrt(1 - delta) - np.sqrt(1 - delta / 2)
    ) ** 2
    mean_distance = 2 * delta * epsilon / lab.SUFFICIENT_PROMPTS  # 2 log(|Pi|/rho) / n
    share_of_such_prompts = mean_distance / apart
    assert (share_of_such_prompts <= epsilon / 2 + 1e-15).all()
    assert share_of_such_prompts[0] == pytest.approx(epsilon / 2, rel=1e-6)


def test_one_response_is_drawn_whatever_may_fail() -> None:
    assert lab.responses_to_reach(0.5, 1.0) == 1.0


def test_more_than_half_of_the_mass_makes_greedy_decoding_sure() -> None:
    assert lab.greedy_is_sharp([0.4, 0.5, 0.51, 1.0]).tolist() == [False, False, True, True]


def sft_sharpening(
    rng: np.random.Generator, prompts: int, responses: int
) -> tuple[lab.TabularPolicy, lab.TabularPolicy]:
    """Fine-tune on best-of-N responses that were really drawn; return the base and the result.

    The class holds the law of best-of-N, and rivals which do as the base does
    on a random half of the prompts.
    """
    base = random_policy(rng, PROMPTS, 4)
    base = lab.TabularPolicy(np.full(PROMPTS, 1 / PROMPTS), base.probabilities, base.utility)
    reward = np.log(base.probabilities)
    target = lab.best_of_n(base, reward, responses).probabilities
    lazy = rng.random((RIVALS, PROMPTS, 1)) < 0.5
    candidates = np.concatenate([np.where(lazy, base.probabilities, target), [target]])
    asked = rng.choice(PROMPTS, size=prompts, p=base.prompt_weights)
    drawn = lab.draw(base, asked, responses, rng)
    best = drawn[np.arange(prompts), reward[asked[:, None], drawn].argmax(axis=1)]
    counts = lab.count_responses(asked, best, base.shape)
    return base, base.with_probabilities(candidates[lab.maximum_likelihood(candidates, counts)])


def failures(runs: int, constants: tuple[float, float]) -> int:
    """Count the runs whose result is not (eps, delta)-sharpened."""
    failed = 0
    for seed in range(runs):
        rng = np.random.default_rng([17, seed])
        coverage = lab.coverage(random_policy(np.random.default_rng([17, seed]), PROMPTS, 4))
        n = int(lab.sft_prompts(RIVALS + 1, RHO, DELTA, EPSILON, constants[0]))
        responses = int(lab.sft_responses(coverage, DELTA, EPSILON, constants[1]))
        base, result = sft_sharpening(rng, n, responses)
        failed += bool(lab.sharpenedness(result, base, DELTA) < 1 - EPSILON)
    return failed


@pytest.mark.parametrize(
    "constants", [(1.0, 1.0), (lab.SUFFICIENT_PROMPTS, lab.SUFFICIENT_RESPONSES)]
)
def test_sft_sharpening_meets_its_epsilon_and_delta_at_the_counts_of_the_theorem(
    constants: tuple[float, float],
) -> None:
    assert failures(10, constants) <= 10 * RHO


def test_sft_sharpening_fails_with_far_fewer_than_the_theorem_asks_for() -> None:
    assert failures(10, (0.02, 1.0)) > 10 * RHO
    assert failures(10, (1.0, 0.03)) > 10 * RHO


def test_arguments_out_of_range_are_refused() -> None:
    with pytest.raises(LabError, match="delta must be above 0 and at most 1, but there is 0"):
        lab.sft_prompts(10, 0.1, [0.1, 0.0], 0.1)
    with pytest.raises(LabError, match=r"Coverage must be at least 1, but there is 0\.5"):
        lab.sft_responses(0.5, 0.1, 0.1)
    with pytest.raises(LabError, match="The class must be at least 1"):
        lab.sft_samples(2, 0, 0.1, 0.1, 0.1)
    with pytest.raises(LabError, match="number of modes must be a whole number from 1 up"):
        lab.adaptive_draws_bound(1.0, 0.5, 0)
