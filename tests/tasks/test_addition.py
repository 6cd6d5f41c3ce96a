"""Addition: columns, carries and notation."""

import pytest

from sitool.errors import TaskError
from sitool.records import Outcome
from sitool.seeds import generator
from sitool.tasks.addition import AdditionTask, column_sums


@pytest.mark.parametrize("level", AdditionTask().levels)
def test_the_last_digits_of_the_columns_are_the_sum(level: int) -> None:
    rng = generator("sum", level)
    for _ in range(30):
        problem = AdditionTask().problem(level, rng)
        columns = [problem.truth[i : i + 3] for i in range(0, len(problem.truth), 3)]
        written = columns[-1][1] + "".join(c[2] for c in reversed(columns))
        assert int(written) == problem.facts["sum"]
        first, second = map(int, problem.identity.split("+"))
        assert first + second == problem.facts["sum"]


def test_the_prompt_lays_both_numbers_out_in_columns() -> None:
    problem = AdditionTask().problem(3, generator("layout"))
    cells = [problem.prompt[i : i + 4] for i in range(0, 12, 4)]
    tops = int("".join(c[0] for c in reversed(cells)))
    bottoms = int("".join(c[2] for c in reversed(cells)))
    assert tops + bottoms == problem.facts["sum"]
    assert problem.prompt.endswith("=")


def test_column_sums_carry() -> None:
    assert column_sums(999, 1, 3) == [10, 10, 10]


def test_most_significant_first_turns_the_columns_round() -> None:
    forwards = AdditionTask(least_significant_first=False)
    problem = forwards.problem(4, generator("forwards"))
    last = [problem.truth[i + 2] for i in range(0, 12, 3)]
    assert int(problem.truth[1] + "".join(last)) == problem.facts["sum"]
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
    wrong = problem.truth[:4] + ("0" if problem.truth[4] != "0" else "1") + problem.truth[5:]
    score = AdditionTask().score(problem, wrong)
    assert score.value == 0.0
    assert score.explanation.startswith("column 2 is ")


def test_the_plain_sum_is_flexible_only() -> None:
    problem = AdditionTask().problem(4, generator("flexible"))
    score = AdditionTask().score(problem, f"it is {problem.facts['sum']}, surely")
    assert (score.outcome, score.value, score.flexible) == (Outcome.SCORED, 0.0, 1.0)


def test_shuffled_columns_keep_the_answer_in_order() -> None:
    task = AdditionTask(shuffled=True)
    problem = task.problem(6, generator("shuffled"))
    labels = problem.truth[::3]
    assert list(labels) == sorted(labels)
    assert problem.prompt.endswith(f"|{labels[0]}=")


def test_too_many_levels_are_refused() -> None:
    with pytest.raises(TaskError, match="max_level is 27; addition allows 1 to 26"):
        AdditionTask(max_level=27)
