"""Pearson, confusion, pass@k, unique answers and entropy: against loops and enumeration."""

import itertools
import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from pools import Drawing, Drawn, drawings, judged, law_of_draws, make_pool, mean, untimed

from sitool.gap.agreement import SAID, TRUE, confusion, correlate, correlations
from sitool.gap.diversity import diversity_figures, measure_diversity, powers_of_two
from sitool.gap.resampling import Bootstrap
from sitool.metrics import answer_entropy, unique_answers
from sitool.records import Outcome, Score


@untimed
@given(drawings)
def test_pearson_is_that_of_the_samples_both_scored(drawing: Drawing) -> None:
    pairs = [
        (s.said["mc"], s.said["cot"])
        for problem in drawing
        for s in problem
        if isinstance(s.said["mc"], float) and isinstance(s.said["cot"], float)
    ]
    found = correlate(make_pool(drawing), "mc", "cot")
    assert found.n == len(pairs)
    columns = list(zip(*pairs, strict=True)) if pairs else [(), ()]
    if len(pairs) < 2 or any(len(set(column)) == 1 for column in columns):
        assert found.r is None
        assert found.why
    else:
        assert found.r == pytest.approx(statistics.correlation(*columns), abs=1e-9)
        assert found.why == ""


def test_a_verifier_without_variance_is_named() -> None:
    pool = make_pool([[Drawn(True, {"mc": 0.5, "cot": 0.1}), Drawn(True, {"mc": 0.5, "cot": 0.9})]])
    found = correlate(pool, "mc", "cot")
    assert (found.r, found.why) == (None, "mc gave all of them the same score")
    assert "truth and mc gave" in correlate(pool, "truth", "mc").why
    alone = correlate(make_pool(judged([(1, 0.5)])), "truth", "mc")
    assert (alone.r, alone.n) == (None, 1)
    assert "fewer than 2" in alone.why


def test_the_matrix_has_every_pair_once() -> None:
    pool = make_pool([[Drawn(True, {"a": 0.5, "b": 0.1}), Drawn(False, {"a": 0.2, "b": 0.9})]])
    found = correlations(pool, ["truth", "a", "b"])
    assert [(c.first, c.second) for c in found] == [("truth", "a"), ("truth", "b"), ("a", "b")]
    assert [c.r for c in found] == pytest.approx([1.0, -1.0, -1.0])


def said_of(value: object, cut: float) -> str:
    if isinstance(value, float):
        return "right" if value >= cut else "wrong"
    return str(value)


@untimed
@given(drawings)
def test_a_confusion_matrix_counts_every_sample_once_and_shows_the_first(drawing: Drawing) -> None:
    cells: dict[tuple[str, str], list[int]] = {(row, column): [] for row in TRUE for column in SAID}
    flat = [s for problem in drawing for s in problem]
    for number, s in enumerate(flat):
        row = "right" if s.right else "unread" if s.answer < 0 else "wrong"
        cells[row, said_of(s.said["mc"], 0.75)].append(100 + number)
    found = confusion(make_pool(drawing), "mc", cut=0.75)
    assert {key: cell.count for key, cell in found.cells.items()} == {
        key: len(ids) for key, ids in cells.items()
    }
    assert {key: cell.example for key, cell in found.cells.items()} == {
        key: ids[0] if ids else None for key, ids in cells.items()
    }
    assert found.count(TRUE, SAID) == len(flat)


def test_a_sample_that_was_not_seen_is_a_column_of_its_own() -> None:
    found = confusion(make_pool(judged([(1, None), (0, 0.5)])), "mc")
    assert found.cells["right", "unseen"].count == 1
    assert found.cells["wrong", "right"].count == 1
    assert found.to_json()["truth"]["right"]["unseen"] == {"count": 1, "example": 100}


# Diversity.


@untimed
@given(drawings)
def test_pass_at_k_is_the_share_of_draws_with_a_right_one(drawing: Drawing) -> None:
    found = measure_diversity(make_pool(drawing)).pass_at_k
    assert list(found) == powers_of_two(min(map(len, drawing)))
    for k, values in found.items():
        for problem, value in zip(drawing, values, strict=True):
            draws = list(itertools.combinations(problem, k))
            share = mean([float(any(s.right for s in draw)) for draw in draws])
            assert value == pytest.approx(share, abs=1e-12)


def test_pass_at_k_of_a_finite_law_is_unbiased() -> None:
    drawing, chances = law_of_draws([(0.3, True, 0.0), (0.5, False, 0.0), (0.2, False, 0.0)], 4)
    found = measure_diversity(make_pool(drawing)).pass_at_k
    for k in (1, 2, 4):
        assert found[k] @ chances == pytest.approx(1 - 0.7**k)


def test_k_stops_at_the_samples_that_every_problem_has() -> None:
    drawing = judged([(1, 0.5)] * 5, [(1, 0.5)] * 3)
    assert list(measure_diversity(make_pool(drawing)).pass_at_k) == [1, 2]


@untimed
@given(drawings)
def test_answers_are_counted_as_the_metrics_of_a_round_count_them(drawing: Drawing) -> None:
    def score(s: Drawn) -> Score:
        answer = None if s.answer < 0 else str(s.answer)
        return Score(Outcome.SCORED, float(s.right), answer=answer)

    scores = [[score(s) for s in problem] for problem in drawing]
    pool = make_pool(drawing)
    figures = diversity_figures(measure_diversity(pool), pool, Bootstrap(pool.problems, 0))
    _, unique, entropy = figures
    assert unique is not None
    assert unique.value == pytest.approx(unique_answers(scores))
    expected = answer_entropy(scores)
    if expected is None:
        assert entropy is None
    else:
        assert entropy is not None
        assert entropy.value == pytest.approx(expected, abs=1e-12)
        assert 0 <= entropy.low <= entropy.high <= math.log(max(map(len, drawing))) + 1e-9


def test_the_entropy_of_a_fair_pair_of_answers_is_ln_2() -> None:
    pool = make_pool([[Drawn(True, answer=0), Drawn(False, answer=1)], [Drawn(True, answer=-1)]])
    diversity = measure_diversity(pool)
    assert diversity.entropy[0] == pytest.approx(math.log(2))
    assert np.isnan(diversity.entropy[1])
    assert diversity.unique.tolist() == [2, 0]
