"""Reading prompts: each once, a common beginning once for all, similar lengths together.

What this leaves out: how a pass through the network is made, and what is drawn
after the prompts (`native.py`).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Protocol

import torch
from torch import Tensor
from transformers.cache_utils import DynamicLayer

Prompt = tuple[int, ...]

LEAST_PREFIX = 16
"""Shorter beginnings are not worth a pass of their own."""
MOST_FILLER = 256
"""Tokens of filler that one more prompt may bring into a pass."""
MOST_TOKENS = 16384
"""Of one pass, filler included, so that its activations stay small."""


class Pass(Protocol):
    """One pass through the network, of a chunk's prompts or of what follows them."""

    def __call__(
        self, ids: Tensor, positions: Tensor, cache: Any, padding: Tensor | None
    ) -> Tensor:
        """Return the logits after the last token, [rows, vocabulary]."""
        ...


@dataclass(frozen=True, slots=True)
class Read:
    """Prompts as they were read.

    Attributes:
        logits: After each prompt, [prompts, vocabulary].
        cache: Of all prompts together.
        real: 1 on tokens and 0 on filler, [prompts, length]; None: no filler.
    """

    logits: Tensor
    cache: Any
    real: Tensor | None


def read(
    prompts: Sequence[Prompt],
    run: Pass,
    new_cache: Callable[[], Any],
    filler: int,
    device: torch.device,
) -> Read:
    """Read prompts, which are best sorted by length.

    A cache whose layers do not simply grow (sliding windows) is filled in one
    pass over all prompts.
    """
    cache = new_cache()
    if not _is_plain(cache):
        return _read_group(prompts, (), run, cache, filler, device)
    prefix = common_prefix(prompts)
    beginning: Any = ()
    if prefix:
        beginning = new_cache()
        ids = torch.tensor([prefix], device=device)
        run(ids, torch.arange(len(prefix), device=device)[None], beginning, None)
    rest = [prompt[len(prefix) :] for prompt in prompts]
    parts = [
        _read_group(group, beginning, run, new_cache(), filler, device) for group in groups(rest)
    ]
    return parts[0] if len(parts) == 1 else _joined(parts, cache)


def common_prefix(prompts: Sequence[Prompt]) -> Prompt:
    """Return what all prompts begin with, if that is worth a pass; each keeps a token more.

    >>> common_prefix([(*range(20), 7), (*range(20), 8, 9)]) == tuple(range(20))
    True
    >>> common_prefix([(1, 2), (1, 3)])
    ()
    """
    if len(prompts) < 2:
        return ()
    columns = zip(*(prompt[:-1] for prompt in prompts), strict=False)
    prefix = tuple(tokens[0] for tokens in takewhile(lambda tokens: len(set(tokens)) == 1, columns))
    return prefix if len(prefix) >= LEAST_PREFIX else ()


def groups(prompts: Sequence[Prompt]) -> Iterator[list[Prompt]]:
    """Cut prompts, in their order, into runs that are read in one pass each.

    >>> [len(group) for group in groups([(1,) * 5] * 3 + [(1,) * 500])]
    [3, 1]
    """
    group: list[Prompt] = []
    longest = 0
    for prompt in prompts:
        now = max(longest, len(prompt))
        filler = (now - longest) * len(group) + now - len(prompt)
        if group and (filler > MOST_FILLER or now * (len(group) + 1) > MOST_TOKENS):
            yield group
            group, now = [], len(prompt)
        group.append(prompt)
        longest = now
    if group:
        yield group


def pad_left(prompts: Sequence[Prompt], filler: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return ids and which of them are real (1) or filler (0), both [prompts, longest]."""
    longest = max(map(len, prompts), default=0)
    ids = [[filler] * (longest - len(prompt)) + list(prompt) for prompt in prompts]
    real = [[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts]
    return torch.tensor(ids, device=device), torch.tensor(real, device=device)


def _read_group(
    group: Sequence[Prompt],
    beginning: Any,
    run: Pass,
    cache: Any,
    filler: int,
    device: torch.device,
) -> Read:
    """Read prompts in one pass, after the beginning that they share, if any."""
    ids, real = pad_left(group, filler, device)
    past = _begin(cache, beginning, len(group)) if beginning else 0
    whole = torch.cat([real.new_ones(len(group), past), real], dim=1)
    positions = (whole.cumsum(dim=1) - 1).clamp(min=0)[:, past:]
    padding = None if bool(real.all()) else whole
    return Read(run(ids, positions, cache, padding), cache, padding)


def _begin(cache: Any, beginning: Any, rows: int) -> int:
    """Let every row of a cache begin alike; returns how many tokens that is."""
    for index, layer in enumerate(beginning.layers):
        keys, values = (states.expand(rows, -1, -1, -1) for states in (layer.keys, layer.values))
        cache.update(keys, values, index)
    return int(beginning.get_seq_length())


def _joined(parts: Sequence[Read], cache: Any) -> Read:
    """Put caches of several lengths into one, with filler on the left."""
    longest = max(part.cache.get_seq_length() for part in parts)
    for index in range(len(parts[0].cache.layers)):
        layers = [part.cache.layers[index] for part in parts]
        keys = torch.cat([_left_padded(layer.keys, longest) for layer in layers])
        values = torch.cat([_left_padded(layer.values, longest) for layer in layers])
        cache.update(keys, values, index)
    real = torch.cat([_left_padded_mask(part, longest) for part in parts])
    return Read(torch.cat([part.logits for part in parts]), cache, real)


def _left_padded(states: Tensor, length: int) -> Tensor:
    rows, heads, own, size = states.shape
    filler = states.new_zeros(rows, heads, length - own, size)
    return torch.cat([filler, states], dim=2)


def _left_padded_mask(part: Read, length: int) -> Tensor:
    rows, own = len(part.logits), part.cache.get_seq_length()
    real = part.real
    if real is None:
        real = torch.ones(rows, own, dtype=torch.long, device=part.logits.device)
    return torch.cat([real.new_zeros(rows, length - own), real], dim=1)


def _is_plain(cache: Any) -> bool:
    return all(type(layer) is DynamicLayer for layer in cache.layers)
