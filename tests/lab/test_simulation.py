"""Simulated runs against enumeration, limits, a plain loop of the same law, and the bound."""

import itertools
import random
from collections.abc import Sequence
from math import comb

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from benchmarks.plain_lab import PlainLearner, chain_steps, play_plainly, shared_steps
from sitool import lab
from sitool.config import CurriculumSettings
from sitool.curriculum.rules import CurriculumState, allocate, next_mixture
from sitool.errors import LabError, UnknownNameError
from sitool.lab.simulation import Restart
from sitool.lab.skills import errors_of

Floats = NDArray[np.float64]
LENGTHS = [1, 2, 4, 8, 16]


def binomial(n: int, p: float) -> list[float]:
    return [comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]


def exact_skills(
    steps: Sequence[Sequence[int]], start: Sequence[float], draws: Sequence[int],
    rounds: int, prior: float, from_base: bool,
) -> dict[tuple[float, ...], float]:  # fmt: skip
    """Go through all numbers of accepted responses of all levels and rounds."""
    law = {tuple(start): 1.0}
    for _ in range(rounds):
        after: dict[tuple[float, ...], float] = {}
        for skills, mass in law.items():
            success = [np.prod(np.power(skills, row)) for row in steps]
            each = [binomial(n, s) for n, s in zip(draws, success, strict=True)]
            for counts in itertools.product(*(range(n + 1) for n in draws)):
                chance = mass * np.prod([b[c] for b, c in zip(each, counts, strict=True)])
                base = start if from_base else skills
                learnt = np.array(counts) @ np.array(steps)
                new = tuple((learnt + prior * np.array(base)) / (learnt + prior))
                after[new] = after.get(new, 0.0) + float(chance)
        law = after
    return law


@pytest.mark.parametrize("restart", ["parent", "base"])
@pytest.mark.parametrize("kind", [lab.SharedSkill, lab.SkillChain])
def test_simulated_skills_have_the_moments_of_the_enumeration(
    kind: type[lab.StepLearner], restart: Restart
) -> None:
    steps = shared_steps([1, 3]) if kind is lab.SharedSkill else chain_steps([1, 3])
    start = [0.6] * len(steps[0])
    law = exact_skills(steps, start, [3, 2], 2, 2.0, restart == "base")
    runs = 40_000
    run = lab.simulate(
        kind(0.6, [1, 3], prior=2.0), "uniform", prompts=5, rounds=2, runs=runs, restart=restart
    )
    skills, chances = np.array(list(law)), np.array(list(law.values()))
    assert chances.sum() == pytest.approx(1)
    mean = chances @ skills
    variance = chances @ (skills - mean) ** 2
    found = run.skill[-1]
    assert np.all(np.abs(found.mean(axis=0) - mean) < 5 * np.sqrt(variance / runs))
    np.testing.assert_allclose(found.var(axis=0), variance, rtol=0.05)
    # Not a single run ends where the enumeration has no way to.
    assert set(np.unique(found[:, 0]).round(9)) <= set(np.unique(skills[:, 0]).round(9))


def distance(first: Floats, second: Floats) -> float:
    """Return the Kolmogorov-Smirnov distance of two samples, times sqrt(nm / (n + m))."""
    both = np.sort(np.concatenate([first, second]))
    gaps = [np.searchsorted(np.sort(x), both, side="right") / len(x) for x in (first, second)]
    scale = np.sqrt(len(first) * len(second) / (len(first) + len(second)))
    return float(np.abs(gaps[0] - gaps[1]).max() * scale)


