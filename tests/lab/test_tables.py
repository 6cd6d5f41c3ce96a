"""Learners that share nothing between prompts, and those without truth, against exact laws."""

import numpy as np
import pytest

from sitool import lab
from sitool.errors import LabError


def kept_mass_by_enumeration(mass: float, draws: int, prior: float, rounds: int) -> float:
    """Return the mean mass of kept kinds of one prompt, going through all numbers kept."""
    law = {mass: 1.0}
    for _ in range(rounds):
        after: dict[float, float] = {}
        for now, chance in law.items():
            for kept in range(draws + 1):
                ways = float(np.prod([(draws - i) / (i + 1) for i in range(kept)]))
                each = chance * ways * now**kept * (1 - now) ** (draws - kept)
                new = (kept + prior * now) / (kept + prior)
                after[new] = after.get(new, 0.0) + each
        law = after
    return sum(now * chance for now, chance in law.items())


@pytest.mark.parametrize("responses", [1, 4])
def test_a_table_has_the_mean_of_the_enumeration(responses: int) -> None:
    learner = lab.Tabular(0.6, [1, 2], prompts=1, prior=3.0)
    prompts = 2 * 4 // responses
    run = lab.simulate(
        learner, "uniform", prompts=prompts, responses=responses, rounds=3, runs=40_000
    )
    for level, start in ((1, 0.6), (2, 0.36)):
        exact = kept_mass_by_enumeration(start, 4, 3.0, 3)
        band = run.band("success", level)
        assert abs(band.mean[-1] - exact) < 5 * band.error[-1]


@pytest.mark.parametrize("responses", [1, 2])
def test_without_a_prior_one_accepted_sample_settles_a_prompt(responses: int) -> None:
    learner = lab.Tabular(0.3, [1, 2], prompts=4, prior=0.0)
    run = lab.simulate(learner, "uniform", prompts=8, responses=responses, rounds=1, runs=30_000)
    for level, start in ((1, 0.3), (2, 0.09)):
        # A prompt stays at its start if none of a level's 4 draws is both its own and right.
        missed = (1 - 0.25 * (1 - (1 - start) ** responses)) ** 4
        band = run.band("success", level)
        assert abs(band.mean[-1] - (1 - (1 - start) * missed)) < 5 * band.error[-1]
    assert learner.log_class == pytest.approx(2 * 4 * np.log(10))


def test_no_level_of_a_table_learns_from_another() -> None:
    run = lab.simulate(lab.Tabular(0.5, [1, 2, 4]), "easiest", runs=20)
    assert np.all(run.success[-1, :, 0] > run.success[0, :, 0])
    np.testing.assert_array_equal(run.success[:, :, 1:], run.success[:1, :, 1:].repeat(13, axis=0))


def test_false_accepts_leave_a_table_at_the_precision_of_its_verifier_in_one_round() -> None:
    learner = lab.Tabular(0.5, [1], prompts=1, prior=1e-9, verifier=lab.Verifier(0.2, 0.4))
    run = lab.simulate(learner, "uniform", prompts=2, responses=10**6, rounds=1, runs=50)
    assert run.success[-1].mean() == pytest.approx(0.3 / (0.3 + 0.1), rel=0.01)
    assert run.gap[0].mean() == pytest.approx(0.75 - 0.5)


def test_a_self_verifier_begins_with_the_given_correlation_and_gap() -> None:
    for correlation in (0.0, 0.3, 1.0):
        learner = lab.SelfVerified(0.6, [1, 2], correlation=correlation)
        state = learner.start(1)
        right, kept = learner.right_kinds(), learner.keep_chances()
        for level, success in enumerate((0.6, 0.36)):
            masses = state[0, level, 0]
            covariance = masses @ (right * kept) - (masses @ right) * (masses @ kept)
            spread = np.sqrt(np.prod([m * (1 - m) for m in (masses @ right, masses @ kept)]))
            assert masses.sum() == pytest.approx(1)
            assert covariance / spread == pytest.approx(correlation)
            assert learner.gap(state, 1)[0, level] == pytest.approx(correlation * (1 - success))


