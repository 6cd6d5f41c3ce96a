"""The founding of a study: settings that hold, and a folder that has no study yet.

What this leaves out: what is done with the study from then on (`client.py`).
"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sitool import agreements, own, registry
from sitool.config import Settings
from sitool.curriculum import rules
from sitool.errors import SitoolError
from sitool.models.builtin import check_base
from sitool.models.loading import check_scripted
from sitool.presets import build_settings, parse_settings
from sitool.store import Store

if TYPE_CHECKING:
    from sitool.own import OwnTask


def found(
    folder: Path,
    preset: str | None,
    settings: Settings | None,
    file: Path | None,
    assignments: Sequence[str],
    task: "OwnTask | str | Path | None" = None,
) -> Store:
    """Make a study in a folder that has none; nothing is written unless all of it is right.

    Raises:
        ConfigError: A setting is wrong.
        SitoolError: The task, the base or the folder is not usable.
    """
    built = build_settings(preset, file, () if task is not None else assignments, settings)
    given = None
    if task is not None:
        given, built = own.begin_with(task, built, assignments)
    built, code = own.settle(built, given, assignments)
    built = _with_whole_paths(built)
    own.check_free(folder, code)
    rules.ladder(built.curriculum, list(own.levels_of(built)))
    check_scripted(built)
    registry.check_installed("sampler", built.sampler.name)
    check_base(built.model)
    agreements.settle_bases(built, assignments)
    is_new = not folder.exists()
    try:
        store = Store.create(folder)
    except SitoolError:
        if is_new:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    own.keep(folder, code)
    store.tree.set_next_settings(built)
    store.tree.set_meta("preset", preset or "")
    return store


def free_name(folder: Path) -> Path:
    """Return the folder itself if nothing is there, else the first free name beside it.

    >>> free_name(Path("/nowhere/demo-study")).name
    'demo-study'
    """
    place, number = folder, 1
    while place.exists() or place.is_symlink():
        number += 1
        place = folder.with_name(f"{folder.name}-{number}")
    return place


def _with_whole_paths(settings: Settings) -> Settings:
    """Make the paths of files hold from every folder."""
    table = settings.model_dump(mode="json")
    own_file = settings.task.name == "python"  # It is in the study's folder, wherever that goes.
    for name in () if own_file else ("path", "evaluation_path"):
        if table["task"].get(name):
            table["task"][name] = str(Path(table["task"][name]).expanduser().resolve())
    if settings.llamacpp.file:
        table["llamacpp"]["file"] = str(Path(settings.llamacpp.file).expanduser().resolve())
    if Path(settings.model.base).expanduser().is_dir():
        table["model"]["base"] = str(Path(settings.model.base).expanduser().resolve())
    return parse_settings(table)
