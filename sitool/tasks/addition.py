"""Addition of two numbers of n digits, column by column.

A problem of level 3 reads `35,72,19,--,--=`: columns of two digits, the least
significant first, blank ones up to the width of the highest level. The answer
gives every column's sum with the carry that came in, in two digits: `08,09,10`,
that is 173 + 925 = 1098. Every column of the answer stands at the same distance
from its column of the problem, whatever the level, so a small model can find it
and what it learns on one column serves for the others. Without columns
(`columns=False`) a problem reads `173+925=` and the answer is `8901`.
What it leaves out: more than two operands, negative numbers.
"""

import random
import re
from typing import ClassVar

from sitool.errors import TaskError
from sitool.records import Problem, Score
from sitool.tasks.base import require_level, verdict


class AdditionTask:
    """Add two numbers with as many digits as the level says.

    Args:
        max_level: The largest number of digits, and the number of columns.
        least_significant_first: Whether columns (or the digits of the answer)
            run from the units up, as the carry does.
        columns: Whether the problem is laid out in columns.

    Raises:
        TaskError: `max_level` is out of range.
    """

    name: ClassVar[str] = "addition"
    summary: ClassVar[str] = "add two numbers column by column; level = number of digits"

    def __init__(
        self, *, max_level: int = 12, least_significant_first: bool = True, columns: bool = True
    ) -> None:
        if not 1 <= max_level <= 40:
            raise TaskError(f"max_level is {max_level}; addition allows 1 to 40.")
        self.least_significant_first = least_significant_first
        self.columns = columns
        self.levels = range(1, max_level + 1)

    def problem(self, level: int, rng: random.Random) -> Problem:
        """Draw two numbers of `level` digits; only a single digit may be 0."""
        require_level(self, level)
        lowest = 10 ** (level - 1) if level > 1 else 0
        first, second = (rng.randrange(lowest, 10**level) for _ in range(2))
        return Problem(
            task=self.name,
            level=level,
            prompt=self._columns(first, second) if self.columns else f"{first}+{second}=",
            truth=self._truth(first, second, level),
            identity=f"{min(first, second)}+{max(first, second)}",
            facts={"sum": first + second},
        )

    def _columns(self, first: int, second: int) -> str:
        pairs = zip(self._digits(first), self._digits(second), strict=True)
        columns = [a + b for a, b in pairs]
        blanks = ["--"] * (len(self.levels) - len(columns))
        return ",".join(columns + blanks) + "="

    def _digits(self, number: int) -> str:
        text = str(number)
        return text[::-1] if self.least_significant_first else text

    def _truth(self, first: int, second: int, level: int) -> str:
        """Write the answer as the prompt asks for it."""
        if not self.columns:
            return self._digits(first + second)
        sums = column_sums(first, second, level)
        ordered = sums if self.least_significant_first else sums[::-1]
        return ",".join(f"{total:02d}" for total in ordered)

    def parse(self, completion: str) -> str | None:
        """Read the answer in its own notation: column sums, or digits."""
        form = r"[01]\d(?:,[01]\d)*" if self.columns else r"\d+"
        text = completion.strip()
        return text if re.fullmatch(form, text, re.ASCII) else None

    def score(self, problem: Problem, completion: str) -> Score:
        """Compare column by column; the sum as a plain number counts as flexible."""
        answer = self.parse(completion)
        fault = "no sum in the asked form in the text"
        if answer is not None:
            fault = self._fault(problem.truth, answer)
        return verdict(
            answer,
            passed=not fault,
            found_elsewhere=self._holds_sum(problem, completion, answer),
            why=fault or "every column is right" if self.columns else fault or "the sum is right",
        )

    def _fault(self, truth: str, answer: str) -> str:
        """Name the first column or digit that differs, or nothing."""
        width, word = (3, "column") if self.columns else (1, "digit")
        for place in range(0, max(len(truth), len(answer)), width):
            right, given = (t[place : place + width].rstrip(",") for t in (truth, answer))
            if right != given:
                number = place // width + 1
                return f"{word} {number} is {given or 'missing'}, not {right or 'there at all'}"
        return ""

    def _holds_sum(self, problem: Problem, completion: str, answer: str | None) -> bool:
        """Look for the sum as a number, or in the last digits of the columns."""
        total = problem.facts["sum"]
        if answer is not None and self.columns and self._sum_of_columns(answer) == total:
            return True
        written = {str(total), self._digits(total)}
        return not written.isdisjoint(re.findall(r"\d+", completion, re.ASCII))

    def _sum_of_columns(self, answer: str) -> int:
        """Read the number out of column sums, whatever their carries say."""
        sums = answer.split(",")
        from_units = sums if self.least_significant_first else sums[::-1]
        return int(from_units[-1] + "".join(s[1] for s in from_units[-2::-1]))


def column_sums(first: int, second: int, columns: int) -> list[int]:
    """Add column by column from the units up, each with the carry that came in.

    >>> column_sums(173, 925, 3)
    [8, 9, 10]
    """
    sums: list[int] = []
    carry = 0
    for place in range(columns):
        total = first // 10**place % 10 + second // 10**place % 10 + carry
        sums.append(total)
        carry = total // 10
    return sums
