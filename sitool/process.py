"""The engine as a process of its own: starting it, knowing whether it lives, and its life.

One per study. It takes commands from the study's database until it has had
nothing to do for a while, so it outlives every front end; it talks to them
through the journal alone and opens no port. What native libraries print goes to
`engine.log`. What this leaves out: what a command does (`engine.py`).
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from sitool.engine import Engine, EngineBusyError
from sitool.errors import SitoolError, StudyError
from sitool.imports import nothing_collected
from sitool.lock import Lock
from sitool.store import Store
from sitool.store.database import said_as_store_error
from sitool.workers import ROOT

START_SECONDS = 60.0
"""Longest wait for a fresh engine to take the lock; usually 0.3 s."""

POLL_SECONDS = 0.03
BOOT = "import sys; sys.path.append(sys.argv[2]); from sitool.process import main; main()"
LOG = "engine.log"
LOG_BYTES = 1_000_000
HINT = "try: "
"""How the line begins that says what to do about the one before it."""
NICENESS = 5
"""On two cores, keys pressed in an app would wait behind the training otherwise."""


_children: list[subprocess.Popen[bytes]] = []
"""Engines started here, kept so that those that have ended can be reaped."""


class EngineDiedError(StudyError):
    """The process that worked on the study is gone."""


def engine_pid(folder: Path) -> int | None:
    """Return the process id of the engine that holds a study, or None."""
    lock = Lock(folder)
    return lock.holder()


def ensure_engine(folder: Path) -> int:
    """Start a study's engine unless one is at work, and return its process id.

    Raises:
        EngineDiedError: It ended before it was ready.
    """
    pid = engine_pid(folder)
    if pid is not None:
        return pid
    process = _start(folder)
    deadline = time.monotonic() + START_SECONDS
    while (pid := engine_pid(folder)) is None:
        if process.poll() == 0:
            # Another front end was quicker: with an engine of its own, or a change in passing.
            process = _start(folder)
        if process.poll() not in (None, 0) or time.monotonic() > deadline:
            why, hint = _last_words(folder)
            raise EngineDiedError(
                f"The engine of {str(folder)!r} did not start: {why}",
                hint or f"try: look at {folder / LOG}",
            )
        time.sleep(POLL_SECONDS)
    return pid


def _start(folder: Path) -> subprocess.Popen[bytes]:
    """Start an engine in a session of its own, so that a closing terminal leaves it alone."""
    log = folder / LOG
    with contextlib.suppress(OSError):
        if log.stat().st_size > LOG_BYTES:
            log.replace(log.with_suffix(".log.old"))
    _children[:] = [child for child in _children if child.poll() is None]
    with said_as_store_error(log), log.open("ab") as file:
        child = subprocess.Popen(
            # -P: not even from the working directory, which may be a study that somebody sent.
            [sys.executable, "-P", "-c", BOOT, str(folder.resolve()), ROOT],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    _children.append(child)
    return child


def _last_words(folder: Path) -> tuple[str, str]:
    """Return what an engine said last, and what it said to do about it, if anything."""
    try:
        text = (folder / LOG).read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    lines = ["", "it left no word.", *filter(None, map(str.strip, text.splitlines()))]
    before, last = lines[-2:]
    return (before, last) if last.startswith(HINT) else (last, "")


def died(folder: Path) -> EngineDiedError:
    """Return the error of an engine that is gone in the middle of its work."""
    return EngineDiedError(
        "The engine stopped in the middle of its work; what was committed is kept.",
        f"try: sitool step {folder}, which goes on from there; its last words are in"
        f" {folder / LOG}",
    )


def end_engine(folder: Path, seconds: float = 10.0) -> bool:
    """Ask a study's engine to end after its present chunk or step; False if there is none."""
    pid = engine_pid(folder)
    if pid is None:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + seconds
    while engine_pid(folder) == pid and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return True


class Host:
    """An engine's life in its own process: warm up, work, wait, end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ended = False

    def run(self) -> None:
        """Work until there was nothing to do for the study's `engine.idle_seconds`."""
        store = Store(self._folder)
        with Engine(store) as engine:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, lambda *_: self._end(engine))
            self._warm_up(engine, store)
            self._live(engine, store)
        store.close()

    def _end(self, engine: Engine) -> None:
        self._ended = True
        engine.stop()

    def _warm_up(self, engine: Engine, store: Store) -> None:
        """Load the model before anybody asks; a failure is told when a round needs it."""
        with contextlib.suppress(SitoolError), nothing_collected():
            engine.parts(store.tree.next_settings)

    def _live(self, engine: Engine, store: Store) -> None:
        idle_since = time.monotonic()
        limit = store.tree.next_settings.engine.idle_seconds
        while not self._ended and (self._folder / "study.db").exists():
            for _ in engine.work():
                idle_since = time.monotonic()
            if time.monotonic() - idle_since > limit and engine.retire():
                break
            time.sleep(POLL_SECONDS)


def main() -> None:
    """Serve the study that the command line names, behind whatever a person waits for."""
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    try:
        Host(Path(sys.argv[1])).run()
    except EngineBusyError:
        sys.exit(0)
    except SitoolError as error:
        print(error.message, error.hint, sep="\n", file=sys.stderr)
        sys.exit(1)
