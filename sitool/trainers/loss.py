"""The loss of a batch and its gradient, in parts that fit in memory.

Samples of similar length go through the network together, with filler at their
ends; a part ends where more filler would cost more than another part does. In
batches of 64 on the CPU that leaves 2 % filler on `path` and 4 % on samples of
GSM8K's lengths, less than a block mask for samples packed end to end would cost.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial

import torch
from safetensors.torch import load, save
from torch import Tensor

from sitool.config import PAIR_OBJECTIVES, TrainerSettings
from sitool.errors import TrainerError
from sitool.models import lora
from sitool.models.local import LocalModel
from sitool.models.memory import Result, free_bytes, unless_exhausted
from sitool.trainers.base import Example
from sitool.trainers.checkpointing import checkpointed, checkpointed_layers
from sitool.trainers.heads import completion_nll, completion_nlls

Share = tuple[Sequence[Example], float]
"""A part of a batch, and what the batch's loss is divided by."""

CPU_TOKENS = 2048
"""More at once are no quicker on a CPU."""
SHARED_TOKENS = 1024
"""The same for a small base, whose parts may be shared out among processes."""
CUDA_TOKENS = 131_072
PART_COST = {"cpu": 64, "cuda": 1024}
"""What a part costs beyond its tokens (Python, kernel launches), in tokens' worth of time."""
MEMORY_SHARE = 0.6
"""Of a GPU's free memory, for what backward needs kept; its own work takes the rest."""
PROBE_TOKENS = 512
WORTH_SHARING = 512
"""A batch of fewer tokens stays whole."""
SLACK = 1.08
"""Of an even share: parts that come out a little fuller are fewer."""


@dataclass(frozen=True, slots=True)
class Slope:
    """What a part of a batch adds to the loss and to its gradient.

    Attributes:
        gradient: By the weights' names, as safetensors.
    """

    loss: float
    gradient: bytes


@dataclass(frozen=True, slots=True)
class Sloping:
    """The job of taking the slopes of a batch's parts."""

    settings: TrainerSettings
    is_checkpointed: bool

    def on(self, model: LocalModel) -> Callable[[Share], Slope]:
        """Return what takes the slope of a part, under this model."""
        loss = WeightedLoss(model, self.settings)
        loss.is_checkpointed = self.is_checkpointed

        def slope(share: Share) -> Slope:
            with lora.fused_training(model.network):
                return loss.slope(share)

        return slope


