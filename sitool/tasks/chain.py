"""A chain of additions modulo a small number.

A problem of level 3 reads `3+4+2+1----=`: a start value and as many steps as
the level says, then blanks up to the highest level. The answer writes out the
value after every step: `2,4,0` (modulo 5). Every value stands at the same
distance from its step, whatever the level. What it leaves out: other operators.
"""

import random
import re
from typing import ClassVar

from sitool.errors import TaskError
from sitool.records import Problem, Score
from sitool.tasks.base import require_level, verdict


class ChainTask:
    """Follow a chain of additions modulo `modulus` and write out every value.

    Args:
        modulus: Values are 0 to `modulus - 1`; 2 to 10.
        max_level: The largest number of steps, at most 60.

    Raises:
        TaskError: A setting is out of range.
    """

    name: ClassVar[str] = "chain"
    summary: ClassVar[str] = "follow additions modulo a small number; level = number of steps"

    def __init__(self, *, modulus: int = 5, max_level: int = 12) -> None:
        if not 2 <= modulus <= 10:
            raise TaskError(f"modulus is {modulus}; chain allows 2 to 10.")
        if not 1 <= max_level <= 60:
            raise TaskError(f"max_level is {max_level}; chain allows 1 to 60.")
        self.modulus = modulus
        self.levels = range(1, max_level + 1)

    def problem(self, level: int, rng: random.Random) -> Problem:
        """Draw a start value and `level` steps."""
        require_level(self, level)
        terms = [rng.randrange(self.modulus) for _ in range(level + 1)]
        values = [sum(terms[: i + 1]) % self.modulus for i in range(1, level + 1)]
        blanks = "--" * (len(self.levels) - level)
        return Problem(
            task=self.name,
            level=level,
            prompt=f"{'+'.join(map(str, terms))}{blanks}=",
            truth=",".join(map(str, values)),
            facts={"modulus": self.modulus},
        )

    def parse(self, completion: str) -> str | None:
        """Read values with commas between them, and nothing else."""
        text = completion.strip()
        return text if re.fullmatch(r"\d(?:,\d)*", text, re.ASCII) else None

    def score(self, problem: Problem, completion: str) -> Score:
        """Compare step by step; flexible asks for the last value alone.

        Strict asks for all steps, because the last value alone is guessed
        right once in `modulus` times.
        """
        answer = self.parse(completion)
        fault = "no values of the form '2,4,0' in the text"
        if answer is not None:
            fault = _fault(problem.truth, answer)
        digits = re.findall(r"\d+", completion, re.ASCII)
        return verdict(
            answer,
            passed=not fault,
            found_elsewhere=bool(digits) and digits[-1] == problem.truth[-1],
            why=fault or "every value is right",
        )


def _fault(truth: str, answer: str) -> str:
    """Name the first step that differs, or nothing."""
    for place in range(0, max(len(truth), len(answer)), 2):
        right, given = truth[place : place + 1], answer[place : place + 1]
        if right != given:
            return f"step {place // 2 + 1} is {given or 'missing'}, not {right or 'there at all'}"
    return ""
