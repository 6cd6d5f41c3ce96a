"""The sitool bound: its printed checks, brute force, and that simulated rounds obey it."""

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tabular_examples import Floats, random_policy

from sitool import lab
from sitool.errors import LabError

LENGTHS = [1, 2, 4, 8, 16]
CLASS, RHO = 1e4, 0.1
UNIFORM, HARD_ONLY = [0.2] * 5, [0, 0, 0, 0, 1]


def test_fixed_points_are_those_that_were_worked_out() -> None:
    b = lab.feedback_strength(CLASS, RHO, [200, 1000, 50])
    lower, upper = lab.fixed_points(b)
    np.testing.assert_allclose(lower, [0.133, 0.024, np.nan], atol=5e-4)
    np.testing.assert_allclose(upper, [0.867, 0.976, np.nan], atol=5e-4)


@given(st.floats(1e-9, 0.2499), st.floats(0.001, 0.999))
def test_the_guarantee_climbs_above_the_lower_fixed_point_and_falls_below_it(
    b: float, place: float
) -> None:
    lower, upper = (float(point) for point in lab.fixed_points(b))
    np.testing.assert_allclose([1 - b / lower, 1 - b / upper], [lower, upper], atol=1e-7)
    between, under = lower + place * (upper - lower), place * lower
    assert 1 - b / between > between - 1e-12
    assert 1 - b / under < under + 1e-12


def test_iterating_the_feedback_ends_at_the_ceiling_or_at_nothing() -> None:
    accuracy = np.array([0.12, 0.14, 0.5, 0.99, 0.0])
    for _ in range(200):
        accuracy = lab.next_accuracy(accuracy, CLASS, RHO, 200).value
    np.testing.assert_allclose(accuracy, [0, 0.867, 0.867, 0.867, 0], atol=5e-4)


@pytest.mark.parametrize(
    ("draws", "skill", "expected"),
    [
        (200, 0.3, (0.867, 0, 0)),
        (200, 0.6, (0.867, 0.628, 0)),
        (200, 0.9, (0.867, 0.629, 0.867)),
        (1000, 0.6, (0.976, 0.939, 0)),
    ],
)
def test_twelve_rounds_guarantee_what_was_worked_out(
    draws: int, skill: float, expected: tuple[float, float, float]
) -> None:
    courses = (
        lab.easy_to_hard(skill, LENGTHS, CLASS, RHO / 12, draws, 12),
        lab.fixed_mixture(skill, LENGTHS, UNIFORM, CLASS, RHO / 12, draws, 12),
    )
    assert all(course.bound.probability == pytest.approx(1 - RHO) for course in courses)
    reached = [
        lab.easy_to_hard(skill, LENGTHS, CLASS, RHO, draws, 12),
        lab.fixed_mixture(skill, LENGTHS, UNIFORM, CLASS, RHO, draws, 12),
        lab.fixed_mixture(skill, LENGTHS, HARD_ONLY, CLASS, RHO, draws, 12),
    ]
    np.testing.assert_allclose([c.success(16)[-1] for c in reached], expected, atol=5e-4)


def test_courses_of_many_starts_are_those_of_each() -> None:
    skills = np.array([[0.3], [0.6], [0.9]])
    together = lab.easy_to_hard(skills, LENGTHS, CLASS, RHO, [200, 1000], 5)
    mixed = lab.fixed_mixture(skills, LENGTHS, UNIFORM, CLASS, RHO, [200, 1000], 5)
    assert together.skill.shape == mixed.skill.shape == (6, 3, 2)
    for i, j in np.ndindex(3, 2):
        start, draws = float(skills[i, 0]), [200, 1000][j]
        alone = lab.easy_to_hard(start, LENGTHS, CLASS, RHO, draws, 5)
        np.testing.assert_array_equal(together.skill[:, i, j], alone.skill)
        np.testing.assert_array_equal(together.level[:, i, j], alone.level)
        one = lab.fixed_mixture(start, LENGTHS, UNIFORM, CLASS, RHO, draws, 5)
        np.testing.assert_array_equal(mixed.skill[:, i, j], one.skill)
    assert (mixed.level == -1).all()


@pytest.mark.parametrize("seed", range(30))
def test_the_skill_after_a_mixture_is_the_root_of_its_polynomial(seed: int) -> None:
    rng = np.random.default_rng(seed)
    skill, weights, error = rng.random(), rng.dirichlet(np.ones(5)), 10 ** rng.uniform(-3, -0.5)
    found = float(lab.skill_after_mixture(skill, LENGTHS, weights, error))
    reach = weights * skill ** np.array(LENGTHS)
    coefficients = np.zeros(17)
    coefficients[16] = reach.sum() - error
    for length, part in zip(LENGTHS, reach, strict=True):
        coefficients[16 - length] -= part
    roots = np.roots(coefficients)
    inside = [r.real for r in roots if abs(r.imag) < 1e-9 and 0 < r.real < 1]
    assert found == pytest.approx(inside[0] if reach.sum() > error else 0.0, abs=1e-9)


