"""Reach a target with given numbers, each used at most once.

A problem reads `3,7,25>46=` and one answer is `25+3*7`. The level is the number
of operations in the expression that the problem was made from, and one more
than that many numbers are given. Answers are read by the small parser below:
whole numbers, `+ - * /`, brackets; a division must come out even. What it
leaves out: powers, negative numbers in the text.
"""

import random
import re
from typing import ClassVar

from sitool.errors import TaskError
from sitool.records import Problem, Score
from sitool.tasks.base import require_level, verdict

CANDIDATE = re.compile(r"[\d+\-*/() ]*\d[\d+\-*/() ]*", re.ASCII)
DEEPEST_BRACKET = 32


class CountdownTask:
    """Write an expression that makes the target.

    Args:
        max_level: The largest number of operations.
        largest_number: Given numbers are 1 to this.
        largest_target: Targets are 1 to this.

    Raises:
        TaskError: A setting is out of range.
    """

    name: ClassVar[str] = "countdown"
    summary: ClassVar[str] = "reach a target with given numbers; level = number of operations"

    def __init__(
        self, *, max_level: int = 8, largest_number: int = 25, largest_target: int = 999
    ) -> None:
        if not 1 <= max_level <= 20:
            raise TaskError(f"max_level is {max_level}; countdown allows 1 to 20.")
        if not 2 <= largest_number <= largest_target:
            raise TaskError(
                f"largest_number is {largest_number}; countdown allows 2 to largest_target, "
                f"which is {largest_target}."
            )
        self.largest_number = largest_number
        self.largest_target = largest_target
        self.levels = range(1, max_level + 1)

    def problem(self, level: int, rng: random.Random) -> Problem:
        """Draw numbers and a target that an expression of `level` operations makes."""
        require_level(self, level)
        numbers, target, expression = self._expression(level, rng)
        shown = list(numbers)
        rng.shuffle(shown)
        return Problem(
            task=self.name,
            level=level,
            prompt=f"{','.join(map(str, shown))}>{target}=",
            truth=expression,
            identity=f"{','.join(map(str, sorted(shown)))}>{target}",
            facts={"numbers": sorted(shown), "target": target},
        )

    def _expression(self, level: int, rng: random.Random) -> tuple[list[int], int, str]:
        """Grow an expression from the left, one allowed operation at a time."""
        value = rng.randint(1, self.largest_number)
        numbers, text, needs_bracket = [value], str(value), False
        for _ in range(level):
            number, sign = rng.choice(self._extensions(value))
            if sign in "*/" and needs_bracket:
                text = f"({text})"
            text, value = f"{text}{sign}{number}", _apply(value, sign, number)
            needs_bracket = sign in "+-"
            numbers.append(number)
        return numbers, value, text

    def _extensions(self, value: int) -> list[tuple[int, str]]:
        """List what may follow: results stay between 1 and the largest target."""
        pairs: list[tuple[int, str]] = []
        for number in range(1, self.largest_number + 1):
            pairs += [(number, "+")] * (value + number <= self.largest_target)
            pairs += [(number, "-")] * (value - number >= 1)
            if number > 1:
                pairs += [(number, "*")] * (value * number <= self.largest_target)
                pairs += [(number, "/")] * (value % number == 0)
        return pairs

    def parse(self, completion: str) -> str | None:
        """Read an expression and nothing else; whether it is right comes later."""
        text = completion.strip()
        try:
            evaluate(text)
        except ValueError:
            return None
        return text

    def score(self, problem: Problem, completion: str) -> Score:
        """Evaluate the expression and check the numbers that it uses."""
        answer = self.parse(completion)
        fault = "no expression of numbers and + - * / ( ) in the text"
        if answer is not None:
            fault = _fault(problem, answer)
        elsewhere = any(not _fault(problem, text) for text in CANDIDATE.findall(completion))
        return verdict(
            answer,
            passed=not fault,
            found_elsewhere=elsewhere,
            why=fault or f"{answer} is {problem.facts['target']}",
        )


def _fault(problem: Problem, text: str) -> str:
    """Say what is wrong with an expression, or nothing."""
    try:
        value, used = evaluate(text)
    except ValueError as error:
        return str(error)
    left = list(problem.facts["numbers"])
    for number in used:
        if number not in left:
            return f"{number} is not given, or is used too often"
        left.remove(number)
    target = problem.facts["target"]
    return "" if value == target else f"makes {value}, not {target}"


def _apply(left: int, sign: str, right: int) -> int:
    """Carry out one operation on whole numbers.

    Raises:
        ValueError: A division does not come out even.
    """
    if sign == "+":
        return left + right
    if sign == "-":
        return left - right
    if sign == "*":
        return left * right
    if right == 0 or left % right:
        raise ValueError(f"{left}/{right} does not come out even")
    return left // right


def evaluate(text: str) -> tuple[int, list[int]]:
    """Evaluate an expression and list the numbers in it.

    Raises:
        ValueError: It is not an expression, or a division does not come out even.

    >>> evaluate("(2+3)*4")
    (20, [2, 3, 4])
    """
    reader = _Reader(text)
    value = reader.sum(0)
    if reader.rest:
        raise ValueError(f"{reader.rest[0]!r} is out of place")
    return value, reader.numbers


class _Reader:
    """A recursive-descent parser: sum = product (+- product)*, product = atom (*/ atom)*."""

    def __init__(self, text: str) -> None:
        if len(text) > 500 or re.search(r"[^\d+\-*/() ]", text, re.ASCII):
            raise ValueError("is not an expression")
        self.rest = re.findall(r"\d+|[^\d ]", text, re.ASCII)
        self.numbers: list[int] = []

    def sum(self, depth: int) -> int:
        value = self._product(depth)
        while self.rest and self.rest[0] in "+-":
            sign = self.rest.pop(0)
            value = _apply(value, sign, self._product(depth))
        return value

    def _product(self, depth: int) -> int:
        value = self._atom(depth)
        while self.rest and self.rest[0] in "*/":
            sign = self.rest.pop(0)
            value = _apply(value, sign, self._atom(depth))
        return value

    def _atom(self, depth: int) -> int:
        token = self.rest.pop(0) if self.rest else "the end"
        if token == "(" and depth < DEEPEST_BRACKET:
            return self._bracket(depth + 1)
        if not token.isdecimal() or len(token) > 9:
            raise ValueError(f"{token} stands where a number should")
        self.numbers.append(int(token))
        return int(token)

    def _bracket(self, depth: int) -> int:
        value = self.sum(depth)
        if not self.rest or self.rest.pop(0) != ")":
            raise ValueError("a bracket is not closed")
        return value
