"""Chains: the values, their order, and what counts as flexible."""

import pytest

from sitool.errors import TaskError
from sitool.records import Outcome
from sitool.seeds import generator
from sitool.tasks.chain import ChainTask


@pytest.mark.parametrize("modulus", [2, 5, 10])
@pytest.mark.parametrize("level", [1, 4, 12])
def test_the_truth_follows_the_steps(modulus: int, level: int) -> None:
    rng = generator("truth", modulus, level)
    for _ in range(20):
        problem = ChainTask(modulus=modulus).problem(level, rng)
        start, *steps = problem.prompt.rstrip("-=").split("+")
        value, values = int(start), []
        for step in steps:
            value = (value + int(step)) % modulus
            values.append(str(value))
        assert problem.truth == ",".join(values)
        assert len(values) == level


def test_every_prompt_has_the_same_length() -> None:
    task = ChainTask(max_level=20)
    assert {len(task.problem(level, generator(level)).prompt) for level in task.levels} == {42}


def test_the_last_value_alone_is_flexible_only() -> None:
    problem = ChainTask().problem(5, generator("flexible"))
    score = ChainTask().score(problem, problem.truth[-1])
    assert (score.outcome, score.value, score.flexible) == (Outcome.SCORED, 0.0, 1.0)


def test_the_explanation_names_the_wrong_step() -> None:
    problem = ChainTask().problem(3, generator("fault"))
    other = str((int(problem.truth[2]) + 1) % 5)
    score = ChainTask().score(problem, problem.truth[:2] + other + problem.truth[3:])
    assert score.explanation == f"step 2 is {other}, not {problem.truth[2]}"


@pytest.mark.parametrize(("change", "fault"), [(slice(0, 3), "missing"), (None, "there at all")])
def test_too_few_and_too_many_values_are_named(change: slice | None, fault: str) -> None:
    problem = ChainTask().problem(4, generator("fault"))
    answer = problem.truth[change] if change else problem.truth + ",0"
    assert fault in ChainTask().score(problem, answer).explanation


@pytest.mark.parametrize("settings", [{"modulus": 11}, {"max_level": 61}])
def test_settings_out_of_range_are_refused(settings: dict[str, int]) -> None:
    with pytest.raises(TaskError, match=r"chain allows \d+ to \d+"):
        ChainTask(**settings)
