"""The built-in bases as they are shipped, and the recipe that makes them."""

import math
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerBase

from sitool.models.card import WEIGHTS, count_parameters, file_hash
from sitool.models.examples import Curriculum, Example, right_so_far, spoil
from sitool.models.lessons import hint_loss
from sitool.models.profile import Judged, balanced_accuracy, sample_answers, verdict_beliefs
from sitool.models.tiny import (
    Lesson,
    Recipe,
    Stage,
    bake,
    build_curricula,
    cooling,
    rate_factor,
    train,
)
from sitool.models.verdict import CORRECT, INCORRECT, verdict_prompt
from sitool.models.vocabulary import build_tokenizer
from sitool.seeds import generator
from sitool.tasks.addition import AdditionTask
from sitool.tasks.base import Task, draw_problem
from sitool.tasks.chain import ChainTask
from sitool.tasks.countdown import CountdownTask
from sitool.tasks.path import PathTask

DATA = Path(__file__).parents[2] / "data"
TASKS: list[Task] = [PathTask(), AdditionTask(), ChainTask(), CountdownTask()]
SMALL = Recipe(
    steps=6,
    weak_step=3,
    hidden_size=32,
    layers=1,
    heads=2,
    feed_forward=32,
    stages=(
        Stage("first", 2, (Lesson("path", 4, (1.0, 1.0)),)),
        Stage(
            "second",
            99,
            (
                Lesson("path", 4, (1.0, 1.0, 1.0), 0.5, (0.5,)),
                Lesson("addition", 4, (), 0.5),
                Lesson("chain", 4, (), 0.5),
            ),
            verdict_draws=2,
            own_answers=1,
            hints=0.5,
            cooling=0.5,
        ),
    ),
    small_graphs=((1, 6, 0),),
    own_answers_every=3,
    profile_problems=1,
)

every_base = pytest.mark.parametrize("base", ["tiny", "tiny-weak"])


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(DATA / "tiny")


@every_base
def test_a_shipped_base_loads_without_custom_code(base: str) -> None:
    model = AutoModelForCausalLM.from_pretrained(DATA / base, trust_remote_code=False)
    assert model.num_parameters() <= 2_000_000
    assert model.dtype == torch.float32
    assert AutoTokenizer.from_pretrained(DATA / base).eos_token_id == model.config.eos_token_id


@every_base
def test_the_card_names_the_hash_of_the_weights(base: str) -> None:
    card = (DATA / base / "README.md").read_text(encoding="utf-8")
    assert file_hash(DATA / base / WEIGHTS) in card
    assert f"{count_parameters(DATA / base / WEIGHTS):,}" in card


def test_the_data_stay_small() -> None:
    assert sum(file.stat().st_size for file in DATA.rglob("*") if file.is_file()) <= 12e6


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_the_tokenizer_gives_back_every_prompt_and_truth(
    tokenizer: PreTrainedTokenizerBase, task: Task
) -> None:
    for level in task.levels:
        problem = task.problem(level, generator("round trip", level))
        for text in (problem.prompt, problem.truth, problem.prompt + problem.truth):
            ids = tokenizer(text).input_ids
            assert tokenizer.decode(ids) == text
            assert len(ids) == len(text)
            assert tokenizer.unk_token_id not in ids


def test_a_verdict_is_one_token(tokenizer: PreTrainedTokenizerBase) -> None:
    text = verdict_prompt("ab|a>b=", "ab")
    bare = tokenizer(text).input_ids
    for word in (CORRECT, INCORRECT):
        assert tokenizer(text + word).input_ids == [*bare, tokenizer.convert_tokens_to_ids(word)]


def test_unknown_characters_become_the_unknown_token() -> None:
    made = build_tokenizer(64)
    assert made("é").input_ids == [made.unk_token_id]


@pytest.mark.slow
def test_the_shipped_base_is_a_good_subject() -> None:
    """It solves level 1, not the far levels, and its verdicts beat chance."""
    model = AutoModelForCausalLM.from_pretrained(DATA / "tiny")
    tokenizer = AutoTokenizer.from_pretrained(DATA / "tiny")
    rng = generator("good subject")
    for task in TASKS[:2]:
        rates = {}
        for level in (1, 8):
            problems = [draw_problem(task, level, rng, held_out=True) for _ in range(60)]
            texts = sample_answers(model, tokenizer, [p.prompt for p in problems], 0.0, 1)
            passed = [task.score(p, t).passed for p, t in zip(problems, texts, strict=True)]
            rates[level] = sum(passed) / len(passed)
        assert rates[1] >= 0.85
        assert rates[8] <= 0.1


def test_beliefs_do_not_depend_on_the_company_of_longer_texts() -> None:
    model = AutoModelForCausalLM.from_pretrained(DATA / "tiny").eval()
    tokenizer = AutoTokenizer.from_pretrained(DATA / "tiny")
    short, long = (PathTask().problem(level, generator("beliefs")) for level in (1, 8))
    alone = verdict_beliefs(model, tokenizer, [(short, short.truth)])
    together = verdict_beliefs(model, tokenizer, [(short, short.truth), (long, long.truth)])
    assert together[0] == pytest.approx(alone[0], abs=1e-4)


