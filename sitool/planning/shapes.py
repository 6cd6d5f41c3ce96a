"""How large a base is, read from its `config.json` and the heads of its weight files.

The head of a safetensors file is JSON and says the name, shape and type of every
tensor, so nothing has to be loaded. What this leaves out: bases of which neither
is on this machine.

Source: the format's description, github.com/huggingface/safetensors.
"""

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from sitool.config import ModelSettings
from sitool.errors import ModelError
from sitool.models.builtin import builtin_folder, builtin_names

MOST_HEADER_BYTES = 100_000_000
"""The format's own limit."""

OUTSIDE_LAYERS = ("embed", "wte", "wpe", "lm_head", "word_embeddings", "embed_out")
"""Tables and heads, by a part of their names: they carry no adapter."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A base in numbers.

    Attributes:
        inner: Width of a layer's widest part.
        context: Most tokens of a prompt and its completion; 0: not known.
        parameters: All weights; tied ones once.
        linear: Weights of the linear layers that an adapter goes on.
        sides: Sum of the two sides of each of these layers; an adapter of rank r
            has r times as many weights.
    """

    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_size: int
    inner: int
    vocabulary: int
    context: int
    parameters: int
    linear: int
    sides: int


def find_folder(settings: ModelSettings) -> Path:
    """Return where a base's files are: built in, a local folder, or the cache of hub models.

    Raises:
        ModelError: They are not on this machine.
    """
    name = settings.base
    if name in builtin_names():
        return builtin_folder(name)
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    cached = _cached_folder(name)
    if cached is None:
        raise ModelError(
            f"The base {name!r} is not on this machine yet, so its size is not known.",
            "try: run a round first, which fetches it if model.allow_download is true",
        )
    return cached


def _cached_folder(name: str) -> Path | None:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(name, "config.json")
    except HFValidationError:
        return None
    return Path(found).parent if isinstance(found, str) else None


def read_shape(folder: Path) -> Shape:
    """Read the shape of the base in a folder; again only when its files have changed.

    Raises:
        ModelError: The files are missing or are not those of a language model.
    """
    files = sorted(folder.glob("*.safetensors"))
    try:
        stamps = tuple((str(p), p.stat().st_mtime_ns) for p in (folder / "config.json", *files))
        return _read(stamps)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        raise ModelError(
            f"The size of the base in {str(folder)!r} cannot be read: {error}.",
            "allowed: a folder with config.json and *.safetensors of a causal language model",
        ) from error


@lru_cache(maxsize=16)
def _read(stamps: tuple[tuple[str, int], ...]) -> Shape:
    config_file, *files = (Path(name) for name, _ in stamps)
    config = json.loads(config_file.read_text(encoding="utf-8"))
    config = config.get("text_config") or config
    tensors: dict[str, tuple[int, ...]] = {}
    for file in files:
        tensors |= read_header(file)
    if not tensors:
        raise ValueError("there is no *.safetensors")
    return shape_of(config, tensors)


def read_header(file: Path) -> dict[str, tuple[int, ...]]:
    """Return the shape of each tensor of a safetensors file by its name.

    Raises:
        ValueError: It is no such file.
    """
    with file.open("rb") as opened:
        (length,) = struct.unpack("<Q", opened.read(8))
        if length > MOST_HEADER_BYTES:
            raise ValueError(f"{file.name} is no safetensors file")
        header = json.loads(opened.read(length))
    return {name: tuple(entry["shape"]) for name, entry in header.items() if name != "__metadata__"}


def shape_of(config: Mapping[str, Any], tensors: Mapping[str, tuple[int, ...]]) -> Shape:
    """Put a configuration and the tensors' shapes together.

    Raises:
        KeyError: The configuration lacks a number that every language model has.
    """
    hidden, heads = (
        _number(config, "hidden_size", "n_embd"),
        _number(config, "num_attention_heads", "n_head"),
    )
    layered = [
        shape
        for name, shape in tensors.items()
        if len(shape) == 2 and not any(word in name for word in OUTSIDE_LAYERS)
    ]
    return Shape(
        layers=_number(config, "num_hidden_layers", "n_layer"),
        hidden=hidden,
        heads=heads,
        kv_heads=config.get("num_key_value_heads") or heads,
        head_size=config.get("head_dim") or hidden // heads,
        inner=config.get("intermediate_size") or config.get("n_inner") or 4 * hidden,
        vocabulary=_number(config, "vocab_size"),
        context=config.get("max_position_embeddings") or config.get("n_positions") or 0,
        parameters=sum(math.prod(shape) for shape in tensors.values()),
        linear=sum(math.prod(shape) for shape in layered),
        sides=sum(map(sum, layered)),
    )


def _number(config: Mapping[str, Any], *names: str) -> int:
    """Return the first of some numbers that a configuration has."""
    found = next((config[name] for name in names if config.get(name)), None)
    if not isinstance(found, int):
        raise KeyError(f"config.json has no {names[0]}")
    return found
