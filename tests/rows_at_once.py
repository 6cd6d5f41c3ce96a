"""A network that runs out of memory where it is asked for too many rows at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from sitool.models.local import LocalModel


@contextmanager
def room_for(model: LocalModel, rows: int) -> Iterator[list[int]]:
    """Let the network hold so many rows; yields those that it was asked for."""
    asked: list[int] = []

    def check(module: Any, arguments: Any, output: Any) -> None:
        asked.append(output[0].shape[0])
        if output[0].shape[0] > rows:
            raise torch.OutOfMemoryError("CUDA out of memory.")

    handle = model.causal_lm.model.register_forward_hook(check)
    try:
        yield asked
    finally:
        handle.remove()
