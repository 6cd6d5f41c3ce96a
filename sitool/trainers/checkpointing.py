"""Training in less memory: a layer's activations are computed again when they are needed.

transformers' own switch for it works in training mode only, where dropout is on.

Source: Chen et al. 2016, arXiv 1604.06174.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from torch import nn
from torch.utils.checkpoint import checkpoint
from transformers.modeling_layers import GradientCheckpointingLayer


def checkpointed_layers(network: nn.Module) -> list[Any]:
    """Return the layers whose activations can be computed again."""
    return [m for m in network.modules() if isinstance(m, GradientCheckpointingLayer)]


@contextmanager
def checkpointed(network: nn.Module) -> Iterator[None]:
    """Within, backward keeps each layer's input and computes the rest of it again."""
    layers = checkpointed_layers(network)
    try:
        for layer in layers:
            # No dropout, so there is no random state to put back.
            layer.forward = partial(
                checkpoint, layer.forward, use_reentrant=False, preserve_rng_state=False
            )
        yield
    finally:
        for layer in layers:
            vars(layer).pop("forward", None)
