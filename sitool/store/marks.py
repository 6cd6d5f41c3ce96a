"""Samples in brief: their bare scores, and how many there are."""

from dataclasses import dataclass

from sitool.records import Completion, Outcome, Problem, Score


@dataclass(frozen=True, slots=True)
class Mark:
    """One sample's score without its texts, for counting many of them.

    Attributes:
        position: Of its problem in the draw; samples of one problem share it.
        logprob: Of the completion, in nats; None where it is not given.
        length: Of the completion, in tokens.
        weight: In its round's training, 0 if it did not count.
    """

    id: int
    problem: int
    level: int
    position: int
    logprob: float | None
    length: int
    outcome: Outcome
    value: float | None
    flexible: float | None
    answer: str | None
    weight: float

    @classmethod
    def of(cls, problem: Problem, position: int, completion: Completion, score: Score) -> "Mark":
        """Make the mark of a sample that is not kept."""
        length = len(completion.token_ids)
        head = (0, 0, problem.level, position, completion.logprob, length)
        return cls(*head, score.outcome, score.value, score.flexible, score.answer, 0.0)

    @property
    def score(self) -> Score:
        """Return the score without its explanation."""
        return Score(self.outcome, self.value, self.flexible, self.answer)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many samples a round drew for training, trains on, and were ruled on."""

    sampled: int
    selected: int
    overruled: int
