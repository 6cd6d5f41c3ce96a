"""Selection: each rule by hand, and what must hold for all of them."""

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sitool.config import SelectionSettings
from sitool.records import Outcome, Score
from sitool.selection import Candidate, Selected, select

RULES = ("threshold", "quantile", "best_of_n", "exponential", "tournament")


def scored(value: float) -> Score:
    return Score(Outcome.SCORED, value, value, "answer")


UNPARSED = Score(Outcome.UNPARSED)
ERROR = Score(Outcome.ERROR)


def candidate(
    sample: int,
    score: Score | float | None,
    problem: str = "p",
    text: str | None = None,
    ruling: str | None = None,
    **others: float,
) -> Candidate:
    """Make a candidate whose verifier `truth` gave `score`, and others what they gave."""
    truth = scored(score) if isinstance(score, float | int) else score
    scores = {name: scored(value) for name, value in others.items()}
    if truth is not None:
        scores["truth"] = truth
    return Candidate(sample, problem, text or f"text {sample}", scores, ruling)


def decide(candidates: Sequence[Candidate], **changes: object) -> list[Selected]:
    settings = SelectionSettings.model_validate({"cap_per_problem": 0, "dedup": False, **changes})
    return select(candidates, settings, "truth")


def weights(candidates: Sequence[Candidate], **changes: object) -> list[float]:
    return [one.weight for one in decide(candidates, **changes)]


def with_scores(*values: float) -> list[Candidate]:
    return [candidate(sample, value) for sample, value in enumerate(values)]


def test_threshold_keeps_scores_at_or_above_it() -> None:
    assert decide(with_scores(1.0, 0.5, 0.49), threshold=0.5) == [
        Selected(1.0, "score 1.00 >= 0.50"),
        Selected(1.0, "score 0.50 >= 0.50"),
        Selected(0.0, "below the threshold"),
    ]


def test_what_has_no_score_says_why() -> None:
    members = [candidate(1, UNPARSED), candidate(2, ERROR), candidate(3, None)]
    rules = [one.rule for one in decide(members, threshold=0)]
    assert rules == ["unparsed", "the verifier failed", "not scored"]
    assert weights(members, threshold=0) == [0, 0, 0]


def test_quantile_keeps_the_best_share_of_each_problem_and_its_ties() -> None:
    members = with_scores(0.1, 0.9, 0.9, 0.2)
    assert weights(members, rule="quantile", quantile=0.25) == [0, 1, 1, 0]
    assert weights(members, rule="quantile", quantile=0.75) == [0, 1, 1, 1]


def test_quantile_counts_unparsed_samples_in_the_share() -> None:
    members = [*with_scores(0.1, 0.2, 0.3), candidate(9, UNPARSED)]
    assert weights(members, rule="quantile", quantile=0.5) == [0, 1, 1, 0]


def test_quantile_is_taken_problem_by_problem() -> None:
    members = [candidate(i, v, problem=p) for i, (p, v) in enumerate([("a", 0.1), ("b", 0.9)])]
    assert weights(members, rule="quantile", quantile=0.5) == [1, 1]


def test_best_of_n_keeps_one_and_the_first_among_equals() -> None:
    chosen = decide(with_scores(0.5, 0.9, 0.9), rule="best_of_n")
    assert [one.weight for one in chosen] == [0, 1, 0]
    assert [one.rule for one in chosen] == [
        "not the best of 3",
        "the best of 3",
        "not the best of 3",
    ]


def test_best_of_n_takes_the_next_best_when_the_best_is_rejected() -> None:
    members = [candidate(1, 0.9, ruling="reject"), candidate(2, 0.1), candidate(3, 0.5)]
    assert weights(members, rule="best_of_n") == [0, 0, 1]


def test_exponential_weights_have_the_right_ratios_and_a_mean_of_one() -> None:
    low, high = weights(with_scores(0.2, 0.7), rule="exponential", beta=0.5)
    assert high / low == pytest.approx(math.exp(1.0))
    assert (low + high) / 2 == pytest.approx(1)


def test_exponential_weights_survive_a_tiny_beta() -> None:
    assert weights(with_scores(0.2, 0.1, 0.2), rule="exponential", beta=1e-300) == [1.5, 0, 1.5]


def test_exponential_weights_of_several_verifiers_multiply() -> None:
    members = [candidate(1, 0.5, judge=1.0), candidate(2, 0.0, judge=0.25)]
    first, second = weights(members, rule="exponential", verifiers=("truth", "judge"), beta=1)
    assert first / second == pytest.approx(math.exp(1.25))


