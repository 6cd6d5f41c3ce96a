"""One process works on a study at a time: the lock that it holds.

The system frees it when the process ends, however that ends.
"""

import fcntl
import os
import time
from pathlib import Path
from typing import Any

from sitool.store.database import said_as_store_error


class Lock:
    """The right to work on a study: held by one process, freed when it ends, however."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "engine.lock"
        self._file: Any = None

    def take(self) -> bool:
        """Take the lock; False if another process has it.

        Raises:
            StoreError: The folder is gone or cannot be written.
        """
        with said_as_store_error(self._path):
            return self._take()

    def _take(self) -> bool:
        file = self._path.open("a+", encoding="ascii")
        for patience in (0.05, 0.05, 0.0):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                # Somebody may only be looking, see `holder`.
                time.sleep(patience)
        else:
            file.close()
            return False
        file.seek(0)
        file.truncate()
        self._file = file
        return True

    def announce(self) -> None:
        """Write down who holds the lock: from now on commands may be left for it."""
        self._file.write(str(os.getpid()))
        self._file.flush()

    def holder(self) -> int | None:
        """Return the process that holds the lock and takes commands; None if there is none."""
        with said_as_store_error(self._path):
            if not self._path.exists():
                return None
            with self._path.open("r", encoding="ascii") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except OSError:
                    written = file.read().strip()
                    return int(written) if written.isdigit() else None
        return None

    def free(self) -> None:
        """Give the lock back."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def owner(self) -> str:
        """Return the process id that the lock's file names."""
        try:
            return self._path.read_text(encoding="ascii").strip() or "unknown"
        except OSError:
            return "unknown"
