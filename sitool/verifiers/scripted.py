"""A verifier that does what a completion tells it to, for lessons and tests.

Markers in the completion's text:

    [pass]  [fail]  [score 0.4]  [unparsed]     give that score
    [raise]  [hang]  [die]                      misbehave: raise an error, never
                                                return, end the process
    [bad]                                       give a score outside [0, 1]

The first marker counts. Text without one is scored by the task, so the
scripted verifier is the truth that can be told to go wrong.
"""

import os
import re
import time
from collections.abc import Sequence
from typing import ClassVar

from sitool.records import Completion, Outcome, Problem, Score
from sitool.tasks.base import Task

MARKER = re.compile(r"\[(pass|fail|unparsed|raise|hang|die|bad|score (\d*\.?\d+))\]")


class ScriptedVerifier:
    """Scores or misbehaves as the text says."""

    name: ClassVar[str] = "scripted"
    source: ClassVar[str] = "truth"
    isolated: ClassVar[bool] = True

    def __init__(self, task: Task | None = None) -> None:
        self.task = task

    def verify(self, samples: Sequence[tuple[Problem, Completion]]) -> list[Score]:
        """Score each sample as its text says.

        Raises:
            RuntimeError: A text says `[raise]`.
        """
        return [self.score(problem, completion.text) for problem, completion in samples]

    def score(self, problem: Problem, text: str) -> Score:
        """Obey the first marker; without one ask the task, if there is one."""
        marker = MARKER.search(text)
        if marker:
            return obeyed(marker[1], marker[2])
        if self.task:
            return self.task.score(problem, text)
        return Score(Outcome.UNPARSED, explanation="The text holds no marker.")


def obeyed(order: str, value: str | None) -> Score:
    """Do what a marker says."""
    explanation = f"The text says [{order}]."
    match order:
        case "unparsed":
            return Score(Outcome.UNPARSED, explanation=explanation)
        case "raise":
            raise RuntimeError("the text told the verifier to raise")
        case "hang":
            while True:
                time.sleep(1)
        case "die":
            os._exit(1)
    number = {"pass": 1.0, "fail": 0.0, "bad": 2.0}.get(order)
    given = float(value or 0) if number is None else number
    return Score(Outcome.SCORED, given, given, f"[{order}]", explanation)
