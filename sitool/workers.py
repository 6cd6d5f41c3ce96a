"""A process of its own that answers over a pipe, and can be killed when it does not.

It is a fresh interpreter and not `multiprocessing`'s own spawn, because that runs the
caller's main module again: a script without an `if __name__ == "__main__"` line would
start itself anew, and the engine's worker would load torch. What this leaves out:
what is asked and answered (`verifiers/guard.py`, `tasks/python.py`, `validation/`).
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

START_LIMIT_SECONDS = 60.0
"""For a fresh interpreter and the imports of what it serves; usually 0.3 s."""

BREATH_SECONDS = 0.1
"""How long we wait for an answer before we look up."""

ROOT = str(Path(__file__).parent.parent)

BOOT = (
    "import importlib, json, sys; given = json.loads(sys.argv[3]);"
    "sys.path[:] = given or [*sys.path, sys.argv[4]];"
    "importlib.import_module(sys.argv[5]).serve(int(sys.argv[1]), int(sys.argv[2]))"
)


class StalledError(Exception):
    """The worker gave no answer: it hung until its limit, or it died."""


class Worker:
    """A process of its own, ended when nobody holds this any longer.

    Args:
        module: Its `serve(descriptor, parent)` answers.
        who: Whose process it is, for the sentence when it dies.
        path: Where it looks for modules; empty: where a fresh interpreter does, but
            never in the working directory, which may be a folder that somebody sent.
    """

    def __init__(self, module: str, who: str, path: Sequence[str] = ()) -> None:
        self._who = who
        self.pipe, theirs = Pipe()
        self.process = start_process(theirs, module, path)
        theirs.close()
        self._end = weakref.finalize(self, end_process, self.process, self.pipe)

    def send(self, question: Any) -> None:
        """Send something that pickles.

        Raises:
            StalledError: There is nobody to read it.
        """
        try:
            self.pipe.send(question)
        except OSError as error:
            raise StalledError(f"The {self._who}'s process died.") from error

    def answer(self, limit_seconds: float, breathe: Callable[[], None] = lambda: None) -> Any:
        """Return what the process sends within a limit, looking up now and then.

        Raises:
            StalledError: Nothing came, or the process died.
        """
        deadline = time.monotonic() + limit_seconds
        while not self.pipe.poll(max(0.0, min(BREATH_SECONDS, deadline - time.monotonic()))):
            breathe()
            if time.monotonic() < deadline:
                continue
            raise StalledError(f"No answer within {limit_seconds:.3g} s: stopped.")
        try:
            return self.pipe.recv()
        except (EOFError, OSError) as error:
            raise StalledError(f"The {self._who}'s process died.") from error

    def kill(self) -> None:
        """End the process and what it started, at once."""
        self._end()


def start_process(pipe: Connection, module: str, path: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start a fresh interpreter that serves a pipe, in a process group of its own.

    Hashes of texts are the same in each: else the order of a set, and what a task draws
    from one, would differ from process to process.
    """
    descriptor = pipe.fileno()
    words = [str(descriptor), str(os.getpid()), json.dumps(list(path)), ROOT, module]
    return subprocess.Popen(
        [sys.executable, "-P", "-c", BOOT, *words],
        pass_fds=(descriptor,),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env=os.environ | {"PYTHONHASHSEED": "0"},
    )


def end_process(process: subprocess.Popen[bytes], pipe: Connection) -> None:
    """Kill a process with its group, and take leave of it."""
    pipe.close()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def end_with(parent: int) -> None:
    """Let this process end soon after its parent, even while it hangs."""
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)


def received(pipe: Connection) -> Any | None:
    """Return the next question, or None when the other side has closed its end."""
    try:
        return pipe.recv()
    except EOFError:
        return None
