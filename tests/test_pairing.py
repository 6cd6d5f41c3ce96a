"""Which samples are compared, by what a person said of them; and that a killed round comes back."""

import math
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from studies import contents, create, differing, rows
from test_resume import Driver, middle

import sitool
from sitool import loop, pairing
from sitool.client import Study
from sitool.config import PAIR_OBJECTIVES, TrainerSettings
from sitool.presets import build_settings
from sitool.records import Action, Completion, Decision, Phase, Problem, Sample
from sitool.trainers.base import Pair


def sample(number: int, *logprobs: float, finish: str = "stop", said: str = "") -> Sample:
    """Return a sample with tokens of its own."""
    tokens = tuple(100 * number + place for place in range(len(logprobs)))
    decisions = ()
    if said:
        action = Action(said)
        text = "b" if action is Action.EDIT else None
        decisions = (Decision(1, number, action, text, "", "me", 0.0),)
    completion = Completion(tokens, f"text {number}", finish, logprobs)
    problem = Problem("t", 1, "p", "a")
    return Sample(number, 1, "train", 0, number, 1, problem, completion, {}, None, "", decisions)


def dpo(**changes: Any) -> TrainerSettings:
    return TrainerSettings(name="dpo", **changes)


def ids(pairs: list[pairing.SamplePair]) -> list[tuple[int, int]]:
    return [(first.id, second.id) for first, second in pairs]


def chosen(samples: list[Sample], settings: TrainerSettings, seed: int = 0) -> list[Any]:
    return ids(pairing.choose(samples, [], settings, (seed,)))


@pytest.mark.parametrize("count", range(8))
def test_all_pairs_of_a_problem_are_there_once(count: int) -> None:
    found = chosen([sample(n, -n - 1.0) for n in range(count)], dpo(pairs_per_problem=0))
    assert len(found) == math.comb(count, 2)
    assert len({frozenset(pair) for pair in found}) == len(found)


