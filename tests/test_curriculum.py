"""The curriculum's rules against their closed forms, and what they never do."""

import itertools
import math
import random
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sitool.config import CurriculumSettings
from sitool.curriculum.adaptive import next_places, teaching_values
from sitool.curriculum.rules import (
    CurriculumState,
    allocate,
    describe,
    easier,
    harder,
    next_active,
    next_mixture,
)
from sitool.errors import StudyError

LEVELS = range(1, 6)
START = CurriculumState()
RULES = ("fixed", "staged", "cosine", "gaussian", "adaptive", "manual")

successes = st.dictionaries(st.integers(1, 8), st.none() | st.floats(0, 1), max_size=8)


def curriculum(rule: str = "adaptive", **changes: object) -> CurriculumSettings:
    return CurriculumSettings.model_validate({"rule": rule, **changes})


def weights_of(settings: CurriculumSettings, progress_round: int = 0) -> list[float]:
    weights, _ = next_mixture(settings, LEVELS, progress_round, {}, START)
    return list(weights.values())


def walk(
    settings: CurriculumSettings,
    measured: Sequence[Mapping[int, float | None]],
    active: int | None = None,
) -> list[int]:
    """Return the active level after each of several measurements."""
    visited = []
    state = CurriculumState(active)
    for success in measured:
        _, state = next_mixture(settings, LEVELS, 0, success, state)
        assert state.active is not None
        visited.append(state.active)
    return visited


@given(
    rule=st.sampled_from(RULES),
    levels=st.integers(1, 8),
    progress_round=st.integers(0, 30),
    success=successes,
    active=st.none() | st.integers(1, 8),
    shift=st.integers(-9, 9),
    sigma=st.floats(1e-300, 64),
    p_min=st.floats(0, 0.5),
)
def test_weights_are_a_distribution_over_the_whole_ladder(
    rule: str,
    levels: int,
    progress_round: int,
    success: dict[int, float | None],
    active: int | None,
    shift: int,
    sigma: float,
    p_min: float,
) -> None:
    settings = curriculum(rule, shift=shift, sigma=sigma, p_min=p_min)
    weights, _ = next_mixture(
        settings, range(1, levels + 1), progress_round, success, CurriculumState(active)
    )
    assert list(weights) == list(range(1, levels + 1))
    assert min(weights.values()) >= 0
    assert math.isclose(sum(weights.values()), 1, abs_tol=1e-9)


def test_fixed_without_weights_is_uniform() -> None:
    assert weights_of(curriculum("fixed")) == pytest.approx([0.2] * 5)


@pytest.mark.parametrize("rule", ["fixed", "manual"])
def test_own_weights_are_scaled_to_one_and_levels_off_the_ladder_ignored(rule: str) -> None:
    settings = curriculum(rule, weights={1: 3, 3: 1, 9: 100})
    assert weights_of(settings) == pytest.approx([0.75, 0, 0.25, 0, 0])


def test_own_weights_that_miss_the_ladder_are_refused() -> None:
    with pytest.raises(StudyError, match=r"no weight to any of levels 1 to 5: it names \[9\]"):
        weights_of(curriculum("manual", weights={9: 1}))


def test_a_ladder_without_levels_is_refused() -> None:
    with pytest.raises(StudyError, match="the task offers levels 1 to 5"):
        weights_of(curriculum("fixed", lowest=7, highest=9))


def test_lowest_and_highest_bound_the_ladder() -> None:
    weights, _ = next_mixture(curriculum("fixed", lowest=2, highest=4), LEVELS, 0, {}, START)
    assert list(weights) == [2, 3, 4]


def test_staged_gives_each_level_its_turn_and_then_stays_on_the_hardest() -> None:
    settings = curriculum("staged", rounds=10)
    turns = [weights_of(settings, t).index(1.0) + 1 for t in range(13)]
    assert turns == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 5, 5, 5]


