"""The loss at chosen places, from the hidden states of a causal language model.

A vocabulary of 150,000 makes the logits of a batch the largest tensor by far,
and most of them are of no use: there is no loss on prompts. Here the head runs
at completions' places only, a block of them at a time, and each block's gradient
is taken at once, so that no more than one block's logits are ever there.

The idea of taking it at once: Hsu et al. 2024 (Liger kernel), arXiv 2410.10989.
"""

import logging
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from sitool.models import products

logger = logging.getLogger(__name__)

BLOCK_LOGITS = 1 << 25
"""Most logits at once; fewer places than 200 a block starve a head of 150,000 rows."""

NllAt = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""From ids [rows, length], flat places, their targets and weights (float64) to the sum of
w_i nll_i in float64."""

NllsAt = Callable[[Tensor, Tensor, Tensor], Tensor]
"""From ids [rows, length], flat places and their targets to nll_i [places] in float64."""

LogitsAt = Callable[[Tensor, Tensor], Tensor]
"""From ids [rows, length] and flat places to logits [places, vocabulary]."""


class HeadLoss(torch.autograd.Function):
    """sum_i w_i (-log softmax(W h_i + bias)[target_i]), with gradients for h, W and bias."""

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, w: Tensor
    ) -> Tensor:
        """Take the loss, and its gradients too if anyone will ask for them.

        Args:
            ctx: Keeps the gradients.
            hidden: [places, size].
            weight: [vocabulary, size].
            bias: [vocabulary].
            targets: [places].
            w: Weights in float64, so that the sum hangs little on its order, [places].
        """
        needed = ctx.needs_input_grad[:3]
        sources = (hidden, weight, bias)
        grads = [
            torch.zeros_like(source) if need and source is not None else None
            for need, source in zip(needed, sources, strict=True)
        ]
        total = hidden.new_zeros((), dtype=torch.float64)
        size = max(1, BLOCK_LOGITS // len(weight))
        for first in range(0, len(hidden), size):
            block = slice(first, first + size)
            total += _block_loss(
                hidden[block], weight, bias, targets[block], w[block], grads, first
            )
        ctx.save_for_backward(*(g for g in grads if g is not None))
        ctx.has_grad = [g is not None for g in grads]
        return total

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Scale what forward has kept."""
        kept = iter(ctx.saved_tensors)
        ours = [next(kept).mul_(grads[0]) if has else None for has in ctx.has_grad]
        return (*ours, None, None)


def _block_loss(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    targets: Tensor,
    w: Tensor,
    grads: list[Tensor | None],
    first: int,
) -> Tensor:
    """Return a block's loss and add its share to the gradients of (hidden, weight, bias)."""
    nlls, logits, lse = _block_nlls(hidden, weight, bias, targets)
    loss = nlls @ w
    if any(grad is not None for grad in grads):
        slope = logits.sub_(lse[:, None]).exp_()
        slope[torch.arange(len(targets), device=targets.device), targets] -= 1
        slope = slope.mul_(w[:, None].to(slope.dtype)).to(weight.dtype)
        for_hidden, for_weight, for_bias = grads
        if for_hidden is not None:
            for_hidden[first : first + len(hidden)] = products.linear(slope, weight.t())
        if for_weight is not None:
            for_weight.addmm_(slope.t(), hidden.to(weight.dtype))
        if for_bias is not None:
            for_bias += slope.sum(dim=0)
    return loss


def _block_nlls(
    hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return a block's losses in float64, its logits, and the logs of their sums."""
    logits = products.linear(hidden, weight, bias)
    logits = logits.to(_precise(hidden))
    lse = logits.logsumexp(dim=1)
    return (lse - logits.gather(1, targets[:, None])[:, 0]).double(), logits, lse


def completion_nll(causal_lm: Any, device: torch.device) -> NllAt:
    """Return the function that takes the loss of this model at chosen places.

    The head runs on these places alone where that gives what the model's own
    forward gives, which is tried once; some models do more between their last
    layer and their logits (scaling, soft caps).
    """

    def from_all_logits(ids: Tensor, places: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
        logits = _all_logits(causal_lm, ids, places)
        logits = logits.to(_precise(logits))
        nll = functional.cross_entropy(logits, targets, reduction="none")
        return nll.double() @ weights

    def from_few_logits(ids: Tensor, places: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
        hidden, head = _hidden_states(causal_lm, ids, places), causal_lm.get_output_embeddings()
        loss: Tensor = HeadLoss.apply(  # type: ignore[no-untyped-call]
            hidden, head.weight, head.bias, targets, weights
        )
        return loss

    if _has_plain_head(causal_lm, device):
        return from_few_logits
    logger.info("the head of %s runs on all positions", type(causal_lm).__name__)
    return from_all_logits


def completion_nlls(causal_lm: Any, device: torch.device) -> NllsAt:
    """Return the function that tells each place's own loss, as `completion_nll` sums them.

    It is for looking, and gives no gradients.
    """

    @torch.no_grad()
    def from_all_logits(ids: Tensor, places: Tensor, targets: Tensor) -> Tensor:
        logits = _all_logits(causal_lm, ids, places)
        logits = logits.to(_precise(logits))
        return functional.cross_entropy(logits, targets, reduction="none").double()

    @torch.no_grad()
    def from_few_logits(ids: Tensor, places: Tensor, targets: Tensor) -> Tensor:
        hidden, head = _hidden_states(causal_lm, ids, places), causal_lm.get_output_embeddings()
        size = max(1, BLOCK_LOGITS // len(head.weight))
        blocks = zip(torch.split(hidden, size), torch.split(targets, size), strict=True)
        return torch.cat([_block_nlls(h, head.weight, head.bias, t)[0] for h, t in blocks])

    return from_few_logits if _has_plain_head(causal_lm, device) else from_all_logits


def _all_logits(causal_lm: Any, ids: Tensor, places: Tensor) -> Tensor:
    logits: Tensor = causal_lm(input_ids=ids, use_cache=False).logits
    return logits.flatten(0, 1)[places]


def _hidden_states(causal_lm: Any, ids: Tensor, places: Tensor) -> Tensor:
    inner = getattr(causal_lm, causal_lm.base_model_prefix)
    states: Tensor = inner(input_ids=ids, use_cache=False)[0]
    return states.flatten(0, 1)[places]


def _has_plain_head(causal_lm: Any, device: torch.device) -> bool:
    """Whether the head on the last layer's states gives the model's own logits."""
    inner = getattr(causal_lm, causal_lm.base_model_prefix, None)
    head = causal_lm.get_output_embeddings()
    if inner is None or inner is causal_lm or type(head) is not nn.Linear:
        return False
    return _agree(
        lambda ids, places: head(_hidden_states(causal_lm, ids, places)),
        lambda ids, places: _all_logits(causal_lm, ids, places),
        device,
    )


def _agree(few: LogitsAt, all_: LogitsAt, device: torch.device) -> bool:
    ids = torch.tensor([[0, 1, 2, 1]], device=device)
    places = torch.tensor([1, 3], device=device)
    with torch.inference_mode():
        try:
            return torch.allclose(few(ids, places), all_(ids, places), rtol=1e-3, atol=1e-4)
        except (RuntimeError, TypeError, AttributeError):
            return False


def _precise(tensor: Tensor) -> torch.dtype:
    return torch.float64 if tensor.dtype == torch.float64 else torch.float32
