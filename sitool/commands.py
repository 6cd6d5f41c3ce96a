"""How what is asked of a study gets done: here, or by the engine that works on it.

A command is a row of the journal. Long ones, such as a step, start an engine or
make one in this process, and yield its events; those that take no time are
carried out by whoever holds the study's lock. What this leaves out: which
commands there are, and what they do to a study (`client.py`, `engine.py`).
"""

import contextlib
import getpass
import os
import time
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Mapping
from functools import partial
from typing import Any

from sitool import errors, events
from sitool.engine import Engine, EngineBusyError
from sitool.errors import SitoolError, StudyError
from sitool.events import Event
from sitool.process import died, engine_pid, ensure_engine
from sitool.store import Store

ANSWER_SECONDS = 30.0
POLL_SECONDS = 0.02
FOLLOW_SECONDS = 0.04
UNDECIDED = ("waiting", "running")


class Commands:
    """The commands of one study, as those who ask for them see them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._engine: Engine | None = None

    def ask(self, kind: str, body: Mapping[str, Any]) -> int:
        """Leave a command for the engine, started if need be, and return its id.

        Raises:
            EngineDiedError: No engine can be started.
        """
        return self._ask(kind, body)[0]

    def stream(
        self, kind: str, body: Mapping[str, Any], *, inline: bool | None = None
    ) -> Iterator[Event]:
        """Ask for a command, and yield what happens until it is carried out.

        Args:
            inline: Carry it out in this process; None as SITOOL_ENGINE says.

        Raises:
            SitoolError: It could not be carried out; what is done is kept.
        """
        if runs_inline() if inline is None else inline:
            return self._inline(kind, body)
        return self._follow(*self._ask(kind, body))

    def change(self, kind: str, body: Mapping[str, Any]) -> None:
        """Carry out a command that takes no time, here or in the engine that works now.

        Raises:
            SitoolError: It cannot be carried out; the study is as it was.
        """
        asked = self._store.journal.ask(kind, body, author())
        deadline = time.monotonic() + ANSWER_SECONDS
        while self._store.journal.command(asked).status in UNDECIDED:
            if self._engine is not None:
                self._engine.serve()
                break
            passing = Engine(self._store, in_passing=True)
            with contextlib.suppress(EngineBusyError), passing as engine:
                for _ in _raising(engine.work(), asked):
                    pass
            if time.monotonic() > deadline:
                raise StudyError(
                    f"The process that works on this study did not answer within"
                    f" {ANSWER_SECONDS:g} s; it will when its present chunk is done.",
                    f"try: sitool status {self._store.folder}",
                )
            time.sleep(POLL_SECONDS)
        command = self._store.journal.command(asked)
        if command.status == "failed":
            raise StudyError(*command.error.partition("\n")[::2])

    def stop(self) -> None:
        """Stop the command that runs, here or in another process; what is done is kept."""
        if self._engine is not None:
            self._engine.stop()
        else:
            self.change("stop", {})

    def _inline(self, kind: str, body: Mapping[str, Any]) -> Iterator[Event]:
        """Carry a command out in this process."""
        with Engine(self._store) as engine:
            self._engine = engine
            asked = self._store.journal.ask(kind, body, author())
            try:
                yield from _raising(engine.work(), asked)
            finally:
                self._engine = None

    def _ask(self, kind: str, body: Mapping[str, Any]) -> tuple[int, int]:
        """Leave a command; returns its id and that of the last event before it.

        An engine may end just before it would have seen it: then another one is asked.
        """
        folder, journal = self._store.folder, self._store.journal
        while True:
            ensure_engine(folder)
            before = journal.last_event()
            asked = journal.ask(kind, body, author())
            if engine_pid(folder) is not None or not journal.withdraw(asked):
                return asked, before

    async def stream_async(self, kind: str, body: Mapping[str, Any]) -> AsyncGenerator[Event]:
        """Do what `stream` does through the study's engine, and leave the loop free meanwhile."""
        # Imported late: most processes that open a study have no loop.
        import asyncio

        await asyncio.to_thread(ensure_engine, self._store.folder)
        asked, before = self._ask(kind, body)
        for page in self._pages(partial(self._over, asked), before):
            for _, event in page:
                yield event
                _raise_failure_of(asked, event)
            if not page:
                await asyncio.sleep(FOLLOW_SECONDS)

    def _follow(self, asked: int, seen: int) -> Iterator[Event]:
        """Yield the journal's events until a command is carried out."""
        for page in self._pages(partial(self._over, asked), seen):
            for _, event in page:
                yield event
                _raise_failure_of(asked, event)
            if not page:
                time.sleep(FOLLOW_SECONDS)

    def rest(self) -> Iterator[tuple[float, Event]]:
        """Yield (seconds since 1970, event) from the running round's start until all rests.

        Raises:
            EngineDiedError: The engine ended in the middle of its work.
        """
        journal = self._store.journal
        if not journal.undecided():
            return
        for page in self._pages(lambda: not journal.undecided(), journal.last_round_start()):
            yield from page
            if not page:
                time.sleep(FOLLOW_SECONDS)

    def _over(self, asked: int) -> bool:
        return self._store.journal.command(asked).status not in UNDECIDED

    def _pages(self, over: Callable[[], bool], seen: int) -> Iterator[list[tuple[float, Event]]]:
        """Yield what was journaled since the page before; an empty one says to wait a little."""
        while True:
            ended = over()
            gone = not ended and engine_pid(self._store.folder) is None
            page = self._store.journal.events(seen)
            if page:
                seen = page[-1][0]
                yield [(at, event) for _, at, event in page]
            elif ended:
                return
            elif gone and not over():
                raise died(self._store.folder)
            else:
                yield []


def author() -> str:
    """Return who decides: SITOOL_AUTHOR, or the name of the user."""
    named = os.environ.get("SITOOL_AUTHOR")
    if named:
        return named
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "someone"


def runs_inline() -> bool:
    """Say whether rounds run in the asking process unless it asks for something else."""
    return os.environ.get("SITOOL_ENGINE") == "inline"


def _raising(happened: Generator[Event], asked: int) -> Iterator[Event]:
    """Pass events on; if our own command fails, raise it as the error that it was."""
    with contextlib.closing(happened):
        for event in happened:
            yield event
            _raise_failure_of(asked, event)


def _raise_failure_of(asked: int, event: Event) -> None:
    if isinstance(event, events.CommandFailed) and event.command_id == asked:
        kind = getattr(errors, event.error, SitoolError)
        error = kind.__new__(kind)
        SitoolError.__init__(error, event.message, event.hint)
        raise error
