"""Processes that compute beside this one, each with the base in it.

A pass through a small base is too short to be shared out among threads: they wait for each other,
and for Python's lock, longer than they compute. So every other core gets a process, and work that
falls into parts, such as the chunks of a round's samples, is handed out part by part. A part is
computed alike in each process, by as many threads: what comes out does not depend on how many
processes there are. What this leaves out: the work itself.
"""

import gc
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from queue import Queue
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from sitool.config import Settings
from sitool.workers import BREATH_SECONDS, StalledError, Worker, end_with, received

if TYPE_CHECKING:
    from sitool.models.local import Learnt, LocalModel

logger = logging.getLogger(__name__)

Part = TypeVar("Part")
Outcome = TypeVar("Outcome")
Part_contra = TypeVar("Part_contra", contravariant=True)
Outcome_co = TypeVar("Outcome_co", covariant=True)


class Job(Protocol, Generic[Part_contra, Outcome_co]):
    """Some work on a model, in a form that another process can read; equal ones are alike."""

    def on(self, model: "LocalModel") -> Callable[[Part_contra], Outcome_co]:
        """Return what does a part of the work on this model."""
        ...


@dataclass(frozen=True, slots=True)
class Order:
    """What a helper is asked for: a part of a job, on what the model has learnt.

    Attributes:
        serial: Of the order, from 0.
        learnt: None: as with the order before.
    """

    serial: int
    job: Job[Any, Any]
    part: Any
    learnt: "Learnt | None"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an order; every one is answered, in their order.

    Attributes:
        failure: What went wrong; empty if nothing did.
        notes: Of the model; see `LocalModel.notes`.
    """

    outcome: Any = None
    failure: str = ""
    notes: tuple[str, ...] = ()


READY = "ready"
LEFT = Answer(failure="left, as was asked")
AHEAD = 2
"""Orders that a helper has at a time, so that it need not wait for us after each."""


class Helper(Worker):
    """One process beside this one.

    Attributes:
        is_ready: Whether it has read the base.
        pending: The numbers of the parts that it was given; None: nobody wants it any more.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__("sitool.models.crew", "helper")
        self.send(settings)
        self.is_ready = False
        self.pending: deque[int | None] = deque()
        self._ordered = 0
        self._learnt: Learnt | None = None

    def order(self, number: int, job: Job[Any, Any], part: Any, learnt: "Learnt") -> None:
        """Ask for a part of a job.

        Raises:
            StalledError: The process died.
        """
        self.send(Order(self._ordered, job, part, None if learnt == self._learnt else learnt))
        self._learnt = learnt
        self._ordered += 1
        self.pending.append(number)

    def recall(self) -> None:
        """Let it leave what it was given; it answers all the same."""
        if any(number is not None for number in self.pending):
            self.pending = deque([None] * len(self.pending))
            with suppress(StalledError):  # That it died is met at the next look.
                self.send(self._ordered)


@dataclass(slots=True)
class _Shared(Generic[Part, Outcome]):
    """What is being shared out.

    Attributes:
        model: Of this process.
        waiting: Numbers of the parts that nobody has begun.
        done: What came of those that are done and were not asked for yet.
    """

    model: "LocalModel"
    job: Job[Part, Outcome]
    parts: Sequence[Part]
    learnt: "Learnt"
    waiting: deque[int]
    done: dict[int, Outcome] = field(default_factory=dict)


