"""What a verifier is: samples in, scores out."""

from collections.abc import Sequence
from typing import ClassVar, Protocol

from sitool.records import Completion, Problem, Score


class Verifier(Protocol):
    """A judge of samples, made as `Verifier(task)`.

    It may raise or hang: `guard.py` runs it under a time limit and records what
    went wrong as a score whose outcome is `error`.
    """

    name: ClassVar[str]
    source: ClassVar[str]
    """Where its signal comes from: truth, judge, likelihood or human."""

    isolated: ClassVar[bool]
    """Whether it runs in a process of its own, which can be killed.

    False only for code of ours that cannot hang: it saves the way between the
    processes, but no time limit can be held against it.
    """

    def verify(self, samples: Sequence[tuple[Problem, Completion]]) -> list[Score]:
        """Score each sample."""
        ...
