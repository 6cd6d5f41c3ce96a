"""The verifier that knows the truth: it asks the task."""

from collections.abc import Sequence
from typing import ClassVar

from sitool.records import Completion, Problem, Score
from sitool.tasks.base import Task


class TruthVerifier:
    """Scores each completion against the problem's own truth."""

    name: ClassVar[str] = "truth"
    source: ClassVar[str] = "truth"
    isolated: ClassVar[bool] = False

    def __init__(self, task: Task) -> None:
        self.task = task

    def verify(self, samples: Sequence[tuple[Problem, Completion]]) -> list[Score]:
        """Score each sample by the task."""
        return [self.task.score(problem, completion.text) for problem, completion in samples]
