"""What the built-in base loses on its examples: answers, verdicts, and hints on the way.

What it leaves out: where examples come from (`examples.py`), and the steps (`tiny.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from sitool.models.examples import Example, encode

IGNORED = -100
"""Marks positions without a loss, as `cross_entropy` has it."""


@dataclass(frozen=True)
class Pupil:
    """The model under training, its tokenizer, and the auxiliary head of its hints."""

    model: LlamaForCausalLM
    tokenizer: PreTrainedTokenizerFast
    hints: torch.nn.Linear


def answer_loss(
    pupil: Pupil, examples: Sequence[Example], verdict_weight: float, hint_weight: float
) -> tuple[Tensor, float]:
    """Return the weighted loss over the wanted tokens of examples, and the weights' sum.

    An answer's token has weight 1; hints count in proportion to that sum. Rows are
    padded on the right, where a causal model needs no mask, and only wanted
    positions pass through the head.
    """
    model, tokenizer = pupil.model, pupil.tokenizer
    ids = tokenizer.get_vocab()
    rows = [encode(example, ids, int(tokenizer.eos_token_id)) for example in examples]
    inputs, targets = _padded(rows, int(tokenizer.pad_token_id))
    weights = torch.tensor([verdict_weight if e.is_verdict else 1.0 for e in examples])
    chosen = targets != IGNORED
    token_weights = weights[:, None].expand_as(targets)[chosen]
    output = model.model(input_ids=inputs, use_cache=False, output_hidden_states=hint_weight > 0)
    losses = functional.cross_entropy(
        model.lm_head(output.last_hidden_state[chosen]), targets[chosen], reduction="none"
    )
    loss, weight = (losses * token_weights).sum(), float(token_weights.sum())
    if hint_weight and any(e.is_verdict for e in examples):
        # The last layer but one: the last one can then gather what it says.
        hints = pupil.hints(output.hidden_states[-2]).squeeze(-1)
        loss = loss + hint_weight * weight * hint_loss(hints, examples)
    return loss, weight


def hint_loss(hints: Tensor, examples: Sequence[Example]) -> Tensor:
    """Return the mean loss of the hints about judged answers; right and wrong weigh alike.

    Args:
        hints: Logits of being right so far, (examples, places).
        examples: Those without a verdict are passed over.
    """
    places = [
        (row, len(example.given) - 1 - len(example.right_so_far) + place, right)
        for row, example in enumerate(examples)
        for place, right in enumerate(example.right_so_far)
    ]
    rows, columns, right = zip(*places, strict=True)
    wanted = torch.tensor(right, dtype=hints.dtype)
    losses = functional.binary_cross_entropy_with_logits(
        hints[list(rows), list(columns)], wanted, reduction="none"
    )
    share = wanted.mean().clamp(0.05, 0.95)
    return (losses * torch.where(wanted > 0, 0.5 / share, 0.5 / (1 - share))).mean()


def _padded(rows: list[tuple[list[int], list[int]]], pad: int) -> tuple[Tensor, Tensor]:
    """Lay rows out as inputs and targets; the target of a place is the token after it."""
    length = max(len(given) + len(wanted) for given, wanted in rows)
    inputs = torch.full((len(rows), length), pad)
    targets = torch.full((len(rows), length), IGNORED)
    for row, (given, wanted) in enumerate(rows):
        inputs[row, : len(given) + len(wanted)] = torch.tensor(given + wanted)
        targets[row, len(given) - 1 : len(given) + len(wanted) - 1] = torch.tensor(wanted)
    return inputs, targets
