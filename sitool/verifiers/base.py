"""What a verifier is: samples in, scores out.

There are two kinds: those that know the task alone (`Verifier`), and judges,
which look at all samples of a problem and may ask a model (`Judge`). The loop
sees both as a `Scorer`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from sitool.config import Settings
from sitool.models.base import Model
from sitool.records import Completion, Problem, Sample, Score
from sitool.samplers.base import Sampler
from sitool.tasks.base import Task


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


@dataclass(frozen=True, slots=True)
class Court:
    """What a judge has to work with.

    Attributes:
        model: Whom it asks, as it is when it is asked.
        sampler: Draws what that model writes.
        settings: Among them how the judge asks; `settings.model` is the model's own.
        name: Of the verifier, such as `mc@base`; draws are seeded from it.
        number: Of the round whose model it is; -1: of none, it comes from elsewhere.
        is_writer: Whether that model wrote the samples.
        breathe: Called several times a second at work; it may raise to leave it.
    """

    task: Task
    model: Model
    sampler: Sampler
    settings: Settings
    name: str
    number: int = 0
    is_writer: bool = True
    breathe: Callable[[], None] = lambda: None


class Judge(Protocol):
    """A verifier that looks at all samples of a problem, made as `Judge(court)`.

    It may raise: `bench.py` records what went wrong as scores whose outcome is
    `error`. A `SitoolError` stops the round, since a person has to mend it.
    """

    name: ClassVar[str]
    source: ClassVar[str]
    """Where its signal comes from: judge, likelihood or majority."""

    needs_model: bool
    """Whether it asks the court's model."""

    compares: bool
    """Whether a sample's score hangs on the others of its problem."""

    writes: bool
    """Whether the model writes its verdicts, which takes as long as sampling does."""

    @property
    def asked(self) -> Mapping[str, Any]:
        """What its scores hang on beside the samples, as JSON values: model, prompt, words."""
        ...

    def judge(self, samples: Sequence[Sample]) -> list[Score]:
        """Score whole problems, in the order of their samples."""
        ...


class Scorer(Protocol):
    """A verifier as the loop sees it: one valid score a sample, whatever it does."""

    @property
    def needs_model(self) -> bool:
        """Whether it asks the model, which must be put on before."""
        ...

    @property
    def compares(self) -> bool:
        """Whether a sample's score hangs on the others of its problem."""
        ...

    @property
    def chunk_rows(self) -> int:
        """Most samples to score together; 0: as many as there are."""
        ...

    @property
    def asked(self) -> Mapping[str, Any]:
        """What its scores hang on beside the samples; nothing where it asks no model."""
        ...

    def score(self, samples: Sequence[Sample]) -> list[Score]:
        """Score whole problems, in the order of their samples."""
        ...
