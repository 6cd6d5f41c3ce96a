"""Whose Python may run here: what this user made or agreed to, by its hash.

A study directory can hold a task's code and name a base that brings code, and a
directory can come from anybody. So code runs only if its SHA-256 has a file of that
name in a folder of this machine. It is one file for each, so that nothing has to be
read, merged or locked. What this leaves out: running a task's code
(`tasks/python.py`), and which code a base brings (`models/code.py`).
"""

import hashlib
from pathlib import Path

from sitool.errors import TaskError
from sitool.places import state_folder

MOST_BYTES = 2_000_000
"""Of a task file: it is held in memory, hashed and sent to other processes."""


def trusted_folder() -> Path:
    """Return where the agreed hashes are."""
    return state_folder() / "trusted"


def bases_folder() -> Path:
    """Return where the hashes of bases' code are: apart, as a text may have any hash's form."""
    return trusted_folder() / "bases"


def digest(source: str) -> str:
    """Return the SHA-256 of a file's text, as 64 hex digits."""
    return hashlib.sha256(source.encode()).hexdigest()


def is_trusted(sha256: str, folder: Path | None = None) -> bool:
    """Whether this user made or agreed to the code with this hash.

    Args:
        folder: Where agreements of its kind are; None: those to tasks.
    """
    place = folder or trusted_folder()
    return len(sha256) == 64 and sha256.isalnum() and (place / sha256).is_file()


def agree(source: str, name: str) -> str:
    """Let a task's code run on this machine from now on, and return its hash.

    Args:
        name: Where it was, for people who look into the folder.

    Raises:
        TaskError: The agreement cannot be written down.
    """
    sha256 = digest(source)
    remember(sha256, name, trusted_folder())
    return sha256


def remember(sha256: str, name: str, folder: Path) -> None:
    """Write an agreement down.

    Raises:
        TaskError: It cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / sha256).write_text(f"{name}\n", encoding="utf-8", errors="replace")
    except OSError as error:
        raise TaskError(
            f"Your agreement to run {name!r} cannot be kept in {str(folder)!r}: {error.strerror}.",
            "try: XDG_STATE_HOME, set to a folder that can be written",
        ) from error


def remembered(folder: Path) -> set[str]:
    """Return the first line of every agreement in a folder: where the code was."""
    files = folder.glob("*") if folder.is_dir() else ()
    texts = (file.read_text(encoding="utf-8", errors="replace") for file in files)
    return {text.partition("\n")[0] for text in texts}


def read_code(file: Path) -> str:
    """Read a task file; nothing of it runs.

    Raises:
        TaskError: It cannot be read, or is no text of bearable length.
    """
    try:
        if file.stat().st_size > MOST_BYTES:
            raise TaskError(
                f"The task file {str(file)!r} has {file.stat().st_size:,} bytes;"
                f" at most {MOST_BYTES:,} are read."
            )
        # Bytes first: line ends are part of what is agreed to.
        return file.read_bytes().decode()
    except OSError as error:
        raise TaskError(
            f"The task file {str(file)!r} cannot be read: {error.strerror}.",
            "try: sitool new DIR --task-file FILE",
        ) from error
    except UnicodeDecodeError as error:
        raise TaskError(f"The task file {str(file)!r} is not UTF-8: {error}.") from error


def read_trusted(file: Path, recorded: str = "") -> str:
    """Read a task file that may run.

    Args:
        recorded: The hash that the study was made with; empty: none is recorded yet.

    Raises:
        TaskError: It cannot be read, was changed, or nobody here has agreed to it.
    """
    source = read_code(file)
    sha256 = digest(source)
    if recorded and sha256 != recorded:
        raise TaskError(
            f"The task file {str(file)!r} was changed since its study was made: its SHA-256 begins"
            f" with {sha256[:12]}, not {recorded[:12]}, so its code does not run.",
            f"try: look at it, then sitool trust {file.parent}",
        )
    if not is_trusted(sha256):
        place = file.parent if recorded else file
        raise TaskError(
            f"The Python code in {str(file)!r} was not made on this machine, and you have not"
            " agreed to it yet, so it does not run.",
            f"try: look at it, then sitool trust {place}",
        )
    return source
