"""Weighted maximum likelihood: the accepted samples, made likelier.

The loss of a batch is the weighted mean negative log-likelihood of a
completion token, in nats,

    sum_i w_i sum_t -log p(token_it) / sum_i w_i |completion_i|,

with no loss on prompts. AdamW moves the LoRA weights only, and dropout stays
off. Leaves out gradient checkpointing and everything with more than one device.
"""

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

from sitool.config import TrainerSettings
from sitool.errors import TrainerError
from sitool.models import lora
from sitool.models.adapters import AdapterShape, read_shape
from sitool.models.local import LocalModel
from sitool.seeds import derive_seed
from sitool.trainers.base import Example, TrainStep

logger = logging.getLogger(__name__)

STATE = "optimizer.safetensors"
MICRO_TOKENS = {"cpu": 2048, "cuda": 32768}
"""Most tokens, padding included, that go through the network at once."""


class MleTrainer:
    """Fine-tunes the model's adapter on weighted samples."""

    def __init__(self, model: LocalModel, settings: TrainerSettings) -> None:
        self._model = model
        self._settings = settings
        self._optimizer: torch.optim.AdamW | None = None

    def train(
        self, examples: Sequence[Example], *, start: Path | None, seed: int
    ) -> Iterator[TrainStep]:
        """Fine-tune, beginning with the adapter in `start` (None: a fresh one).

        Nothing is written, so a caller may stop between any two steps.

        Raises:
            TrainerError: There is nothing to train on, the adapter in `start`
                is of another rank or has no optimizer state to go on from, or
                the loss is not finite.
        """
        _check_examples(examples)
        self._begin(start, seed)
        plan = batches(len(examples), self._settings, seed)
        with lora.fused_training(self._model.network):
            for index, batch in enumerate(plan):
                yield self._step([examples[number] for number in batch], index, len(plan))

    def save_state(self, folder: Path) -> None:
        """Write AdamW's moments and step counts into the adapter's folder."""
        if self._optimizer is None:
            raise TrainerError("There is no training whose state could be saved.")
        names = list(lora.lora_parameters(self._model.network))
        state = self._optimizer.state_dict()["state"]
        tensors = {
            f"{key}.{names[number]}": value.detach().cpu().contiguous()
            for number, values in state.items()
            for key, value in values.items()
        }
        draft = folder / f".{STATE}.draft"
        save_file(tensors, draft)
        draft.replace(folder / STATE)

    def _begin(self, start: Path | None, seed: int) -> None:
        if start is None:
            self._model.fresh_adapter(derive_seed(seed, "adapter"))
        else:
            self._check_shape(start)
            self._model.use_adapter(start)
        self._loss = WeightedLoss(self._model)
        self._parameters = lora.lora_parameters(self._model.network)
        self._optimizer = torch.optim.AdamW(
            self._parameters.values(),
            lr=self._settings.learning_rate,
            weight_decay=self._settings.weight_decay,
            fused=True,
        )
        if start is not None and self._settings.optimizer_state == "keep":
            self._optimizer.load_state_dict(self._kept_state(start, self._optimizer.state_dict()))

    def _check_shape(self, start: Path) -> None:
        asked = AdapterShape(self._settings.rank, self._settings.alpha)
        found = read_shape(start)
        if asked != found:
            raise TrainerError(
                f"The adapter to start from has rank {found.rank} and alpha {found.alpha:g}, the "
                f"settings ask for rank {asked.rank} and alpha {asked.alpha:g}.",
                "try: set trainer.rank and trainer.alpha to the former, "
                "or trainer.start_from to 'base'",
            )

    def _kept_state(self, start: Path, state_dict: dict[str, Any]) -> dict[str, Any]:
        try:
            tensors = load_file(start / STATE)
            state = {
                number: {key: tensors[f"{key}.{name}"] for key in ("step", "exp_avg", "exp_avg_sq")}
                for number, name in enumerate(self._parameters)
            }
        except Exception as error:
            raise TrainerError(
                f"The optimizer state in {str(start)!r} cannot be read: {error}.",
                "try: set trainer.optimizer_state to 'fresh'",
            ) from error
        return {**state_dict, "state": state}

    def _step(self, batch: list[Example], index: int, steps: int) -> TrainStep:
        assert self._optimizer is not None
        rate = self._learning_rate(index, steps)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._optimizer.zero_grad(set_to_none=True)
        loss = self._loss.backward(batch)
        if not math.isfinite(loss):
            raise TrainerError(
                f"The loss is {loss} at step {index + 1} of {steps}, with a learning rate of "
                f"{rate:g}.",
                "try: a lower trainer.learning_rate",
            )
        if self._settings.clip_norm:
            torch.nn.utils.clip_grad_norm_(self._parameters.values(), self._settings.clip_norm)
        self._optimizer.step()
        tokens = sum(len(item.prompt_ids) + len(item.completion_ids) for item in batch)
        return TrainStep(index + 1, steps, loss, tokens)

    def _learning_rate(self, index: int, steps: int) -> float:
        """Return the rate of a step: constant, or falling linearly towards 0."""
        share = 1 - index / steps if self._settings.schedule == "linear" else 1.0
        return self._settings.learning_rate * share


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
    return plan


