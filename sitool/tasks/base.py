"""What a task is: a family of problems with levels and an exact truth.

A task knows nothing of models, tokens or rounds. It is pure Python, so that
listing and drawing problems loads nothing heavy.
"""

import random
from collections.abc import Callable
from typing import ClassVar, Protocol, runtime_checkable

from sitool.errors import TaskError
from sitool.records import Outcome, Problem, Score


class Task(Protocol):
    """A family of problems.

    A generated task draws a problem from the `random.Random` it is given and
    from nothing else, so the same seed gives the same problem everywhere.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    """One line for `sitool tasks`."""

    @property
    def levels(self) -> range:
        """The difficulties it offers: integers from 1, without gaps."""
        ...

    def problem(self, level: int, rng: random.Random) -> Problem:
        """Draw one problem.

        Raises:
            TaskError: `level` is not one of `levels`.
        """
        ...

    def parse(self, completion: str) -> str | None:
        """Read the answer out of a completion in the asked format, or None."""
        ...

    def score(self, problem: Problem, completion: str) -> Score:
        """Score a completion against the truth, strictly and flexibly.

        Strict asks for the format and the answer; flexible takes the answer
        from anywhere in the text. Text without an answer is `unparsed`.
        """
        ...


@runtime_checkable
class SplitTask(Protocol):
    """A task that brings its own training and evaluation problems."""

    def problem_of_side(self, level: int, rng: random.Random, *, held_out: bool) -> Problem | None:
        """Draw from one side, or return None to leave the split to the hash."""
        ...


@runtime_checkable
class ForeignTask(Protocol):
    """A task of a person's own code, which may hang or raise: it runs in other processes.

    Attributes:
        breathe: Called several times a second while another process is at work; it may
            raise to leave that work.
    """

    breathe: Callable[[], None]

    @property
    def inside(self) -> Task:
        """What scores in a process that can be killed; it pickles."""
        ...

    def check_code(self) -> None:
        """Make sure that its file is still the one that was agreed to.

        Raises:
            TaskError: It was changed, or is agreed to no longer.
        """
        ...

    def close(self) -> None:
        """End the process that draws problems."""
        ...


def verdict(
    answer: str | None, *, passed: bool, found_elsewhere: bool = False, why: str = ""
) -> Score:
    """Make the score of an exact check from what was read and found.

    Args:
        answer: As parsed from the asked format; None when it could not be.
        passed: The parsed answer is right.
        found_elsewhere: A right answer stands somewhere in the text.
        why: One sentence for a person.
    """
    if answer is None and not found_elsewhere:
        return Score(Outcome.UNPARSED, explanation=why)
    strict = float(answer is not None and passed)
    return Score(Outcome.SCORED, strict, float(bool(strict) or found_elsewhere), answer, why)


def require_level(task: Task, level: int) -> None:
    """Refuse a level that a task does not offer.

    Raises:
        TaskError: `level` is not one of `task.levels`.
    """
    if level not in task.levels:
        raise TaskError(
            f"The task {task.name!r} has no level {level!r}: "
            f"it offers {task.levels[0]} to {task.levels[-1]}."
        )


def draw_problem(task: Task, level: int, rng: random.Random, *, held_out: bool) -> Problem:
    """Draw a problem of one side of the split: held out for evaluation, or not.

    Raises:
        TaskError: The level has no such problem, or none was met in 1,000 draws.
    """
    if isinstance(task, SplitTask):
        problem = task.problem_of_side(level, rng, held_out=held_out)
        if problem is not None:
            return problem
    for _ in range(1000):
        problem = task.problem(level, rng)
        if problem.held_out == held_out:
            return problem
    side = "held-out" if held_out else "training"
    raise TaskError(f"Level {level} of the task {task.name!r} has no {side} problem.")
