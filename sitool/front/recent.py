"""Which studies were opened lately on this machine, newest first.

A small JSON file under XDG_STATE_HOME. It is a convenience: where it is broken
or cannot be written, studies open as ever and the list is shorter. What it
leaves out: what is in a study (`shelf.py`).
"""

import contextlib
import json
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sitool.places import state_folder

KEPT = 50
"""How many studies are remembered."""


@dataclass(frozen=True, slots=True)
class Recent:
    """A study that was opened once.

    Attributes:
        folder: Where it was then; it may be gone since.
        opened: When it was opened last, in seconds since 1970.
    """

    folder: Path
    opened: float


def state_file() -> Path:
    """Return where the list is kept."""
    return state_folder() / "recent.json"


def recent_studies() -> list[Recent]:
    """Return the studies that were opened lately, newest first, missing ones included."""
    try:
        body = json.loads(state_file().read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return []
    entries = body.get("studies") if isinstance(body, dict) else None
    found = [_entry(entry) for entry in entries] if isinstance(entries, list) else []
    by_folder: dict[Path, Recent] = {}
    for one in sorted((r for r in found if r), key=lambda r: r.opened):
        by_folder[one.folder] = one
    return sorted(by_folder.values(), key=lambda r: -r.opened)


def remember(folder: Path) -> None:
    """Put a study on top of the list, if the list can be written."""
    place = _absolute(folder)
    others = [one for one in recent_studies() if one.folder != place]
    _write([Recent(place, time.time()), *others][:KEPT])


def forget(folder: Path) -> None:
    """Take a study off the list; nothing of it is touched."""
    place = _absolute(folder)
    _write([one for one in recent_studies() if one.folder != place])


def _absolute(folder: Path) -> Path:
    # Links stay as they were typed: they are what a person recognises.
    return Path(os.path.abspath(folder.expanduser()))  # noqa: PTH100


def _entry(entry: Any) -> Recent | None:
    """Read one entry; whatever is not one is nothing."""
    if not isinstance(entry, dict):
        return None
    folder, opened = entry.get("folder"), entry.get("opened")
    if not isinstance(folder, str) or not isinstance(opened, (int, float)):
        return None
    usable = Path(folder).is_absolute() and "\0" not in folder
    return Recent(Path(folder), float(opened)) if usable else None


def _write(studies: Sequence[Recent]) -> None:
    """Replace the file at once, so that nobody ever reads half of it."""
    body = {"studies": [{"folder": str(one.folder), "opened": one.opened} for one in studies]}
    file = state_file()
    with contextlib.suppress(OSError, UnicodeError):
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=".recent-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as draft:
                json.dump(body, draft, indent=1)
            Path(name).replace(file)
        except (OSError, UnicodeError):
            Path(name).unlink(missing_ok=True)