def test_cosine_starts_and_ends_on_mirrored_ramps_and_is_uniform_halfway() -> None:
    settings = curriculum("cosine", rounds=10)
    ramp = [5 / 15, 4 / 15, 3 / 15, 2 / 15, 1 / 15]
    assert weights_of(settings, 0) == pytest.approx(ramp)
    assert weights_of(settings, 5) == pytest.approx([0.2] * 5)
    assert weights_of(settings, 10) == pytest.approx(ramp[::-1])
    assert weights_of(settings, 99) == pytest.approx(ramp[::-1])


def test_gaussian_is_the_normal_density_around_a_moving_centre() -> None:
    settings = curriculum("gaussian", rounds=16, sigma=0.5, mu_exp=0.5, p_min=0.05)
    centre = math.sqrt(4 / 16) * 4
    bell = [math.exp(-((i - centre) ** 2) / 0.5) for i in range(5)]
    expected = [0.05 + 0.75 * q / sum(bell) for q in bell]
    assert weights_of(settings, 4) == pytest.approx(expected)


def test_adaptive_shares_go_ahead_and_to_review() -> None:
    settings = curriculum(ahead=0.25, review=0.15)
    weights, _ = next_mixture(settings, LEVELS, 0, {3: 0.4}, CurriculumState(3))
    assert weights == pytest.approx({1: 0.075, 2: 0.075, 3: 0.6, 4: 0.25, 5: 0})


def test_shares_without_a_level_to_go_to_stay_on_the_active_one() -> None:
    settings = curriculum(ahead=0.25, review=0.15)
    easiest, _ = next_mixture(settings, LEVELS, 0, {}, CurriculumState(1))
    hardest, _ = next_mixture(settings, LEVELS, 0, {}, CurriculumState(5))
    assert (easiest[1], easiest[2]) == pytest.approx((0.75, 0.25))
    assert hardest[5] == pytest.approx(0.85)


@pytest.mark.parametrize(
    ("success", "chosen"),
    [
        ({}, 1),
        ({1: None, 2: None}, 1),
        ({1: 0.9, 2: 0.5, 3: 0.3, 4: 0.1}, 3),
        ({1: 0.0, 2: 0.0, 3: 0.0}, 1),
        (dict.fromkeys(LEVELS, 0.95), 5),
        ({1: 0.9, 2: 0.1, 3: 0.0}, 2),
        ({1: 0.9, 2: 0.0, 3: 0.0}, 1),
        ({1: 1.0, 2: 0.0}, 2),
    ],
)
def test_the_first_active_level_is_the_hardest_in_the_band_or_at_the_frontier(
    success: dict[int, float], chosen: int
) -> None:
    assert walk(curriculum(), [success]) == [chosen]


def test_above_the_band_the_level_is_left_for_the_next_one() -> None:
    assert walk(curriculum(), [{1: 0.61, 2: 0.3}], active=1) == [2]
    assert walk(curriculum(), [{1: 0.9, 2: 0.15}], active=1) == [2]


def test_levels_that_transfer_has_lifted_above_the_band_are_skipped() -> None:
    assert walk(curriculum(), [{1: 0.9, 2: 0.8, 3: 0.7, 4: 0.4, 5: 0}], active=1) == [4]


def test_below_the_band_the_level_is_left_for_the_nearest_easier_one_in_it() -> None:
    assert walk(curriculum(), [{1: 0.55, 2: 0.5, 3: 0.19}], active=3) == [2]


def test_a_level_that_yields_nothing_is_left_even_for_one_that_is_passed() -> None:
    assert walk(curriculum(), [{1: 0.8, 2: 0.0}], active=2) == [1]


def test_an_unmeasured_ladder_leaves_the_active_level_alone() -> None:
    assert walk(curriculum(), [{}, {2: None}], active=3) == [3, 3]


def test_an_active_level_that_left_the_ladder_is_replaced() -> None:
    assert walk(curriculum(highest=2), [{}], active=4) == [1]
    assert walk(curriculum(highest=2), [{1: 0.5, 2: 0.3}], active=4) == [2]


