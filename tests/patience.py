"""Waiting, and how long something took without the time in which others had the processor.

A limit in seconds fails where a machine is busy, and one that is wide enough for that
says nothing where it is not. Linux counts for every thread how long it was ready to run
and did not run; on an idle machine that is nothing, and the limit holds to the letter.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest


def wait_until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until something is so; fail if that takes too long."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


class Stopwatch:
    """Measures from its making on.

    Args:
        others: Processes, beside our own, for which we wait.
    """

    def __init__(self, *others: int) -> None:
        if not Path("/proc/self/schedstat").exists():
            pytest.skip("this system does not tell how long it let a process wait")
        self._processes = (os.getpid(), *others)
        self._waits = self._waited()
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        """Time that passed, less what we and those others waited for a processor."""
        passed = time.monotonic() - self._started
        waited = sum(ns - self._waits.get(thread, 0) for thread, ns in self._waited().items())
        return passed - waited / 1e9

    def _waited(self) -> dict[str, int]:
        """Return for every thread how many nanoseconds it was kept waiting."""
        found = {}
        for process in self._processes:
            for thread in Path(f"/proc/{process}/task").glob("*/schedstat"):
                try:
                    found[str(thread)] = int(thread.read_text().split()[1])
                except (FileNotFoundError, ProcessLookupError):
                    continue  # It has ended meanwhile.
        return found
