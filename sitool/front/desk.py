"""The thread that holds the study for a screen or a notebook.

It carries out what the front end asks for, in order, and in between looks at what
changed. The front end itself never waits for the database's writers or the engine:
it gets a `Look` to draw and events to follow. What this leaves out: drawing.
"""

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sitool.client import Study, open_study
from sitool.errors import SitoolError, StoreError, StudyError, TaskError
from sitool.events import Event
from sitool.records import Action, Phase, passed
from sitool.store import Plan
from sitool.summary import Summary

logger = logging.getLogger(__name__)

TICK_SECONDS = 0.1
SUMMARY_SECONDS = 0.4
"""How often the summary is made again while a round runs, at most."""


@dataclass(frozen=True, slots=True)
class Review:
    """What an open round, paused before training, will train on.

    Attributes:
        total: Samples, after everything that people said so far.
        added, removed, edited: Of those, by a person's ruling.
    """

    total: int
    added: int
    removed: int
    edited: int


@dataclass(frozen=True, slots=True)
class Look:
    """One moment of a study, as a screen draws it.

    Attributes:
        summary: Every number.
        plan: What the next round will draw; None before the base is measured.
        engine: Process id of the engine, or None.
        working: Whether a round or an evaluation is being worked on.
        died: Whether an engine ended in the middle of its work.
        review: Of a round that waits before training, else None.
        version: Differs whenever anything in the study changed.
    """

    summary: Summary
    plan: Plan | None
    engine: int | None
    working: bool
    died: bool
    review: Review | None
    version: int


@dataclass(frozen=True, slots=True)
class Looked:
    """The study changed: here is how it looks now."""

    look: Look


@dataclass(frozen=True, slots=True)
class Happened:
    """Events that were journaled since the last time.

    Attributes:
        happened: (seconds since 1970, event), in order.
        replayed: They are of the past: the running round up to when we came in.
    """

    happened: Sequence[tuple[float, Event]]
    replayed: bool


@dataclass(frozen=True, slots=True)
class Failed:
    """Something that was asked for could not be done; the study is as it was."""

    error: SitoolError


@dataclass(frozen=True, slots=True)
class Done:
    """Something that was asked for is done: call `then(result)` in the front end's thread."""

    then: Callable[[Any], None]
    result: Any


Told = Looked | Happened | Failed | Done
"""What a desk tells its front end."""


@dataclass(frozen=True, slots=True)
class _Wish:
    work: Callable[[Study], Any]
    then: Callable[[Any], None] | None


