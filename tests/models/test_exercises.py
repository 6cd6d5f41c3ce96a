"""The look-up exercises of the first stage."""

import re

import pytest

from sitool.models.exercises import Assignments, LabelledAddition
from sitool.seeds import generator
from sitool.tasks.addition import AdditionTask


@pytest.mark.parametrize("level", [1, 3, 12])
def test_labelled_columns_hold_both_numbers_and_their_sum(level: int) -> None:
    problem = LabelledAddition().problem(level, generator(level))
    columns = re.findall(r"(\d)\+(\d)([a-z])", problem.prompt)
    first, second = (int("".join(c[row] for c in reversed(columns))) for row in (0, 1))
    sums = re.findall(r"([a-z])(\d)(\d)", problem.truth)
    assert [s[0] for s in sums] == [c[2] for c in columns]
    assert int(sums[-1][1] + "".join(s[2] for s in reversed(sums))) == first + second


def test_what_addition_holds_out_is_held_out_with_labels_too() -> None:
    for i in range(50):
        problem = LabelledAddition().problem(3, generator(i))
        first, second = map(int, problem.identity.split("+"))
        same = AdditionTask().problem(3, generator(i))
        assert (min(first, second), problem.held_out) == (
            int(same.identity.split("+")[0]),
            same.held_out,
        )


def test_assignments_are_solved_by_substitution() -> None:
    problem = Assignments().problem(6, generator("assignments"))
    values: dict[str, int] = {}
    steps = problem.prompt.partition("|")[0].split(",")
    while len(values) < len(steps):
        for left, _, name in (step.partition("=") for step in steps):
            terms = [values.get(t, int(t) if t.isdigit() else None) for t in left.split("+")]
            if None not in terms:
                values[name] = sum(t for t in terms if t is not None) % 5
    assert {n: int(v) for n, v in re.findall(r"([a-z])(\d)", problem.truth)} == values


@pytest.mark.parametrize("task", [LabelledAddition(), Assignments()])
def test_only_the_truth_passes(task: LabelledAddition | Assignments) -> None:
    problem = task.problem(2, generator("truth"))
    assert task.score(problem, problem.truth).passed
    assert not task.score(problem, problem.truth[:-1]).passed
