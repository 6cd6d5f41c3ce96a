"""A task of one's own: two or three functions in a Python file.

Nothing of the file runs in this process. Another one draws problems and reads answers
(`program.py`), and is killed when it gives none in time; the guard of verifiers keeps
one more for scoring. What this leaves out: making such a file from functions
(`capture.py`), and agreeing to somebody else's (`trust.py`).
"""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Self

from sitool import trust
from sitool.errors import TaskError
from sitool.records import Outcome, Problem, Score
from sitool.seeds import SEED_BITS
from sitool.tasks.base import require_level
from sitool.tasks.program import Program
from sitool.workers import START_LIMIT_SECONDS, StalledError, Worker

DRAWS_A_QUESTION = 25
"""So that a held-out problem, one in five, costs one way between the processes, not five."""


class PythonTask:
    """Problems from a Python file of one's own.

    Args:
        path: The file.
        sha256: Its hash as the study recorded it; empty: none is recorded yet.
        max_level: The hardest level; 0: as the file says.
        time_limit_seconds: A problem, or an answer to be read, is given up after this.

    Raises:
        TaskError: The file cannot be read, was changed, is not trusted on this machine,
            or does not run.
    """

    name: ClassVar[str] = "python"
    summary: ClassVar[str] = "your own problems from a Python file of yours; docs/own-task.md"

    def __init__(
        self,
        *,
        path: str | Path,
        sha256: str = "",
        max_level: int = 0,
        time_limit_seconds: float = 10.0,
    ) -> None:
        self._file: Path | None = Path(path)
        source = trust.read_trusted(self._file, sha256)
        # What the study recorded was read off the file when it was made: to look at a
        # study, nothing of it has to run.
        known = range(1, max_level + 1) if sha256 and max_level else None
        self._begin(Program(source, self._file.name, max_level), time_limit_seconds, known)

    @classmethod
    def of_source(
        cls, source: str, file: str, max_level: int = 0, time_limit_seconds: float = 10.0
    ) -> Self:
        """Make the task of code that its user runs here and now: nobody is asked for trust.

        Raises:
            TaskError: It does not run, or lacks something.
        """
        task = cls.__new__(cls)
        task._file = None
        task._begin(Program(source, file, max_level), time_limit_seconds, None)
        return task

    def _begin(self, program: Program, limit_seconds: float, levels: range | None) -> None:
        self._program = program
        self._limit_seconds = limit_seconds
        self._worker: Worker | None = None
        self.breathe: Callable[[], None] = lambda: None
        self.levels = levels or self._asked_levels()

    def _asked_levels(self) -> range:
        levels, complaint = self._ask("levels", limit_seconds=START_LIMIT_SECONDS)
        if complaint is not None:
            raise TaskError(*complaint.partition("\n")[::2])
        return range(1, len(levels) + 1)

    @property
    def inside(self) -> Program:
        """What scores in a process that can be killed."""
        return self._program

    def check_code(self) -> None:
        """Make sure that the file is still the one that was agreed to; what runs is, anyway.

        Raises:
            TaskError: It was changed, or is agreed to no longer.
        """
        if self._file is not None:
            trust.read_trusted(self._file, trust.digest(self._program.source))

    def problem(self, level: int, rng: random.Random) -> Problem:
        """Draw a problem in the other process, from a seed that `rng` gives.

        Raises:
            TaskError: The level is not offered, or the function hangs, raises or gives
                no problem; says with which level and seed.
        """
        require_level(self, level)
        return self._drawn(level, rng.getrandbits(SEED_BITS))

    def problem_of_side(self, level: int, rng: random.Random, *, held_out: bool) -> Problem | None:
        """Draw until one is on the side, many to a question; None: they were all on the other.

        Raises:
            TaskError: As `problem`.
        """
        require_level(self, level)
        seeds = [rng.getrandbits(SEED_BITS) for _ in range(DRAWS_A_QUESTION)]
        found, complaint = self._ask("side", level, seeds, held_out)
        if complaint is None:
            return None if found is None else _problem(found)
        # One after the other tells which of them it was.
        problems = (self._drawn(level, seed) for seed in seeds)
        return next((problem for problem in problems if problem.held_out == held_out), None)

    def _drawn(self, level: int, seed: int) -> Problem:
        problem, complaint = self._ask("problem", level, seed)
        if complaint is not None:
            raise TaskError(
                f"problem({level}, random.Random({seed})) in {self._program.file!r} failed:"
                f" {complaint.rstrip('.')}.",
                "try: call it with just these two, and mend what it does then",
            )
        return _problem(problem)

    def parse(self, completion: str) -> str | None:
        """Read the answer in the other process.

        Raises:
            RuntimeError: The function hangs or raises; whoever verifies records it.
        """
        answer, complaint = self._ask("parse", completion)
        if complaint is not None:
            raise RuntimeError(f"parse failed: {complaint}")
        return None if answer is None else str(answer)

    def score(self, problem: Problem, completion: str) -> Score:
        """Score one completion in the other process; what goes wrong is an `error`."""
        score, complaint = self._ask("score", problem, completion)
        if complaint is not None:
            return Score(Outcome.ERROR, explanation=complaint)
        return score if isinstance(score, Score) else Score(Outcome.ERROR)

    def _ask(self, *question: Any, limit_seconds: float | None = None) -> tuple[Any, str | None]:
        """Return an answer, or what is wrong; a process that gives none is killed."""
        try:
            worker = self._started()
            worker.send(question)
            answer: tuple[Any, str | None] = worker.answer(
                self._limit_seconds if limit_seconds is None else limit_seconds, self.breathe
            )
        except StalledError as stalled:
            self.close()
            return None, str(stalled)
        except BaseException:
            # Also when we are interrupted: a late answer must not meet the next question.
            self.close()
            raise
        return answer

    def _started(self) -> Worker:
        """Return the process, with the file loaded, which may take longer than a problem does."""
        if self._worker is None:
            self._worker = Worker("sitool.tasks.program", "task")
            self._worker.send(self._program)
            self._worker.send(("levels",))
            self._worker.answer(START_LIMIT_SECONDS, self.breathe)
        return self._worker

    def close(self) -> None:
        """End the other process, if there is one; the next question would start another."""
        if self._worker is not None:
            self._worker.kill()
        self._worker = None


def _problem(given: Any) -> Problem:
    if not isinstance(given, Problem):
        raise TaskError(f"The task's process gave {given!r:.100} in a problem's place.")
    return given