@pytest.mark.parametrize("rule", ["threshold", "quantile"])
def test_several_verifiers_must_all_agree(rule: str) -> None:
    members = [
        candidate(1, 1.0, judge=0.0),
        candidate(2, 0.0, judge=1.0),
        candidate(3, 1.0, judge=1.0),
        candidate(4, UNPARSED, judge=1.0),
    ]
    both = {"rule": rule, "verifiers": ("truth", "judge")}
    assert weights(members, **both) == [0, 0, 1, 0]


def test_several_verifiers_can_have_a_threshold_each() -> None:
    members = [
        candidate(1, 1.0, judge=0.6),
        candidate(2, 1.0, judge=0.5),
        candidate(3, 0.0, judge=1.0),
    ]
    chosen = decide(members, verifiers=("truth", "judge"), thresholds=(1.0, 0.6))
    assert [one.weight for one in chosen] == [1, 0, 0]
    assert [one.rule for one in chosen[:2]] == [
        "scores 1.00 and 0.60 >= 1.00 and 0.60",
        "below the threshold",
    ]


@pytest.mark.parametrize("thresholds", [(0.5,), (0.5, 0.5, 0.5)])
def test_thresholds_that_are_not_one_for_each_verifier_are_refused(
    thresholds: tuple[float, ...],
) -> None:
    with pytest.raises(ValidationError, match=f"{len(thresholds)} numbers for 2 verifiers"):
        SelectionSettings(verifiers=("truth", "judge"), thresholds=thresholds)


@pytest.mark.parametrize(("survive", "survivors"), [(1, 4), (2, 2), (3, 1), (9, 1)])
def test_survivors_of_a_tournament_halve_from_round_to_round(survive: int, survivors: int) -> None:
    won = [0, 3, 0, 1, 2, 0, 1, 0]
    chosen = decide(with_scores(*(n / 3 for n in won)), rule="tournament", survive=survive)
    kept = {n for n, one in enumerate(chosen) if one.weight}
    assert len(kept) == survivors
    assert kept == {n for n, one in enumerate(won) if one >= min(survive, 3)}
    assert chosen[1].rule == f"survived round {min(survive, 3)} of 3"
    assert chosen[0].rule == f"out before round {min(survive, 3)} of 3 was won"


def test_the_bracket_of_a_tournament_counts_the_samples_that_take_no_part() -> None:
    """A rejected and an unparsed sample were drawn: with them there are two rounds."""
    members = [
        candidate(1, 0.5),
        candidate(2, 1.0),
        candidate(3, UNPARSED),
        candidate(4, 0.5, ruling="reject"),
    ]
    assert weights(members, rule="tournament", survive=2) == [0, 1, 0, 0]
    assert weights(members, rule="tournament", survive=1) == [1, 1, 0, 0]


def test_a_lone_sample_survives_its_tournament() -> None:
    assert weights(with_scores(0.0), rule="tournament") == [1]


def test_a_problem_without_a_survivor_gives_what_the_settings_say() -> None:
    members = [
        candidate(1, 0.2),
        candidate(2, 0.4),
        candidate(3, UNPARSED),
        candidate(4, 0.9, problem="q"),
        candidate(5, 0.1, problem="q"),
    ]
    assert weights(members, threshold=0.5) == [0, 0, 0, 1, 0]
    assert weights(members, threshold=0.5, empty="best") == [0, 1, 0, 1, 0]
    chosen = decide(members, threshold=0.5, empty="all")
    assert [one.weight for one in chosen] == [1, 1, 0, 1, 0]
    assert chosen[0].rule == "no sample survived, so all count"
    assert chosen[2].rule == "unparsed"


def test_what_is_taken_in_without_a_survivor_obeys_cap_and_duplicates() -> None:
    members = [candidate(n, 0.1 * n, text="same" if n < 3 else None) for n in range(1, 5)]
    settings = {"threshold": 0.9, "empty": "all", "dedup": True, "cap_per_problem": 2}
    assert weights(members, **settings) == [0, 0, 1, 1]


@pytest.mark.parametrize("empty", ["best", "all"])
def test_a_problem_without_any_score_gives_nothing(empty: str) -> None:
    assert weights([candidate(1, UNPARSED), candidate(2, ERROR)], empty=empty) == [0, 0]


def test_only_the_named_verifiers_decide() -> None:
    members = [candidate(1, ERROR, judge=1.0), candidate(2, 1.0, judge=0.0)]
    assert weights(members, verifiers=("judge",)) == [1, 0]


def test_the_first_of_equal_completions_stays() -> None:
    members = [
        candidate(11, 0.0, text="same"),
        candidate(12, 1.0, text="same"),
        candidate(13, 1.0, text="same"),
        candidate(14, 1.0, problem="other", text="same"),
    ]
    chosen = decide(members, dedup=True)
    assert [one.weight for one in chosen] == [0, 1, 0, 1]
    assert chosen[2].rule == "a duplicate of sample 12"


