"""One more token for every row of a batch: with a cache that grows, or in fixed shapes.

On a GPU a step of a small model takes longer to ask for than to do. In fixed
shapes the whole step is recorded once (a CUDA graph) and then replayed. What this
leaves out: reading prompts (`prompts.py`) and the draw itself (`drawing.py`).
"""

import logging
from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor
from transformers.cache_utils import DynamicLayer

from sitool.samplers.caches import RoomyLayer, SampleCache
from sitool.samplers.prompts import Pass

logger = logging.getLogger(__name__)

FIXED_DEVICES = frozenset({"cuda"})
"""Elsewhere a batch that shrinks row by row is quicker than one of a fixed shape."""


class Steps(Protocol):
    """Goes on from the prompts, a token at a time.

    Attributes:
        keep_share: Finished rows are dropped once no more than this share is still running.
        check_steps: Whether rows have finished is asked every so many steps.
        selectable: Whether rows can be dropped.
    """

    keep_share: float
    check_steps: int
    selectable: bool

    def advance(self, tokens: Tensor, positions: Tensor) -> Tensor:
        """Return the logits [rows, vocabulary] after a token [rows] at a position [rows]."""
        ...

    def keep(self, kept: Tensor) -> None:
        """Drop all rows but these, [rows kept]."""
        ...


class GrowingSteps:
    """Steps of a cache that grows by a token each.

    Args:
        run: A pass through the network.
        cache: After the prompts.
        padding: 1 on real tokens, [rows, length]; None: no filler.
    """

    keep_share = 0.75
    check_steps = 1

    def __init__(self, run: Pass, cache: SampleCache, padding: Tensor | None) -> None:
        self._run, self._cache, self._padding = run, cache, padding
        self.selectable = cache.selectable

    def advance(self, tokens: Tensor, positions: Tensor) -> Tensor:
        """Return the logits [rows, vocabulary] after a token [rows] at a position [rows]."""
        if self._padding is not None:
            one_more = self._padding.new_ones(len(tokens), 1)
            self._padding = torch.cat([self._padding, one_more], dim=1)
        return self._run(tokens[:, None], positions[:, None], self._cache, self._padding)

    def keep(self, kept: Tensor) -> None:
        """Drop all rows but these, [rows kept]."""
        self._padding = None if self._padding is None else self._padding[kept]
        self._cache.keep_rows(kept)


class FixedLayer(DynamicLayer):
    """A layer's keys and values in buffers of their final length, [rows, heads, capacity, size].

    Args:
        place: Where the next token goes, [1]; all layers share it.
    """

    def __init__(self, keys: Tensor, values: Tensor, capacity: int, place: Tensor) -> None:
        super().__init__()
        self.dtype, self.device = keys.dtype, keys.device
        self.is_initialized = True
        self.keys, self.values = _widened(keys, capacity), _widened(values, capacity)
        self._place = place

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Write one token and return everything, what is not written yet included."""
        self.keys.index_copy_(2, self._place, key_states)
        self.values.index_copy_(2, self._place, value_states)
        return self.keys, self.values

    def batch_select_indices(self, indices: Tensor) -> None:
        """Keep these rows only."""
        self.keys = self.keys.index_select(0, indices)
        self.values = self.values.index_select(0, indices)


class FixedSteps:
    """Steps whose tensors keep their shapes and places, so that a GPU can replay them.

    A batch is halved rather than shrunk row by row: every shape is recorded anew.

    Args:
        run: A pass through the network; takes a mask [rows, 1, 1, capacity] as padding.
        cache: After the prompts, of plain layers.
        padding: 1 on real tokens, [rows, length]; None: no filler.
        room: Most tokens that a row will add.
        breathe: Called before every step, which a replay would not do by itself.
    """

    keep_share = 0.5
    check_steps = 8
    selectable = True

    def __init__(
        self,
        run: Pass,
        cache: SampleCache,
        padding: Tensor | None,
        room: int,
        breathe: Callable[[], None],
    ) -> None:
        self._run, self._cache, self._breathe = run, cache, breathe
        first = cache.layers[0].keys
        rows, length = first.shape[0], first.shape[2]
        self._place = torch.full((1,), length - 1, device=first.device)
        layers = [FixedLayer(x.keys, x.values, length + room, self._place) for x in cache.layers]
        cache.layers = layers
        self._mask = torch.full(
            (rows, 1, 1, length + room), -torch.inf, dtype=first.dtype, device=first.device
        )
        self._mask[..., :length] = 0
        if padding is not None:
            self._mask[..., :length].masked_fill_(padding[:, None, None, :] == 0, -torch.inf)
        self._tokens = torch.zeros((rows, 1), dtype=torch.long, device=first.device)
        self._positions = torch.zeros_like(self._tokens)
        self._graph: torch.cuda.CUDAGraph | None = None
        self._logits: Tensor | None = None
        self._can_record = first.device.type == "cuda"

    def advance(self, tokens: Tensor, positions: Tensor) -> Tensor:
        """Return the logits [rows, vocabulary] after a token [rows] at a position [rows]."""
        self._tokens.copy_(tokens[:, None])
        self._positions.copy_(positions[:, None])
        self._place += 1
        self._mask.index_fill_(3, self._place, 0)
        if self._graph is None and self._can_record:
            self._record()
        if self._graph is None or self._logits is None:
            return self._once()
        self._breathe()
        self._graph.replay()
        return self._logits

    def keep(self, kept: Tensor) -> None:
        """Drop all rows but these, [rows kept]."""
        self._graph = self._logits = None
        for layer in self._cache.layers:
            layer.batch_select_indices(kept)
        self._mask = self._mask.index_select(0, kept)
        self._tokens, self._positions = self._tokens[kept], self._positions[kept]

    def _once(self) -> Tensor:
        return self._run(self._tokens, self._positions, self._cache, self._mask)

    def _record(self) -> None:
        """Record a step; one that cannot be recorded is asked for anew each time."""
        try:
            beside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            beside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(beside):
                self._once()  # Allocates what libraries want; doing a step twice changes nothing.
            torch.cuda.current_stream().wait_stream(beside)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                self._logits = self._once()
            self._graph = graph
        except RuntimeError as error:
            self._can_record = False
            self._graph = self._logits = None
            logger.info("a step cannot be recorded: %s", error)


def make_steps(
    run: Pass,
    cache: SampleCache,
    padding: Tensor | None,
    room: int,
    breathe: Callable[[], None],
) -> Steps:
    """Choose how a batch goes on after its prompts."""
    if can_be_fixed(cache) and cache.layers[0].keys.device.type in FIXED_DEVICES:
        return FixedSteps(run, cache, padding, room, breathe)
    return GrowingSteps(run, cache, padding)


def can_be_fixed(cache: SampleCache) -> bool:
    """Whether every layer holds all that came before, and each row its own copy of it."""
    plain = all(type(layer) in (DynamicLayer, RoomyLayer) for layer in cache.layers)
    return bool(cache.layers) and plain and not cache.shared


def _widened(states: Tensor, capacity: int) -> Tensor:
    rows, heads, length, size = states.shape
    # Zeros, for whatever is masked out is still multiplied by a weight of 0.
    buffer = states.new_zeros(rows, heads, capacity, size)
    buffer[:, :, :length] = states
    return buffer
