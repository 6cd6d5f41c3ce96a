"""Two exercises in looking things up, for the first stage of the built-in base.

They are the tasks `addition` and `chain` in layouts that a model must search by
content: columns with letters as labels, and assignments in shuffled order. The
base never gets far in them, but it learns to look an edge of `path` up much
sooner beside them. What they leave out: everything a person would want to run.
"""

import random
from typing import ClassVar

from sitool.records import Problem, Score
from sitool.tasks.addition import column_sums
from sitool.tasks.base import require_level, verdict

LETTERS = "abcdefghijklmnopqrstuvwxyz"


class _Exercise:
    """Scores an answer by comparing it with the truth."""

    levels = range(1, 13)

    def parse(self, completion: str) -> str | None:
        return completion or None

    def score(self, problem: Problem, completion: str) -> Score:
        answer = self.parse(completion)
        return verdict(answer, passed=answer == problem.truth)


class LabelledAddition(_Exercise):
    """`3+5k7+2l1+9m=` asks for `k08l09m10`: labels are neighbours in the alphabet.

    Its problems carry the name and identity of `addition`, so the sums that are
    held out there are held out here too.
    """

    name: ClassVar[str] = "addition"
    summary: ClassVar[str] = "columns with labels"

    def problem(self, level: int, rng: random.Random) -> Problem:
        """Draw two numbers of `level` digits, and the first label."""
        require_level(self, level)
        lowest = 10 ** (level - 1) if level > 1 else 0
        first, second = (rng.randrange(lowest, 10**level) for _ in range(2))
        offset = rng.randrange(len(LETTERS) - self.levels[-1] + 1)
        labels = LETTERS[offset : offset + level]
        columns = zip(str(first)[::-1], str(second)[::-1], labels, strict=True)
        sums = zip(labels, column_sums(first, second, level), strict=True)
        return Problem(
            task=self.name,
            level=level,
            prompt="".join(f"{a}+{b}{label}" for a, b, label in columns) + "=",
            truth="".join(f"{label}{total:02d}" for label, total in sums),
            identity=f"{min(first, second)}+{max(first, second)}",
        )


class Assignments(_Exercise):
    """`b+4=c,3=a,a+1=b|c=` asks for `a3b4c3`, modulo 5."""

    name: ClassVar[str] = "chain"
    summary: ClassVar[str] = "assignments in shuffled order"

    def problem(self, level: int, rng: random.Random) -> Problem:
        """Draw a start value and `level` assignments over the first letters."""
        require_level(self, level)
        names = rng.sample(LETTERS[: self.levels[-1] + 1], level + 1)
        terms = [rng.randrange(5) for _ in names]
        values = [sum(terms[: i + 1]) % 5 for i in range(len(terms))]
        steps = [f"{terms[0]}={names[0]}"]
        steps += [f"{names[i]}+{terms[i + 1]}={names[i + 1]}" for i in range(level)]
        identity = ",".join(steps)
        rng.shuffle(steps)
        return Problem(
            task=self.name,
            level=level,
            prompt=f"{','.join(steps)}|{names[-1]}=",
            truth="".join(f"{name}{value}" for name, value in zip(names, values, strict=True)),
            identity=identity,
        )
