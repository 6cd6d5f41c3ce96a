"""The errors that sitool means to raise, each named for the boundary that was crossed.

Every one carries a sentence of fact with the offending value and what is
allowed, and a hint: one thing to do. The command line prints both and exits
with 2; a notebook raises the same object. Any other exception is a bug and
keeps its traceback.

    SitoolError
    ├── ConfigError              a setting, or several
    ├── UnknownNameError         a name that no part answers to
    ├── MissingDependencyError   an optional package is not installed
    ├── StoreError               the study directory or its database
    ├── StudyError               a command that the study cannot carry out now
    ├── TaskError                a task or its data
    ├── ModelError               a base, an adapter or a tokenizer
    ├── SamplerError
    ├── VerifierError
    ├── TrainerError
    └── LabError                 numbers that the laboratory cannot take
"""

import difflib
from collections.abc import Iterable


class SitoolError(Exception):
    """A mistake that a person can mend: one sentence, and one thing to try."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class ConfigError(SitoolError):
    """One or more settings are wrong; the message names all of them."""


class MissingDependencyError(SitoolError):
    """A part needs a package that is not installed."""

    def __init__(self, part: str, package: str, extra: str) -> None:
        super().__init__(
            f"{part} needs the package {package!r}, which is not installed.",
            f"try: pip install 'sitool[{extra}]'",
        )


class StoreError(SitoolError):
    """The study directory cannot be read or written."""


class StudyError(SitoolError):
    """The study cannot do that now, or has no such round or sample."""


class TaskError(SitoolError):
    """A task cannot make or read its problems."""


class ModelError(SitoolError):
    """A base, an adapter or a tokenizer cannot be loaded or does not fit."""


class SamplerError(SitoolError):
    """A sampler cannot do what it was asked."""


class VerifierError(SitoolError):
    """A verifier cannot be started."""


class TrainerError(SitoolError):
    """A trainer cannot do what it was asked."""


class LabError(SitoolError):
    """The laboratory was given a number out of range, or tables that do not fit together."""


class UnknownNameError(SitoolError):
    """No such name; the message offers the nearest known one."""

    def __init__(self, kind: str, name: str, known: Iterable[str], hint: str = "") -> None:
        names = sorted(known)
        nearest = did_you_mean(name, names)
        super().__init__(
            f"No {kind} is named {name!r}.{nearest} Known: {', '.join(names) or 'none'}.", hint
        )


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Offer the known name nearest to a mistyped one, as a sentence or as nothing.

    >>> did_you_mean("pth", ["path", "chain"])
    " Did you mean 'path'?"
    >>> did_you_mean("zebra", ["path", "chain"])
    ''
    """
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.55)
    return f" Did you mean {close[0]!r}?" if close else ""
