"""What every objective shares: where to begin, which batch at what rate, when to stop, AdamW.

A subclass says what a batch's loss is and leaves its gradient on the weights.
AdamW moves the LoRA weights only, or all weights (`trainer.method`), and dropout
stays off. How a batch goes through the network is in `loss.py`. Leaves out
everything with more than one device.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Generic

from sitool.config import TrainerSettings
from sitool.errors import TrainerError
from sitool.models import lora
from sitool.models.adapters import AdapterShape, method_of, read_shape
from sitool.models.local import LocalModel
from sitool.seeds import derive_seed
from sitool.trainers.base import Example, Item, TrainStep
from sitool.trainers.loss import WeightedLoss
from sitool.trainers.optimizer import Optimizer
from sitool.trainers.schedule import EarlyStop, batches, learning_rate


class Finetuner(ABC, Generic[Item]):
    """Fine-tunes the model on weighted items, batch by batch."""

    def __init__(self, model: LocalModel, settings: TrainerSettings) -> None:
        self._model = model
        self._settings = settings
        self._loss: WeightedLoss | None = None
        self._optimizer: Optimizer | None = None

    @abstractmethod
    def check(self, items: Sequence[Item]) -> None:
        """Refuse what cannot be learnt from.

        Raises:
            TrainerError: There is nothing, or an item is not as it must be.
        """

    @abstractmethod
    def sequences(self, item: Item) -> list[Example]:
        """Return what goes through the network for an item."""

    @abstractmethod
    def importance(self, item: Item) -> float:
        """Return how much an item counts in the mean that the loss is."""

    @abstractmethod
    def backward(
        self, loss: WeightedLoss, batch: Sequence[Item], forget: Callable[[], None]
    ) -> float:
        """Leave the gradient of a batch's loss on the weights, and return the loss.

        Args:
            forget: Sets all gradients to zero, for beginning again.
        """

    def made_ready(self, loss: WeightedLoss, items: Sequence[Item]) -> list[Item]:
        """Return the items with all that has to be known of them before training begins."""
        return list(items)

    def train(self, items: Sequence[Item], *, start: Path | None, seed: int) -> Iterator[TrainStep]:
        """Fine-tune, beginning with what the round in `start` has learnt (None: nothing yet).

        Nothing is written, so a caller may stop between any two steps.

        Raises:
            TrainerError: There is nothing to train on, `start` is of another
                method or rank or has no optimizer state to go on from, the
                loss is not finite, or one sample alone does not fit in memory.
        """
        self.check(items)
        # Kept from round to round, so that what memory has taught it is, too.
        self._loss = loss = self._loss or WeightedLoss(self._model, self._settings)
        ready = self.made_ready(loss, items)
        optimizer = self._begin(start, seed)
        loss.fit_to_gpu([s for item in ready for s in self.sequences(item)])
        plan = batches(len(ready), self._settings, seed)
        epoch = math.ceil(len(ready) / self._settings.batch_size)
        stop = EarlyStop(self._settings.early_stop, epoch)
        try:
            with lora.fused_training(self._model.network):
                for index, numbers in enumerate(plan):
                    batch = [ready[number] for number in numbers]
                    step = self._step(loss, optimizer, batch, index, len(plan))
                    yield step
                    if stop.is_due(step.loss, sum(map(self.importance, batch))):
                        break
        finally:
            optimizer.let_go()

    def save_state(self, folder: Path) -> None:
        """Write the optimizer's state into the round's folder, and let go of it.

        That of full fine-tuning is twice as large as the weights, or more, and
        only written where the settings keep it.
        """
        if self._optimizer is None:
            raise TrainerError("There is no training whose state could be saved.")
        if self._settings.method == "lora" or self._settings.optimizer_state == "keep":
            self._optimizer.save(folder)
        self._optimizer = None

    def _begin(self, start: Path | None, seed: int) -> Optimizer:
        self._optimizer = None
        if start is None:
            self._model.fresh_adapter(derive_seed(seed, "adapter"))
        else:
            self._check_start(start)
            self._model.use_adapter(start)
        self._optimizer = Optimizer(self._model.open_for_training(), self._settings)
        if start is not None and self._settings.optimizer_state == "keep":
            self._optimizer.load(start)
        return self._optimizer

    def _check_start(self, start: Path) -> None:
        method = method_of(start)
        if method != self._settings.method:
            raise TrainerError(
                f"The round to start from was trained by the method {method!r}, the settings ask "
                f"for {self._settings.method!r}.",
                f"try: set trainer.method to {method!r}, or trainer.start_from to 'base'",
            )
        if method == "full":
            return
        asked = AdapterShape(self._settings.rank, self._settings.alpha)
        found = read_shape(start)
        if asked != found:
            raise TrainerError(
                f"The adapter to start from has rank {found.rank} and alpha {found.alpha:g}, the "
                f"settings ask for rank {asked.rank} and alpha {asked.alpha:g}.",
                "try: set trainer.rank and trainer.alpha to the former, "
                "or trainer.start_from to 'base'",
            )

    def _step(
        self,
        weighted_loss: WeightedLoss,
        optimizer: Optimizer,
        batch: list[Item],
        index: int,
        steps: int,
    ) -> TrainStep:
        rate = learning_rate(self._settings, index, steps)
        optimizer.forget()
        loss = self.backward(weighted_loss, batch, optimizer.forget)
        if not math.isfinite(loss):
            raise TrainerError(
                f"The loss is {loss} at step {index + 1} of {steps}, with a learning rate of "
                f"{rate:g}.",
                "try: a lower trainer.learning_rate",
            )
        optimizer.step(rate)
        through = [s for item in batch for s in self.sequences(item)]
        tokens = sum(len(s.prompt_ids) + len(s.completion_ids) for s in through)
        return TrainStep(index + 1, steps, loss, tokens)