@given(st.lists(st.floats(0.2, 0.6), min_size=20, max_size=20), st.data())
def test_noise_inside_the_band_never_moves_the_active_level(
    noise: list[float], data: st.DataObject
) -> None:
    others = [{k: data.draw(st.floats(0, 1)) for k in LEVELS} for _ in noise]
    measured = [seen | {3: value} for seen, value in zip(others, noise, strict=True)]
    assert set(walk(curriculum(), measured, active=3)) == {3}


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from(LEVELS), st.floats(0, 1)), st.sampled_from(LEVELS))
def test_with_one_unchanging_measurement_the_active_level_settles_at_once(
    success: dict[int, float], active: int
) -> None:
    # Only for success that falls with the level, as it does but for noise.
    values = sorted(success.values(), reverse=True)
    ordered = dict(zip(sorted(success), values, strict=True))
    visited = walk(curriculum(), [ordered] * 4, active)
    assert len(set(visited)) == 1


@pytest.mark.parametrize("easy", [0.66, 0.75, 0.84, 0.9, 0.97, 1.0])
@pytest.mark.parametrize("hard", [0.0, 0.003, 0.01, 0.05, 0.12])
def test_two_levels_around_the_band_do_not_take_turns_under_noise(easy: float, hard: float) -> None:
    def rate(rng: random.Random, success: float) -> float:
        return sum(rng.random() < success for _ in range(256)) / 256

    moves = 0
    for seed in range(5):
        rng = random.Random(seed)
        measured = [{1: max(0.601, rate(rng, easy)), 2: rate(rng, hard)} for _ in range(40)]
        visited = walk(curriculum(highest=2), measured, active=1)
        moves += sum(a != b for a, b in itertools.pairwise(visited))
    assert moves <= 5 * 2


def test_a_model_that_learns_is_led_from_easy_to_hard_without_a_step_back() -> None:
    skill = [0.35 + 0.05 * t for t in range(13)]
    visited = walk(curriculum(), [{k: p ** (2**k / 2) for k in LEVELS} for p in skill])
    assert visited == sorted(visited)
    assert (visited[0], visited[-1]) == (1, 5)


def test_teaching_value_is_largest_at_one_over_e() -> None:
    grid = np.linspace(0, 1, 10_001)
    assert grid[teaching_values(grid).argmax()] == pytest.approx(1 / math.e, abs=1e-4)


def test_next_active_names_a_level_of_the_ladder_whatever_was_measured() -> None:
    rng = random.Random(4)
    for _ in range(500):
        success = {k: rng.choice([None, 0.0, 1.0, rng.random()]) for k in range(1, 8)}
        before = rng.choice([None, *range(1, 9)])
        assert next_active(curriculum(), list(LEVELS), success, before) in LEVELS


def test_a_shift_moves_the_mixture_and_piles_up_at_the_end() -> None:
    weights = {1: 0.5, 2: 0.3, 3: 0.2}
    up = curriculum("manual", weights=weights, highest=3, shift=1)
    down = curriculum("manual", weights=weights, highest=3, shift=-2)
    assert next_mixture(up, LEVELS, 0, {}, START)[0] == pytest.approx({1: 0, 2: 0.5, 3: 0.5})
    assert next_mixture(down, LEVELS, 0, {}, START)[0] == pytest.approx({1: 1, 2: 0, 3: 0})


def test_a_shift_does_not_change_what_the_adaptive_rule_remembers() -> None:
    assert walk(curriculum(shift=2), [{2: 0.4}], active=2) == [2]


def test_harder_and_easier_undo_each_other() -> None:
    settings = curriculum()
    assert harder(settings).shift == 1
    assert easier(harder(settings)) == settings


@pytest.mark.parametrize(("move", "shift"), [(harder, 64), (easier, -64)])
def test_a_shift_at_its_bound_is_refused(
    move: Callable[[CurriculumSettings], CurriculumSettings], shift: int
) -> None:
    with pytest.raises(StudyError, match="already moved 64 levels"):
        move(curriculum(shift=shift))