def test_a_rejected_sample_never_shadows_another() -> None:
    members = [candidate(1, 1.0, text="same", ruling="reject"), candidate(2, 1.0, text="same")]
    assert weights(members, dedup=True, cap_per_problem=1) == [0, 1]


def test_the_cap_keeps_the_best_scores_and_then_the_first_seen() -> None:
    chosen = decide(with_scores(0.6, 0.9, 0.6, 0.7), threshold=0.5, cap_per_problem=3)
    assert [one.weight for one in chosen] == [1, 1, 0, 1]
    assert chosen[2].rule == "over the cap of 3"


def test_a_duplicate_takes_no_place_under_the_cap() -> None:
    members = [candidate(i, 1.0, text=text) for i, text in enumerate(["a", "a", "b"])]
    assert weights(members, dedup=True, cap_per_problem=2) == [1, 0, 1]


def test_an_accepted_sample_counts_whatever_was_said_of_it() -> None:
    members = [candidate(1, UNPARSED, ruling="accept"), candidate(2, ERROR, ruling="accept")]
    chosen = decide(members, cap_per_problem=1)
    assert chosen == [Selected(1.0, "you accepted it")] * 2


def test_an_accepted_sample_takes_a_place_under_the_cap() -> None:
    members = [candidate(1, 1.0), candidate(2, 1.0), candidate(3, 0.0, ruling="accept")]
    assert weights(members, cap_per_problem=2) == [1, 0, 1]


def test_an_accepted_sample_keeps_a_weight_of_one_under_the_exponential_rule() -> None:
    members = [*with_scores(0.1, 0.9), candidate(9, 0.0, ruling="accept")]
    low, high, own = weights(members, rule="exponential", beta=0.1)
    assert own == 1
    assert (low + high) / 2 == pytest.approx(1)


def test_nothing_to_select_from_gives_nothing() -> None:
    assert decide([], rule="exponential") == []


verdicts = st.sampled_from([UNPARSED, ERROR, None]) | st.sampled_from([0.0, 0.3, 0.7, 1.0])
drawn = st.lists(
    st.builds(
        candidate,
        sample=st.integers(0, 10_000),
        score=verdicts,
        problem=st.sampled_from("abc"),
        text=st.sampled_from(["x", "y", "z"]),
        ruling=st.sampled_from([None, None, "accept", "reject"]),
        judge=st.sampled_from([0.0, 0.5, 1.0]),
    ),
    max_size=24,
)
choices = st.builds(
    SelectionSettings,
    rule=st.sampled_from(RULES),
    verifiers=st.sampled_from([(), ("judge",), ("truth", "judge")]),
    threshold=st.sampled_from([0.0, 0.5, 1.0]),
    quantile=st.sampled_from([0.25, 0.5, 1.0]),
    survive=st.integers(1, 3),
    empty=st.sampled_from(["none", "best", "all"]),
    cap_per_problem=st.integers(0, 3),
    dedup=st.booleans(),
)


@given(drawn, choices)
def test_people_have_the_last_word_and_the_cap_holds_for_the_rest(
    members: list[Candidate], settings: SelectionSettings
) -> None:
    chosen = select(members, settings, "truth")
    assert len(chosen) == len(members)
    for member, one in zip(members, chosen, strict=True):
        assert math.isfinite(one.weight)
        assert one.weight >= 0
        if member.ruling:
            assert one.weight == (member.ruling == "accept")
    for problem in "abc":
        rows = [
            (member, one)
            for member, one in zip(members, chosen, strict=True)
            if member.problem == problem and one.weight
        ]
        accepted = sum(member.ruling == "accept" for member, _ in rows)
        if settings.cap_per_problem:
            assert len(rows) <= max(settings.cap_per_problem, accepted)
        if settings.dedup:
            own = [member.text for member, _ in rows if member.ruling != "accept"]
            assert len(own) == len(set(own))


@given(drawn, choices)
def test_the_order_of_the_problems_does_not_matter(
    members: list[Candidate], settings: SelectionSettings
) -> None:
    order = sorted(range(len(members)), key=lambda place: members[place].problem, reverse=True)
    plain = select(members, settings, "truth")
    moved = select([members[place] for place in order], settings, "truth")
    assert moved == [plain[place] for place in order]


@given(drawn, choices)
def test_rejecting_what_is_left_out_changes_nothing_under_a_threshold(
    members: list[Candidate], settings: SelectionSettings
) -> None:
    settings = settings.model_copy(update={"rule": "threshold"})
    without = [one for one in members if one.ruling != "reject"]
    kept = [one for one in select(members, settings, "truth") if one.rule != "you rejected it"]
    assert kept == select(without, settings, "truth")
