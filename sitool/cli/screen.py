"""How the terminal app is started: from `sitool` and `sitool open DIR`, with as little as it takes.

These two are what a person waits for, so nothing else of the command line is imported for them.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from sitool.imports import nothing_collected

COMPLETING = "_SITOOL_COMPLETE"
"""In the environment when a shell asks how a command goes on."""


def in_terminal() -> bool:
    """Whether a person is there to look and to press keys."""
    return all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))


def asks_for_app(words: Sequence[str]) -> bool:
    """Whether a command line is one of the two, plainly; any other goes through typer."""
    plain = not words or (len(words) == 2 and words[0] == "open" and words[1][:1] not in ("", "-"))
    return plain and in_terminal() and COMPLETING not in os.environ


def run_app(folder: Path | None) -> None:
    """Run the terminal app; imported here, since no other command needs a screen.

    Raises:
        SitoolError: The study cannot be opened.
    """
    with nothing_collected():
        from sitool.tui.app import run

    run(folder)