@pytest.mark.parametrize("noise", [(0.0, 0.0), (0.0, 0.3), (0.2, 0.1)])
@pytest.mark.parametrize("kind", [lab.SharedSkill, lab.SkillChain])
def test_runs_are_distributed_as_in_a_plain_loop(
    kind: type[lab.StepLearner], noise: tuple[float, float]
) -> None:
    lengths = [1, 2, 4]
    steps = shared_steps(lengths) if kind is lab.SharedSkill else chain_steps(lengths)
    plain_skills, plain_accepted = [], []
    for seed in range(1500):
        learner = PlainLearner([0.6] * len(steps[0]), steps, 5.0, random.Random(seed), *noise)
        plain_accepted.append(play_plainly(learner, [4, 4, 4], rounds=3))
        plain_skills.append(learner.skills)
    run = lab.simulate(
        kind(0.6, lengths, 5.0, lab.Verifier(*noise)), "uniform", prompts=12, rounds=3, runs=6000
    )
    # 2.2 is passed by chance once in 8,000 times.
    for skill in range(len(steps[0])):
        assert distance(np.array(plain_skills)[:, skill], run.skill[-1, :, skill]) < 2.2
    for number in range(3):
        assert (
            distance(np.array(plain_accepted)[:, number], run.series("accepted")[number + 1]) < 2.2
        )


@pytest.mark.parametrize("length", [2, 5, 40])
@pytest.mark.parametrize("miss", [0.01, 0.5, 0.99, 1.0])
def test_errors_of_wrong_responses_have_the_mean_of_a_binomial_that_is_not_zero(
    length: int, miss: float
) -> None:
    rng = np.random.default_rng(3)
    drawn = errors_of(np.full(4000, 10), length, np.full(4000, miss), rng)
    mean = length * miss / (1 - (1 - miss) ** length)
    assert drawn.min() >= 10
    assert drawn.max() <= 10 * length
    assert drawn.mean() / 10 == pytest.approx(mean, rel=0.02)


def test_with_many_responses_a_round_is_its_expectation() -> None:
    learner = lab.SharedSkill(0.5, [1, 2, 4], prior=1e6, verifier=lab.Verifier(0.1, 0.2))
    run = lab.simulate(learner, "uniform", prompts=3, responses=10**6, rounds=1, runs=4)
    right = wrong = 0.0
    for length in (1, 2, 4):
        success = 0.5**length
        kept_right, kept_wrong = 1e6 * success * 0.8, 1e6 * (1 - success) * 0.1
        # A wrong response misses L/2 steps on average over all, and those all are in wrong ones.
        misses = length * 0.5 / (1 - success)
        right += kept_right * length + kept_wrong * (length - misses)
        wrong += kept_wrong * misses
    expected = (right + 1e6 * 0.5) / (right + wrong + 1e6)
    np.testing.assert_allclose(run.skill[-1], expected, rtol=2e-3)


@pytest.mark.parametrize("level", range(5))
def test_at_mean_counts_a_light_prior_keeps_the_sitool_bound_of_a_level(level: int) -> None:
    complexity = float(lab.complexity(1e4, 0.1))
    length = LENGTHS[level]
    for skill in (0.3, 0.6, 0.9, 0.99):
        for draws in (50, 200, 1000):
            mean_count = draws * skill**length
            after = (length * mean_count + complexity * skill) / (length * mean_count + complexity)
            guaranteed = float(lab.skill_after_level(skill, [length], complexity / draws)[0])
            assert after >= guaranteed - 1e-12


def test_the_first_round_moves_the_skill_most_on_the_level_of_success_one_over_e() -> None:
    lengths = [1, 2, 4, 8]
    learner = lab.SharedSkill(0.78, lengths, prior=1e5)
    gains = []
    for level in range(1, 5):
        only = CurriculumSettings(rule="fixed", weights={level: 1.0})
        run = lab.simulate(learner, only, prompts=1000, responses=20, rounds=1, runs=400)
        gains.append(run.skill[-1].mean() - 0.78)
    # .78 ** 4 = .37
    assert int(np.argmax(gains)) == 2
    best = 0.22 * 20_000 * 4 * 0.78**4 / (1e5 + 20_000 * 4 * 0.78**4)
    assert gains[2] == pytest.approx(best, rel=0.01)


