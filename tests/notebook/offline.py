"""Keeps a kernel, and every process that it starts, from reaching beyond this machine."""

from pathlib import Path

import pytest

GUARD = """
import os, socket

_connect, _look_up = socket.socket.connect, socket.getaddrinfo
_HERE = ("127.", "localhost", "::1", "0.0.0.0")


def _refuse(place):
    with open(os.environ["OFFLINE_LOG"], "a") as log:
        log.write(f"{place}\\n")
    raise OSError(f"no network here, not even {place}")


def connect(self, address):
    if self.family in (socket.AF_INET, socket.AF_INET6) and not str(address[0]).startswith(_HERE):
        _refuse(address)
    return _connect(self, address)


def look_up(host, *rest, **more):
    if host and not str(host).startswith(_HERE):
        _refuse(host)
    return _look_up(host, *rest, **more)


socket.socket.connect, socket.getaddrinfo = connect, look_up
"""


def go_offline(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let no Python that starts from now on look up or reach another machine.

    Returns:
        The file that names what was tried; it is not there as long as nothing was.
    """
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(GUARD, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=":")
    log = folder / "tried.txt"
    monkeypatch.setenv("OFFLINE_LOG", str(log))
    return log
