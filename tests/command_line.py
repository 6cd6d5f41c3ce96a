"""The command line, run in this process as the installed script does it."""

import json
import sys
from typing import Any, NamedTuple

import pytest

from sitool.__main__ import main


class Said(NamedTuple):
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed as JSON."""
        return json.loads(self.out)

    @property
    def flat(self) -> str:
        """What it printed, in one line."""
        return " ".join(self.out.split())


def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: object
) -> Said:
    """Run `sitool` with some words."""
    monkeypatch.setattr(sys, "argv", ["sitool", *map(str, words)])
    capsys.readouterr()
    code: Any = 0
    try:
        main()
    except SystemExit as ended:
        code = ended.code
    said = capsys.readouterr()
    return Said(code if isinstance(code, int) else int(bool(code)), said.out, said.err)
