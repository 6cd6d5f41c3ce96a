"""The founding of a study: settings that hold, and a folder that has no study yet.

What this leaves out: what is done with the study from then on (`client.py`).
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

from sitool import curriculum as rules
from sitool import registry
from sitool.config import Settings
from sitool.errors import SitoolError
from sitool.models.builtin import check_base
from sitool.models.loading import check_scripted
from sitool.parts import make_task
from sitool.presets import build_settings, parse_settings
from sitool.store import Store
from sitool.tasks.base import Task


def found(
    folder: Path,
    preset: str | None,
    settings: Settings | None,
    file: Path | None,
    assignments: Sequence[str],
) -> Store:
    """Make a study in a folder that has none; nothing is written unless all of it is right.

    Raises:
        ConfigError: A setting is wrong.
        SitoolError: The task, the base or the folder is not usable.
    """
    built = build_settings(preset, file, assignments, settings)
    built = _with_whole_paths(built)
    task = make_task(built)
    _check_levels(task, built)
    check_scripted(built)
    registry.check_installed("sampler", built.sampler.name)
    check_base(built.model)
    is_new = not folder.exists()
    try:
        store = Store.create(folder)
    except SitoolError:
        if is_new:
            shutil.rmtree(folder, ignore_errors=True)
        raise
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
    for name in ("path", "evaluation_path"):
        if table["task"].get(name):
            table["task"][name] = str(Path(table["task"][name]).expanduser().resolve())
    if settings.llamacpp.file:
        table["llamacpp"]["file"] = str(Path(settings.llamacpp.file).expanduser().resolve())
    if Path(settings.model.base).expanduser().is_dir():
        table["model"]["base"] = str(Path(settings.model.base).expanduser().resolve())
    return parse_settings(table)


def _check_levels(task: Task, settings: Settings) -> None:
    rules.ladder(settings.curriculum, list(task.levels))
