"""Judges on problems whose scores are known: by hand, by brute force, or by an exact law."""

import math
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sitool import registry
from sitool.config import JudgeSettings, Settings
from sitool.errors import VerifierError
from sitool.models.scripted import ScriptedModel
from sitool.presets import build_settings
from sitool.records import Completion, Outcome, Problem, Sample, Score
from sitool.samplers.base import Decoding, Request
from sitool.samplers.scripted import ScriptedSampler
from sitool.tasks.path import PathTask
from sitool.verifiers.base import Court, Judge
from sitool.verifiers.bench import Bench
from sitool.verifiers.tournament import Bracket

TASK = PathTask()
SETTINGS = build_settings(assignments=["model.base=scripted", "sampler.name=scripted"])


class CountingSampler(ScriptedSampler):
    """The scripted sampler, which remembers what it was asked."""

    def __init__(self, model: ScriptedModel, settings: Settings) -> None:
        super().__init__(model, settings)
        self.requests: list[Request] = []

    def sample(
        self, requests: Sequence[Request], decoding: Decoding
    ) -> Iterator[list[list[Completion]]]:
        self.requests += requests
        yield from super().sample(requests, decoding)


def court(skill: float = 1.0, name: str = "mc", **judge: Any) -> Court:
    model = ScriptedModel(base_skill=skill)
    settings = SETTINGS.model_copy(update={"judge": JudgeSettings(**judge)})
    return Court(TASK, model, CountingSampler(model, settings), settings, name)


def made(name: str, skill: float = 1.0, **judge: Any) -> tuple[Judge, CountingSampler]:
    ours = court(skill, name, **judge)
    sampler = ours.sampler
    assert isinstance(sampler, CountingSampler)
    return registry.load("verifier", name)(ours), sampler


def problem(level: int = 1, number: int = 0) -> Problem:
    return TASK.problem(level, random.Random(100 * level + number))


def samples_of(
    texts: Sequence[str], about: Problem, position: int = 0, logprob: float | None = None
) -> list[Sample]:
    return [
        Sample(
            1000 * position + index, 1, "train", position, index, position, about,
            Completion((1, 2), text, "stop", () if logprob is None else (logprob, 0.0)),
            {}, None, "", (),
        )
        for index, text in enumerate(texts)
    ]  # fmt: skip


def values(scores: Sequence[Score]) -> list[float | None]:
    return [score.value for score in scores]


def right_and_wrong(right: Sequence[bool], position: int = 0, level: int = 1) -> list[Sample]:
    about = problem(level, position)
    return samples_of([about.truth if r else "zz" for r in right], about, position)


# Every judge.

NAMES = [n for n in registry.names("verifier") if hasattr(registry.load("verifier", n), "judge")]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("skill", [0.0, 0.5, 1.0])
def test_every_judge_gives_one_valid_score_a_sample(name: str, skill: float) -> None:
    samples = right_and_wrong([True, False, False]) + right_and_wrong([False], position=1)
    bench = Bench(lambda: registry.load("verifier", name)(court(skill, name)), 8)
    for score in (found := bench.score(samples)):
        assert score.outcome in (Outcome.SCORED, Outcome.UNPARSED)
        assert score.explanation.endswith(".")
        assert score.explanation[0].isupper() or score.explanation[0].isdigit()
    assert len(found) == 4
    assert found == bench.score(samples)


@pytest.mark.parametrize("name", NAMES)
def test_a_problem_is_judged_alike_whatever_is_judged_beside_it(name: str) -> None:
    first, second = right_and_wrong([True, False]), right_and_wrong([False, True, True], 1)
    judge, _ = made(name, 0.6)
    together = judge.judge(first + second)
    assert together == judge.judge(first) + judge.judge(second)


@pytest.mark.parametrize("name", ["mc", "cot_binary", "cot_score", "tournament"])
def test_what_a_judge_was_asked_is_told(name: str) -> None:
    judge, _ = made(name, mc_prompt="", cot_binary_prompt="{completion} to {prompt}? {correct}")
    asked = judge.asked
    assert asked["base"] == "scripted"
    assert "{prompt}" in asked["prompt"]
    assert ("temperature" in asked) == judge.writes
    if name == "cot_binary":
        assert asked["prompt"] == "{completion} to {prompt}? {correct}"


# One verdict at a time.


def test_the_scripted_judge_is_as_good_as_the_scripted_model() -> None:
    judge, _ = made("mc", 0.8)
    samples = [
        sample for i in range(1500) for sample in right_and_wrong([i % 2 == 0], position=i, level=2)
    ]
    agrees = [
        (score.value or 0) > 0.5
        for score, sample in zip(judge.judge(samples), samples, strict=True)
        if (sample.completion.text == sample.problem.truth) == ((score.value or 0) > 0.5)
    ]
    expected = 0.8**2
    assert len(agrees) / 1500 == pytest.approx(expected, abs=4 * math.sqrt(0.25 / 1500))


