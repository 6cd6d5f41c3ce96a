"""The parts by name, without importing any of them.

A part's name is its file's name and the stem of its class:
`native` in `samplers` is `sitool.samplers.native.NativeSampler`.
"""

import importlib
import importlib.util
from typing import Any

from sitool.errors import MissingDependencyError, UnknownNameError

PARTS: dict[str, tuple[str, ...]] = {
    "task": ("addition", "chain", "countdown", "jsonl", "path"),
    "sampler": ("native", "llamacpp", "scripted", "server"),
    "verifier": ("truth", "scripted"),
    "trainer": ("mle", "dpo", "xpo", "scripted"),
}

EXTRAS = {("sampler", "llamacpp"): {"llama_cpp": "llama-cpp-python", "gguf": "gguf"}}
"""Parts that need more than sitool does: module -> package; the extra has the part's name."""


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


def check_installed(kind: str, name: str, what: str = "") -> None:
    """Make sure that what a part needs is installed, without importing it.

    Args:
        what: Who needs it, in words; else the part does.

    Raises:
        MissingDependencyError: Names the package and the extra that brings it.
    """
    for module, package in EXTRAS.get((kind, name), {}).items():
        if importlib.util.find_spec(module) is None:
            raise MissingDependencyError(what or f"The {kind} {name!r}", package, name)


def load(kind: str, name: str) -> Any:
    """Import a part's class by name.

    Raises:
        UnknownNameError: No such part.
        MissingDependencyError: It needs a package that is not installed.
    """
    check_name(kind, name)
    check_installed(kind, name)
    module = importlib.import_module(f"sitool.{kind}s.{name}")
    return getattr(module, f"{name.capitalize()}{kind.capitalize()}")
