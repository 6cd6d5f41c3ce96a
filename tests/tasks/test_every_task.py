"""The contract that every generated task keeps."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sitool.errors import TaskError
from sitool.records import Outcome
from sitool.seeds import derive_seed, generator
from sitool.tasks.addition import AdditionTask
from sitool.tasks.base import Task, draw_problem
from sitool.tasks.chain import ChainTask
from sitool.tasks.countdown import CountdownTask
from sitool.tasks.path import PathTask

TASKS: list[Task] = [
    PathTask(),
    PathTask(nodes=26, extra_edges=20, max_level=12, shortest=True),
    AdditionTask(),
    AdditionTask(least_significant_first=False, columns=False),
    ChainTask(),
    ChainTask(modulus=10, max_level=30),
    CountdownTask(),
]
WITHOUT_ANSWERS = st.text().filter(lambda text: not any(c.isalnum() for c in text))

every_task = pytest.mark.parametrize("task", TASKS, ids=lambda t: f"{t.name}-{TASKS.index(t)}")


@every_task
def test_levels_run_from_one_without_gaps(task: Task) -> None:
    assert list(task.levels) == list(range(1, len(task.levels) + 1))
    assert len(task.levels) >= 8


@every_task
def test_the_same_seed_gives_the_same_problem(task: Task) -> None:
    for level in task.levels:
        first, second = (task.problem(level, generator(1, level)) for _ in range(2))
        assert first == second
        assert (first.level, first.task) == (level, task.name)


@every_task
def test_neighbouring_seeds_share_almost_no_problem(task: Task) -> None:
    streams = [
        {task.problem(8, generator(seed, "draw", i)).key for i in range(200)} for seed in (42, 43)
    ]
    assert derive_seed(42) != derive_seed(43)
    assert len(streams[0] & streams[1]) <= 2


@every_task
def test_the_truth_passes_strictly_and_flexibly(task: Task) -> None:
    for level in task.levels:
        for i in range(20):
            problem = task.problem(level, generator("truth", level, i))
            score = task.score(problem, problem.truth)
            assert score.passed, (problem, score)
            assert score.flexible == 1.0
            assert score.answer == task.parse(problem.truth)
            assert score.explanation


@every_task
@pytest.mark.parametrize("level", [0, -1, 99])
def test_a_level_out_of_range_is_refused(task: Task, level: int) -> None:
    with pytest.raises(TaskError, match=rf"has no level {level}: it offers 1 to \d+"):
        task.problem(level, generator(1))


@every_task
@given(text=st.text())
@settings(max_examples=60)
def test_any_text_can_be_scored(task: Task, text: str) -> None:
    problem = task.problem(3, generator("junk"))
    score = task.score(problem, text)
    assert score.outcome in {Outcome.SCORED, Outcome.UNPARSED}
    assert (score.value is None) == (score.outcome is Outcome.UNPARSED)


@every_task
@given(text=WITHOUT_ANSWERS)
@settings(max_examples=60)
def test_text_without_an_answer_is_unparsed(task: Task, text: str) -> None:
    score = task.score(task.problem(3, generator("junk")), text)
    assert score.outcome is Outcome.UNPARSED
    assert score.value is None


@every_task
def test_an_answer_to_another_problem_does_not_pass(task: Task) -> None:
    problems = [task.problem(5, generator("other", i)) for i in range(30)]
    for one, other in itertools.pairwise(problems):
        assert not task.score(one, other.truth).passed


@every_task
def test_a_fifth_of_the_problems_is_held_out(task: Task) -> None:
    drawn = [task.problem(6, generator("held out", i)) for i in range(1000)]
    assert 140 <= sum(problem.held_out for problem in drawn) <= 260


@every_task
@pytest.mark.parametrize("held_out", [True, False])
def test_problems_are_drawn_from_one_side_of_the_split(task: Task, *, held_out: bool) -> None:
    rng = generator("side", int(held_out))
    for level in task.levels:
        assert draw_problem(task, level, rng, held_out=held_out).held_out == held_out
