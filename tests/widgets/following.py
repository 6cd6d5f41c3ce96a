"""Waits for what a thread or another process does, and lets parts of a notebook be looked at."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

LONGEST_SECONDS = 120.0


def until(true: Callable[[], object], seconds: float = LONGEST_SECONDS) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


def elsewhere(folder: Path, line: str) -> None:
    """Run a line on a study in another process."""
    code = f"import sitool, sys\nstudy = sitool.open(sys.argv[1])\n{line}"
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True, timeout=LONGEST_SECONDS)