def test_from_the_base_the_skill_settles_where_the_map_has_its_fixed_point() -> None:
    learner = lab.SharedSkill(0.7, [4], prior=500.0)
    run = lab.simulate(
        learner, "uniform", prompts=1000, responses=100, rounds=30, runs=20, restart="base"
    )
    point = 0.7
    for _ in range(500):
        steps = 4 * 100_000 * point**4
        point = (steps + 500 * 0.7) / (steps + 500)
    np.testing.assert_allclose(run.skill[-1], point, atol=1e-4)


def test_a_chain_of_one_level_is_a_shared_skill() -> None:
    runs = [
        lab.simulate(kind(0.5, [3], verifier=lab.Verifier(0.1, 0.1)), "uniform", runs=50)
        for kind in (lab.SharedSkill, lab.SkillChain)
    ]
    np.testing.assert_array_equal(runs[0].skill, runs[1].skill)


def test_a_level_of_a_chain_teaches_only_what_it_uses() -> None:
    easiest = lab.simulate(lab.SkillChain(0.5, [1, 2, 4]), "easiest", runs=50)
    assert np.all(easiest.skill[-1, :, 0] > 0.9)
    np.testing.assert_array_equal(easiest.skill[-1, :, 1:], 0.5)


@pytest.mark.parametrize("rule", ["staged", "cosine", "gaussian", "adaptive", "uniform"])
def test_every_run_draws_what_the_real_loop_would(rule: str) -> None:
    run = lab.simulate(
        lab.SharedSkill(0.5, [1, 2, 4, 8]), rule, prompts=30, rounds=7, runs=25, seed=5
    )
    curriculum = lab.named_curriculum(rule, levels=4, rounds=7)
    for number in range(25):
        state = CurriculumState()
        for taken in range(7):
            success = dict(enumerate(run.success[taken, number].tolist(), start=1))
            weights, state = next_mixture(curriculum, range(1, 5), taken, success, state)
            assert run.prompts[taken + 1, number].tolist() == list(allocate(weights, 30).values())


def test_a_ladder_between_two_levels_draws_nothing_else() -> None:
    for rule in ("adaptive", "fixed"):
        part = CurriculumSettings.model_validate({"rule": rule, "lowest": 2, "highest": 3})
        run = lab.simulate(lab.SharedSkill(0.6, [1, 2, 4, 8]), part, runs=20)
        drawn = run.prompts[1:]
        assert not drawn[:, :, [0, 3]].any()
        assert np.all(drawn.sum(axis=2) == 64)


def test_every_run_may_have_its_own_start_and_budget() -> None:
    skills, budgets = np.array([[0.4], [0.8]]), np.array([16, 64])
    learner = lab.SharedSkill(skills, [1, 2])
    run = lab.simulate(learner, "adaptive", prompts=budgets, rounds=3, runs=2)
    np.testing.assert_array_equal(run.skill[0], skills)
    np.testing.assert_array_equal(run.prompts[1:].sum(axis=2), [[16, 64]] * 3)


def test_noise_in_the_held_out_measure_changes_what_is_drawn_and_nothing_else_does() -> None:
    learner = lab.SharedSkill(0.5, [1, 2, 4, 8])
    runs = [
        lab.simulate(learner, "adaptive", runs=200, seed=1, held_out=held_out)
        for held_out in (0, 0, 4)
    ]
    np.testing.assert_array_equal(runs[0].success, runs[1].success)
    # Exact success sends all runs to one level; four samples do not.
    assert len(np.unique(runs[0].prompts[1], axis=0)) == 1
    assert len(np.unique(runs[2].prompts[1], axis=0)) > 1


