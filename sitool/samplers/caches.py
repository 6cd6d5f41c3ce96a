"""Keys and values of a batch: room made in advance, rows forked and dropped.

transformers' own dynamic cache is joined anew at every token; on the tiny base
that copying is a good part of a step.
"""

from typing import Any

from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from sitool.samplers import sharing


class RoomyLayer(DynamicLayer):
    """A layer's keys and values [rows, heads, length, size] in a buffer with room to grow."""

    keys: Tensor
    values: Tensor
    _key_buffer: Tensor
    _value_buffer: Tensor

    def __init__(self, keys: Tensor, values: Tensor, room: int) -> None:
        super().__init__()
        self.dtype, self.device = keys.dtype, keys.device
        self.is_initialized = True
        self._capacity = keys.shape[-2] + room
        self._take(keys, values)

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Write the new tokens behind the old ones and return all of them."""
        start = self.keys.shape[-2]
        end = start + key_states.shape[-2]
        if end > self._capacity:
            self._capacity = 2 * end
            self._take(self.keys, self.values)
        self._key_buffer[:, :, start:end] = key_states
        self._value_buffer[:, :, start:end] = value_states
        self.keys, self.values = self._key_buffer[:, :, :end], self._value_buffer[:, :, :end]
        return self.keys, self.values

    def batch_select_indices(self, indices: Tensor) -> None:
        """Keep these rows only."""
        self._take(self.keys.index_select(0, indices), self.values.index_select(0, indices))

    def _take(self, keys: Tensor, values: Tensor) -> None:
        self._key_buffer, self.keys = self._spread(keys)
        self._value_buffer, self.values = self._spread(values)

    def _spread(self, states: Tensor) -> tuple[Tensor, Tensor]:
        rows, heads, length, size = states.shape
        buffer = states.new_empty(rows, heads, self._capacity, size)
        buffer[:, :, :length] = states
        return buffer, buffer[:, :, :length]


class SampleCache(DynamicCache):
    """The cache of a batch: filled with prompts, then fanned out to their samples.

    Attributes:
        shared: Whether samples share their prompt's keys and values.
        selectable: Whether rows can be dropped.
    """

    def __init__(self, causal_lm: Any, room: int) -> None:
        super().__init__(config=causal_lm.config)
        self._causal_lm = causal_lm
        self._room = room
        self.shared = False
        self.selectable = True

    def fan_out(self, source: Tensor, padding: Tensor | None) -> bool:
        """Let row i go on from prompt `source[i]`.

        Args:
            source: [samples].
            padding: [prompts, longest], 1 on real tokens; None: no filler.

        Returns:
            Whether this model's cache can do that at all.
        """
        if sharing.fits(self._causal_lm, self, len(source)):
            sharing.share(self, source, padding, self._room)
            self.shared = True
            return True
        if not all(hasattr(layer, "batch_select_indices") for layer in self.layers):
            return False
        for index, layer in enumerate(self.layers):
            if type(layer) is DynamicLayer and layer.keys is not None:
                keys, values = (states[source] for states in (layer.keys, layer.values))
                self.layers[index] = RoomyLayer(keys, values, self._room)
            else:
                layer.batch_select_indices(source)
        return True

    def keep_rows(self, kept: Tensor) -> None:
        """Drop all rows but these."""
        if self.shared:
            sharing.select_shared(self, kept)
        else:
            self.batch_select_indices(kept)
