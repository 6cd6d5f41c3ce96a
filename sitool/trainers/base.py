"""What a trainer is: weighted samples in, steps out, and a changed model."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Example:
    """One sample to learn from.

    Attributes:
        prompt_ids: The encoded prompt; no loss is taken on it.
        completion_ids: What to make likelier, the end token included.
        level: Of its problem; only the scripted trainer looks at it.
        weight: How much it counts, more than 0.
    """

    prompt_ids: tuple[int, ...]
    completion_ids: tuple[int, ...]
    level: int
    weight: float


@dataclass(frozen=True, slots=True)
class TrainStep:
    """One optimizer step that was taken.

    Attributes:
        step: From 1.
        steps: How many there will be at most.
        loss: Weighted mean negative log-likelihood per completion token, in nats.
        tokens: Prompt and completion tokens of the step.
    """

    step: int
    steps: int
    loss: float
    tokens: int


class Trainer(Protocol):
    """A stream of optimizer steps on the model."""

    def train(
        self, examples: Sequence[Example], *, start: Path | None, seed: int
    ) -> Iterator[TrainStep]:
        """Fine-tune, beginning with what the round in `start` has learnt (None: nothing yet).

        After the last step the model carries what was learnt. What memory or
        the like has forced on the way goes into the model's `notes`.

        Raises:
            TrainerError: There is nothing to train on, or the loss is not finite.
        """
        ...

    def save_state(self, folder: Path) -> None:
        """Write what the next round needs to go on as if it had not stopped."""
        ...
