"""Whole GGUF files: a base, with or without its adapter in it, or the adapter alone.

Each is written whole or not at all (`drafts.py`).
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import gguf
import numpy as np

from sitool.models.gguf import vocabulary
from sitool.models.gguf.layouts import Key, Layout, layout_of
from sitool.models.gguf.weights import KINDS, Piece, Precision, adapter_pieces, base_pieces
from sitool.models.local import LocalModel

FILE_TYPES = {
    "f32": gguf.LlamaFileType.ALL_F32,
    "f16": gguf.LlamaFileType.MOSTLY_F16,
    "q8_0": gguf.LlamaFileType.MOSTLY_Q8_0,
}


def write_base(
    model: LocalModel,
    file: Path,
    precision: Precision,
    *,
    merged: bool = False,
    words: vocabulary.Vocabulary = vocabulary.NONE,
) -> None:
    """Write the base as one file.

    Args:
        model: Its base, and the adapter that is on.
        file: Is overwritten.
        precision: Of the matrices; q8_0 falls back to f16 where rows do not fit its blocks.
        merged: Add the adapter to the weights.
        words: The vocabulary; without one, llama.cpp's own programs cannot read text.

    Raises:
        ModelError: The base's architecture is not supported.
    """
    layout = layout_of(model.name, model.causal_lm)
    writer = _begun(model, layout, words)
    writer.add_file_type(FILE_TYPES[precision])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    _write(writer, file, base_pieces(model, layout, precision, merged))


def write_vocabulary(model: LocalModel, file: Path, words: vocabulary.Vocabulary) -> None:
    """Write a file without weights, with which llama.cpp can read texts."""
    layout = layout_of(model.name, model.causal_lm)
    _write(_begun(model, layout, words), file, [])


def write_adapter(model: LocalModel, file: Path) -> None:
    """Write the adapter that is on, to be laid over a GGUF file of its base.

    Raises:
        ModelError: The base's architecture is not supported.
    """
    layout = layout_of(model.name, model.causal_lm)
    writer = gguf.GGUFWriter(None, layout.architecture)
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    # 0: the scale is in the weights already.
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, 0.0)
    _write(writer, file, adapter_pieces(model, layout))


def _begun(model: LocalModel, layout: Layout, words: vocabulary.Vocabulary) -> Any:
    """Return a writer that knows the base's keys and its vocabulary."""
    writer = gguf.GGUFWriter(None, layout.architecture)
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_name(Path(model.name).name)
    for key, value in layout.keys.items():
        _add(writer, f"{layout.architecture}.{key}", value)
    words.add_to(writer)
    return writer


def _add(writer: Any, key: str, value: Key) -> None:
    if isinstance(value, str):
        writer.add_string(key, value)
    elif isinstance(value, int):
        writer.add_uint32(key, value)
    else:
        writer.add_float32(key, value)


def _write(writer: Any, file: Path, pieces: Iterable[Piece]) -> None:
    """Write header, keys and table, then one tensor after the other."""
    listed = list(pieces)
    for piece in listed:
        kind = KINDS[piece.precision]
        writer.add_tensor_info(
            piece.name, piece.shape, np.dtype(np.float32), piece.size, raw_dtype=kind
        )
    try:
        writer.write_header_to_file(file)
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        for piece in listed:
            writer.write_tensor_data(piece.numbers())
    finally:
        writer.close()
