"""The Python that a base brings along: what it is, and whether it may run on this machine.

Where `model.trust_remote_code` is on, transformers runs Python that lies beside a base's
weights. A study that somebody sent can have that setting on, so nothing of it runs before
this user has agreed to exactly these files. Imports nothing heavy. What this leaves
out: how agreements are kept (`trust.py`), and what a whole study brings along
(`agreements.py`).
"""

import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from sitool import trust
from sitool.config import ModelSettings
from sitool.errors import ModelError
from sitool.models.builtin import builtin_names

MOST_FILES = 500
"""Far more than any base has: a folder of so many was not meant."""

LISTED = 3
"""How many files a sentence names."""

_BESIDE = re.compile(r"(?!.*--)\w[\w/-]*\.\w+")
"""How transformers is told of a class in a file beside the base: `modeling.Network`."""


@dataclass(frozen=True, slots=True)
class BaseCode:
    """All Python files of a base.

    Attributes:
        base: As the settings name it.
        folder: Where its files are.
        revision: The commit of a hub model; empty for a folder.
        files: (path in the folder, SHA-256) of each.
    """

    base: str
    folder: Path
    revision: str
    files: tuple[tuple[str, str], ...]

    @property
    def root(self) -> str:
        """The hub model's name, or the whole path of the folder."""
        return self.base if self.revision else str(self.folder.resolve())

    @property
    def sha256(self) -> str:
        """One hash for all of it: of the files, and of a hub model's name and revision.

        A folder is the same wherever it lies: it may be moved or sent.
        """
        origin = [self.base, self.revision] if self.revision else []
        return trust.digest(json.dumps([origin, self.files]))

    @property
    def agreed(self) -> bool:
        """Whether this user has agreed to exactly this code."""
        return trust.is_trusted(self.sha256, trust.bases_folder())

    @property
    def place(self) -> str:
        """Where it comes from, in words for people."""
        return f"{self.base} (revision {self.revision})" if self.revision else self.root

    def agree(self) -> None:
        """Let this code run on this machine from now on.

        Raises:
            TaskError: The agreement cannot be written down.
        """
        lines = [self.root, self.revision] if self.revision else [self.root]
        trust.remember(self.sha256, "\n".join(lines), trust.bases_folder())

    def refusal(self, sender: str) -> ModelError:
        """Return what is said where the code may not run.

        Args:
            sender: What `sitool trust` has to be given: a study or a base.
        """
        names = [repr(name) for name, _ in self.files]
        listed = ", ".join(names[:LISTED])
        more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
        why = "was changed since you agreed to it" if self._agreed_once() else ""
        return ModelError(
            f"The base {self.base!r} would run Python code of its own, {listed}{more} in"
            f" {str(self.folder)!r}, which {why or 'you have not agreed to on this machine'},"
            " so it does not run.",
            f"try: look at what sitool trust {sender} --show lists, then sitool trust {sender}",
        )

    def _agreed_once(self) -> bool:
        """Whether other code of the same base was agreed to."""
        return self.root in trust.remembered(trust.bases_folder())


def may_run(settings: ModelSettings, folder: Path) -> bool:
    """Say whether transformers may run a base's own code; False where it brings none.

    Whoever reads a base with transformers passes through here.

    Raises:
        ModelError: It brings code that nobody here has agreed to.
    """
    code = read_code(settings, folder)
    if code is not None and not code.agreed:
        raise code.refusal(settings.base)
    return code is not None


def read_code(settings: ModelSettings, folder: Path) -> BaseCode | None:
    """Return the code that reading a base would run; None: there is none, or it is off.

    Raises:
        ModelError: It cannot be looked at, or lies elsewhere in part.
    """
    base = settings.base
    # Without a config.json transformers might go on to the base that an adapter names.
    if not settings.trust_remote_code or not (folder / "config.json").is_file():
        return None
    try:
        _check_references(base, folder)
        files = tuple(
            (path.relative_to(folder).as_posix(), _hash(path)) for path in _python(folder)
        )
    except OSError as error:
        raise ModelError(
            f"The code of the base {base!r} cannot be looked at: {error}.",
            f"try: look at the files in {str(folder)!r}",
        ) from error
    if len(files) > MOST_FILES:
        raise ModelError(
            f"The base {base!r} has {len(files)} Python files in {str(folder)!r}; at most"
            f" {MOST_FILES} are looked at.",
            "try: a folder for the base alone",
        )
    is_hub_model = base not in builtin_names() and not Path(base).expanduser().is_dir()
    return BaseCode(base, folder, folder.name if is_hub_model else "", files) if files else None


def _python(folder: Path) -> Iterator[Path]:
    """Yield every Python file, also behind links and in folders that hide."""
    seen = set()
    for top, folders, names in os.walk(folder, followlinks=True, onerror=_unreadable):
        real = os.path.realpath(top)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders.sort()  # What is seen first must be the same everywhere.
        # Some file systems do not tell .PY from .py.
        yield from (Path(top) / name for name in sorted(names) if name.lower().endswith(".py"))


def _unreadable(error: OSError) -> NoReturn:
    """A folder that cannot be listed may hold a file that can be read."""
    raise error


def _hash(path: Path) -> str:
    if not path.is_file():
        raise OSError(f"{str(path)!r} is no plain file")
    if path.stat().st_size > trust.MOST_BYTES:
        raise OSError(f"{str(path)!r} has more than {trust.MOST_BYTES:,} bytes")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _check_references(base: str, folder: Path) -> None:
    """Refuse a base that names code which is not among its own files.

    Raises:
        ModelError: It does.
    """
    for file in sorted(folder.iterdir()):
        if not file.name.lower().endswith(".json") or not file.is_file():
            continue
        for reference in _references(file):
            if not _BESIDE.fullmatch(reference):
                raise ModelError(
                    f"The base {base!r} names code outside of its own files, {reference!r} in"
                    f" {file.name!r}, which nobody could agree to.",
                    "try: put that code beside the base, and name it there as FILE.CLASS",
                )


def _references(file: Path) -> Iterator[str]:
    """Yield the classes that a file of settings tells transformers to load."""
    text = file.read_bytes()
    # Tokenizers are large files without either; an escape may stand for any letter.
    if b"auto_map" not in text and b"\\u00" not in text:
        return
    try:
        waiting: list[tuple[bool, Any]] = [(False, json.loads(text.decode()))]
    except (ValueError, RecursionError) as error:
        raise OSError(f"{str(file)!r} is not JSON: {error}") from error
    while waiting:
        inside, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [(inside or name == "auto_map", part) for name, part in value.items()]
        elif isinstance(value, list):
            waiting += [(inside, part) for part in value]
        elif inside and isinstance(value, str):
            yield value
