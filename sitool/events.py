"""What happens while a round runs, as records that are journaled and drawn.

Every front end follows these and nothing else. Each is written after the work
that it tells of has been committed, so a reader can rely on finding it.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from sitool.records import Phase


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in a round."""

    round: int

    @property
    def kind(self) -> str:
        """Return the event's name in the journal: its class."""
        return type(self).__name__

    def to_json(self) -> str:
        """Write the event's fields for the journal."""
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class RoundStarted(Event):
    """A round was opened, or goes on after a stop."""

    parent: int | None
    sentence: str
    resumed: bool


@dataclass(frozen=True, slots=True)
class PhaseStarted(Event):
    """A phase of a round began or goes on."""

    phase: Phase


@dataclass(frozen=True, slots=True)
class PhaseFinished(Event):
    """A phase of a round is committed."""

    phase: Phase
    seconds: float


@dataclass(frozen=True, slots=True)
class ProblemsDrawn(Event):
    """The problems of a round are known."""

    problems: int


@dataclass(frozen=True, slots=True)
class SamplesDrawn(Event):
    """A chunk of samples is committed; `done` of `total`, in samples."""

    role: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class SamplesScored(Event):
    """A chunk of scores is committed; `done` of `total`, in samples of one verifier."""

    verifier: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class SamplesSelected(Event):
    """Every sample of the round has its weight."""

    accepted: int
    total: int
    overruled: int


@dataclass(frozen=True, slots=True)
class StepTrained(Event):
    """One optimizer step was taken; of what its loss is a mean, `TrainStep` says."""

    step: int
    steps: int
    loss: float
    tokens: int


@dataclass(frozen=True, slots=True)
class RoundFinished(Event):
    """A round is done and will not change again."""

    accuracy: float
    seconds: float


@dataclass(frozen=True, slots=True)
class RoundEvaluated(Event):
    """A finished round was measured again; what it was first measured at stays.

    Each figure is (name, level, value, low, high, n); level 0 is all levels.
    """

    figures: Sequence[Sequence[Any]]


@dataclass(frozen=True, slots=True)
class RoundJudged(Event):
    """Verifiers have scored a finished round's samples; nothing else of it changed."""

    verifiers: Sequence[str]


@dataclass(frozen=True, slots=True)
class RoundPaused(Event):
    """A round waits before this phase, as it was asked to."""

    before: Phase


@dataclass(frozen=True, slots=True)
class RoundStopped(Event):
    """A round was stopped in this phase, or after it (None); all that is done is kept."""

    during: Phase | None


@dataclass(frozen=True, slots=True)
class Warned(Event):
    """Something that a person should know, and that did not stop the round."""

    message: str


@dataclass(frozen=True, slots=True)
class CommandFailed(Event):
    """A command could not be carried out; the study is as it was."""

    command: str
    error: str  # the class of the error, see `errors.py`
    message: str
    hint: str
    command_id: int  # in the journal
    # A command may fail before there is a round: its `round` is then -1.
    NO_ROUND: ClassVar[int] = -1


_KINDS: dict[str, type[Event]] = {kind.__name__: kind for kind in Event.__subclasses__()}


def read_event(kind: str, body: str) -> Event:
    """Read an event from the journal.

    >>> read_event("ProblemsDrawn", '{"round": 1, "problems": 256}')
    ProblemsDrawn(round=1, problems=256)
    """
    values = json.loads(body)
    for name in ("phase", "before", "during"):
        if values.get(name) is not None:
            values[name] = Phase(values[name])
    return _KINDS[kind](**values)
