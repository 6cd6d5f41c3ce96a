"""The parts by name, without importing any of them.

A part's name is its file's name and the stem of its class:
`native` in `samplers` is `sitool.samplers.native.NativeSampler`, and `cot_score`
in `verifiers` is `sitool.verifiers.cot_score.CotScoreVerifier`.
"""

import importlib
import importlib.util
from collections.abc import Sequence
from typing import Any

from sitool.errors import MissingDependencyError, UnknownNameError, VerifierError

PARTS: dict[str, tuple[str, ...]] = {
    "task": ("addition", "chain", "countdown", "jsonl", "path", "python"),
    "sampler": ("native", "llamacpp", "scripted", "server"),
    "verifier": (
        "truth",
        "mc",
        "cot_binary",
        "cot_score",
        "tournament",
        "majority",
        "likelihood",
        "likelihood_per_token",
        "cross",
        "scripted",
    ),
    "trainer": ("mle", "dpo", "xpo", "scripted"),
}

JUDGES = ("mc", "cot_binary", "cot_score", "tournament", "likelihood", "likelihood_per_token")
"""Verifiers that ask the model that wrote the samples, or another round's: see `split_verifier`."""

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


def split_verifier(name: str) -> tuple[str, str]:
    """Split a verifier's name into its part and whose model judges.

    Nothing stands for the model that wrote the sample, `base` for the base, and a
    number for that round's.

    >>> split_verifier("mc"), split_verifier("mc@base"), split_verifier("likelihood@3")
    (('mc', ''), ('mc', 'base'), ('likelihood', '3'))
    """
    part, _, judge = name.partition("@")
    return part, judge


def check_verifier(name: str) -> str:
    """Return `name` if such a verifier can be asked for, `mc@base` and `mc@3` included.

    Raises:
        UnknownNameError: There is no such verifier.
        VerifierError: It has no model that could be another round's, or is a person.
    """
    part, judge = split_verifier(name)
    if part == "human":
        raise VerifierError(
            "'human' cannot be named as a verifier: what people accept, reject and edit always"
            " stands above the verifiers.",
            "try: sitool accept, or sitool reject",
        )
    check_name("verifier", part)
    if part == name:
        return name
    if part not in JUDGES:
        raise VerifierError(
            f"{name!r} has an '@', but the verifier {part!r} asks no round's model;"
            f" those that do: {', '.join(JUDGES)}.",
            "try: sitool settings",
        )
    if judge != "base" and not (judge.isascii() and judge.isdigit()):
        raise VerifierError(
            f"{name!r} names no round: after the '@' stands 'base' or a round's number.",
            f"try: {part}@base",
        )
    return name


def check_verifiers(names: Sequence[Any]) -> list[str]:
    """Return the names of verifiers that can be asked for, each once.

    Raises:
        VerifierError: There are none, or one is not a name.
        UnknownNameError: There is no such verifier.
    """
    if not names or not all(isinstance(name, str) for name in names):
        raise VerifierError(
            f"{list(names)!r} names no verifiers; known: {', '.join(PARTS['verifier'])}.",
            "try: mc",
        )
    return [check_verifier(name) for name in dict.fromkeys(names)]


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
    return getattr(module, "".join(map(str.capitalize, [*name.split("_"), kind])))
