"""Which samples each optimizer step learns from, at what rate, and when to stop early."""

import math

import torch

from sitool.config import TrainerSettings
from sitool.seeds import derive_seed


def batches(examples: int, settings: TrainerSettings, seed: int) -> list[list[int]]:
    """Return the numbers of the examples of each step: a fresh order every epoch.

    Length plays no part here, only in how a batch is cut up, so that a batch is
    a plain random one.
    """
    source = torch.Generator().manual_seed(derive_seed(seed, "order"))
    plan: list[list[int]] = []
    for _ in range(settings.epochs):
        order = torch.randperm(examples, generator=source).tolist()
        plan += [
            order[first : first + settings.batch_size]
            for first in range(0, examples, settings.batch_size)
        ]
    return plan[: settings.max_steps or None]


def learning_rate(settings: TrainerSettings, index: int, steps: int) -> float:
    """Return the rate of step `index`: rising first, then constant or falling towards 0.

    >>> settings = TrainerSettings(learning_rate=1, warmup=0.5, schedule="linear")
    >>> [learning_rate(settings, index, 4) for index in range(4)]
    [0.5, 1.0, 1.0, 0.5]
    """
    rising = math.ceil(settings.warmup * steps)
    if index < rising:
        return settings.learning_rate * (index + 1) / rising
    share = 1 - (index - rising) / (steps - rising) if settings.schedule == "linear" else 1.0
    return settings.learning_rate * share


class EarlyStop:
    """Says when an epoch's mean loss has stopped falling.

    Args:
        share: The fall, as a share of the last epoch's loss, below which to stop; 0 is off.
        steps: Of an epoch.
    """

    def __init__(self, share: float, steps: int) -> None:
        self._share = share
        self._steps = steps
        self._last = math.inf
        self._losses: list[tuple[float, float]] = []

    def is_due(self, loss: float, tokens: float) -> bool:
        """Take in a step's mean loss over so many weighted tokens; whether to stop after it."""
        self._losses.append((loss, tokens))
        if len(self._losses) < self._steps:
            return False
        mean = sum(x * n for x, n in self._losses) / sum(n for _, n in self._losses)
        # Below 0, where an objective may go, a fall makes the number larger.
        is_flat = mean > (1 - math.copysign(self._share, self._last)) * self._last
        self._losses, self._last = [], mean
        return self._share > 0 and is_flat
