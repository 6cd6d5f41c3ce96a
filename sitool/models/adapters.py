"""What a round has learnt, as a folder, with a file of ours that says whose it is.

    sitool.json                 {"base": ..., "base_hash": ..., "method": "lora" or "full"}
    adapter_config.json         lora: PEFT's
    adapter_model.safetensors   lora: PEFT's
    weights.safetensors         full: those of the base's weights that have changed

A folder is written beside its place and then renamed into it, so that a kill
leaves the old one, or none, but never half of one.
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from sitool.errors import ModelError

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
FULL_WEIGHTS = "weights.safetensors"
ORIGIN = "sitool.json"


@dataclass(frozen=True, slots=True)
class AdapterShape:
    """What fixes the size and the scale of a LoRA adapter's update."""

    rank: int
    alpha: float


@contextmanager
def replaced_folder(folder: Path) -> Iterator[Path]:
    """Give a temporary sibling to write to, and move it to `folder` if all went well.

    Raises:
        ModelError: It cannot be written.
    """
    draft = folder.with_name(f".{folder.name}.{os.getpid()}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        draft.mkdir(parents=True)
        yield draft
        _move_over(draft, folder)
    except (OSError, SafetensorError) as error:
        raise ModelError(
            f"{str(folder)!r} cannot be written: {error}.",
            "try: free some disk space, then run the same command again; nothing is lost",
        ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _move_over(draft: Path, folder: Path) -> None:
    old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    if folder.exists():
        folder.rename(old)
    draft.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def write_origin(folder: Path, base: str, base_hash: str, method: str) -> None:
    """Write which base the folder belongs to, and how it was learnt."""
    text = json.dumps({"base": base, "base_hash": base_hash, "method": method}, indent=2)
    (folder / ORIGIN).write_text(text + "\n", encoding="utf-8")


def method_of(folder: Path) -> str:
    """Return whether a folder holds a LoRA adapter ("lora") or whole weights ("full").

    Raises:
        ModelError: `sitool.json` is broken.
    """
    if not (folder / ORIGIN).exists():
        return "lora"
    return str(read_json(folder / ORIGIN).get("method", "lora"))


def check_origin(folder: Path, base: str, base_hash: str) -> None:
    """Make sure that a folder is whole and of this base.

    A folder without `sitool.json` comes from elsewhere; its weights' names and
    shapes are all that can be checked then.

    Raises:
        ModelError: The folder is missing or broken, or of another base.
    """
    names = (FULL_WEIGHTS,) if method_of(folder) == "full" else (CONFIG, WEIGHTS)
    for name in names:
        if not (folder / name).is_file():
            raise ModelError(f"The adapter {str(folder)!r} has no file {name}.", _redo(folder))
    if (folder / ORIGIN).exists():
        check_hash(folder, read_json(folder / ORIGIN), base, base_hash)


def check_hash(folder: Path, origin: Mapping[str, Any], base: str, base_hash: str) -> None:
    """Make sure that an adapter was made for this base.

    Raises:
        ModelError: It was made for another one; the message names both.
    """
    if origin.get("base_hash") != base_hash:
        raise ModelError(
            f"The adapter {str(folder)!r} belongs to the base {origin.get('base')!r} with hash "
            f"{origin.get('base_hash')}, not to {base!r} with hash {base_hash}.",
            f"try: set model.base to {origin.get('base')!r}, or begin a new study",
        )


def read_shape(folder: Path) -> AdapterShape:
    """Read rank and alpha.

    Raises:
        ModelError: The configuration is not that of a LoRA adapter.
    """
    config = read_json(folder / CONFIG)
    if config.get("peft_type") != "LORA" or "r" not in config or "lora_alpha" not in config:
        raise ModelError(
            f"{str(folder / CONFIG)!r} does not describe a LoRA adapter.", _redo(folder)
        )
    return AdapterShape(int(config["r"]), float(config["lora_alpha"]))


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        ModelError: The file is not one.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"Cannot read {str(path)!r}: {error}.", _redo(path.parent)) from error
    if not isinstance(content, dict):
        raise ModelError(f"{str(path)!r} does not hold a JSON object.", _redo(path.parent))
    return content


def _redo(folder: Path) -> str:
    return f"try: go back to the round before {folder.name!r} and step again"