@pytest.mark.parametrize("seed", range(30))
def test_no_mixture_guarantees_more_than_the_best_level(seed: int) -> None:
    rng = np.random.default_rng(seed)
    skill, error = rng.random(), 10 ** rng.uniform(-3, -0.5)
    each = lab.skill_after_level(skill, LENGTHS, error)
    mixed = lab.skill_after_mixture(skill, LENGTHS, rng.dirichlet(np.ones(5), 20), error)
    assert (mixed <= each.max() + 1e-12).all()
    alone = lab.skill_after_mixture(skill, LENGTHS, np.eye(5), error)
    np.testing.assert_allclose(alone, each, atol=1e-12)


@pytest.mark.parametrize("skill", [0.3, 0.6, 0.9, 0.99])
def test_with_a_large_budget_the_best_level_has_success_one_over_e(skill: float) -> None:
    lengths = np.linspace(0.05, 200, 400_000)
    best = lengths[lab.skill_after_level(skill, lengths, 1e-7).argmax()]
    assert lab.best_length(skill) == pytest.approx(best, rel=1e-3)
    assert skill ** lab.best_length(skill) == pytest.approx(np.exp(-1))


def test_levels_without_transfer_learn_from_their_own_samples() -> None:
    bound = lab.levels_without_transfer([0.9, 0.3, 0.5], [0.5, 0.5, 0.0], CLASS, RHO, 1000)
    c = 2 * np.log(1e5)
    np.testing.assert_allclose(bound.value, [c / 450, c / 150, np.inf])


@pytest.mark.parametrize("draws", [20, 60, 200])
@pytest.mark.parametrize("accuracy", [0.1, 0.5, 0.9])
def test_beforehand_the_bound_is_that_of_half_the_samples_to_expect(
    draws: int, accuracy: float
) -> None:
    beforehand = lab.never_much_worse_beforehand(accuracy, 2, RHO, draws)
    unlucky = sum(
        comb(draws, kept) * accuracy**kept * (1 - accuracy) ** (draws - kept)
        for kept in range(draws + 1)
        if kept < draws * accuracy / 2
    )
    half = lab.never_much_worse(accuracy, 2, RHO, draws * accuracy / 2)
    assert beforehand.value == pytest.approx(float(half.value))
    assert beforehand.probability <= 1 - RHO - unlucky
    expected = 1 - RHO - np.exp(-draws * accuracy / 8)
    assert beforehand.probability == pytest.approx(max(expected, 0.0))


def test_a_bound_carries_its_assumptions() -> None:
    bounds = [
        lab.one_round(CLASS, RHO, 100),
        lab.never_much_worse(0.5, CLASS, RHO, 100),
        lab.never_much_worse_beforehand(0.5, CLASS, RHO, 1000),
        lab.next_accuracy(0.5, CLASS, RHO, 1000),
        lab.levels_without_transfer(0.5, [1.0], CLASS, RHO, 1000),
        lab.easy_to_hard(0.5, LENGTHS, CLASS, RHO, 1000, 2).bound,
        lab.fixed_mixture(0.5, LENGTHS, UNIFORM, CLASS, RHO, 1000, 2).bound,
    ]
    for bound in bounds:
        assert bound.source == "sitool bound"
        assert "in the class" in bound.assumptions
        assert bound.formula
        assert bound.name.startswith("S")
    assert "shared skill" in bounds[-1].assumptions
    assert bounds[-1].probability == pytest.approx(0.8)


def round_of_maximum_likelihood(
    rng: np.random.Generator, policy: lab.TabularPolicy, rivals: Floats, accepted: int
) -> tuple[float, float]:
    """Choose among rivals and the target by accepted samples.

    Returns:
        The chosen policy's errors on the prompts of the data, and its accuracy.
    """
    filtered = lab.reward_filtered(policy)
    candidates = np.concatenate([rivals, [filtered.target.probabilities]])
    counts = rng.multinomial(accepted, filtered.joint.ravel()).reshape(policy.shape)
    learned = policy.with_probabilities(candidates[lab.maximum_likelihood(candidates, counts)])
    errors = float(filtered.prompts @ (1 - lab.accuracy_by_prompt(learned)))
    return errors, float(lab.accuracy(learned))


