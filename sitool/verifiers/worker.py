"""The other end of the guard: a process that holds one verifier and scores chunks.

It is a fresh interpreter (`workers.py`) that imports the verifier and nothing heavy of ours.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from sitool.records import Completion, Outcome, Problem, Score
from sitool.workers import end_with, received

if TYPE_CHECKING:
    from sitool.verifiers.base import Verifier

Samples = Sequence[tuple[Problem, Completion]]


@dataclass(frozen=True)
class VerifierSpec:
    """How to make a verifier, in a form that another process can read.

    Attributes:
        part: Its class, found by its module and name.
        arguments: For the class, in order; they must pickle if it is isolated.
    """

    part: "type[Verifier]"
    arguments: tuple[Any, ...] = ()

    @property
    def name(self) -> str:
        """The verifier's name."""
        return self.part.name

    @property
    def isolated(self) -> bool:
        """Whether it runs in a process of its own: it, or a person's own task, may hang."""
        return self.part.isolated or any(getattr(a, "isolated", False) for a in self.arguments)

    def build(self) -> "Verifier":
        """Make the verifier."""
        return self.part(*self.arguments)


def score_chunk(verifier: "Verifier", samples: Samples) -> list[Score]:
    """Score samples together, or one by one if that fails, and check what comes back.

    So one sample that makes the verifier raise costs only its own score. A
    verifier may call `sys.exit`; that too is a failure on this sample.
    """
    try:
        return checked(verifier.verify(samples), len(samples))
    except (Exception, SystemExit) as error:
        if len(samples) == 1:
            return [failure(f"{type(error).__name__}: {error}")]
    return [score_chunk(verifier, [sample])[0] for sample in samples]


def failure(explanation: str) -> Score:
    """Return the score of a sample on which the verifier failed."""
    return Score(Outcome.ERROR, explanation=explanation)


def checked(scores: list[Score], expected: int) -> list[Score]:
    """Return the scores, each that breaks the contract replaced by a failure.

    Raises:
        ValueError: There are too few or too many, so nothing tells whose they are.
    """
    given = list(scores)
    if len(given) != expected:
        raise ValueError(f"the verifier gave {len(given)} scores for {expected} samples")
    return [score if is_sound(score) else failure(complaint(score)) for score in given]


def complaint(score: object) -> str:
    """Say what is wrong with a score, at bearable length."""
    return f"The verifier gave no valid score: {score!r:.200}"


def is_sound(score: object) -> bool:
    """Whether this is a score whose fields are what they must be."""
    if type(score) is not Score or not isinstance(score.explanation, str):
        return False
    if not isinstance(score.answer, str | None) or not is_share(score.flexible):
        return False
    if score.outcome is Outcome.SCORED:
        return score.value is not None and is_share(score.value)
    return score.value is None and isinstance(score.outcome, Outcome)


def is_share(value: object) -> bool:
    """Whether this is a number in [0, 1], or nothing."""
    if value is None:
        return True
    return isinstance(value, int | float) and math.isfinite(value) and 0 <= value <= 1


def serve(descriptor: int, parent: int) -> None:
    """Make the verifier that is sent first, then score chunks until the pipe closes.

    Args:
        descriptor: File descriptor of our end of the pipe.
        parent: Process id of the guard; without it there is nobody to work for.
    """
    end_with(parent)
    with Connection(descriptor) as pipe:
        try:
            verifier = pipe.recv().build()
        except Exception as error:
            pipe.send(f"{type(error).__name__}: {error}")
            return
        pipe.send("")
        while (samples := received(pipe)) is not None:
            pipe.send(score_chunk(verifier, samples))
