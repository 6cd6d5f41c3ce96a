"""The truth verifier is the task's own opinion, and nothing else."""

import random
from typing import ClassVar

from sitool.records import Completion, Outcome, Problem, Score
from sitool.tasks.base import verdict
from sitool.verifiers.truth import TruthVerifier


class Echo:
    """A task whose answer is its prompt."""

    name: ClassVar[str] = "echo"
    summary: ClassVar[str] = "Say it again."
    levels = range(1, 2)

    def problem(self, level: int, rng: random.Random) -> Problem:
        return Problem("echo", level, str(rng.random()), "")

    def parse(self, completion: str) -> str | None:
        return completion or None

    def score(self, problem: Problem, completion: str) -> Score:
        return verdict(self.parse(completion), passed=completion == problem.prompt)


def samples(*texts: str) -> list[tuple[Problem, Completion]]:
    return [(Problem("echo", 1, "hello", "hello"), Completion((), t, "stop", ())) for t in texts]


def test_each_sample_gets_the_score_of_the_task_in_order() -> None:
    scores = TruthVerifier(Echo()).verify(samples("hello", "bye", ""))
    assert [score.value for score in scores] == [1.0, 0.0, None]
    assert scores[2].outcome is Outcome.UNPARSED


def test_nothing_to_verify_gives_nothing() -> None:
    assert TruthVerifier(Echo()).verify([]) == []
