"""Attention in which the samples of a prompt share its keys and values.

Forking the cache gives every sample its own copy of the prompt, and every step
reads all of them. Here the prompt's keys and values stay as they are, once for
all its samples, and a sample adds only the tokens that it drew itself. On the
CPU and the tiny base that makes a step twice as quick.

It goes through transformers' own interfaces for attention and caches, so the
model's forward stays the model's. `fits` says where that is right; other models
fork (`caches.py`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers import AttentionInterface, AttentionMaskInterface, DynamicCache
from transformers.cache_utils import DynamicLayer

NAME = "sitool_shared_prompts"
FEW_TOKENS = 16
"""Of a row's own: with fewer, a sum of products is quicker than many small matrix products."""


class Fan:
    """Which prompt each row samples, and where it sits among that prompt's rows.

    Attributes:
        source: Prompt of each row, [rows].
        slots: Place of each row in the grid [prompts * width]; None: row i is place i.
        prompts: Number of prompts.
        width: Most rows of one prompt.
        bias: 0 on real tokens and -inf on filler, [prompts, 1, 1, length]; None: no filler.
    """

    def __init__(self, source: Tensor, prompts: int, bias: Tensor | None) -> None:
        self.source, self.prompts, self.bias = source, prompts, bias
        counts = torch.bincount(source, minlength=prompts)
        order = source.argsort(stable=True)
        places = torch.arange(len(source), device=source.device)
        ranks = torch.empty_like(source)
        ranks[order] = places - (counts.cumsum(0) - counts)[source[order]]
        self.width = int(counts.max())
        slots = source * self.width + ranks
        is_full = len(source) == prompts * self.width and torch.equal(slots, places)
        self.slots = None if is_full else slots

    def select(self, kept: Tensor) -> tuple["Fan", Tensor]:
        """Return the fan of these rows only, and the prompts that they still need."""
        alive, source = torch.unique(self.source[kept], return_inverse=True)
        bias = None if self.bias is None else self.bias[alive]
        return Fan(source, len(alive), bias), alive

    def to_grid(self, rows: Tensor) -> Tensor:
        """Turn [rows, kv heads, groups, n] into [prompts, kv heads, width * groups, n]."""
        if self.slots is not None:
            grid = rows.new_zeros(self.prompts * self.width, *rows.shape[1:])
            rows = grid.index_copy_(0, self.slots, rows)
        heads, groups, size = rows.shape[1:]
        grid = rows.view(self.prompts, self.width, heads, groups, size).transpose(1, 2)
        return grid.reshape(self.prompts, heads, self.width * groups, size)

    def to_rows(self, grid: Tensor, groups: int) -> Tensor:
        """Undo `to_grid`."""
        heads, size = grid.shape[1], grid.shape[3]
        cells = grid.view(self.prompts, heads, self.width, groups, size).transpose(1, 2)
        cells = cells.reshape(self.prompts * self.width, heads, groups, size)
        return cells if self.slots is None else cells.index_select(0, self.slots)


