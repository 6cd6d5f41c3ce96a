"""Chains: the values, their order, and what counts as flexible."""

import re

import pytest

from sitool.errors import TaskError
from sitool.records import Outcome, Problem
from sitool.seeds import generator
from sitool.tasks.chain import ChainTask


def values_by_substitution(problem: Problem, modulus: int) -> dict[str, int]:
    """Solve the steps from the text of the prompt, in any order."""
    steps = problem.prompt.partition("|")[0].split(",")
    values: dict[str, int] = {}
    while len(values) < len(steps):
        for step in steps:
            left, name = step.split("=")
            terms = [values.get(t, int(t) if t.isdigit() else None) for t in left.split("+")]
            if None not in terms:
                values[name] = sum(t for t in terms if t is not None) % modulus
    return values


@pytest.mark.parametrize("modulus", [2, 5, 10])
@pytest.mark.parametrize("level", [1, 4, 12])
def test_the_truth_solves_the_steps(modulus: int, level: int) -> None:
    rng = generator("truth", modulus, level)
    for _ in range(20):
        problem = ChainTask(modulus=modulus).problem(level, rng)
        written = {n: int(v) for n, v in re.findall(r"([a-z])(\d)", problem.truth)}
        assert written == values_by_substitution(problem, modulus)
        assert len(written) == level + 1


def test_the_last_value_alone_is_flexible_only() -> None:
    problem = ChainTask().problem(5, generator("flexible"))
    score = ChainTask().score(problem, problem.truth[-2:])
    assert (score.outcome, score.value, score.flexible) == (Outcome.SCORED, 0.0, 1.0)


def test_the_explanation_names_the_wrong_step() -> None:
    problem = ChainTask().problem(3, generator("fault"))
    wrong = problem.truth[:3] + str((int(problem.truth[3]) + 1) % 5) + problem.truth[4:]
    assert ChainTask().score(problem, wrong).explanation.startswith("step 1 is ")


def test_unshuffled_steps_stand_in_order() -> None:
    problem = ChainTask(shuffled=False).problem(4, generator("order"))
    names = [step[-1] for step in problem.prompt.partition("|")[0].split(",")]
    assert "".join(names) == problem.truth[::2]


def test_equal_chains_in_another_order_are_one_problem() -> None:
    shuffled = ChainTask().problem(4, generator("same"))
    assert shuffled.identity.split(",")[0].startswith(tuple("01234"))
    assert sorted(shuffled.identity.split(",")) == sorted(
        shuffled.prompt.partition("|")[0].split(",")
    )


@pytest.mark.parametrize("settings", [{"modulus": 11}, {"max_level": 26}])
def test_settings_out_of_range_are_refused(settings: dict[str, int]) -> None:
    with pytest.raises(TaskError, match=r"chain allows \d+ to \d+"):
        ChainTask(**settings)  # type: ignore[arg-type]
