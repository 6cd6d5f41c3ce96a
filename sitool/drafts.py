"""Files that are written whole or not at all.

A file is written beside its place and then renamed into it, so that a kill or a
full disk leaves the old one, or none, but never half of one. What this leaves
out: folders, which only models write (`models/adapters.py`).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sitool.errors import SitoolError, StudyError

ROOM = "try: free some disk space, then do the same again; nothing is lost"
PLACE = "try: another place for the file"


@contextmanager
def replaced_file(
    file: Path, error: type[SitoolError] = StudyError, *, make_folder: bool = False
) -> Iterator[Path]:
    """Give a temporary sibling to write to, and move it to `file` if all went well.

    Args:
        file: Where it goes.
        error: What to raise.
        make_folder: Make the folder that it goes to, if need be.

    Raises:
        SitoolError: It cannot be written; of the type that is given.
    """
    draft = file.with_name(f".{file.name}.{os.getpid()}.draft")
    try:
        if make_folder:
            file.parent.mkdir(parents=True, exist_ok=True)
        yield draft
        draft.replace(file)
    except OSError as failed:
        why = failed.strerror or str(failed)
        full = "space" in why or "quota" in why or "large" in why
        raise error(f"{str(file)!r} cannot be written: {why}.", ROOM if full else PLACE) from failed
    finally:
        with suppress(OSError):
            draft.unlink()
