"""The shared bootstrap: against the one of `metrics`, against enumeration, and by its coverage."""

import itertools

import numpy as np
import pytest
from pools import Drawn, make_pool

from sitool.gap import resampling
from sitool.gap.figures import measure_filter
from sitool.gap.filters import Ensemble, Filter, weights_of
from sitool.gap.resampling import CELLS, Bootstrap
from sitool.metrics import paired_difference


def test_its_interval_is_that_of_a_bootstrap_of_one_figure() -> None:
    rng = np.random.default_rng(0)
    before, after = rng.random(300), rng.random(300)
    ours = Bootstrap(300, 1).figure(after - before, lowest=-1.0)
    other = paired_difference(before, after, seed=2)
    assert ours is not None
    assert (ours.value, ours.n) == (pytest.approx(other.value), other.n)
    width = other.high - other.low
    assert (ours.low, ours.high) == pytest.approx((other.low, other.high), abs=0.1 * width)


def test_its_ends_are_those_of_all_draws_enumerated() -> None:
    """Four problems have 256 draws, all as likely: their quantiles are exact."""
    values = np.array([0.0, 0.1, 0.4, 1.0])
    means = [np.mean(draw) for draw in itertools.product(values, repeat=4)]
    figure = Bootstrap(4, 3).figure(values)
    assert figure is not None
    exact = np.quantile(means, [0.025, 0.975])
    assert (figure.low, figure.high) == pytest.approx(tuple(exact), abs=0.03)


def test_columns_are_drawn_together_and_repeat_with_the_seed() -> None:
    values = np.random.default_rng(5).random((50, 3))
    together = Bootstrap(50, 9).figures(values)
    for figure, column in zip(together, values.T, strict=True):
        alone = Bootstrap(50, 9).figure(column)
        assert figure is not None
        assert alone is not None
        assert (figure.low, figure.high) == pytest.approx((alone.low, alone.high), abs=1e-12)
    assert together == Bootstrap(50, 9).figures(values)
    assert together != Bootstrap(50, 10).figures(values)


def test_a_problem_that_is_left_out_counts_in_no_draw() -> None:
    rng = np.random.default_rng(6)
    values = rng.random(400)
    values[::2] = np.nan
    figure = Bootstrap(400, 0).figure(values)
    alone = Bootstrap(200, 0).figure(values[1::2])
    assert figure is not None
    assert alone is not None
    assert (figure.value, figure.n) == (pytest.approx(alone.value), 200)
    assert figure.high - figure.low == pytest.approx(alone.high - alone.low, rel=0.15)


def test_a_column_that_hardly_any_draw_meets_still_has_an_interval() -> None:
    values = np.full(40, np.nan)
    values[:2] = 0.25, 0.75
    figure = Bootstrap(40, 0).figure(values)
    assert figure is not None
    assert (figure.low, figure.value, figure.high, figure.n) == (0.25, 0.5, 0.75, 2)


def test_a_column_without_any_problem_is_nothing() -> None:
    values = np.column_stack((np.full(3, np.nan), [0.0, 0.5, 1.0]))
    first, second = Bootstrap(3, 0).figures(values)
    assert first is None
    assert second is not None
    assert Bootstrap(0, 0).figures(np.zeros((0, 2))) == [None, None]


@pytest.mark.parametrize(("lowest", "highest"), [(0.0, 1.0), (-1.0, 1.0), (-15.0, 1.0)])
def test_equal_problems_claim_no_certainty_and_stay_in_range(lowest: float, highest: float) -> None:
    for value in (0.0, 0.5, 1.0):
        figure = Bootstrap(8, 0).figure(np.full(8, value), lowest, highest)
        assert figure is not None
        assert lowest <= figure.low <= figure.value <= figure.high <= highest
        assert figure.high > figure.low


def test_more_problems_than_fit_in_a_block_of_draws_give_the_same_kind_of_interval() -> None:
    problems = CELLS // 1000
    values = np.random.default_rng(8).random(problems)
    figure = Bootstrap(problems, 0).figure(values)
    assert figure is not None
    standard_error = values.std() / problems**0.5
    assert figure.high - figure.low == pytest.approx(2 * 1.96 * standard_error, rel=0.1)


def test_draws_that_are_kept_and_draws_that_are_not_give_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    values = np.random.default_rng(8).random(CELLS // 500)
    kept = Bootstrap(len(values), 0)
    first = kept.figure(values)
    assert kept.figure(values) == first
    monkeypatch.setattr(resampling, "KEPT", 0)
    anew = Bootstrap(len(values), 0)
    assert anew.figure(values) == anew.figure(values) == first


def test_the_interval_of_the_gap_covers_the_true_gap_about_as_often_as_it_says() -> None:
    """The true gap of this law: 4 samples, a judge that is right 7 times of 10, tau = 1/2.

    Per problem of skill p: survivors are right with p' = .7p / (.7p + .3(1-p)); the
    average over p and over draws is taken by a large simulation of its own.
    """
    rng = np.random.default_rng(11)

    def draw(problems: int) -> tuple[np.ndarray, np.ndarray]:
        skill = rng.beta(1, 1, (problems, 1))
        right = rng.random((problems, 4)) < skill
        return right, np.where(rng.random((problems, 4)) < 0.7, right, ~right)

    def gaps(right: np.ndarray, kept: np.ndarray) -> np.ndarray:
        before, some = right.mean(axis=1), kept.any(axis=1)
        after = (right & kept).sum(axis=1) / np.maximum(kept.sum(axis=1), 1)
        return np.where(some, after - before, 0.0)

    true = gaps(*draw(400_000)).mean()
    mc = Ensemble((("mc", Filter("threshold", 0.5)),))
    covered = 0
    for trial in range(100):
        right, kept = draw(80)
        pool = make_pool(
            [[Drawn(bool(u), {"mc": float(k)}) for u, k in zip(us, ks, strict=True)]
             for us, ks in zip(right, kept, strict=True)]
        )  # fmt: skip
        figures = measure_filter(
            pool, pool.strict, weights_of(pool, mc), pool.seen_by(["mc"]), Bootstrap(80, trial)
        )
        assert figures is not None
        assert figures.gap.value == pytest.approx(gaps(right, kept).mean())
        covered += figures.gap.low <= true <= figures.gap.high
    assert 88 <= covered <= 99
