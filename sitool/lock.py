"""One process works on a study at a time: the lock that it holds, and the sign that it puts up.

The lock is the right to change the study; the sign, locked too, says which
process takes commands. The system frees both when the process ends, however
that ends. They are two files, since a new owner would find the pid of the one
before in a single one, and others would take it for his.
"""

import fcntl
import os
from pathlib import Path
from typing import IO

from sitool.store.database import said_as_store_error

LOCK = "engine.lock"
SIGN = "engine.pid"


class Lock:
    """The right to work on a study: held by one process, freed when it ends, however."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOCK
        self._sign = folder / SIGN
        self._held: IO[str] | None = None
        self._shown: IO[str] | None = None

    def take(self) -> bool:
        """Take the lock; False if another process has it.

        Raises:
            StoreError: The folder is gone or cannot be written.
        """
        with said_as_store_error(self._path):
            file = self._path.open("a", encoding="ascii")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                file.close()
                return False
        self._held = file
        return True

    def announce(self) -> None:
        """Put up the sign of who holds the lock: from now on commands may be left for it.

        Raises:
            StoreError: The folder is gone or cannot be written.
        """
        with said_as_store_error(self._sign):
            file = self._sign.open("w", encoding="ascii")
            file.write(str(os.getpid()))
            file.flush()
            # It waits at most for somebody who is looking, see `holder`.
            fcntl.flock(file, fcntl.LOCK_EX)
        self._shown = file

    def conceal(self) -> None:
        """Take the sign down: whoever looks finds nobody to leave commands for."""
        if self._shown is not None:
            self._shown.close()
            self._shown = None

    def holder(self) -> int | None:
        """Return the process that holds the lock and takes commands; None if there is none."""
        with said_as_store_error(self._sign):
            try:
                file = self._sign.open("r", encoding="ascii")
            except FileNotFoundError:
                return None
            with file:
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except OSError:
                    written = file.read().strip()
                    return int(written) if written.isdigit() else None
        return None

    def free(self) -> None:
        """Take the sign down and give the lock back."""
        self.conceal()
        if self._held is not None:
            self._held.close()
            self._held = None