class WeightedLoss:
    """The loss of a batch and its gradient, in parts of similar length."""

    def __init__(self, model: LocalModel) -> None:
        self._device = model.device
        self._filler = model.end_token
        self._micro_tokens = MICRO_TOKENS.get(self._device.type, 32768)
        self._logits_at = completion_logits(model.causal_lm, self._device)

    def backward(self, batch: Sequence[Example]) -> float:
        """Add the loss's gradient to the adapter's weights and return the loss."""
        total = sum(item.weight * len(item.completion_ids) for item in batch)
        loss = 0.0
        for part in parts_of_similar_length(batch, self._micro_tokens):
            part_loss = self.weighted_nll(part) / total
            part_loss.backward()  # type: ignore[no-untyped-call]
            loss += part_loss.item()
        return loss

    def weighted_nll(self, part: Sequence[Example]) -> Tensor:
        """Return sum_i w_i sum_t -log p(token_it), a scalar."""
        ids, positions, targets, weights = self._tensors(part)
        logits = self._logits_at(ids, positions)
        logits = logits if logits.dtype == torch.float64 else logits.float()
        nll = functional.cross_entropy(logits, targets, reduction="none")
        return nll @ weights.to(nll.dtype)

    def _tensors(self, part: Sequence[Example]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return ids [rows, longest], and per completion token its place, id and weight.

        The place, in the flattened ids, is that of the token before it.
        Padding comes last, so that no earlier token sees it and no mask is needed.
        """
        longest = max(map(_length, part))
        rows: list[list[int]] = []
        positions: list[int] = []
        targets: list[int] = []
        weights: list[float] = []
        for row, item in enumerate(part):
            tokens = [*item.prompt_ids, *item.completion_ids]
            rows.append(tokens + [self._filler] * (longest - len(tokens)))
            first = row * longest + len(item.prompt_ids) - 1
            positions += range(first, first + len(item.completion_ids))
            targets += item.completion_ids
            weights += [item.weight] * len(item.completion_ids)
        return (
            torch.tensor(rows, device=self._device),
            torch.tensor(positions, device=self._device),
            torch.tensor(targets, device=self._device),
            torch.tensor(weights, device=self._device, dtype=torch.float64),
        )


def parts_of_similar_length(batch: Sequence[Example], most_tokens: int) -> Iterator[list[Example]]:
    """Cut a batch, sorted by length, into parts of at most so many tokens with padding."""
    part: list[Example] = []
    for item in sorted(batch, key=_length):
        if part and (len(part) + 1) * _length(item) > most_tokens:
            yield part
            part = []
        part.append(item)
    yield part


LogitsAt = Callable[[Tensor, Tensor], Tensor]


def completion_logits(causal_lm: Any, device: torch.device) -> LogitsAt:
    """Return a function from ids [rows, length] and flat places to logits [places, vocabulary].

    The head runs on these places alone where that gives what the model's own
    forward gives, which is tried once; some models do more between their last
    layer and their logits (scaling, soft caps).
    """

    def all_logits(ids: Tensor, positions: Tensor) -> Tensor:
        logits: Tensor = causal_lm(input_ids=ids, use_cache=False).logits
        return logits.flatten(0, 1)[positions]

    inner = getattr(causal_lm, causal_lm.base_model_prefix, None)
    head = causal_lm.get_output_embeddings()
    if inner is None or inner is causal_lm or head is None:
        return all_logits

    def few_logits(ids: Tensor, positions: Tensor) -> Tensor:
        hidden = inner(input_ids=ids, use_cache=False)[0]
        logits: Tensor = head(hidden.flatten(0, 1)[positions])
        return logits

    if _agree(few_logits, all_logits, device):
        return few_logits
    logger.info("the head of %s runs on all positions", type(causal_lm).__name__)
    return all_logits


def _agree(few: LogitsAt, all_: LogitsAt, device: torch.device) -> bool:
    ids = torch.tensor([[0, 1, 2, 1]], device=device)
    places = torch.tensor([1, 3], device=device)
    with torch.inference_mode():
        try:
            return torch.allclose(few(ids, places), all_(ids, places), rtol=1e-3, atol=1e-4)
        except (RuntimeError, TypeError, AttributeError):
            return False


def _length(item: Example) -> int:
    return len(item.prompt_ids) + len(item.completion_ids)


def _check_examples(examples: Sequence[Example]) -> None:
    if not examples:
        raise TrainerError(
            "There are no samples to train on.", "try: an easier level, or accept some by hand"
        )
    for item in examples:
        if not item.prompt_ids or not item.completion_ids:
            raise TrainerError("A sample to train on has no prompt or no completion.")
        if not (item.weight > 0 and math.isfinite(item.weight)):
            raise TrainerError(f"A sample has the weight {item.weight}; allowed: more than 0.")
