"""Regression on pairs: what `dpo` and `xpo` have in common.

Of two responses y, y' to one prompt, with Delta for value(y) - value(y'):

    e = beta Delta log[pi / pi_base] - Delta r_self

is squared, r_self being log pi_base(y|x), or that a token. Its least value over
all policies is at pi* prop. to pi_base exp(r_self / beta), which for the likelihood
is pi_base^{1 + 1/beta}: sharper the smaller beta is. No truth is looked at.

The loss is a function of sequences' log-probabilities alone. So these are looked
at first, without gradients; the slopes of the loss in them then weigh a second
pass, which is that of `mle`: parts of any size, and either response in a part of
its own. log pi_base comes with a pair (the base wrote it) or is computed before
training begins, with nothing learnt on the model.

Source: Huang et al., "Self-Improvement in Language Models: The Sharpening
Mechanism", ICLR 2025, section on RLHF-sharpening.
"""

import math
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch

from sitool.config import TrainerSettings
from sitool.errors import TrainerError
from sitool.trainers.base import Example, Pair, Response
from sitool.trainers.finetuner import Finetuner
from sitool.trainers.loss import WeightedLoss

REFERENCE_BATCH = 256
"""Responses that are looked at together before training begins."""


@dataclass(frozen=True, slots=True)
class Term:
    """A pair's part of the loss, and its slopes in the two log-probabilities."""

    loss: float
    first_slope: float
    second_slope: float


def reward_gap(pair: Pair, settings: TrainerSettings) -> float:
    """Return Delta r_self of a pair whose base log-probabilities are known, in nats.

    Where a person favoured one of the two, that one gets the higher reward.
    """
    gap = self_reward(pair.first, settings) - self_reward(pair.second, settings)
    if pair.first.favoured == pair.second.favoured:
        return gap
    return abs(gap) if pair.first.favoured else -abs(gap)


def self_reward(response: Response, settings: TrainerSettings) -> float:
    """Return log pi_base of a response, or that a token."""
    tokens = len(response.completion_ids) if settings.self_reward == "likelihood_per_token" else 1
    return base_logprob(response) / tokens


def base_logprob(response: Response) -> float:
    """Return what has been worked out by now."""
    if response.base_logprob is None:
        raise TrainerError("The base's log-probability of a response is not known.")
    return response.base_logprob


def squared_error(pair: Pair, first: float, second: float, settings: TrainerSettings) -> Term:
    """Return (beta Delta log[pi / pi_base] - Delta r_self)^2 and its slopes.

    Args:
        first: log pi of the first response now.
        second: log pi of the second one.
    """
    moved = (first - base_logprob(pair.first)) - (second - base_logprob(pair.second))
    error = settings.beta * moved - reward_gap(pair, settings)
    slope = 2 * settings.beta * error
    return Term(error * error, slope, -slope)


def _without_logprobs(pair: Pair) -> Pair:
    sides = [replace(side, base_logprob=None) for side in (pair.first, pair.second)]
    return replace(pair, first=sides[0], second=sides[1])


class PairTrainer(Finetuner[Pair]):
    """Fine-tunes the model on pairs; a subclass says what a pair's loss is."""

    @abstractmethod
    def term(self, pair: Pair, first: float, second: float) -> Term:
        """Return a pair's loss and slopes at its two log-probabilities now."""

    def check(self, items: Sequence[Pair]) -> None:
        """Refuse what cannot be learnt from.

        Raises:
            TrainerError: There is no pair, or one has no text, no weight or no
                finite log-probability.
        """
        if not items:
            raise TrainerError(
                "There are no pairs to train on.",
                "try: more draw.samples, a smaller trainer.margin, or an easier level",
            )
        for item in items:
            sides = (item.first, item.second)
            if not item.prompt_ids or not all(side.completion_ids for side in sides):
                raise TrainerError("A pair to train on has no prompt or no completion.")
            if not (item.weight > 0 and math.isfinite(item.weight)):
                raise TrainerError(f"A pair has the weight {item.weight}; allowed: more than 0.")
            known = [side.base_logprob for side in sides if side.base_logprob is not None]
            if not all(map(math.isfinite, known)):
                raise TrainerError(f"A pair has the log-probabilities {known} under the base.")

    def made_ready(self, loss: WeightedLoss, items: Sequence[Pair]) -> list[Pair]:
        """Return the pairs with the base's log-probability of every response.

        In half precision those of the sampler are off by more than they matter, so
        they are all worked out here, by the passes that training makes.
        """
        if self._model.causal_lm.dtype == torch.bfloat16:
            items = [_without_logprobs(pair) for pair in items]
        unknown = {
            (pair.prompt_ids, side.completion_ids): example
            for pair in items
            for side, example in zip((pair.first, pair.second), self.sequences(pair), strict=True)
            if side.base_logprob is None
        }
        found: dict[tuple[tuple[int, ...], tuple[int, ...]], float] = {}
        if unknown:
            self._model.use_adapter(None)
            examples = list(unknown.values())
            for place in range(0, len(examples), REFERENCE_BATCH):
                some = examples[place : place + REFERENCE_BATCH]
                keys = [(example.prompt_ids, example.completion_ids) for example in some]
                found |= dict(zip(keys, loss.logprobs(some), strict=True))

        def known(prompt: tuple[int, ...], side: Response) -> Response:
            value = found.get((prompt, side.completion_ids), side.base_logprob)
            return side if side.base_logprob is not None else replace(side, base_logprob=value)

        return [
            replace(p, first=known(p.prompt_ids, p.first), second=known(p.prompt_ids, p.second))
            for p in items
        ]

    def sequences(self, item: Pair) -> list[Example]:
        """Return both responses."""
        return [
            Example(item.prompt_ids, side.completion_ids, item.level, 1.0)
            for side in (item.first, item.second)
        ]

    def importance(self, item: Pair) -> float:
        """Return the pair's weight: the loss is a mean over pairs."""
        return item.weight

    def backward(
        self, loss: WeightedLoss, batch: Sequence[Pair], forget: Callable[[], None]
    ) -> float:
        """Leave the gradient of a batch's loss on the weights, and return the loss."""
        sides = [example for pair in batch for example in self.sequences(pair)]
        logprobs = loss.logprobs(sides)
        total = sum(pair.weight for pair in batch)
        value, slopes = 0.0, list[float]()
        for place, pair in enumerate(batch):
            term = self.term(pair, logprobs[2 * place], logprobs[2 * place + 1])
            value += pair.weight * term.loss / total
            share = pair.weight / total
            slopes += [share * term.first_slope, share * term.second_slope]
        # A weight in the second pass is of -log pi.
        weighed = [
            replace(example, weight=-slope) for example, slope in zip(sides, slopes, strict=True)
        ]
        loss.add_gradient(weighed, forget)
        return value
