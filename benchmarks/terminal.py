"""A terminal without a screen: starts a program in it, presses keys, and times what is drawn."""

import fcntl
import os
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from typing import Self

QUIET_SECONDS = 0.06
"""Nothing drawn for this long means that a redraw is over."""
LIMIT_SECONDS = 60.0
ESCAPES = re.compile(rb"\x1b(\[[0-9;?<>=]*[a-zA-Z$]|\][^\x07]*\x07|.)")


def environment() -> dict[str, str]:
    """Return that of a usual terminal, where Python keeps what it has compiled."""
    kept = {name: v for name, v in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"TERM": "xterm-256color", "COLORTERM": "truecolor"}


class Terminal:
    """A Python program in a terminal of a size.

    Args:
        arguments: Of the Python interpreter.
        size: Columns and rows.
    """

    def __init__(self, arguments: Sequence[str], size: tuple[int, int]) -> None:
        self._master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self._program = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env=environment(),
        )
        os.close(slave)
        self.drawn = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._program.returncode is None:
            self._program.kill()
            self._program.wait()
        os.close(self._master)

    def _read(self, seconds: float) -> bytes:
        """Return what is drawn next, nothing if that takes longer."""
        ready, _, _ = select.select([self._master], [], [], seconds)
        if not ready:
            return b""
        try:
            return os.read(self._master, 1 << 16)
        except OSError:  # The program has ended.
            return b""

    def read_until(self, pattern: bytes) -> None:
        """Wait until the text that was drawn since the last key contains a pattern."""
        limit = time.perf_counter() + LIMIT_SECONDS
        while not re.search(pattern, ESCAPES.sub(b"", self.drawn)):
            if time.perf_counter() > limit:
                raise TimeoutError(f"{pattern!r} was not drawn; last: {self.drawn[-400:]!r}")
            self.drawn += self._read(0.1)

    def press(self, key: bytes, drawn: bytes = b"") -> float:
        """Press a key and return the milliseconds until something is drawn.

        Args:
            drawn: What is waited for; nothing: the last byte before it is quiet,
                which never comes while something else on the screen moves.
        """
        while self._read(0 if drawn else QUIET_SECONDS):
            pass
        self.drawn = b""
        started = last = time.perf_counter()
        os.write(self._master, key)
        limit = 1.0
        while chunk := self._read(limit):
            self.drawn += chunk
            last = time.perf_counter()
            if drawn and drawn in self.drawn:
                break
            limit = 1.0 if drawn else QUIET_SECONDS
        return 1000 * (last - started)

    def end(self, key: bytes) -> int:
        """Press the key that ends the program; returns the most MB that it has used."""
        os.write(self._master, key)
        deadline = time.perf_counter() + LIMIT_SECONDS
        while time.perf_counter() < deadline:
            self._read(0.05)
            pid, status, usage = os.wait4(self._program.pid, os.WNOHANG)
            if pid:
                self._program.returncode = os.waitstatus_to_exitcode(status)
                return round(usage.ru_maxrss / 1024)
        raise TimeoutError("the program did not end")
