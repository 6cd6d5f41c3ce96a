"""A base as a GGUF file: the user's own, or one that is written once and kept.

Kept files lie in the user's cache folder, named by everything that they depend
on; deleting them costs nothing but time.
"""

import hashlib
import os
from pathlib import Path

import gguf

from sitool.drafts import replaced_file
from sitool.errors import ModelError
from sitool.models.gguf import files, parity
from sitool.models.gguf.layouts import Layout, layout_of
from sitool.models.gguf.runtime import LoadedFile, load_file
from sitool.models.gguf.weights import Precision
from sitool.models.local import LocalModel

VERSION = 1
"""Raise it when files come out otherwise than before."""
IDENTITY = ("block_count", "embedding_length", "attention.head_count", "attention.head_count_kv")
"""Keys that have to be those of the base."""
SCALINGS = ("none", "linear", "yarn", "longrope")
"""What llama.cpp knows of `rope.scaling.type`; over another word it ends the process."""


def cache_folder() -> Path:
    """Return where converted bases are kept."""
    home = os.environ.get("XDG_CACHE_HOME", "")
    # The specification says to ignore a path that is not absolute.
    root = Path(home) if Path(home).is_absolute() else Path("~/.cache").expanduser()
    return root / "sitool" / "gguf"


def load_base(model: LocalModel, precision: Precision, file: str | None = None) -> LoadedFile:
    """Load the base into llama.cpp and make sure that it says what the base says.

    Args:
        model: The base; its adapter does not matter.
        precision: Of a file that we write.
        file: The user's own; None: one that is kept, and written if there is none yet.

    Raises:
        ModelError: The base is not supported, or the file is not the base.
    """
    layout = layout_of(model.name, model.causal_lm)
    if file is not None:
        own = Path(file).expanduser()
        return _checked(model, own, _tolerance(own, layout, model.name))
    kept = kept_file(model, precision)
    if kept.exists():
        return _checked(model, kept, parity.TOLERANCES[precision])
    with replaced_file(kept, ModelError, make_folder=True) as draft:
        files.write_base(model, draft, precision)
        parity.check(model, LoadedFile(draft), parity.TOLERANCES[precision])
    return load_file(kept)


def kept_file(model: LocalModel, precision: Precision) -> Path:
    """Return where this base is kept: its name holds weights, configuration, precision, version."""
    config = model.causal_lm.config.to_json_string()
    text = f"{model.base_hash} {config} {model.causal_lm.dtype}"
    digest = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
    return cache_folder() / f"{digest}-{precision}-v{VERSION}.gguf"


def _checked(model: LocalModel, file: Path, tolerance: float) -> LoadedFile:
    loaded = load_file(file)
    parity.check(model, loaded, tolerance)
    return loaded


def _tolerance(file: Path, layout: Layout, base: str) -> float:
    """Compare a file's keys with the base's and return the tolerance for its weights.

    llama.cpp ends the process over some wrong keys, so they are read here first.

    Raises:
        ModelError: The file cannot be read, or is of another base.
    """
    try:
        reader = gguf.GGUFReader(file)
    except (OSError, ValueError, IndexError, KeyError) as error:
        raise ModelError(f"{str(file)!r} cannot be read as GGUF: {error}.") from error
    said = _misfit(reader, layout)
    if said:
        raise ModelError(
            f"{str(file)!r} is not the base {base!r}: {said}.",
            "try: a file of the same base, or none, and one is written",
        )
    kinds = {tensor.tensor_type.name.lower() for tensor in reader.tensors} - {"f32"}
    tolerances = [parity.TOLERANCES.get(kind, parity.TOLERANCES["other"]) for kind in kinds]
    return max(tolerances, default=parity.TOLERANCES["f32"])


def _misfit(reader: gguf.GGUFReader, layout: Layout) -> str:
    """Say what in a file's keys or tensors cannot be that base's; nothing if all can."""
    prefix = layout.architecture
    same = {
        "general.architecture": prefix,
        **{f"{prefix}.{key}": layout.keys[key] for key in IDENTITY},
    }
    for key, wanted in same.items():
        got = _value(reader, key)
        if got != wanted:
            return f"its {key} is {got!r}, not {wanted!r}"
    scaling = _value(reader, f"{prefix}.rope.scaling.type")
    if scaling not in (None, *SCALINGS):
        return f"its {prefix}.rope.scaling.type is {scaling!r}, which nobody knows"
    for tensor in reader.tensors:
        kind = tensor.tensor_type.name
        if len(tensor.shape) == 1 and kind != "F32":
            return f"its {tensor.name} is {kind}, and llama.cpp computes with F32 there"
    return ""


def _value(reader: gguf.GGUFReader, key: str) -> object:
    field = reader.get_field(key)
    return None if field is None else field.contents()