class Desk:
    """Holds a study in a thread of its own.

    Args:
        folder: The study.
        post: Takes what the desk tells, in the desk's thread.
        tick_seconds: How often it looks for what changed, when nobody asks for anything.
    """

    def __init__(
        self,
        folder: Path,
        post: Callable[[Told], object],
        tick_seconds: float = TICK_SECONDS,
    ) -> None:
        self._folder = folder
        self._post = post
        self._tick_seconds = tick_seconds
        self._wishes: queue.Queue[_Wish | None] = queue.Queue()
        self._thread = threading.Thread(target=self._work, name="desk", daemon=True)
        self._seen = 0
        self._version = -1
        self._stale = True
        self._looked_at = 0.0
        self._said: set[str] = set()
        self._last: tuple[Any, ...] = ()

    def start(self) -> None:
        """Begin to watch; the first `Looked` comes at once."""
        self._thread.start()

    def ask(self, work: Callable[[Study], Any], then: Callable[[Any], None] | None = None) -> None:
        """Do something with the study, after everything asked before.

        Args:
            work: Runs in the desk's thread; a `SitoolError` becomes `Failed`.
            then: Takes its result in the front end's thread, through `Done`.
        """
        self._wishes.put(_Wish(work, then))

    @property
    def alive(self) -> bool:
        """Whether the study is still watched."""
        return self._thread.is_alive()

    def close(self) -> None:
        """End the thread, after what was asked before."""
        self._wishes.put(None)
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def _work(self) -> None:
        try:
            study = open_study(self._folder)
        except SitoolError as error:
            self._post(Failed(error))
            return
        with contextlib.closing(study):
            self._watch(study, first=True)
            while self._next(study):
                self._watch(study)

    def _next(self, study: Study) -> bool:
        """Fulfil one wish, if one comes soon; False at the end."""
        try:
            wish = self._wishes.get(timeout=self._tick_seconds)
        except queue.Empty:
            return True
        if wish is None:
            return False
        try:
            result = wish.work(study)
        except SitoolError as error:
            self._post(Failed(error))
        except Exception as error:
            logger.exception("a wish failed")
            self._post(Failed(StudyError(f"That went wrong: {type(error).__name__}: {error}.")))
        else:
            if wish.then is not None:
                self._post(Done(wish.then, result))
        self._stale = True
        return True

    def _watch(self, study: Study, *, first: bool = False) -> None:
        try:
            self._look(study, first=first)
        except SitoolError as error:
            # Once is enough: a database that is gone stays gone.
            if self._last != ("failed", str(error)):
                self._last = ("failed", str(error))
                self._post(Failed(error))

    def _look(self, study: Study, *, first: bool) -> None:
        if not (self._folder / "study.db").exists():
            raise StoreError(f"The study in {str(self._folder)!r} is gone: study.db was removed.")
        happened = self._events(study, first=first)
        if happened:
            self._post(Happened(happened, replayed=first))
        version = study.version
        self._stale |= version != self._version
        busy, engine = study.busy, study.engine_pid
        # Asked once more: the last of the work may have been done before the engine ended.
        busy = busy and (engine is not None or study.busy)
        now = (engine, busy)
        settled = any(_settles(event) for _, event in happened)
        waited = time.monotonic() - self._looked_at >= SUMMARY_SECONDS
        if not (self._stale and (waited or settled)) and now == self._last and not first:
            return
        self._version, self._stale, self._last = version, False, now
        self._looked_at = time.monotonic()
        self._post(Looked(self._compose(study, engine, busy)))

    def _compose(self, study: Study, engine: int | None, busy: bool) -> Look:
        summary = study.summary()
        plan = None
        if summary.head is not None:
            with contextlib.suppress(StudyError), self._said_once(TaskError):
                plan = study.plan()
        return Look(
            summary=summary,
            plan=plan,
            engine=engine,
            working=busy and engine is not None,
            died=busy and engine is None,
            review=None if busy else _review(study, summary),
            version=self._version,
        )

    @contextlib.contextmanager
    def _said_once(self, kind: type[SitoolError]) -> Iterator[None]:
        """Tell an error that leaves the study to be looked at, such as code that may not run."""
        try:
            yield
        except kind as error:
            if str(error) not in self._said:
                self._said.add(str(error))
                self._post(Failed(error))

    def _events(self, study: Study, *, first: bool) -> list[tuple[float, Event]]:
        """Return what is new; at first, what belongs to the round that runs."""
        if first:
            self._seen = study.last_round_start()
        page = study.events(self._seen)
        if page:
            self._seen = page[-1][0]
        return [(at, event) for _, at, event in page]


def _review(study: Study, summary: Summary) -> Review | None:
    """Count what people changed in a training set that is not used yet."""
    if summary.open is None:
        return None
    here = study.round(summary.open)
    if here.record.phase not in (Phase.SELECT, Phase.TRAIN):
        return None
    ruled = [
        (sample.ruling.action, passed(sample.scores) is True)
        for sample in here.samples(overruled=True)
        if sample.ruling is not None
    ]
    return Review(
        total=study.would_train_on(here.number),
        added=ruled.count((Action.ACCEPT, False)),
        removed=ruled.count((Action.REJECT, True)),
        edited=sum(action is Action.EDIT for action, _ in ruled),
    )


def _settles(event: Event) -> bool:
    return event.kind in ("RoundFinished", "RoundPaused", "RoundStopped", "SamplesSelected")
