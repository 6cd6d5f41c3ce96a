"""Filters: by hand, against the loop's own selection, and at their corners."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pools import CODES, Drawing, drawings, judged, make_pool, untimed

from sitool.config import SelectionSettings
from sitool.errors import SitoolError
from sitool.gap.filters import Ensemble, Filter, default_filter, weights_of
from sitool.gap.pool import ERROR, UNPARSED
from sitool.records import Outcome, Score
from sitool.selection import Candidate, select


def weights(drawing: Drawing, text: str, *verifiers: str) -> list[float]:
    ensemble = Ensemble(tuple((name, Filter.parse(text)) for name in verifiers or ("mc",)))
    return [float(w) for w in weights_of(make_pool(drawing), ensemble)]


def selected(drawing: Drawing, settings: SelectionSettings) -> list[float]:
    """Return what the loop gives the same samples."""
    outcomes = {UNPARSED: Outcome.UNPARSED, ERROR: Outcome.ERROR}
    candidates, number = [], 0
    for place, problem in enumerate(drawing):
        for sample in problem:
            number += 1
            scores = {
                name: Score(Outcome.SCORED, said)
                if isinstance(said, float)
                else Score(outcomes[CODES[said]])
                for name, said in sample.said.items()
            }
            candidates.append(Candidate(number, str(place), f"text {number}", scores))
    return [one.weight for one in select(candidates, settings, "mc")]


KINDS = {
    "threshold": "threshold",
    "quantile": "quantile",
    "best_of_n": "",
    "exponential": "beta",
    "tournament": "survive",
}


@untimed
@given(
    drawings,
    st.sampled_from(
        ["threshold:0.5", "threshold:0", "quantile:0.25", "quantile:.5", "quantile:1",
         "best_of_n", "tournament:1", "tournament:2", "tournament:9"]
    ),
    st.sampled_from([("mc",), ("cot",), ("mc", "cot")]),
)  # fmt: skip
def test_a_filter_keeps_what_the_loop_would_keep(
    drawing: Drawing, text: str, verifiers: Sequence[str]
) -> None:
    kind = Filter.parse(text)
    table = {"rule": kind.rule, "verifiers": tuple(verifiers), "cap_per_problem": 0, "dedup": False}
    if KINDS[kind.rule]:
        amount = int(kind.amount) if kind.rule == "tournament" else kind.amount
        table[KINDS[kind.rule]] = amount
    settings = SelectionSettings.model_validate(table)
    assert weights(drawing, text, *verifiers) == selected(drawing, settings)


@untimed
@given(drawings, st.sampled_from([0.1, 0.5, 3.0]))
def test_exponential_weights_have_the_ratios_of_the_loop_within_a_problem(
    drawing: Drawing, beta: float
) -> None:
    plain = {"cap_per_problem": 0, "dedup": False}
    settings = SelectionSettings.model_validate(
        {"rule": "exponential", "verifiers": ("mc", "cot"), "beta": beta, **plain}
    )
    ours, loops = weights(drawing, f"exponential:{beta}", "mc", "cot"), selected(drawing, settings)
    place = 0
    for problem in drawing:
        mine, theirs = (np.array(w[place : place + len(problem)]) for w in (ours, loops))
        place += len(problem)
        assert (mine > 0).tolist() == (theirs > 0).tolist()
        if theirs.any():
            assert mine / mine.sum() == pytest.approx(theirs / theirs.sum())


def test_a_tiny_beta_keeps_the_best_and_overflows_nowhere() -> None:
    assert weights(judged([(1, 0.2), (0, 0.9), (1, 0.9)]), "exponential:1e-9") == [0, 1, 1]


@untimed
@given(drawings)
def test_filters_of_their_own_multiply(drawing: Drawing) -> None:
    pool = make_pool(drawing)
    parts = (("mc", Filter("threshold", 0.5)), ("cot", Filter("quantile", 0.5)))
    alone = [weights_of(pool, Ensemble((part,))) for part in parts]
    assert weights_of(pool, Ensemble(parts)).tolist() == (alone[0] * alone[1]).tolist()


@untimed
@given(drawings, st.sampled_from(["threshold:0", "quantile:1", "exponential:1", "tournament:1"]))
def test_what_is_unparsed_or_failed_never_survives(drawing: Drawing, text: str) -> None:
    flat = [sample for problem in drawing for sample in problem]
    for sample, weight in zip(flat, weights(drawing, text), strict=True):
        if not isinstance(sample.said["mc"], float):
            assert weight == 0


def test_an_unparsed_verdict_is_not_a_score_of_0() -> None:
    """At a threshold of 0 a score of 0 survives and an unparsed verdict does not."""
    drawing = judged([(1, 0.0), (0, "unparsed"), (0, "error")])
    assert weights(drawing, "threshold:0") == [1, 0, 0]


def test_a_quantile_keeps_its_ties() -> None:
    drawing = judged([(1, 0.9), (0, 0.9), (0, 0.1), (0, 0.9)], [(1, 0.1), (0, 0.0)])
    assert weights(drawing, "quantile:0.25") == [1, 1, 0, 1, 1, 0]


def test_survivors_of_a_tournament_halve_from_round_to_round() -> None:
    """Eight samples: the winner won 3 of 3 rounds, the other finalist 2, and so on."""
    won = [3, 0, 1, 0, 2, 0, 1, 0]
    drawing = judged([(0, one / 3) for one in won])
    for asked, survivors in ((1, 4), (2, 2), (3, 1), (4, 1)):
        assert sum(weights(drawing, f"tournament:{asked}")) == survivors


def test_the_bracket_counts_samples_whose_truth_is_not_known() -> None:
    pool = make_pool(judged([(0, 1 / 3), (0, 1.0)]), drawn=np.array([8]))
    ensemble = Ensemble((("mc", Filter("tournament", 2)),))
    assert weights_of(pool, ensemble).tolist() == [0, 1]


def test_a_lone_sample_has_no_bracket_and_survives() -> None:
    assert weights(judged([(1, 0.0)]), "tournament:1") == [1]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("threshold", Filter("threshold", 0.5)),
        (" quantile:.25", Filter("quantile", 0.25)),
        ("tournament:3", Filter("tournament", 3)),
        ("best_of_n", Filter("best_of_n", 0)),
    ],
)
def test_filters_are_read_and_written(text: str, kind: Filter) -> None:
    assert Filter.parse(text) == kind == Filter.parse(str(kind))
    assert kind.words()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("treshold:0.5", "No filter is named 'treshold'. Did you mean 'threshold'?"),
        ("threshold:1.5", "'1.5' of the filter 'threshold' must be from 0 to 1"),
        ("threshold:high", "'high' of the filter 'threshold' must be from 0 to 1"),
        ("threshold:nan", "must be from 0 to 1"),
        ("quantile:0", "must be above 0 and at most 1"),
        ("exponential:0", "must be above 0 and at most 100"),
        ("tournament:1.5", "must be a whole number from 1 to 32"),
        ("tournament:inf", "must be a whole number from 1 to 32"),
        ("best_of_n:3", "must be left out"),
        ("", "No filter is named ''"),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused_in_words(text: str, said: str) -> None:
    with pytest.raises(SitoolError) as caught:
        Filter.parse(text)
    assert said in caught.value.message
    assert caught.value.hint.startswith("try: --filter ")


def test_the_default_filter_suits_the_scale_of_the_scores() -> None:
    assert str(default_filter("mc@3")) == "threshold:0.5"
    assert str(default_filter("tournament")) == "tournament:1"
    assert str(default_filter("likelihood_per_token@base")) == "quantile:0.25"


def test_an_ensemble_says_its_filters() -> None:
    half, quarter = Filter("threshold", 0.5), Filter("quantile", 0.25)
    assert Ensemble((("mc", half),)).words() == "scores of at least 0.5"
    same = Ensemble((("mc", half), ("cot", half)))
    assert (same.name, same.filter) == ("mc+cot", "threshold:0.5")
    assert same.words() == "scores of at least 0.5 under each"
    own = Ensemble((("mc", half), ("cot", quarter)))
    assert own.filter == "mc=threshold:0.5 and cot=quantile:0.25"
    assert "under cot the best 25% of each problem's samples" in own.words()
    assert math.isclose(quarter.amount, 0.25)
