"""The parts by name, without importing any of them.

A part's name is its file's name and the stem of its class:
`native` in `samplers` is `sitool.samplers.native.NativeSampler`.
"""

import importlib
from typing import Any

from sitool.errors import UnknownNameError

PARTS: dict[str, tuple[str, ...]] = {
    "task": ("addition", "chain", "countdown", "jsonl", "path"),
    "sampler": ("native", "scripted", "server"),
    "verifier": ("truth", "scripted"),
    "trainer": ("mle", "scripted"),
}


def names(kind: str) -> tuple[str, ...]:
    """Return the names of the parts of a kind.

    >>> "path" in names("task")
    True
    """
    return PARTS[kind]


def check_name(kind: str, name: str) -> str:
    """Return `name` if such a part exists.

    Raises:
        UnknownNameError: It does not; the message offers the nearest one.
    """
    if name not in PARTS[kind]:
        hint = "try: sitool tasks" if kind == "task" else "try: sitool settings"
        raise UnknownNameError(kind, name, PARTS[kind], hint)
    return name


def load(kind: str, name: str) -> Any:
    """Import a part's class by name.

    Raises:
        UnknownNameError: No such part.
    """
    check_name(kind, name)
    module = importlib.import_module(f"sitool.{kind}s.{name}")
    return getattr(module, f"{name.capitalize()}{kind.capitalize()}")
