"""Addition: columns, carries and notation."""

import pytest

from sitool.errors import TaskError
from sitool.records import Outcome
from sitool.seeds import generator
from sitool.tasks.addition import AdditionTask, column_sums


def number_in(digits: list[str]) -> int:
    """Read a number from its digits, units first."""
    return int("".join(reversed(digits)))


@pytest.mark.parametrize("level", AdditionTask().levels)
def test_the_columns_hold_both_numbers_and_their_sum(level: int) -> None:
    rng = generator("sum", level)
    for _ in range(30):
        problem = AdditionTask().problem(level, rng)
        columns = problem.prompt.rstrip("=").split(",")
        assert columns[level:] == ["--"] * (12 - level)
        tops, bottoms = ([column[row] for column in columns[:level]] for row in (0, 1))
        sums = problem.truth.split(",")
        written = number_in([*(s[1] for s in sums), sums[-1][0]])
        assert number_in(tops) + number_in(bottoms) == written == problem.facts["sum"]


def test_every_column_of_the_answer_is_at_one_distance_from_its_own() -> None:
    lengths = {
        len(AdditionTask().problem(level, generator(level)).prompt)
        for level in AdditionTask().levels
    }
    assert lengths == {36}


def test_column_sums_carry() -> None:
    assert column_sums(999, 1, 3) == [10, 10, 10]


def test_most_significant_first_turns_the_columns_round() -> None:
    forwards = AdditionTask(least_significant_first=False)
    problem = forwards.problem(4, generator("forwards"))
    sums = problem.truth.split(",")
    assert int(sums[0] + "".join(s[1] for s in sums[1:])) == problem.facts["sum"]
    assert forwards.score(problem, problem.truth).passed


@pytest.mark.parametrize("reverse", [True, False])
def test_without_columns_the_answer_is_digits(*, reverse: bool) -> None:
    task = AdditionTask(columns=False, least_significant_first=reverse)
    problem = task.problem(5, generator("plain"))
    total = str(problem.facts["sum"])
    assert problem.truth == (total[::-1] if reverse else total)
    assert task.score(problem, problem.truth).explanation == "the sum is right"


def test_the_explanation_names_the_wrong_column() -> None:
    problem = AdditionTask().problem(3, generator("fault"))
    last = "0" if problem.truth[4] != "0" else "1"
    wrong = problem.truth[:4] + last + problem.truth[5:]
    score = AdditionTask().score(problem, wrong)
    assert score.value == 0.0
    assert score.explanation == f"column 2 is {wrong[3:5]}, not {problem.truth[3:5]}"


@pytest.mark.parametrize(("change", "fault"), [(slice(0, 5), "missing"), (None, "there at all")])
def test_too_few_and_too_many_columns_are_named(change: slice | None, fault: str) -> None:
    problem = AdditionTask().problem(3, generator("fault"))
    answer = problem.truth[change] if change else problem.truth + ",01"
    assert fault in AdditionTask().score(problem, answer).explanation


def test_the_plain_sum_is_flexible_only() -> None:
    problem = AdditionTask().problem(4, generator("flexible"))
    score = AdditionTask().score(problem, f"it is {problem.facts['sum']}, surely")
    assert (score.outcome, score.value, score.flexible) == (Outcome.SCORED, 0.0, 1.0)


def test_a_wrong_carry_that_leaves_the_sum_right_is_flexible_only() -> None:
    problem = AdditionTask().problem(3, generator("carry"))
    wrong = ("1" if problem.truth[0] == "0" else "0") + problem.truth[1:]
    score = AdditionTask().score(problem, wrong)
    assert (score.value, score.flexible) == (0.0, 1.0)


def test_too_many_levels_are_refused() -> None:
    with pytest.raises(TaskError, match="max_level is 41; addition allows 1 to 40"):
        AdditionTask(max_level=41)