def test_the_recipe_gives_the_same_weights_twice() -> None:
    runs = [list(train(SMALL)) for _ in range(2)]
    losses = [[loss for _, loss, _ in run] for run in runs]
    assert losses[0] == losses[1]
    first, second = (run[-1][2].state_dict() for run in runs)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_shorter_run_is_the_beginning_of_a_longer_one() -> None:
    short, long = ([loss for _, loss, _ in train(replace(SMALL, steps=steps))] for steps in (3, 6))
    assert long[:3] == short


def test_the_recipe_writes_a_base_and_a_weaker_one(tmp_path: Path) -> None:
    bake(SMALL, tmp_path / "base")
    for folder, steps in (("base", 6), ("base-weak", 3)):
        assert AutoModelForCausalLM.from_pretrained(tmp_path / folder).num_parameters() < 20_000
        card = (tmp_path / folder / "README.md").read_text(encoding="utf-8")
        assert re.search(rf"`steps`: {steps}\b", card)
        assert "| greedy |" in card


def test_the_learning_rate_rises_holds_and_falls() -> None:
    recipe = replace(Recipe(), warmup=10, hold=100)
    factors = [rate_factor(recipe, step) for step in (0, 4, 50, 400)]
    assert factors == pytest.approx([0.1, 0.5, 1.0, 0.5])


def test_no_example_is_held_out() -> None:
    for curriculum in build_curricula(Recipe(), Recipe().stages[-1]):
        for level in [*range(1, 7)] * 20:
            assert not curriculum.problem(level).held_out


def test_an_answer_that_runs_out_of_breath_is_the_beginning_of_the_truth() -> None:
    curriculum = Curriculum(
        PathTask(), 300, (0.0,) * 5 + (1.0,), 0.0, 6, generator("breath"), breath=(1.0, 0.5)
    )
    lengths = [len(example.wanted) for example in curriculum.examples()]
    assert set(lengths) == {3, 4, 5, 6, 7}
    assert 110 <= lengths.count(3) <= 190


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_a_spoiled_answer_is_wrong(task: Task) -> None:
    rng = generator("spoil", task.name)
    for _ in range(50):
        problem = task.problem(3, rng)
        assert not task.score(problem, spoil(problem, task, rng)).passed


def test_own_answers_are_remembered_with_whether_they_are_right_and_repeated() -> None:
    task = ChainTask()
    curriculum = Curriculum(task, 40, (), 0.0, 2, generator("own"))
    problem = task.problem(2, generator("one"))
    curriculum.remember([(problem, problem.truth), (problem, "9")])
    assert curriculum.own == {2: [(problem, problem.truth, True), (problem, "9", False)]}
    repeated = {(example.given, example.wanted) for example in curriculum.examples()}
    assert repeated == {(problem.prompt, problem.truth), (problem.prompt, "9")}


@pytest.mark.parametrize("task", TASKS[:3], ids=lambda task: task.name)
def test_a_truth_is_right_all_along_and_a_wrong_answer_is_not(task: Task) -> None:
    rng = generator("so far", task.name)
    for level in task.levels:
        problem = task.problem(level, rng)
        assert all(right_so_far(problem, problem.truth))
        changed = problem.truth[0] + "#" + problem.truth[1:]
        assert right_so_far(problem, changed) == (True,) + (False,) * len(problem.truth)


def test_a_path_is_right_so_far_where_it_follows_edges_and_comes_nowhere_twice() -> None:
    problem = PathTask().problem(3, generator("walk"))
    start, edges = problem.facts["start"], problem.facts["edges"]
    for edge in edges:
        walked = right_so_far(problem, edge)
        assert walked == (edge[0] == start,) * 2
    assert right_so_far(problem, start + start) == (True, False)


def test_hints_weigh_right_and_wrong_places_alike() -> None:
    examples = [
        Example("12", "3"),
        Example("1=ab?", "Incorrect", True, (True, False)),
        Example("1=abc?", "Correct", True, (True, True, True)),
    ]
    hints = torch.zeros(3, 6)
    hints[1, 2], hints[1, 3] = 3.0, -3.0
    hints[2, 2:5] = torch.tensor([3.0, 3.0, -3.0])
    low, high = (math.log1p(math.exp(-x)) for x in (3.0, -3.0))
    right, wrong = (3 * low + high) / 4, low
    assert hint_loss(hints, examples).item() == pytest.approx((right + wrong) / 2)


def test_the_learning_rate_cools_down_to_nothing() -> None:
    stage = Stage("end", 10, (), cooling=0.5)
    assert [cooling(stage, done, 10) for done in (0, 5, 8)] == pytest.approx([1.0, 1.0, 0.4])
    assert cooling(replace(stage, cooling=0.0), 9, 10) == 1.0


def test_balanced_accuracy_weighs_right_and_wrong_answers_alike() -> None:
    judged = [Judged(1, True, 0.9), Judged(1, False, 0.9), Judged(1, False, 0.1)]
    assert balanced_accuracy(judged) == pytest.approx(0.75)
    assert math.isnan(balanced_accuracy(judged[:1]))