@pytest.mark.parametrize("count", [2, 4, 6, 8])
def test_the_first_pairs_share_no_sample(count: int) -> None:
    settings = dpo(pairs_per_problem=count // 2)
    found = chosen([sample(n, -n - 1.0) for n in range(count)], settings)
    assert Counter(n for pair in found for n in pair) == dict.fromkeys(range(count), 1)


def test_who_meets_whom_hangs_on_the_seed_alone() -> None:
    samples = [sample(n, -n - 1.0) for n in range(8)]
    one, again, other = (chosen(samples, dpo(pairs_per_problem=3), seed) for seed in (1, 1, 2))
    assert one == again != other


def test_for_xpo_each_pair_has_the_models_answer_first_and_the_bases_second() -> None:
    firsts, seconds = ([sample(n, -1.0) for n in numbers] for numbers in ((1, 2), (11, 12, 13)))
    settings = TrainerSettings(name="xpo", pairs_per_problem=0)
    found = ids(pairing.choose(firsts, seconds, settings, (0,)))
    assert found[:2] == [(1, 11), (2, 12)]
    assert sorted(found) == [(a, b) for a in (1, 2) for b in (11, 12, 13)]
    assert pairing.choose(firsts, [], settings, (0,)) == []


def test_a_margin_leaves_out_what_is_too_alike() -> None:
    """1 + margin = 3 times as likely; per token, each token of the longer one counts less."""
    samples = [sample(1, -1.0), sample(2, -1.0 - math.log(2.9)), sample(3, -1.0 - math.log(3.1))]
    assert chosen(samples, dpo(margin=2)) in ([(1, 3)], [(3, 1)])
    samples = [sample(1, -1.0), sample(2, -1.5, -1.5)]
    assert len(chosen(samples, dpo(margin=2))) == 1
    assert chosen(samples, dpo(margin=2, self_reward="likelihood_per_token")) == []


def test_equal_answers_and_those_without_an_end_are_in_no_pair() -> None:
    one = sample(1, -1.0)
    twin = replace(one, id=2)
    cut, empty = sample(3, -2.0, finish="length"), sample(4)
    assert chosen([one, twin, cut, empty], dpo()) == []
    assert len(chosen([one, twin, sample(5, -3.0)], dpo())) == 2


def test_what_a_person_said_stands_above_the_rule() -> None:
    cut = sample(1, -1.0, finish="length", said="accept")
    alike, rejected = sample(2, -1.0), sample(3, -5.0, said="reject")
    edited = sample(4, -1.0, said="edit")
    found = chosen([cut, alike, rejected, edited], dpo(margin=9, pairs_per_problem=0))
    assert {frozenset(pair) for pair in found} == {
        frozenset(pair) for pair in ((1, 2), (1, 4), (2, 4))
    }
    many = [sample(n, -float(n)) for n in range(10, 18)]
    first = chosen([*many, edited], dpo(pairs_per_problem=8))
    assert all(4 in pair for pair in first)


# In a real study.


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return a study of each objective with round 0 done and round 1 sampled."""
    found = {}
    for name in PAIR_OBJECTIVES:
        folder = tmp_path_factory.mktemp(name) / "study"
        study = create(folder, *SETTINGS, f"trainer.name={name}", real=True)
        study.step(to="sample")
        study.close()
        found[name] = folder
    return found


SETTINGS = (
    "evaluation.problems_per_level=3",
    "draw.samples=4",
    "trainer.pairs_per_problem=4",
    "trainer.learning_rate=1e-3",
    "curriculum.lowest=2",
    "curriculum.highest=3",
)


@pytest.fixture(params=PAIR_OBJECTIVES)
def study(request: Any, begun: dict[str, Path], tmp_path: Path) -> Iterator[Study]:
    shutil.copytree(begun[request.param], tmp_path / "study")
    opened = sitool.open(tmp_path / "study")
    yield opened
    opened.close()


def weights(study: Study, number: int) -> dict[int, float]:
    found = rows(study.folder, f"SELECT sample, weight FROM selections WHERE round = {number}")
    return {one: weight for one, weight in found if weight}


def pairs(study: Study, number: int) -> list[tuple[int, int]]:
    found = rows(study.folder, f"SELECT first, second FROM pairs WHERE round = {number}")
    return [(first, second) for first, second in found]


def test_a_samples_weight_is_the_number_of_its_pairs(study: Study) -> None:
    study.step(to="select")
    found = pairs(study, 1)
    assert found
    assert weights(study, 1) == Counter(one for pair in found for one in pair)
    per_problem = Counter(study.sample(first).position for first, _ in found)
    assert max(per_problem.values()) <= 4
    for first, second in found:
        one, other = study.sample(first), study.sample(second)
        assert one.position == other.position
        expected = ("train", "base") if study.settings.trainer.name == "xpo" else ("train",) * 2
        assert (one.role, other.role) == expected
    assert study.would_train_on(1) == len(weights(study, 1))
    told = study.round(1).summary()
    drawn = [s for role in ("train", "base") for s in study.round(1).samples(role=role)]
    assert (told.accepted, told.sampled) == (len(weights(study, 1)), len(drawn))
    assert "in " in study.sample(found[0][0]).rule


def test_the_round_trains_and_knows_the_base_again(study: Study) -> None:
    """Round 2 of dpo draws from the base again; that of xpo from round 1 and the base."""
    study.step()
    study.step(to="sample")
    losses = study._store.metrics.of(1, "loss")
    assert len(losses) > 1
    assert all(math.isfinite(metric.value) for metric in losses.values())
    roles = {role for role in ("train", "base") for _ in study.round(2).samples(role=role)}
    is_xpo = study.settings.trainer.name == "xpo"
    assert roles == ({"train", "base"} if is_xpo else {"train"})
    base_again = {s.id: pairing.is_of_the_base(study._store, s)
                  for role in roles for s in study.round(2).samples(role=role)}  # fmt: skip
    by_role = {study.sample(i).role: known for i, known in base_again.items()}
    assert by_role == ({"train": False, "base": True} if is_xpo else {"train": True})


def test_what_is_stored_of_the_base_is_what_its_network_says(study: Study) -> None:
    from sitool.parts import Parts
    from sitool.trainers.base import Example
    from sitool.trainers.loss import WeightedLoss

    study.step()
    study.step(to="select")
    parts = Parts.make(study.settings)
    model: Any = parts.model
    made: list[Pair] = pairing.training_pairs(study._store, model, study._store.tree.round(2))
    loss = WeightedLoss(model, study.settings.trainer)
    sides = [(p.prompt_ids, side) for p in made for side in (p.first, p.second)]
    known = [(prompt, side) for prompt, side in sides if side.base_logprob is not None]
    assert known
    found = loss.logprobs([Example(prompt, s.completion_ids, 1, 1.0) for prompt, s in known])
    assert found == pytest.approx([side.base_logprob for _, side in known], abs=1e-4)
    parts.close()


def test_a_rejected_sample_is_in_no_pair_and_an_accepted_one_is(study: Study) -> None:
    study.step(to="select")
    first, second = pairs(study, 1)[0]
    study.reject(first)
    study.accept(second, "the better one")
    study.step(to="select")
    found = [one for pair in pairs(study, 1) for one in pair]
    assert first not in found
    assert study.sample(first).rule == "you rejected it"
    assert second in found
    assert study.sample(second).rule.startswith("you accepted it: in ")
    made = pairing.training_pairs(study._store, Words(), study._store.tree.round(1))
    assert any(side.favoured for pair in made for side in (pair.first, pair.second))
    study.step()
    assert study.round(1).record.finished


class Words:
    """As much of a model as pairs need."""

    def encode(self, prompt: str) -> tuple[int, ...]:
        return (1,)

    def encode_completion(self, text: str) -> tuple[int, ...]:
        return tuple(map(ord, text))


def test_an_edit_is_learnt_from_in_the_samples_place(study: Study) -> None:
    one = next(iter(study.round(1).samples()))
    study.edit(one.id, "ab")
    study.step(to="select")
    made = pairing.training_pairs(study._store, Words(), study._store.tree.round(1))
    edited = [side for p in made for side in (p.first, p.second) if side.favoured]
    assert edited
    assert {side.completion_ids for side in edited} == {(97, 98)}
    assert {side.base_logprob for side in edited} == {None}
    study.step()
    assert study.round(1).record.finished


def test_what_is_accepted_late_joins_the_next_round(study: Study) -> None:
    study.step()
    left = [s for s in study.round(1).samples() if not s.weight]
    one = left[0] if left else next(iter(study.round(1).samples()))
    study.edit(one.id, "abc")
    study.step(to="select")
    carried = {first for pair in pairs(study, 2) for first in pair} & {one.id}
    assert carried
    beside = [p for p in pairs(study, 2) if one.id in p]
    assert all(study.sample(i).round == 1 for p in beside for i in p)
    said = rows(study.folder, f"SELECT rule FROM selections WHERE round = 2 AND sample = {one.id}")
    assert said[0][0].startswith("you edited it in r0001: in ")


def test_a_redo_has_the_samples_of_the_base_too(study: Study) -> None:
    study.step()
    one = pairs(study, 1)[0][1]
    study.reject(one)
    study.redo(1)
    study.step()
    for role in ("train", "base"):
        former, twin = ([s.completion for s in study.round(n).samples(role=role)] for n in (1, 2))
        assert former == twin
    assert len(pairs(study, 2)) > 0
    assert not any(study.sample(i).ruling for pair in pairs(study, 2) for i in pair)


def test_no_two_that_could_be_paired_leave_a_warning(
    begun: dict[str, Path], tmp_path: Path
) -> None:
    shutil.copytree(begun["dpo"], tmp_path / "study")
    study = sitool.open(tmp_path / "study")
    for one in study.round(1).samples():
        study.reject(one.id)
    study.step()
    said = [e.message for _, _, e in study.events() if isinstance(e, sitool.events.Warned)]
    assert any("No two samples of a problem could be paired" in words for words in said)
    assert study.round(1).record.finished


def test_no_verifier_has_a_say(begun: dict[str, Path], tmp_path: Path) -> None:
    """All scores turned round, nothing changes of what is compared."""
    shutil.copytree(begun["dpo"], tmp_path / "study")
    study = sitool.open(tmp_path / "study")
    study.step(to="verify")
    before = loop.weigh(study._store, study._store.tree.round(1))
    study._store._database.execute("UPDATE scores SET value = 1 - value")
    assert loop.weigh(study._store, study._store.tree.round(1)) == before


@pytest.mark.parametrize(
    ("assignments", "exact"),
    [
        ((), True),
        (("sampler.name=llamacpp",), True),
        (("sampler.name=llamacpp", "llamacpp.exact=false"), False),
        (("sampler.name=llamacpp", "llamacpp.dtype=q8_0"), False),
        (("sampler.name=server",), False),
    ],
)
def test_log_probabilities_of_another_precision_are_not_taken_for_the_bases(
    assignments: tuple[str, ...], exact: bool
) -> None:
    settings = build_settings(assignments=list(assignments))
    assert pairing.gives_exact_logprobs(settings) is exact


# Killed and resumed.


@pytest.fixture(scope="module")
def driver() -> Iterator[Driver]:
    made = Driver("real")
    yield made
    made.close()


@pytest.mark.slow  # It kills and resumes on the real base.
def test_a_killed_xpo_round_resumes_to_the_same_round(driver: Driver, tmp_path: Path) -> None:
    """In the samples of the model, in those of the base, and in training."""
    begin = tmp_path / "begin"
    create(begin, *SETTINGS, "trainer.name=xpo", real=True).close()
    assert driver.run(begin, 0)["status"] == 0
    shutil.copytree(begin, tmp_path / "whole")
    points = driver.run(tmp_path / "whole", 1)["points"]
    whole = contents(tmp_path / "whole")
    assert {row[2] for row in whole["samples"]} == {"train", "base", "greedy", "sampled"}
    drawn = [i for i, (at, what) in enumerate(points) if at == Phase.SAMPLE and "event" in what]
    trained = [i for i, (at, what) in enumerate(points) if at == Phase.TRAIN and "event" in what]
    # 4 chunks of the model's samples and 4 of the base's: a quarter, three quarters, and after.
    places = (drawn[len(drawn) // 4], drawn[3 * len(drawn) // 4], drawn[-1] + 1, middle(trained))
    for place in places:
        folder = tmp_path / "study"
        shutil.copytree(begin, folder)
        assert driver.run(folder, 1, kill_at=place)["status"] == -signal.SIGKILL
        assert driver.run(folder, 1)["status"] == 0
        assert differing(whole, contents(folder)) == [], points[place]
        assert pairs_in(folder) == pairs_in(tmp_path / "whole")
        shutil.rmtree(folder)


def pairs_in(folder: Path) -> list[tuple[Any, ...]]:
    found = rows(folder, "SELECT * FROM pairs")
    assert found
    return found


def test_the_bases_samples_are_drawn_from_seeds_of_their_own(begun: dict[str, Path]) -> None:
    """In round 1 the model is the base: only the seeds tell the two draws apart."""
    study = sitool.open(begun["xpo"])
    train, base = ([s.completion.token_ids for s in study.round(1).samples(role=role)]
                   for role in ("train", "base"))  # fmt: skip
    assert len(train) == len(base)
    assert train != base
    study.close()