def rivals_of(
    rng: np.random.Generator, target: Floats, number: int, tilt: Floats, wrong: Floats
) -> Floats:
    """Make policies that weigh right responses otherwise and leave mass on any response."""
    tilted = target * np.exp(tilt * rng.normal(size=(number, *target.shape)))
    tilted /= tilted.sum(axis=2, keepdims=True)
    anything = rng.dirichlet(np.ones(target.shape[1]), (number, len(target)))
    return (1 - wrong) * tilted + wrong * anything


def test_a_thousand_rounds_break_the_bound_no_more_often_than_rho_allows() -> None:
    rng = np.random.default_rng(23)
    rounds, broken_s1, broken_s2 = 0, 0, 0
    while rounds < 1000:
        policy = random_policy(rng, int(rng.integers(1, 4)), int(rng.integers(2, 6)))
        if not policy.utility.any():
            continue
        size, accepted = int(rng.integers(2, 60)), int(rng.integers(1, 200))
        tilt = rng.choice([0.1, 0.5, 2.0], (size - 1, 1, 1))
        wrong = 10 ** rng.uniform(-3, 0, (size - 1, 1, 1))
        target = lab.reward_filtered(policy).target.probabilities
        rivals = rivals_of(rng, target, size - 1, tilt, wrong)
        errors, after = round_of_maximum_likelihood(rng, policy, rivals, accepted)
        broken_s1 += errors > lab.one_round(size, RHO, accepted).value
        worst = lab.never_much_worse(lab.accuracy(policy), size, RHO, accepted).value
        broken_s2 += after < worst
        rounds += 1
    assert broken_s1 <= RHO * rounds
    assert broken_s2 <= RHO * rounds


def test_hostile_rivals_come_near_the_bound_and_do_not_break_it() -> None:
    """Each errs by about log|Pi|/N and fits the noise of the data in its own way.

    One of them often fits better than the target does, so that a tenth of the
    bound would be broken more often than rho allows.
    """
    rng, rho, size = np.random.default_rng(29), 0.5, 400
    used = []
    for _ in range(200):
        accepted = int(rng.integers(60, 200))
        row = rng.dirichlet(np.full(16, 20.0))
        policy = lab.TabularPolicy([1.0], [row], [[0] + [1] * 15])
        price = np.log(size) / accepted
        target = lab.reward_filtered(policy).target.probabilities
        rivals = rivals_of(rng, target, size - 1, np.sqrt(price), np.zeros(1))
        rivals *= 1 - 0.35 * price
        rivals[:, :, 0] = 0.35 * price
        errors, _ = round_of_maximum_likelihood(rng, policy, rivals, accepted)
        used.append(errors / float(lab.one_round(size, rho, accepted).value))
    assert max(used) <= 1.0
    assert np.mean(np.array(used) > 0.1) > rho


def test_with_nothing_accepted_nothing_is_guaranteed() -> None:
    assert lab.one_round(CLASS, RHO, 0).value == np.inf
    assert lab.never_much_worse(0.7, CLASS, RHO, 0).value == 0.0
    assert lab.next_accuracy(0.0, CLASS, RHO, 100).value == 0.0
    assert lab.skill_after_level(0.0, LENGTHS, 0.1).tolist() == [0.0] * 5
    assert lab.skill_after_mixture(0.0, LENGTHS, UNIFORM, 0.1) == 0.0
    beforehand = lab.never_much_worse_beforehand(0.0, CLASS, RHO, 100)
    assert (beforehand.value, beforehand.probability) == (0.0, 0.0)


def test_a_class_of_one_policy_has_no_price_but_that_of_confidence() -> None:
    assert lab.complexity(1, 1) == 0.0
    assert lab.fixed_points(0.0) == (0.0, 1.0)


def test_arguments_out_of_range_are_refused() -> None:
    with pytest.raises(LabError, match=r"Weights of levels must sum to 1, but there is 0\.9"):
        lab.skill_after_mixture(0.5, [1, 2], [0.5, 0.4], 0.1)
    with pytest.raises(LabError, match=r"\(3,\) weights for \(2,\) levels"):
        lab.skill_after_mixture(0.5, [1, 2], [0.5, 0.4, 0.1], 0.1)
    with pytest.raises(LabError, match="rho must be above 0 and at most 1, but there is 0"):
        lab.one_round(CLASS, 0.0, 10)
    with pytest.raises(LabError, match="The skill must lie between 0 and 1, but there is 1"):
        lab.best_length([0.5, 1.0])
    with pytest.raises(LabError, match="kappa must be above 0"):
        lab.next_accuracy(0.5, CLASS, RHO, 10, 0.0)
    with pytest.raises(LabError, match="number of rounds must be a whole number"):
        lab.easy_to_hard(0.5, LENGTHS, CLASS, RHO, 10, 0)
