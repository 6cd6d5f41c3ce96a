"""The bases that come with sitool: their names, and where their files lie.

Imports nothing heavy, so that front ends may list them.
"""

import importlib.util
from pathlib import Path

from sitool.config import ModelSettings
from sitool.errors import ModelError, did_you_mean

SCRIPTED = "scripted"


def builtin_names() -> tuple[str, ...]:
    """Return the names of the bases that come with sitool, the scripted one included."""
    folders = {folder.parent.name for root in _roots() for folder in root.glob("*/config.json")}
    return tuple(sorted({*folders, SCRIPTED}))


def builtin_folder(name: str) -> Path:
    """Return the folder of a built-in base.

    An installed package carries them in `sitool/data/`, a checkout in the
    `data/` beside the package.

    Raises:
        ModelError: No built-in base of that name has files here.
    """
    for root in _roots():
        if (root / name / "config.json").is_file():
            return root / name
    raise ModelError(
        f"No built-in base is named {name!r}. Known: {', '.join(builtin_names())}.",
        "try: make models, which makes the built-in bases from their recipes",
    )


def _roots() -> tuple[Path, ...]:
    spec = importlib.util.find_spec("sitool")
    if spec is None or not spec.submodule_search_locations:
        return ()
    package = Path(next(iter(spec.submodule_search_locations)))
    return (package / "data", package.parent / "data")


def check_base(settings: ModelSettings) -> None:
    """Make sure that a base is there, as far as can be told without loading it.

    A hub name is only looked at when the engine loads it.

    Raises:
        ModelError: The built-in base or the folder does not exist.
    """
    name = settings.base
    if name in builtin_names():
        return
    looks_like_hub_name = name.count("/") == 1 and not name.startswith((".", "/", "~"))
    if (Path(name).expanduser() / "config.json").is_file() or looks_like_hub_name:
        return
    raise ModelError(
        f"There is no base {name!r}: it is no folder with a config.json,"
        f" and the built-in ones are {', '.join(builtin_names())}."
        f"{did_you_mean(name, builtin_names())}",
        "try: --set model.base=tiny",
    )