def test_a_shift_past_the_ladder_is_refused_when_the_levels_are_known() -> None:
    with pytest.raises(StudyError, match="allowed are -4 to 4"):
        harder(curriculum(shift=4), LEVELS)
    assert easier(curriculum(shift=9), LEVELS).shift == 8


@given(
    st.dictionaries(st.integers(1, 64), st.floats(0, 1e6), min_size=1),
    st.integers(0, 100_000),
)
def test_an_allocation_sums_and_is_within_one_of_its_quota(
    weights: dict[int, float], problems: int
) -> None:
    total = math.fsum(weights.values())
    assume(total > 1e-9)
    counts = allocate(weights, problems)
    assert sum(counts.values()) == problems
    for level, weight in weights.items():
        assert abs(counts[level] - weight / total * problems) < 1 + 1e-6


def test_allocation_ties_go_to_the_easier_level() -> None:
    assert allocate({3: 1 / 3, 1: 1 / 3, 2: 1 / 3}, 4) == {1: 2, 2: 1, 3: 1}


def test_rounding_noise_does_not_cost_a_level_its_problem() -> None:
    assert allocate({1: 0.1 + 0.2, 2: 0.7}, 10) == {1: 3, 2: 7}
    assert allocate({1: 0.29, 2: 0.71}, 100) == {1: 29, 2: 71}


@pytest.mark.parametrize(
    ("weights", "problems"), [({1: 0.0}, 5), ({1: -1.0, 2: 2}, 5), ({1: 1}, -1)]
)
def test_an_allocation_that_makes_no_sense_is_refused(
    weights: dict[int, float], problems: int
) -> None:
    with pytest.raises(ValueError, match="cannot split"):
        allocate(weights, problems)


def test_the_state_survives_json() -> None:
    assert CurriculumState.from_json(CurriculumState(3).to_json()) == CurriculumState(3)
    assert CurriculumState.from_json({}) == START


def test_the_description_says_what_happens_and_why() -> None:
    inside = describe(curriculum(), LEVELS, 0, {3: 0.41}, CurriculumState(3))
    assert inside == (
        "Level 3 is inside the band (0.20 to 0.60) at 0.41: 60% of the round is drawn at level 3."
    )
    moved = describe(curriculum(), LEVELS, 0, {3: 0.7, 4: 0.3}, CurriculumState(3))
    assert moved.startswith("Level 3 is passed at 0.70, and level 4 is inside the band")
    assert describe(curriculum(shift=-1), LEVELS, 0, {}, START) == (
        "Level 1 is not measured yet: 75% of the round is drawn at level 1;"
        " then all is moved 1 level easier."
    )
    assert describe(curriculum("staged"), LEVELS, 2, {}, START) == (
        "Staged, after 2 of 10 rounds: level 2 gets the largest share, 100%."
    )
    assert describe(curriculum("manual"), LEVELS, 2, {}, START) == (
        "Manual: equal weights over levels 1 to 5."
    )


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 8))
def test_many_runs_at_once_are_led_as_each_alone(seed: int, levels: int) -> None:
    rng = np.random.default_rng(seed)
    success = rng.choice([0.0, 0.19, 0.2, 0.6, 0.61, 1.0, np.nan], (40, levels))
    random_rows = rng.random((40, levels))
    random_rows[:20].sort(axis=1)
    random_rows[:20] = random_rows[:20, ::-1]
    success = np.where(rng.random((40, levels)) < 0.4, success, random_rows)
    active = rng.integers(-1, levels, 40)
    together = next_places(curriculum(), success, active)
    steps = list(range(1, levels + 1))
    for row, place, chosen in zip(success, active, together, strict=True):
        measured = {k: None if np.isnan(s) else float(s) for k, s in zip(steps, row, strict=True)}
        alone = next_active(curriculum(), steps, measured, int(place) + 1 if place >= 0 else None)
        assert alone == chosen + 1