def test_verdicts_are_averaged_over_those_that_can_be_read() -> None:
    judge, sampler = made("cot_binary", 0.5, verifications=40)
    (score,) = judge.judge(right_and_wrong([True]))
    assert [request.count for request in sampler.requests] == [40]
    assert len(set(sampler.requests[0].seeds)) == 40
    texts = [c.text for chunk in sampler.sample(list(sampler.requests), Decoding(max_new_tokens=99))
             for row in chunk for c in row]  # fmt: skip
    right, wrong = texts.count("Correct"), texts.count("Incorrect")
    assert score.value == right / (right + wrong)
    assert f"in {right} of {right + wrong} verdicts" in score.explanation
    assert f"{40 - right - wrong} of 40 verdicts could not be read" in score.explanation


def test_a_score_is_a_tenth_of_what_is_given() -> None:
    judge, _ = made("cot_score")
    assert values(judge.judge(right_and_wrong([True, False]))) == [1.0, 0.1]


def test_an_unreadable_verdict_is_an_outcome_of_its_own_with_its_text() -> None:
    judge, _ = made("cot_score", 0.0)
    unread = [s for s in judge.judge(right_and_wrong([True] * 30)) if s.value is None]
    assert unread
    assert {score.outcome for score in unread} == {Outcome.UNPARSED}
    assert unread[0].explanation == "The model's verdict cannot be read: '?'."


def test_prompts_are_what_the_settings_say() -> None:
    template = "{{Q}} {prompt} A {completion} {incorrect}"
    judge, sampler = made("cot_binary", cot_binary_prompt=template, incorrect="nope")
    (sample,) = right_and_wrong([True])
    judge.judge([sample])
    expected = f"{{Q}} {sample.problem.prompt} A {sample.completion.text} nope"
    assert sampler.requests[0].problem.prompt == expected
    assert sampler.requests[0].prompt_ids == tuple(map(ord, expected))


def test_likelihoods_are_of_the_whole_answer_and_of_a_token() -> None:
    whole, each = (made(name)[0] for name in ("likelihood", "likelihood_per_token"))
    samples = samples_of(["ab"], problem(), logprob=-3.0)
    assert values(whole.judge(samples)) == [pytest.approx(math.exp(-3))]
    assert values(each.judge(samples)) == [pytest.approx(math.exp(-1.5))]


def test_another_judge_does_not_take_over_what_the_writers_sampler_gave() -> None:
    other = replace(court(0.5, "likelihood@base"), is_writer=False)
    judge = registry.load("verifier", "likelihood")(other)
    about = problem(1)
    (score,) = judge.judge(samples_of([about.truth], about, logprob=-9.0))
    assert score.value == pytest.approx(0.5)
    assert score.explanation.startswith("The base gives the whole answer 50 %")


# Majority.

answers = st.lists(st.sampled_from(["ab", "abc", "adc", "?", ""]), min_size=1, max_size=9)


@given(st.lists(answers, min_size=1, max_size=4))
def test_majority_is_the_share_of_equal_answers(texts: list[list[str]]) -> None:
    samples = [s for i, some in enumerate(texts) for s in samples_of(some, problem(2, i), i)]
    found = iter(made("majority")[0].judge(samples))
    for some in texts:
        parsed = [TASK.parse(text) for text in some]
        for answer in parsed:
            score = next(found)
            if answer is None:
                assert score.outcome is Outcome.UNPARSED
                continue
            assert score.value == Counter(parsed)[answer] / len(some)
            assert score.answer == answer


def test_answers_that_tie_have_the_same_majority() -> None:
    scores = made("majority")[0].judge(samples_of(["ab", "ac", "ab", "ac"], problem()))
    assert values(scores) == [0.5] * 4


# Tournaments.


@pytest.mark.parametrize("count", range(1, 18))
def test_a_perfect_judge_lets_the_right_answer_survive_every_round(count: int) -> None:
    for winner in range(count):
        judge, sampler = made("tournament")
        scores = judge.judge(right_and_wrong([i == winner for i in range(count)]))
        assert [i for i, score in enumerate(scores) if score.value == 1.0] == [winner]
        assert len(sampler.requests) == count - 1


@given(st.lists(st.booleans(), min_size=2, max_size=20))
def test_as_many_survive_a_round_as_a_bracket_leaves(right: list[bool]) -> None:
    scores = made("tournament", 0.6)[0].judge(right_and_wrong(right))
    if scores[0].outcome is Outcome.UNPARSED:
        return
    count, rounds = len(right), math.ceil(math.log2(len(right)))
    for number in range(rounds + 1):
        survivors = [s for s in scores if (s.value or 0) >= number / rounds - 1e-12]
        assert len(survivors) == math.ceil(count / 2**number)
    assert f"in {count - 1} comparison" in scores[0].explanation


@given(st.integers(2, 30), st.randoms())
def test_a_bracket_plays_n_minus_1_matches_whoever_wins(count: int, source: Any) -> None:
    bracket = Bracket.of(right_and_wrong([False] * count))
    while len(bracket.left) > 1:
        bracket.play([source.choice([*pair, None]) for pair in bracket.pairs()])
    assert bracket.matches == count - 1 == sum(bracket.wins)
    assert sorted(bracket.survived)[-1] == bracket.rounds
    assert bracket.survived[bracket.left[0]] == bracket.rounds


