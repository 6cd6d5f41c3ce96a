"""The Python that a study brings along, in its task and its bases, and whether it may run.

Code is asked about where it would run: a task's where the task is made
(`tasks/python.py`), a base's where it is read (`models/code.py`), so that nobody can
forget it. What is here asks sooner: before a study is made, before a round is begun,
and when a person wants to see what would run. What this leaves out: agreeing to a
task's code (`own.py`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sitool import trust
from sitool.config import ModelSettings, Settings
from sitool.errors import ModelError
from sitool.models.builtin import SCRIPTED
from sitool.models.code import BaseCode, read_code
from sitool.models.folders import find_base

SWITCH = "model.trust_remote_code"


@dataclass(frozen=True, slots=True)
class Code:
    """Some Python that did not come with sitool, as a person is shown it.

    Attributes:
        what: Whether it is of a task or of a base.
        place: Where it comes from.
        files: All of it.
        sha256: Of all of it.
        agreed: Whether it may run on this machine.
    """

    what: Literal["task", "base"]
    place: str
    files: tuple[Path, ...]
    sha256: str
    agreed: bool


def task_code(file: Path) -> Code:
    """Return the code of a task file.

    Raises:
        TaskError: It cannot be read.
    """
    sha256 = trust.digest(trust.read_code(file))
    return Code("task", str(file), (file,), sha256, trust.is_trusted(sha256))


def shown(code: BaseCode) -> Code:
    """Return a base's code as a person is shown it."""
    files = tuple(code.folder / name for name, _ in code.files)
    return Code("base", code.place, files, code.sha256, code.agreed)


def code_of_base(name: str) -> BaseCode:
    """Return what a base would run if it were let.

    Args:
        name: A folder or a hub name.

    Raises:
        ModelError: The base is not on this machine, or brings no code.
    """
    settings = ModelSettings(base=name, trust_remote_code=True)
    code = read_code(settings, find_base(settings))
    if code is None:
        raise ModelError(
            f"The base {name!r} has no Python code, so there is nothing to agree to.",
            "try: sitool trust DIR, with a study",
        )
    return code


def base_codes(settings: Sequence[Settings]) -> list[BaseCode]:
    """Return the code of all bases that settings name.

    Raises:
        ModelError: A base is not on this machine, or its code cannot be looked at.
    """
    models = dict.fromkeys(model for one in settings for model in _models(one))
    codes = (read_code(model, _found_here(model)) for model in models)
    return [code for code in codes if code is not None]


def codes_of_study(folder: Path, settings: Sequence[Settings]) -> list[Code]:
    """Return all code that a study brings along.

    Args:
        settings: Those by which it goes on.

    Raises:
        TaskError: The task's file cannot be read.
        ModelError: As `base_codes`.
    """
    own = [folder / one.task.path for one in settings[:1] if one.task.name == "python"]
    return [*map(task_code, own), *map(shown, base_codes(settings))]


def settle_bases(settings: Settings, assignments: Sequence[str]) -> None:
    """See to it that a study may be made whose bases bring code.

    Whoever assigns `model.trust_remote_code` agrees with that to the code that is here;
    a settings file, which may come from anybody, agrees to nothing. A hub model that is not
    on this machine yet is asked about when the engine has fetched it.

    Raises:
        ModelError: It is not agreed to.
    """
    typed = any(text.partition("=")[0].strip() == SWITCH for text in assignments)
    for model in _models(settings):
        try:
            folder = _found_here(model)
        except ModelError:
            continue
        code = read_code(model, folder)
        if code is None:
            continue
        if typed:
            code.agree()
        elif not code.agreed:
            raise code.refusal(code.base)


class Watch:
    """Looks before each round whether the code of a study's bases may run.

    A base is found once, since the hub might be asked for it; its files are looked at
    every time.

    Args:
        folder: The study's.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._places: dict[ModelSettings, Path] = {}

    def check(self, settings: Settings) -> str:
        """Return the hashes of what may run; nothing if there is no code.

        Raises:
            ModelError: Nobody here has agreed to it, or there is no such base.
        """
        codes = [read_code(model, self._place(model)) for model in _models(settings)]
        for code in codes:
            if code is not None and not code.agreed:
                raise code.refusal(str(self._folder))
        return " ".join(code.sha256 for code in codes if code is not None)

    def _place(self, model: ModelSettings) -> Path:
        if model not in self._places:
            self._places[model] = find_base(model)
        return self._places[model]


def _models(settings: Settings) -> Iterator[ModelSettings]:
    """Yield the base that learns and the one that judges, if they may bring code."""
    if not settings.model.trust_remote_code:
        return
    for name in dict.fromkeys((settings.model.base, settings.cross.base)):
        if name not in ("", SCRIPTED):
            yield settings.model.model_copy(update={"base": name})


def _found_here(model: ModelSettings) -> Path:
    """Find a base without fetching it.

    Raises:
        ModelError: It is not on this machine.
    """
    try:
        return find_base(model.model_copy(update={"allow_download": False}))
    except ModelError as error:
        if not model.allow_download:
            raise
        raise ModelError(
            f"The base {model.base!r} is not on this machine yet, so its code cannot be looked at.",
            "try: sitool step DIR, which fetches it and runs none of its code",
        ) from error
