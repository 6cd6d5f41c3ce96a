"""Fits of skills against closed forms, brute force, and counts drawn from known skills."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sitool import lab
from sitool.errors import LabError, UnknownNameError
from sitool.lab.fitting import _log_likelihood, falling, shared_skill

STEPS = [1, 2, 4, 8]


def drawn(skill: float, asked: int, seeds: int) -> np.ndarray:
    rng = np.random.default_rng(7)
    return rng.binomial(asked, skill ** np.array(STEPS), (seeds, len(STEPS))).astype(float)


@given(st.integers(1, 12), st.integers(1, 400), st.data())
def test_one_level_has_its_closed_form(length: int, asked: int, data: st.DataObject) -> None:
    right = data.draw(st.integers(0, asked))
    found = lab.fit("shared", lab.Counts([length], [right], [asked]), draws=10)
    np.testing.assert_allclose(found.skill[0], (right / asked) ** (1 / length), atol=1e-9)
    assert found.low[0] <= found.skill[0] <= found.high[0]
    assert np.isnan(found.p_value)
    assert found.fits


def test_the_estimate_is_the_best_of_a_fine_grid() -> None:
    grid = np.linspace(1e-6, 1 - 1e-6, 200_001)
    asked, steps = np.full(4, 30.0), np.array(STEPS, dtype=float)
    for right in drawn(0.7, 30, 20):
        best = grid[_log_likelihood(right, asked, steps, grid).argmax()]
        assert abs(float(shared_skill(right, asked, steps)) - best) <= 1e-5


@pytest.mark.parametrize(("right", "skill"), [([50, 50], 1.0), ([0, 0], 0.0)])
def test_all_or_none_solved_is_an_end_with_an_interval_inside(
    right: list[int], skill: float
) -> None:
    found = lab.fit("shared", lab.Counts([1, 3], right, [50, 50]))
    assert found.skill[0] == skill
    # The other end: where 100 or 50 like answers are still as likely as exp(-1.92).
    total = np.exp(-1.920729410347062)
    other = total ** (1 / (50 * 4)) if skill else found.high[0]
    assert found.low[0] == pytest.approx(other if skill else 0.0)
    if not skill:
        p = found.high[0]
        assert 50 * np.log(1 - p) + 50 * np.log(1 - p**3) == pytest.approx(np.log(total))
    assert ((found.draws > 0) & (found.draws < 1)).all()
    assert found.fits


@pytest.mark.parametrize("skill", [0.3, 0.7, 0.95])
def test_intervals_hold_the_skill_as_often_as_they_say(skill: float) -> None:
    seeds = 400
    inside = by_draws = 0
    for right in drawn(skill, 24, seeds):
        found = lab.fit("shared", lab.Counts(STEPS, right, [24] * 4), draws=400)
        inside += int(found.low[0] <= skill <= found.high[0])
        low, high = np.quantile(found.draws[:, 0], (0.025, 0.975))
        by_draws += int(low <= skill <= high)
    # 400 trials at .95 have a standard deviation of 4.4; four of them either way.
    for count in (inside, by_draws):
        assert 0.95 * seeds - 18 <= count <= 0.95 * seeds + 18


def test_a_true_model_is_seldom_doubted_and_a_wrong_one_nearly_always() -> None:
    doubted = [
        not lab.fit("shared", lab.Counts(STEPS, right, [60] * 4), draws=2).fits
        for right in drawn(0.8, 60, 200)
    ]
    assert sum(doubted) <= 10 + 4 * 3.1
    rng = np.random.default_rng(1)
    flat = rng.binomial(60, 0.6, (50, 4)).astype(float)  # no level is harder than another
    wrong = [lab.fit("shared", lab.Counts(STEPS, right, [60] * 4), draws=2) for right in flat]
    assert not any(found.fits for found in wrong)


def test_the_level_that_fits_worst_is_named() -> None:
    found = lab.fit("shared", lab.Counts(STEPS, [80, 64, 41, 70], [100] * 4))
    assert not found.fits
    assert found.misfit == (3, 1)


@given(
    st.lists(st.tuples(st.floats(0, 1), st.integers(1, 9)), min_size=1, max_size=7),
)
def test_falling_success_is_isotonic_regression(levels: list[tuple[float, int]]) -> None:
    success, weights = (np.array(column, dtype=float) for column in zip(*levels, strict=True))
    blocks: list[list[float]] = []  # pool adjacent violators: [mean, mass, size]
    for value, mass in zip(success, weights, strict=True):
        blocks.append([value, mass, 1])
        while len(blocks) > 1 and blocks[-2][0] < blocks[-1][0]:
            a, b = blocks[-2:]
            blocks[-2:] = [[(a[0] * a[1] + b[0] * b[1]) / (a[1] + b[1]), a[1] + b[1], a[2] + b[2]]]
    pooled = [mean for mean, _, size in blocks for _ in range(int(size))]
    np.testing.assert_allclose(falling(success, weights), pooled, atol=1e-9)


def test_a_chain_that_falls_is_fitted_exactly_and_one_that_rises_is_doubted() -> None:
    found = lab.fit("chain", lab.Counts([1, 2, 4], [80, 40, 10], [100] * 3))
    np.testing.assert_allclose(found.success, [0.8, 0.4, 0.1])
    np.testing.assert_allclose(found.skill, [0.8, 0.5, 0.5])
    assert found.fits
    assert found.deviance == pytest.approx(0.0, abs=1e-9)
    rising = lab.fit("chain", lab.Counts([1, 2, 4], [20, 60, 90], [100] * 3))
    assert not rising.fits


def test_free_levels_are_what_was_measured() -> None:
    found = lab.fit("tabular", lab.Counts([1, 2], [0, 30], [20, 40]))
    np.testing.assert_allclose(found.skill, [0.0, 0.75])
    assert found.fits
    assert np.isnan(found.p_value)


@pytest.mark.parametrize(
    ("model", "counts", "words"),
    [
        ("chain", ([1, 1], [1, 1], [2, 2]), "lengths must rise"),
        ("shared", ([1, 2], [3, 1], [2, 2]), "must not be more than answers"),
        ("shared", ([1, 2], [1], [2]), "There are 2 lengths"),
        ("shared", ([1], [0], [0]), "whole number from 1"),
    ],
)
def test_mistakes_are_said(model: str, counts: tuple[list[int], ...], words: str) -> None:
    with pytest.raises(LabError, match=words):
        lab.fit(model, lab.Counts(*counts))


def test_an_unknown_model_is_named() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'shared'"):
        lab.fit("share", lab.Counts([1], [1], [2]))
