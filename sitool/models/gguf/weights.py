"""The tensors of a GGUF file, from a base and its adapter in torch.

One tensor at a time is brought into its final form, so that writing a base
takes little more memory than the base itself.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import gguf
import numpy as np
import torch
from torch import Tensor

from sitool.errors import ModelError
from sitool.models import lora
from sitool.models.gguf.layouts import Layout
from sitool.models.local import LocalModel

Precision = Literal["f32", "f16", "q8_0"]
Array = np.ndarray[Any, Any]

KINDS = {
    "f32": gguf.GGMLQuantizationType.F32,
    "f16": gguf.GGMLQuantizationType.F16,
    "q8_0": gguf.GGMLQuantizationType.Q8_0,
}
BLOCK, BLOCK_BYTES = 32, 34
"""q8_0 packs 32 numbers of a row into 34 bytes."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One tensor of a file.

    Attributes:
        name: llama.cpp's.
        shape: As in torch, rows first.
        read: Makes its numbers, in float32.
    """

    name: str
    shape: tuple[int, ...]
    precision: Precision
    read: Callable[[], Array]

    @property
    def size(self) -> int:
        """Its bytes in the file."""
        count = int(np.prod(self.shape))
        return {"f32": 4 * count, "f16": 2 * count, "q8_0": count // BLOCK * BLOCK_BYTES}[
            self.precision
        ]

    def numbers(self) -> Array:
        """Return what is written: float32, float16, or packed bytes."""
        numbers = np.ascontiguousarray(self.read())
        if self.precision == "q8_0":
            packed: Array = gguf.quants.quantize(numbers, KINDS["q8_0"])
            return packed
        return numbers.astype(np.float32 if self.precision == "f32" else np.float16)


def base_pieces(
    model: LocalModel, layout: Layout, precision: Precision, merged: bool
) -> Iterator[Piece]:
    """Return the tensors of the base, with the adapter that is on added to them or not.

    Raises:
        ModelError: llama.cpp has no place for a tensor of the base.
    """
    names = _Names(model, layout)
    updates = _updates(model) if merged else {}
    for name, tensor in model.causal_lm.state_dict().items():
        plain = name.replace(".base_layer", "")
        if ".lora_" in name or (plain == "lm_head.weight" and _is_tied(model)):
            continue
        update = updates.get(plain.removesuffix(".weight"))
        read = _reader(tensor, plain, layout, update)
        shape = tuple(tensor.shape)
        yield Piece(names.find(plain), shape, _fitting(precision, shape), read)
    if layout.rope_factors is not None:
        factors = layout.rope_factors
        yield Piece("rope_freqs.weight", factors.shape, "f32", lambda: factors)


def adapter_pieces(model: LocalModel, layout: Layout) -> Iterator[Piece]:
    """Return the two tensors of every layer's adapter, its scale inside the second.

    The scale is PEFT's own, so that whatever rank and alpha a layer has, the
    file needs no alpha.
    """
    names = _Names(model, layout)
    for name, layer in _layers(model):
        down, up = layer.lora_A[lora.ADAPTER].weight, layer.lora_B[lora.ADAPTER].weight
        place = names.find(f"{name}.weight")
        scaled = up.detach().float() * layer.scaling[lora.ADAPTER]
        read_down = _reader(down, "", layout, None)
        read_up = _reader(scaled, name, layout, None)
        yield Piece(f"{place}.lora_a", tuple(down.shape), "f32", read_down)
        yield Piece(f"{place}.lora_b", tuple(up.shape), "f32", read_up)


class _Names:
    """From transformers' names to llama.cpp's."""

    def __init__(self, model: LocalModel, layout: Layout) -> None:
        self._base = model.name
        numbers = {name: number for number, name in gguf.MODEL_ARCH_NAMES.items()}
        self._map = gguf.get_tensor_name_map(numbers[layout.architecture], layout.blocks)

    def find(self, name: str) -> str:
        found = self._map.get_name(name, try_suffixes=(".weight", ".bias"))
        if found is None:
            raise ModelError(
                f"The base {self._base!r} cannot be written as GGUF: "
                f"there is no place for its tensor {name!r}.",
                "try: set sampler.name to 'native'",
            )
        return str(found)


def _layers(model: LocalModel) -> list[tuple[str, Any]]:
    """Return the layers with an adapter by the names that the plain base has for them."""
    return lora.lora_layers(model.causal_lm)


def _updates(model: LocalModel) -> dict[str, Callable[[], Tensor]]:
    def update(layer: Any) -> Callable[[], Tensor]:
        return lambda: layer.get_delta_weight(lora.ADAPTER)

    return {name: update(layer) for name, layer in _layers(model)}


def _reader(
    tensor: Tensor, name: str, layout: Layout, update: Callable[[], Tensor] | None
) -> Callable[[], Array]:
    def read() -> Array:
        with torch.no_grad():
            numbers = tensor.detach().float()
            if update is not None:
                numbers = numbers + update().float()
            array: Array = numbers.cpu().numpy()
        return _turned(array, name, layout)

    return read


def _turned(array: Array, name: str, layout: Layout) -> Array:
    """Bring the rows of queries and keys into llama.cpp's order.

    Row i of a head's first half and row i of its second half are turned against
    each other: they become neighbours.
    """
    kind = name.removesuffix(".weight").removesuffix(".bias").rpartition(".")[2]
    heads = {"q_proj": layout.heads, "k_proj": layout.kv_heads}.get(kind)
    if heads is None or not layout.permuted:
        return array
    halves = array.reshape(heads, 2, layout.head_size // 2, *array.shape[1:])
    return halves.swapaxes(1, 2).reshape(array.shape)


def _fitting(precision: Precision, shape: tuple[int, ...]) -> Precision:
    """Return the precision of a tensor: norms and biases stay whole; llama.cpp wants it so."""
    if len(shape) == 1:
        return "f32"
    return "f16" if precision == "q8_0" and shape[-1] % BLOCK else precision


def _is_tied(model: LocalModel) -> bool:
    return bool(model.causal_lm.config.tie_word_embeddings)