def test_a_band_is_the_mean_and_the_quantiles_over_runs() -> None:
    run = lab.simulate(lab.SharedSkill(0.5, [1, 2]), "uniform", prompts=8, rounds=2, runs=100)
    band = run.band("success", level=2, quantiles=(0.1, 0.9))
    course = run.success[:, :, 1]
    np.testing.assert_allclose(band.mean, course.mean(axis=1))
    np.testing.assert_allclose(band.error, course.std(axis=1, ddof=1) / 10)
    assert np.all((course >= band.low[:, None]).mean(axis=1) >= 0.9)
    assert np.all((course <= band.high[:, None]).mean(axis=1) >= 0.9)
    accepted = run.band("accepted")
    np.testing.assert_allclose(accepted.mean, run.accepted.sum(axis=2).mean(axis=1))


def test_the_time_to_a_threshold_is_the_first_round_there_or_never() -> None:
    run = lab.simulate(lab.SharedSkill(0.5, [1, 8]), "easiest", prompts=32, rounds=6, runs=50)
    first = run.rounds_to(0.8, level=1)
    for number in range(50):
        course = run.success[:, number, 0]
        there = [t for t in range(7) if course[t] >= 0.8]
        assert first[number] == (there[0] if there else np.inf)
    assert np.all(np.isinf(run.rounds_to(1.0, level=2)))


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from([lab.SharedSkill, lab.SkillChain]),
    initial=st.floats(1e-3, 1),
    lengths=st.lists(st.integers(1, 20), min_size=1, max_size=4).map(sorted),
    prior=st.floats(1e-3, 1e4),
    noise=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    restart=st.sampled_from(["parent", "base"]),
)
@example(lab.SharedSkill, 1 / 256, [18], 1 / 512, (1.0, 0.0), "parent")  # Success of 1e-309.
def test_skills_stay_chances_whatever_the_verifier_does(
    kind: type[lab.StepLearner], initial: float, lengths: list[int], prior: float,
    noise: tuple[float, float], restart: Restart,
) -> None:  # fmt: skip
    learner = kind(initial, lengths, prior, lab.Verifier(*noise))
    run = lab.simulate(learner, "adaptive", prompts=9, rounds=3, runs=8, restart=restart)
    for table in (run.skill, run.success):
        assert np.all((table >= 0) & (table <= 1))
    assert np.all(run.accepted <= run.prompts)
    assert np.all(run.gap <= 1 - run.success + 1e-9)


def test_what_cannot_be_simulated_is_refused() -> None:
    learner = lab.SharedSkill(0.5, [1, 2])
    with pytest.raises(UnknownNameError, match=r"No curriculum is named .adaptiv.\. Did you"):
        lab.simulate(learner, "adaptiv")
    with pytest.raises(UnknownNameError, match="No restart policy is named 'root'"):
        lab.simulate(learner, "uniform", restart="root")  # type: ignore[arg-type]
    with pytest.raises(LabError, match="The number of runs must be a whole number from 1 up"):
        lab.simulate(learner, "uniform", runs=0)
    with pytest.raises(LabError, match="The initial skill must be above 0 and at most 1"):
        lab.SharedSkill(0.0, [1])
    with pytest.raises(LabError, match="The prior count must be above 0, but there is 0"):
        lab.SharedSkill(0.5, [1], prior=0)
    with pytest.raises(LabError, match="must not fall from level to level"):
        lab.SkillChain(0.5, [2, 1])
    with pytest.raises(LabError, match="false accepts must lie between 0 and 1"):
        lab.Verifier(1.5)
    with pytest.raises(LabError, match=r"has the shape \(3,\), which does not fit \(4, 1\)"):
        lab.simulate(lab.SharedSkill([0.1, 0.2, 0.3], [1]), "uniform", runs=4)
    run = lab.simulate(learner, "uniform", runs=2)
    with pytest.raises(LabError, match="There is no level 3 of success"):
        run.band("success", level=3)
    with pytest.raises(UnknownNameError, match="No series is named 'loss'"):
        run.band("loss")