def test_a_self_verifier_climbs_to_its_ceiling_and_its_gap_decays() -> None:
    learner = lab.SelfVerified(0.6, [1, 2], prompts=4, prior=5.0, correlation=0.4)
    run = lab.simulate(learner, "uniform", prompts=16, responses=8, rounds=25, runs=2000)
    np.testing.assert_allclose(learner.ceiling(), [0.6 + 0.4 * 0.4, 0.36 + 0.4 * 0.64])
    for level in (1, 2):
        band = run.band("success", level)
        assert abs(band.mean[-1] - learner.ceiling()[level - 1]) < 5 * band.error[-1] + 0.01
    gap = run.band("gap").mean
    assert np.all(np.diff(gap) < 1e-3)
    assert gap[-1] < 0.02 * gap[0]


@pytest.mark.parametrize("responses", [1, 4])
def test_the_mean_of_a_self_verifier_is_exact_before_the_end(responses: int) -> None:
    # The kept mass is a process of its own, and the right share of it a martingale.
    learner = lab.SelfVerified(0.6, [1], prompts=1, prior=3.0, correlation=0.4)
    prompts = 4 // responses
    run = lab.simulate(
        learner, "uniform", prompts=prompts, responses=responses, rounds=2, runs=40_000
    )
    kept = kept_mass_by_enumeration(0.6, 4, 3.0, 2)
    dropped_right = 0.6 * 0.4 * 0.6 * (1 - kept) / 0.4
    exact = kept * (0.6 + 0.4 * 0.4) + dropped_right
    band = run.band("success")
    assert abs(band.mean[-1] - exact) < 5 * band.error[-1]


def test_sharpening_selects_by_the_exact_law_of_the_best() -> None:
    rng = np.random.default_rng(1)
    table = rng.integers(1, 4, (4, 5)).astype(float)  # with ties
    table /= table.sum(axis=1, keepdims=True)
    base = lab.TabularPolicy(np.full(4, 0.25), table, rng.integers(0, 2, (4, 5)))
    learner = lab.Sharpener(base, np.array([1, 1, 2, 2]))
    state = rng.dirichlet(np.ones(5), (3, 4))
    for responses in (1, 3, 16):
        found = learner.best(state, responses)
        for number in range(3):
            now = base.with_probabilities(state[number])
            exact = lab.best_of_n(now, base.probabilities, responses).probabilities
            np.testing.assert_allclose(found[number], exact, atol=1e-12)


def test_one_round_of_sharpening_has_the_mean_of_its_closed_form() -> None:
    base, level_of = lab.sharpening_base(0.5, [1, 2], prompts=1, answers=4, seed=3)
    learner = lab.Sharpener(base, level_of, prior=10.0)
    run = lab.simulate(learner, "uniform", prompts=40, responses=6, rounds=1, runs=20_000)
    best = lab.best_of_n(base, base.probabilities, 6)
    expected = (20 * lab.accuracy_by_prompt(best) + 10 * lab.accuracy_by_prompt(base)) / 30
    for level in (1, 2):
        band = run.band("success", level)
        assert abs(band.mean[-1] - expected[level - 1]) < 5 * band.error[-1]
    assert run.gap[0, 0] == pytest.approx(
        lab.accuracy_by_prompt(best) - lab.accuracy_by_prompt(base)
    )


def test_sharpening_ends_at_the_modes_right_or_wrong() -> None:
    base = lab.TabularPolicy([0.5, 0.5], [[0.5, 0.3, 0.2], [0.3, 0.5, 0.2]], [[1, 0, 0]] * 2)
    learner = lab.Sharpener(base, np.array([1, 2]), prior=5.0)
    run = lab.simulate(learner, "uniform", prompts=64, responses=16, rounds=30, runs=50)
    np.testing.assert_allclose(run.success[-1].mean(axis=0), [1, 0], atol=0.01)
    np.testing.assert_allclose(run.coverage[0, 0], [2, 2])
    np.testing.assert_allclose(run.coverage[-1].mean(axis=0), [1, 1], atol=0.01)
    assert run.skill[-1].mean() > 0.99


def test_prompts_of_a_sharpener_are_drawn_within_their_level() -> None:
    base, level_of = lab.sharpening_base(0.5, [1, 2], prompts=3)
    run = lab.simulate(lab.Sharpener(base, level_of), "easiest", runs=10)
    np.testing.assert_array_equal(run.success[:, :, 1], np.full((13, 10), 0.25))


def test_levels_of_a_sharpener_are_numbered_without_a_hole() -> None:
    base, _ = lab.sharpening_base(0.5, [1, 2], prompts=1)
    with pytest.raises(LabError, match="Level 2 has no prompt"):
        lab.Sharpener(base, np.array([1, 3]))
