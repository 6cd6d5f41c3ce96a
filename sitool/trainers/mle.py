"""Weighted maximum likelihood: the accepted samples, made likelier.

The loss of a batch is the weighted mean negative log-likelihood of a
completion token, in nats,

    sum_i w_i sum_t -log p(token_it) / sum_i w_i |completion_i|,

with no loss on prompts. What it shares with other objectives is in `finetuner.py`.
"""

import math
from collections.abc import Callable, Sequence

from sitool.errors import TrainerError
from sitool.trainers.base import Example
from sitool.trainers.finetuner import Finetuner
from sitool.trainers.loss import WeightedLoss


class MleTrainer(Finetuner[Example]):
    """Fine-tunes the model on weighted samples."""

    def check(self, items: Sequence[Example]) -> None:
        """Refuse what cannot be learnt from.

        Raises:
            TrainerError: There is no sample, or one has no text or no weight.
        """
        if not items:
            raise TrainerError(
                "There are no samples to train on.", "try: an easier level, or accept some by hand"
            )
        for item in items:
            if not item.prompt_ids or not item.completion_ids:
                raise TrainerError("A sample to train on has no prompt or no completion.")
            if not (item.weight > 0 and math.isfinite(item.weight)):
                raise TrainerError(f"A sample has the weight {item.weight}; allowed: more than 0.")

    def sequences(self, item: Example) -> list[Example]:
        """Return the sample itself."""
        return [item]

    def importance(self, item: Example) -> float:
        """Return the tokens of its completion, times its weight."""
        return item.weight * len(item.completion_ids)

    def backward(
        self, loss: WeightedLoss, batch: Sequence[Example], forget: Callable[[], None]
    ) -> float:
        """Leave the gradient of a batch's loss on the weights, and return the loss."""
        return loss.backward(batch, forget)