class Crew:
    """The processes beside this one; the first work that has parts for them starts them.

    Args:
        settings: With which each reads its base; None: there is only this process.
        most: Processes in all, this one among them.
    """

    def __init__(self, settings: Settings | None = None, most: int = 1) -> None:
        self._settings = settings
        self._most = most if settings else 1
        self._helpers: list[Helper] = []

    @property
    def is_alone(self) -> bool:
        """Whether there is only this process, and always will be."""
        return self._most == 1

    def each(
        self,
        model: "LocalModel",
        job: Job[Part, Outcome],
        here: Callable[[Part], Outcome],
        parts: Sequence[Part],
    ) -> Iterator[Outcome]:
        """Yield what comes of each part of a job, in their order.

        Whoever stops asking recalls the helpers. What one that fails or dies was to do is
        done here.

        Args:
            model: As it is for all parts.
            here: Does a part in this process, as `job.on(model)` would.
        """
        self._grow(len(parts))
        if not self._helpers:
            yield from map(here, parts)
            return
        shared = _Shared(model, job, parts, model.learnt(), deque(range(len(parts))))
        try:
            self._collect(shared)
            for number in range(len(parts)):
                while number not in shared.done:
                    own = shared.waiting.popleft() if shared.waiting else None
                    self._share_out(shared)
                    if own is not None:
                        shared.done[own] = here(parts[own])
                    else:
                        wait([h.pipe for h in self._helpers], BREATH_SECONDS)
                        model.breathe()
                    self._collect(shared)
                yield shared.done.pop(number)
        finally:
            for helper in self._helpers:
                helper.recall()

    def close(self) -> None:
        """End the processes."""
        for helper in self._helpers:
            helper.kill()
        self._helpers.clear()

    def _grow(self, parts: int) -> None:
        while self._settings and len(self._helpers) + 1 < min(self._most, parts):
            try:
                self._helpers.append(Helper(self._settings))
            except (OSError, StalledError) as error:
                self._give_up(str(error))

    def _collect(self, shared: _Shared[Any, Any]) -> None:
        """Take what helpers have done."""
        for helper in list(self._helpers):
            with self._done_without(helper, shared):
                while helper.pipe.poll():
                    self._take(helper, shared)

    def _share_out(self, shared: _Shared[Any, Any]) -> None:
        """Give helpers that have little to do something."""
        for turn in range(AHEAD):
            for helper in list(self._helpers):
                if helper.is_ready and len(helper.pending) == turn and shared.waiting:
                    with self._done_without(helper, shared):
                        number = shared.waiting[0]
                        helper.order(number, shared.job, shared.parts[number], shared.learnt)
                        shared.waiting.popleft()

    @contextmanager
    def _done_without(self, helper: Helper, shared: _Shared[Any, Any]) -> Iterator[None]:
        """If a helper fails, let others do what it was given."""
        try:
            yield
        except (OSError, StalledError) as error:
            self._helpers.remove(helper)
            helper.kill()
            self._give_up(str(error))
            shared.model.notes.append(
                f"A process that helped to compute was lost: {str(error).rstrip('.')}. Nothing"
                " else was; the round goes on without it."
            )
            left = [number for number in helper.pending if number is not None]
            shared.waiting.extendleft(reversed(left))

    def _take(self, helper: Helper, shared: _Shared[Any, Any]) -> None:
        answer = helper.answer(BREATH_SECONDS)
        if answer == READY:
            helper.is_ready = True
            return
        number = helper.pending[0]
        if number is not None:
            if answer.failure:
                raise StalledError(answer.failure)
            shared.done[number] = answer.outcome
            shared.model.notes += answer.notes
        helper.pending.popleft()

    def _give_up(self, why: str) -> None:
        self._most -= 1
        logger.warning("one process less computes: %s", why)


class _LeaveError(BaseException):
    """Nobody wants what is being computed."""


class _Desk:
    """Where orders come in and answers go out, a thread for each: nobody waits for the other.

    What is sent through a pipe otherwise waits until it is read, if it is large.
    """

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._orders: Queue[Order | None] = Queue()
        self._answers: Queue[Answer] = Queue()
        self._serial = self._left = 0
        for work in (self._read, self._write):
            threading.Thread(target=work, daemon=True).start()

    def _write(self) -> None:
        with suppress(OSError):  # Nobody is there any more.
            while True:
                self._pipe.send(self._answers.get())

    def _read(self) -> None:
        while (order := received(self._pipe)) is not None:
            if isinstance(order, Order):
                self._orders.put(order)
            else:
                self._left = order
        self._orders.put(None)

    def __iter__(self) -> Iterator[Order]:
        for order in iter(self._orders.get, None):
            self._serial = order.serial
            yield order

    def answer(self, answer: Answer) -> None:
        """Send an answer, soon."""
        self._answers.put(answer)

    def breathe(self) -> None:
        """Leave the order that was taken last if nobody wants it any more."""
        if self._serial < self._left:
            raise _LeaveError


def serve(descriptor: int, parent: int) -> None:
    """Read the base of the settings that are sent first, then do parts of jobs.

    Args:
        descriptor: File descriptor of our end of the pipe.
        parent: Process id of whoever asks; without it there is nobody to work for.
    """
    from sitool.models.loading import load_model

    end_with(parent)
    with Connection(descriptor) as pipe:
        model: Any = load_model(pipe.recv())
        gc.freeze()  # What is there now stays.
        pipe.send(READY)
        desk = _Desk(pipe)
        model.breathe_with(desk.breathe)
        hands = _Hands(model)
        for order in desk:
            desk.answer(hands.carry_out(order))


class _Hands:
    """What does the parts of jobs, in the process of a helper."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._job: Job[Any, Any] | None = None
        self._work: Any = None

    def carry_out(self, order: Order) -> Answer:
        """Do a part; whatever goes wrong is the answer."""
        notes: list[str] = self._model.notes
        try:
            outcome = self._do(order)
        except _LeaveError:
            return LEFT
        except Exception as error:
            return Answer(failure=f"{type(error).__name__}: {error}")
        said = tuple(notes)
        notes.clear()
        return Answer(outcome, notes=said)

    def _do(self, order: Order) -> Any:
        # Also for a part that is left: the next order may count on it.
        if order.learnt is not None:
            self._model.learn(order.learnt)
        self._model.breathe()
        if order.job != self._job:
            self._job, self._work = order.job, order.job.on(self._model)
        return self._work(order.part)
