"""Countdown: the parser against exact fractions, and what an answer may use."""

import ast
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sitool.errors import TaskError
from sitool.records import Outcome, Problem
from sitool.seeds import generator
from sitool.tasks.countdown import CountdownTask, evaluate

NUMBERS = st.integers(0, 99).map(str)
EXPRESSIONS = st.recursive(
    NUMBERS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map("".join),
        inner.map(lambda text: f"({text})"),
    ),
    max_leaves=8,
)


def with_fractions(node: ast.AST) -> Fraction:
    """Evaluate Python's own reading of the text, exactly; uneven division raises."""
    if isinstance(node, ast.Constant):
        return Fraction(str(node.value))
    assert isinstance(node, ast.BinOp)
    left, right = with_fractions(node.left), with_fractions(node.right)
    if isinstance(node.op, ast.Add):
        return left + right
    if isinstance(node.op, ast.Sub):
        return left - right
    if isinstance(node.op, ast.Mult):
        return left * right
    if right == 0 or (left / right).denominator != 1:
        raise ValueError("uneven")
    return left / right


@given(EXPRESSIONS)
def test_the_parser_agrees_with_exact_fractions(text: str) -> None:
    tree = ast.parse(text, mode="eval").body
    try:
        expected = with_fractions(tree)
    except ValueError:
        with pytest.raises(ValueError, match="does not come out even"):
            evaluate(text)
    else:
        assert evaluate(text)[0] == expected


@pytest.mark.parametrize("text", ["", "()", "1+", "(1", "1)", "2**3", "--1", "a", "1 + x", "("])
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"expression|stands where|out of place|not closed"):
        evaluate(text)


def test_deep_brackets_are_refused_rather_than_crash() -> None:
    with pytest.raises(ValueError, match="stands where a number should"):
        evaluate("(" * 200 + "1" + ")" * 200)


def numbers_and_target(numbers: list[int], target: int) -> Problem:
    return Problem("countdown", 2, "", "", facts={"numbers": numbers, "target": target})


@pytest.mark.parametrize(
    ("answer", "value", "explanation"),
    [
        ("25+3*7", 1.0, "25+3*7 is 46"),
        ("(25+3)*7", 0.0, "makes 196, not 46"),
        ("3*7+25+3", 0.0, "3 is not given, or is used too often"),
        ("46", 0.0, "46 is not given"),
        ("25/3", None, "no expression"),
    ],
)
def test_an_answer_is_checked_and_explained(
    answer: str, value: float | None, explanation: str
) -> None:
    score = CountdownTask().score(numbers_and_target([3, 7, 25], 46), answer)
    assert score.value == value
    assert explanation in score.explanation


def test_an_expression_in_a_sentence_is_flexible_only() -> None:
    score = CountdownTask().score(numbers_and_target([3, 7, 25], 46), "I say 25+3*7 then")
    assert (score.outcome, score.value, score.flexible) == (Outcome.SCORED, 0.0, 1.0)


@pytest.mark.parametrize("level", CountdownTask().levels)
def test_the_level_counts_the_operations(level: int) -> None:
    rng = generator("operations", level)
    for _ in range(30):
        problem = CountdownTask().problem(level, rng)
        assert sum(problem.truth.count(sign) for sign in "+-*/") == level
        assert 1 <= problem.facts["target"] <= 999
        assert len(problem.facts["numbers"]) == level + 1


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(TaskError, match="countdown allows 2 to largest_target, which is 50"):
        CountdownTask(largest_number=99, largest_target=50)
