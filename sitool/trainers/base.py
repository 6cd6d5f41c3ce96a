"""What a trainer is: weighted samples or pairs in, steps out, and a changed model."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar


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
class Response:
    """One side of a pair.

    Attributes:
        completion_ids: The end token included.
        base_logprob: log pi_base(completion | prompt), in nats; None: the trainer works it out.
        favoured: A person accepted or wrote it: beside one that nobody favoured,
            it gets the higher of the two rewards.
    """

    completion_ids: tuple[int, ...]
    base_logprob: float | None = None
    favoured: bool = False


@dataclass(frozen=True, slots=True)
class Pair:
    """Two responses to one prompt, to be told apart by their rewards.

    Attributes:
        prompt_ids: The encoded prompt; no loss is taken on it.
        first: For `xpo` the one that the model of the round before wrote.
        second: For `xpo` the one that the base wrote.
        level: Of the problem.
        weight: How much the pair counts, more than 0.
    """

    prompt_ids: tuple[int, ...]
    first: Response
    second: Response
    level: int
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class TrainStep:
    """One optimizer step that was taken.

    Attributes:
        step: From 1.
        steps: How many there will be at most.
        loss: What the objective makes small: for `mle` the weighted mean negative
            log-likelihood per completion token, in nats; for pairs the weighted mean
            over pairs of the squared error, in nats squared (and for `xpo` what its
            other term adds).
        tokens: Prompt and completion tokens of the step.
    """

    step: int
    steps: int
    loss: float
    tokens: int


Item = TypeVar("Item", Example, Pair)
Item_contra = TypeVar("Item_contra", Example, Pair, contravariant=True)


class Trainer(Protocol[Item_contra]):
    """A stream of optimizer steps on the model; learns from examples or from pairs."""

    def train(
        self, items: Sequence[Item_contra], *, start: Path | None, seed: int
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
