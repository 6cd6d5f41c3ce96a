"""Every number of a front end, counted again by hand from the samples."""

import json
from collections import Counter
from pathlib import Path

import pytest
from studies import create, first_sample

from sitool.client import Study, open_study
from sitool.metrics import wilson
from sitool.records import Outcome
from sitool.summary import advice


def test_what_a_round_counts_is_what_its_samples_say(study: Study) -> None:
    for number in (1, 2):
        summary = study.round(number).summary()
        samples = list(study.round(number).samples())
        assert summary.sampled == len(samples) == 96
        assert summary.accepted == sum(bool(s.weight) for s in samples)
        assert summary.overruled == 0
        drawn = [s.problem.level for s in samples if s.index == 0]
        assert summary.levels == Counter(drawn)
        by_level = {
            level: (
                sum(bool(s.weight) for s in samples if s.problem.level == level),
                sum(s.problem.level == level for s in samples),
            )
            for level in set(drawn)
        }
        by_level[0] = (summary.accepted, summary.sampled)
        assert summary.accepted_by_level == by_level


def test_rulings_of_others_are_counted_at_the_next_look(study: Study) -> None:
    assert study.round(1).summary().overruled == 0
    other = open_study(study.folder)
    other.reject(first_sample(other, 1).id)
    other.close()
    assert study.round(1).summary().overruled == 1
    before = study.summary().rounds[-1]
    study.step()
    assert study.summary().rounds[-2] == before
    assert study.summary().rounds[-1].sampled == 96


def test_accuracy_is_the_share_of_greedy_passes_with_wilsons_interval(study: Study) -> None:
    for number in (0, 1, 2):
        greedy = list(study.round(number).samples(role="greedy"))
        for level, figure in study.round(number).summary().accuracy.items():
            passes = [s.scores["truth"].passed for s in greedy if level in (0, s.problem.level)]
            expected = wilson(sum(passes), len(passes))
            assert (figure.value, figure.low, figure.high, figure.n) == (
                expected.value, expected.low, expected.high, len(passes),
            )  # fmt: skip


def test_pass_at_1_and_at_all_are_mean_and_any(study: Study) -> None:
    sampled: dict[int, list[bool]] = {}
    for s in study.round(2).samples(role="sampled"):
        sampled.setdefault(s.position, []).append(s.scores["truth"].passed)
    k = study.round(2).summary().pass_at_k
    every = list(sampled.values())
    assert k[1][0].value == pytest.approx(sum(map(sum, every)) / sum(map(len, every)))
    assert k[2][0].value == pytest.approx(sum(map(any, every)) / len(every))


def test_success_and_shares_are_those_of_the_rounds_own_samples(study: Study) -> None:
    summary = study.round(1).summary()
    problems: dict[int, list[bool]] = {}
    unparsed = 0
    for s in study.round(1).samples():
        problems.setdefault(s.position, []).append(s.scores["truth"].passed)
        unparsed += s.scores["truth"].outcome is Outcome.UNPARSED
    flat = [p for ps in problems.values() for p in ps]
    assert summary.success[0].value == pytest.approx(sum(flat) / len(flat))
    assert summary.shares["all_right"] == sum(map(all, problems.values())) / len(problems)
    assert summary.shares["all_wrong"] == sum(not any(p) for p in problems.values()) / len(problems)
    mixed = sum(any(p) and not all(p) for p in problems.values())
    assert summary.shares["mixed"] == pytest.approx(mixed / len(problems))
    assert unparsed > 0


def test_a_rounds_json_has_what_is_documented(study: Study) -> None:
    for view in study.rounds():
        body = json.loads(json.dumps(view.summary().to_json()))
        assert body["round"] == view.number
        assert body["parent"] == view.record.parent
        assert body["phase"] is None
        assert sum(body["levels"].values()) == pytest.approx(1 if view.number else 0)
        assert all(set(f) == {"value", "low", "high", "n"} for f in body["accuracy"].values())
        assert set(body["accuracy"]) == {str(level) for level in range(1, 9)}
        assert body["seconds"] > 0


def test_a_summary_of_a_new_study_is_empty_and_says_what_to_do(tmp_path: Path) -> None:
    study = create(tmp_path / "study")
    summary = study.summary()
    assert (summary.head, summary.open, summary.rounds) == (None, None, [])
    assert "step" in advice(summary)


def test_a_summary_can_be_taken_at_any_instant_of_a_round(tmp_path: Path) -> None:
    study = create(tmp_path / "study")
    study.run(0)
    sizes = []
    for _ in study.stream_rounds(1):
        summary = study.summary()
        sizes.append(summary.round(1).sampled)
        assert summary.open in (1, None)
        assert advice(summary)
        json.dumps([r.to_json() for r in summary.rounds])
    assert sizes == sorted(sizes)
    assert sizes[-1] == 96


def test_late_samples_count_where_they_are_trained_on(study: Study) -> None:
    late = first_sample(study, 2, accepted=False, passed=False)
    study.accept(late.id)
    study.step()
    own = sum(bool(s.weight) for s in study.round(3).samples())
    assert study.round(3).summary().accepted == own + 1
    assert study.round(2).summary().overruled == 1


def test_the_changes_of_a_round_are_against_its_parent(study: Study) -> None:
    study.configure("draw.samples=2")
    study.step()
    assert study.round(3).summary().changes == {"draw.samples": (4, 2)}
    study.step()
    assert study.round(4).summary().changes == {}


def test_a_comparison_is_paired_problem_by_problem(study: Study) -> None:
    found = study.compare(0, 2)
    before, after = (
        {s.problem.key: s for s in study.round(n).samples(role="greedy")} for n in (0, 2)
    )
    passed = {
        k: (before[k].scores["truth"].passed, after[k].scores["truth"].passed) for k in before
    }
    gained = [k for k, (was, now) in passed.items() if now and not was]
    lost = [k for k, (was, now) in passed.items() if was and not now]
    assert {b for b, _ in found.gained} == {before[k].id for k in gained}
    assert {a for _, a in found.gained} == {after[k].id for k in gained}
    assert len(found.lost) == len(lost)
    difference = found.difference[0]
    assert difference.value == pytest.approx((len(gained) - len(lost)) / len(passed))
    assert difference.low <= difference.value <= difference.high
    assert set(found.difference) == set(range(9))


def test_a_comparison_the_other_way_round_changes_the_sign(study: Study) -> None:
    one, other = study.compare(0, 2), study.compare(2, 0)
    for level, difference in one.difference.items():
        assert other.difference[level].value == pytest.approx(-difference.value)
    assert one.gained == [pair[::-1] for pair in other.lost]


def test_a_round_compared_with_itself_shows_nothing(study: Study) -> None:
    found = study.compare(1, 1)
    assert not found.gained
    assert not found.lost
    assert {d.value for d in found.difference.values()} == {0.0}


def test_rounds_that_were_measured_on_other_problems_are_compared_on_the_common_ones(
    study: Study,
) -> None:
    study.configure("evaluation.problems_per_level=3")
    study.step()
    found = study.compare(2, 3)
    assert found.difference[0].n == 24


def test_the_advice_is_one_sentence_or_two_for_every_moment(study: Study) -> None:
    said = [advice(study.summary())]
    study.fork(0)
    said.append(advice(study.summary()))
    for sentence in said:
        assert sentence.endswith(".")
        assert "\n" not in sentence