class WeightedLoss:
    """The loss of a batch and its gradient, in parts of similar length.

    When memory runs out, the batch is begun again in smaller parts; they stay
    smaller, and a note on the model says so.

    Attributes:
        micro_tokens: Most tokens, filler included, that go through the network at once.
        is_checkpointed: Whether layers' activations are computed again in backward.
    """

    def __init__(self, model: LocalModel, settings: TrainerSettings) -> None:
        self._model = model
        self._settings = settings
        self._filler = model.end_token
        self._items = "pairs" if settings.name in PAIR_OBJECTIVES else "samples"
        self._nll_at = completion_nll(model.causal_lm, model.device)
        self._nlls_at = completion_nlls(model.causal_lm, model.device)
        self._is_shared = model.is_small and model.device.type == "cpu"
        self.micro_tokens = settings.micro_tokens or (
            SHARED_TOKENS if self._is_shared else CPU_TOKENS
        )
        self._is_fitted = False
        self.is_checkpointed = settings.checkpointing == "on"
        if self.is_checkpointed and not checkpointed_layers(model.causal_lm):
            raise TrainerError(
                f"The base {model.name!r} has no layers that could be checkpointed.",
                "try: set trainer.checkpointing to 'off'",
            )

    def fit_to_gpu(self, examples: Sequence[Example]) -> None:
        """Choose the size of the parts, and checkpointing, by the free memory of a GPU.

        Where not even the measuring fits, `backward` finds its own way down.
        """
        if self._is_fitted or self._model.device.type != "cuda":
            return
        self._is_fitted = True
        longest = max(examples, key=_length)
        per_token = unless_exhausted(partial(self.kept_bytes_per_token, longest))
        if per_token is None:
            return
        trained = sum(p.numel() for p in self._model.network.parameters() if p.requires_grad)
        # Gradients and AdamW's two moments are still to come, in float32.
        budget = MEMORY_SHARE * (free_bytes(self._model.device) - 12 * trained)
        may_checkpoint = self._settings.checkpointing == "auto" and not self.is_checkpointed
        if may_checkpoint and per_token * _length(longest) > budget:
            self.is_checkpointed = bool(checkpointed_layers(self._model.causal_lm))
            per_token = self.kept_bytes_per_token(longest)
        if not self._settings.micro_tokens:
            self.micro_tokens = max(1, min(int(budget / per_token), CUDA_TOKENS))

    def kept_bytes_per_token(self, example: Example) -> float:
        """Measure what forward keeps for backward, a token, on the first part of a sample."""
        completion = example.completion_ids[:PROBE_TOKENS]
        prompt = example.prompt_ids[-max(1, PROBE_TOKENS - len(completion)) :]
        weights = {p.untyped_storage().data_ptr() for p in self._model.network.parameters()}
        kept: dict[int, int] = {}

        def keep(tensor: Tensor) -> Tensor:
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in weights:
                kept[storage.data_ptr()] = storage.nbytes()
            return tensor.detach()

        probe = Example(prompt, completion, example.level, 1.0)
        hooks = torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor)
        with hooks, self._recomputed():
            loss = self.weighted_nll([probe])
        del loss
        return sum(kept.values()) / _length(probe)

    def backward(self, batch: Sequence[Example], forget: Callable[[], None]) -> float:
        """Add the loss's gradient to the weights and return the loss.

        Args:
            batch: The samples of one optimizer step.
            forget: Sets all gradients to zero, for beginning again.

        Raises:
            TrainerError: One sample alone does not fit in memory.
        """
        total = sum(item.weight * len(item.completion_ids) for item in batch)
        return self._in_parts(batch, partial(self._accumulate, batch, total), forget)

    def add_gradient(self, batch: Sequence[Example], forget: Callable[[], None]) -> None:
        """Add the gradient of sum_i w_i (-log p(completion_i)) to the weights' gradients.

        Weights of any sign: so the gradient of a function of sequences'
        log-probabilities is taken, once its slope in each of them is known.

        Args:
            batch: The samples of one optimizer step.
            forget: Sets all gradients to zero, for beginning again.

        Raises:
            TrainerError: One sample alone does not fit in memory.
        """
        self._in_parts(batch, partial(self._accumulate, batch, 1.0), forget)

    def logprobs(self, batch: Sequence[Example]) -> list[float]:
        """Return log p(completion | prompt) of each sample under the model as it is, in nats.

        Raises:
            TrainerError: One sample alone does not fit in memory.
        """
        return self._in_parts(batch, partial(self._look, batch), lambda: None)

    def _in_parts(
        self, batch: Sequence[Example], work: Callable[[], Result], forget: Callable[[], None]
    ) -> Result:
        """Do the work; as often as memory runs out, begin again in smaller parts."""
        said = len(self._model.notes)
        while (done := unless_exhausted(work)) is None:
            forget()
            del self._model.notes[said:]
            self._model.notes.append(self._shrink(batch))
        return done

    def _accumulate(self, batch: Sequence[Example], total: float) -> float:
        crew = self._model.crew
        if crew.is_alone:
            return sum(self._backward(part, total) for part in self._parts(batch))
        weights, loss = self._model.open_for_training(), 0.0
        job = Sloping(self._settings, self.is_checkpointed)
        shares = [(part, total) for part in self._parts(batch)]
        for slope in crew.each(self._model, job, self.slope, shares):
            loss += slope.loss
            found = load(slope.gradient)
            # As their own backward would hand it on, to whoever waits for it.
            torch.autograd.backward([weights[name] for name in found], list(found.values()))
        return loss

    def _backward(self, part: Sequence[Example], total: float) -> float:
        # Backward computes checkpointed layers again through the same forwards.
        with self._recomputed():
            loss = self.weighted_nll(part) / total
            loss.backward()  # type: ignore[no-untyped-call]
        return loss.item()

    def slope(self, share: Share) -> "Slope":
        """Return what a part adds to loss and gradient, without adding it."""
        (part, total), weights = share, self._model.open_for_training()
        with self._recomputed():
            loss = self.weighted_nll(part) / total
            found = torch.autograd.grad(loss, list(weights.values()), allow_unused=True)
        named = zip(weights, found, strict=True)
        return Slope(loss.item(), save({n: g.contiguous() for n, g in named if g is not None}))

    def _look(self, batch: Sequence[Example]) -> list[float]:
        found: dict[int, float] = {}
        for part in self._parts(batch):
            ids, places, targets, _ = self._tensors(part)
            with self._precision(), self._model.focused(places):
                nlls = self._nlls_at(ids, places, targets)
            lengths = [len(item.completion_ids) for item in part]
            sums = (-torch.stack([nll.sum() for nll in torch.split(nlls, lengths)])).tolist()
            found |= {id(item): value for item, value in zip(part, sums, strict=True)}
        return [found[id(item)] for item in batch]

    def _parts(self, batch: Sequence[Example]) -> Iterator[list[Example]]:
        most_filler = PART_COST.get(self._model.device.type, PART_COST["cuda"])
        most = self.micro_tokens
        if self._is_shared:
            most = even_share(sum(map(_length, batch)), most)
        return parts_of_similar_length(batch, most, most_filler)

    def _shrink(self, batch: Sequence[Example]) -> str:
        """Make the parts of a batch smaller, and say how."""
        tried = max((_padded(part) for part in self._parts(batch) if len(part) > 1), default=0)
        if tried:
            self.micro_tokens = tried // 2
            return (
                f"Memory ran out in training, so at most {self.micro_tokens:,} tokens go through"
                f" the network at once, not {tried:,}; an optimizer step still takes"
                f" {self._settings.batch_size} {self._items}."
            )
        can_checkpoint = checkpointed_layers(self._model.causal_lm)
        if self._settings.checkpointing == "auto" and not self.is_checkpointed and can_checkpoint:
            self.is_checkpointed = True
            return (
                "Memory ran out in training on one sample at once, so activations are computed"
                " again instead of kept: slower, with the same result."
            )
        raise self._too_large(max(map(_length, batch)))

    def _too_large(self, tokens: int) -> TrainerError:
        weights = sum(p.numel() for p in self._model.network.parameters())
        full = self._settings.method == "full"
        how = "full fine-tuning" if full else f"LoRA of rank {self._settings.rank}"
        smaller = "trainer.method=lora" if full else "a lower trainer.rank"
        return TrainerError(
            f"Memory runs out in {how} of {weights / 1e6:,.0f} M weights on samples of up to"
            f" {tokens:,} tokens, even one at a time.",
            f"try: a lower sampler.max_new_tokens, {smaller}, or a smaller base",
        )

    def weighted_nll(self, part: Sequence[Example]) -> Tensor:
        """Return sum_i w_i sum_t -log p(token_it), a scalar."""
        ids, places, targets, weights = self._tensors(part)
        with self._precision(), self._focused(places):
            return self._nll_at(ids, places, targets, weights)

    def _focused(self, places: Tensor) -> AbstractContextManager[None]:
        """Look at these places alone; layers that are computed again know of none."""
        return nullcontext() if self.is_checkpointed else self._model.focused(places)

    def _recomputed(self) -> AbstractContextManager[None]:
        return checkpointed(self._model.causal_lm) if self.is_checkpointed else nullcontext()

    def _precision(self) -> AbstractContextManager[None]:
        """Multiply in the base's bfloat16 on CUDA, where an adapter's weights are float32."""
        device, dtype = self._model.device.type, self._model.causal_lm.dtype
        if device == "cuda" and dtype == torch.bfloat16:
            return torch.autocast(device, dtype)
        return nullcontext()

    def _tensors(self, part: Sequence[Example]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return ids [rows, longest], and per completion token its place, id and weight.

        The place, in the flattened ids, is that of the token before it.
        Filler comes last, so that no earlier token sees it and no mask is needed.
        """
        longest = max(map(_length, part))
        rows: list[list[int]] = []
        places: list[int] = []
        targets: list[int] = []
        weights: list[float] = []
        for row, item in enumerate(part):
            tokens = [*item.prompt_ids, *item.completion_ids]
            rows.append(tokens + [self._filler] * (longest - len(tokens)))
            first = row * longest + len(item.prompt_ids) - 1
            places += range(first, first + len(item.completion_ids))
            targets += item.completion_ids
            weights += [item.weight] * len(item.completion_ids)
        device = self._model.device
        return (
            torch.tensor(rows, device=device),
            torch.tensor(places, device=device),
            torch.tensor(targets, device=device),
            torch.tensor(weights, device=device, dtype=torch.float64),
        )


def even_share(tokens: int, most: int) -> int:
    """Return the tokens of a part where an even number of parts of about one size is wanted.

    >>> even_share(2900, 1024), even_share(600, 1024), even_share(500, 1024)
    (783, 324, 1024)
    """
    if tokens < WORTH_SHARING:
        return most
    parts = 2 * math.ceil(tokens / (2 * most))
    return min(most, math.ceil(SLACK * tokens / parts))


def parts_of_similar_length(
    batch: Sequence[Example], most_tokens: int, most_filler: int
) -> Iterator[list[Example]]:
    """Cut a batch, sorted by length, into parts of at most so many tokens and so much filler."""
    part: list[Example] = []
    real = 0
    for item in sorted(batch, key=_length):
        padded = (len(part) + 1) * _length(item)
        if part and (padded > most_tokens or padded - real - _length(item) > most_filler):
            yield part
            part, real = [], 0
        part.append(item)
        real += _length(item)
    yield part


def _padded(part: Sequence[Example]) -> int:
    return len(part) * max(map(_length, part))


def _length(item: Example) -> int:
    return len(item.prompt_ids) + len(item.completion_ids)
