"""Runs the last layer only at the tokens whose outcome is looked at.

A head that runs at a few places reads the last layer there and nowhere else; of
all other tokens only the keys and values of that layer are needed. So the parts of
it that work on each token alone (the feed-forward block, the queries, the output
projection) are given those places and nothing else. Of a base with few layers that
is a good part of all arithmetic, for prompts are longer than what is drawn or
learnt after them.

Nothing here knows an architecture: the parts are found by their usual names, and
whether the outcome is the model's own is tried before it is relied upon.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

PARTS = (
    "mlp", "feed_forward", "self_attn.q_proj", "self_attn.o_proj", "self_attn.dense",
    "attention.dense", "attn.c_proj",
)  # fmt: skip
"""What of a layer works token by token, where a layer has it."""


class Places:
    """Gives a part these places of its input, and puts what it returns where it belongs.

    Elsewhere its output is 0, and what the layer makes of that is garbage that nobody reads.
    """

    def __init__(self, places: Tensor) -> None:
        self._places = places
        self._shape: tuple[int, int] = (0, 0)

    def gather(self, part: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Take the places, [1, places, size], from an input [rows, length, size]."""
        states, *others = inputs
        self._shape = (states.shape[0], states.shape[1])
        return states.flatten(0, 1).index_select(0, self._places)[None], *others

    def scatter(self, part: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        """Return the output at the places as one of all tokens, [rows, length, size]."""
        rows, length = self._shape
        whole = output.new_zeros(rows * length, output.shape[-1])
        return whole.index_copy(0, self._places, output[0]).view(rows, length, -1)


@contextmanager
def focused(causal_lm: Any, places: Tensor) -> Iterator[None]:
    """Within, hidden states after the last layer are right at these places alone.

    Args:
        causal_lm: A model for which `is_focusable` holds.
        places: In the flattened ids, [places]; each once.
    """
    focus = Places(places)
    parts = last_parts(causal_lm)
    hooks = [part.register_forward_pre_hook(focus.gather) for part in parts]
    hooks += [part.register_forward_hook(focus.scatter) for part in parts]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def last_parts(causal_lm: Any) -> list[nn.Module]:
    """Return the parts of the last layer that work token by token; empty if none is known."""
    inner = getattr(causal_lm, causal_lm.base_model_prefix, causal_lm)
    stack = next((m for m in inner.children() if isinstance(m, nn.ModuleList)), None)
    if not stack:
        return []
    named = dict(stack[-1].named_modules())
    return [named[name] for name in PARTS if name in named]


def is_focusable(causal_lm: Any, device: torch.device) -> bool:
    """Whether the model's logits at chosen places are the same when it is focused on them."""
    if not last_parts(causal_lm):
        return False
    ids = torch.tensor([[0, 1, 2, 1, 2], [2, 1, 0, 0, 1]], device=device)
    places = torch.tensor([1, 4, 7], device=device)

    def logits() -> Tensor:
        found: Tensor = causal_lm(input_ids=ids, use_cache=False).logits
        return found.flatten(0, 1)[places]

    with torch.inference_mode():
        usual = logits()
        try:
            with focused(causal_lm, places):
                return torch.allclose(logits(), usual, rtol=1e-3, atol=1e-4)
        except (RuntimeError, TypeError, AttributeError, ValueError, IndexError):
            return False