def test_an_odd_one_has_a_bye_and_it_is_said() -> None:
    scores = made("tournament")[0].judge(right_and_wrong([True, False, False]))
    assert values(scores) == [1.0, 0.0, 0.5]
    assert "and had a bye" in scores[2].explanation
    assert "bye" not in scores[0].explanation


def test_the_better_one_wins_as_often_as_the_judge_is_right() -> None:
    """Skill s: the wrong first one goes on if the verdict is wrong or cannot be read."""
    judge, _ = made("tournament", 0.7)
    samples = [s for i in range(2000) for s in right_and_wrong([False, True], position=i)]
    scores = judge.judge(samples)
    won = [s.value == 1.0 for s in scores[1::2] if s.outcome is Outcome.SCORED]
    read = 1 - 0.3 * 0.2
    assert len(won) / 2000 == pytest.approx(read, abs=4 * math.sqrt(read * (1 - read) / 2000))
    share = 0.7 / read
    assert sum(won) / len(won) == pytest.approx(
        share, abs=4 * math.sqrt(share * (1 - share) / len(won))
    )


def test_no_place_at_the_front_is_an_advantage() -> None:
    """Each of two equal answers is shown first about as often."""
    judge, sampler = made("tournament", 0.5)
    for position in range(400):
        about = problem(2, position)
        judge.judge(samples_of(["first", "second"], about, position))
    asked = [request.problem.prompt for request in sampler.requests]
    front = sum("A:\nfirst" in prompt for prompt in asked)
    assert len(asked) == 400
    assert abs(front - 200) < 4 * 10


def test_several_verdicts_on_a_pair_see_both_orders() -> None:
    judge, sampler = made("tournament", 0.5, verifications=5)
    judge.judge(samples_of(["first", "second"], problem()))
    assert sorted(r.count for r in sampler.requests) == [2, 3]
    assert len({seed for r in sampler.requests for seed in r.seeds}) == 5


def test_without_a_prompt_for_pairs_the_higher_verdict_wins() -> None:
    judge, sampler = made("tournament", form="tiny")
    scores = judge.judge(right_and_wrong([False, False, True, False]))
    assert values(scores) == [0.5, 0.0, 1.0, 0.0]
    assert sampler.requests == []
    assert judge.asked["prompt"] == "{prompt}{completion}?"


# What they put up with.


class Picky:
    """A judge that raises at some texts."""

    def __init__(self, compares: bool) -> None:
        self.needs_model, self.writes, self.compares = False, False, compares
        self.asked: dict[str, Any] = {}

    def judge(self, samples: Sequence[Sample]) -> list[Score]:
        for sample in samples:
            if sample.completion.text == "mend":
                raise VerifierError("A person has to mend this.")
            if sample.completion.text == "raise":
                raise RuntimeError("told to")
        value = 2.0 if samples[0].completion.text == "bad" else 0.5
        return [Score(Outcome.SCORED, value, explanation="Fine.") for _ in samples]


def outcomes(judge: Any, texts: Sequence[Sequence[str]]) -> list[str]:
    samples = [s for i, some in enumerate(texts) for s in samples_of(some, problem(1, i), i)]
    return [str(score.outcome) for score in Bench(lambda: judge, 8).score(samples)]


def test_a_judge_that_raises_fails_on_the_guilty_sample_only() -> None:
    found = outcomes(Picky(False), [["a", "raise", "b"], ["c"]])
    assert found == ["scored", "error", "scored", "scored"]


def test_where_samples_are_compared_their_problem_fails_together() -> None:
    found = outcomes(Picky(True), [["a", "raise", "b"], ["c", "d"]])
    assert found == ["error"] * 3 + ["scored"] * 2


def test_a_value_out_of_range_is_an_error() -> None:
    assert outcomes(Picky(False), [["bad"]]) == ["error"]


def test_what_a_person_can_mend_stops_the_work() -> None:
    with pytest.raises(VerifierError, match="mend this"):
        outcomes(Picky(False), [["a", "mend"]])


class NarrowModel(ScriptedModel):
    """A scripted model that reads so many tokens only."""

    context = 60


@pytest.mark.parametrize("name", ["mc", "cot_binary", "cot_score"])
def test_a_question_that_does_not_fit_is_an_error_of_that_sample(name: str) -> None:
    judge = JudgeSettings(
        mc_prompt="{completion}{prompt}",
        cot_binary_prompt="{completion}{prompt}",
        cot_score_prompt="{completion}{prompt}",
    )
    model = NarrowModel()
    settings = SETTINGS.model_copy(update={"judge": judge})
    ours = Court(TASK, model, ScriptedSampler(model, settings), settings, name)
    about = replace(problem(), prompt="ab|a>b=")
    scores = registry.load("verifier", name)(ours).judge(samples_of(["ab", "a" * 99], about))
    assert [score.outcome is Outcome.ERROR for score in scores] == [False, True]
    assert scores[1].explanation.startswith("The question cannot be asked. A prompt of 106 tokens")