class SharedLayer(DynamicLayer):
    """The prompts' keys and values, and those that each row added.

    Args:
        prompt_keys: [prompts, kv heads, prompt length, size].
        prompt_values: The same shape.
        fan: Shared by all layers.
        room: Most tokens that a row will add.
    """

    def __init__(self, prompt_keys: Tensor, prompt_values: Tensor, fan: Fan, room: int) -> None:
        super().__init__()
        self.dtype, self.device = prompt_keys.dtype, prompt_keys.device
        self.is_initialized = True
        self.prompt_keys, self.prompt_values, self.fan = prompt_keys, prompt_values, fan
        self._keys = _room_for(prompt_keys, len(fan.source), room)
        self._values = _room_for(prompt_values, len(fan.source), room)
        self._length = 0
        self.was_read = True

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Add one token to each row and return the rows' own tokens.

        The keys carry this layer along to `shared_attention`, which needs the
        prompts' part too.
        """
        if not self.was_read:
            raise RuntimeError("a model that does not attend through `shared_attention` shares")
        self.was_read = False
        place = self._length
        self._keys[:, :, place : place + 1] = key_states
        self._values[:, :, place : place + 1] = value_states
        self._length += 1
        keys = self._keys[:, :, : self._length]
        keys.shared_layer = self  # type: ignore[attr-defined]
        return keys, self._values[:, :, : self._length]

    def get_seq_length(self) -> int:
        """Return how many tokens each row has, filler included."""
        return int(self.prompt_keys.shape[-2]) + self._length

    def take(self, kept: Tensor, alive: Tensor, fan: Fan) -> None:
        """Keep these rows and these prompts only."""
        self._keys = self._keys.index_select(0, kept)
        self._values = self._values.index_select(0, kept)
        if len(alive) < len(self.prompt_keys):
            self.prompt_keys = self.prompt_keys.index_select(0, alive)
            self.prompt_values = self.prompt_values.index_select(0, alive)
        self.fan = fan


def shared_attention(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    **unused: Any,
) -> tuple[Tensor, None]:
    """Attend from one new token a row to its prompt and to its own tokens.

    Args:
        module: The attention layer; not looked at.
        query: [rows, heads, 1, size].
        key: The rows' own, [rows, kv heads, tokens, size].
        value: The same shape.
        attention_mask: None; filler is in the fan.
        scaling: Of the scores; None: 1 / sqrt(size).
        unused: Options without meaning here, such as dropout.

    Returns:
        [rows, 1, heads, size], and no weights.
    """
    layer: SharedLayer = key.shared_layer  # type: ignore[attr-defined]
    layer.was_read = True
    fan, length = layer.fan, layer.prompt_keys.shape[-2]
    rows, heads, _, size = query.shape
    groups = heads // key.shape[1]
    scale = size**-0.5 if scaling is None else scaling
    grouped = query.reshape(rows, key.shape[1], groups, size) * scale
    to_prompt = fan.to_grid(grouped) @ layer.prompt_keys.transpose(-1, -2)
    if fan.bias is not None:
        to_prompt += fan.bias
    to_own = grouped @ key.transpose(-1, -2)
    scores = torch.cat([fan.to_rows(to_prompt, groups), to_own], dim=-1)
    weights = functional.softmax(scores, dim=-1, dtype=torch.float32).to(query.dtype)
    from_prompt = fan.to_grid(weights[..., :length]) @ layer.prompt_values
    output = fan.to_rows(from_prompt, groups) + _weighed(weights[..., length:], value)
    return output.reshape(rows, 1, heads, -1), None


def _weighed(weights: Tensor, values: Tensor) -> Tensor:
    """Return weights [rows, kv heads, groups, tokens] @ values [rows, kv heads, tokens, size]."""
    groups, tokens = weights.shape[2:]
    if groups == 1 and tokens < FEW_TOKENS:
        return (weights.transpose(-1, -2) * values).sum(dim=-2, keepdim=True)
    return weights @ values


def _room_for(prompt_states: Tensor, rows: int, room: int) -> Tensor:
    _, heads, _, size = prompt_states.shape
    return prompt_states.new_empty(rows, heads, room, size)


def _no_mask(*args: Any, **kwargs: Any) -> None:
    """Stand in for transformers' mask: one new token a row sees everything before it."""


AttentionInterface.register(NAME, shared_attention)
AttentionMaskInterface.register(NAME, _no_mask)


@contextmanager
def shared(config: Any) -> Iterator[None]:
    """Within, the model of this configuration attends through `shared_attention`."""
    usual = config._attn_implementation
    config._attn_implementation = NAME
    try:
        yield
    finally:
        config._attn_implementation = usual


def fits(causal_lm: Any, cache: DynamicCache, rows: int) -> bool:
    """Whether sharing is right for a model, given its cache after the prompts, and pays.

    The model has to attend through transformers' interface, and plainly, over
    everything before: windows have cache layers of their own, and soft caps
    and sinks do not run under `sdpa`. Each prompt needs two rows or more on
    average, else there is little to share. Not tried on CUDA, so not used there.
    """
    layers = cache.layers
    config = causal_lm.config
    return (
        causal_lm.device.type == "cpu"
        and causal_lm._supports_attention_backend
        and config._attn_implementation == "sdpa"
        and all(type(layer) is DynamicLayer and layer.keys is not None for layer in layers)
        and rows >= 2 * len(layers[0].keys)
    )


def share(cache: DynamicCache, source: Tensor, padding: Tensor | None, room: int) -> None:
    """Let row i go on from prompt `source[i]`; padding [prompts, length] is 1 on real tokens."""
    prompts = len(cache.layers[0].keys)
    bias = None
    if padding is not None:
        bias = torch.zeros_like(padding, dtype=cache.layers[0].keys.dtype)
        bias = bias.masked_fill(padding == 0, -torch.inf)[:, None, None, :]
    fan = Fan(source, prompts, bias)
    cache.layers = [SharedLayer(layer.keys, layer.values, fan, room) for layer in cache.layers]


def select_shared(cache: DynamicCache, kept: Tensor) -> None:
    """Keep these rows only."""
    fan, alive = cache.layers[0].fan.select(kept)
    for layer in cache.layers:
        layer.take(kept, alive, fan)
