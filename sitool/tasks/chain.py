"""A chain of additions modulo a small number.

A problem of level 3 reads `3=a,b+4=c,a+1=b,c+2=d|d=`: start values and steps in
shuffled order, then the letter whose value is asked for. The answer writes out
the values along the chain: `a3b4c3d0` (modulo 5). The level is the number of
steps, so nothing is computed at level 0. What it leaves out: branches, other
operators.
"""

import random
import re
from typing import ClassVar

from sitool.errors import TaskError
from sitool.records import Problem, Score
from sitool.tasks.base import require_level, verdict

LETTERS = "abcdefghijklmnopqrstuvwxyz"


class ChainTask:
    """Follow a chain of additions modulo `modulus` and write out every value.

    Args:
        modulus: Values are 0 to `modulus - 1`; 2 to 10.
        max_level: The largest number of steps, at most 25.
        shuffled: Whether the steps stand in random order.

    Raises:
        TaskError: A setting is out of range.
    """

    name: ClassVar[str] = "chain"
    summary: ClassVar[str] = "follow additions modulo a small number; level = number of steps"

    def __init__(self, *, modulus: int = 5, max_level: int = 12, shuffled: bool = True) -> None:
        if not 2 <= modulus <= 10:
            raise TaskError(f"modulus is {modulus}; chain allows 2 to 10.")
        if not 1 <= max_level < len(LETTERS):
            raise TaskError(f"max_level is {max_level}; chain allows 1 to {len(LETTERS) - 1}.")
        self.modulus = modulus
        self.shuffled = shuffled
        self.levels = range(1, max_level + 1)

    def problem(self, level: int, rng: random.Random) -> Problem:
        """Draw a chain of `level` steps over the first letters of the alphabet."""
        require_level(self, level)
        names = rng.sample(LETTERS[: self.levels[-1] + 1], level + 1)
        terms = [rng.randrange(self.modulus) for _ in names]
        steps = [f"{terms[0]}={names[0]}"]
        steps += [f"{names[i]}+{terms[i + 1]}={names[i + 1]}" for i in range(level)]
        identity = ",".join(steps)
        if self.shuffled:
            rng.shuffle(steps)
        return Problem(
            task=self.name,
            level=level,
            prompt=f"{','.join(steps)}|{names[-1]}=",
            truth=self._truth(names, terms),
            identity=identity,
            facts={"modulus": self.modulus},
        )

    def _truth(self, names: list[str], terms: list[int]) -> str:
        values = [sum(terms[: i + 1]) % self.modulus for i in range(len(terms))]
        return "".join(f"{name}{value}" for name, value in zip(names, values, strict=True))

    def parse(self, completion: str) -> str | None:
        """Read letters with their values, and nothing else."""
        text = completion.strip()
        return text if re.fullmatch(r"(?:[a-z]\d)+", text, re.ASCII) else None

    def score(self, problem: Problem, completion: str) -> Score:
        """Compare step by step; flexible asks for the last value alone.

        Strict asks for all steps, because the last value alone is guessed
        right once in `modulus` times.
        """
        answer = self.parse(completion)
        fault = "no values of the form 'a3b4' in the text"
        if answer is not None:
            fault = _fault(problem.truth, answer)
        last = re.escape(problem.truth[-2]) + r"\s*=?\s*" + problem.truth[-1] + r"(?!\d)"
        return verdict(
            answer,
            passed=not fault,
            found_elsewhere=re.search(last, completion) is not None,
            why=fault or "every value is right",
        )


def _fault(truth: str, answer: str) -> str:
    """Name the first step that differs, or nothing."""
    for place in range(0, max(len(truth), len(answer)), 2):
        right, given = truth[place : place + 2], answer[place : place + 2]
        if right != given:
            return f"step {place // 2} is {given or 'missing'}, not {right or 'there at all'}"
    return ""
