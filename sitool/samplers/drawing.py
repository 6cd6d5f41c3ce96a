"""From logits to tokens: the law that tokens are drawn from, and the draw itself.

Everything works on whole batches; a row's draw depends on its own logits and
its own uniform number only.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from sitool.samplers.base import Decoding


def uniforms(seeds: Sequence[int], count: int) -> Tensor:
    """Return uniform numbers in [0, 1), a row of `count` for each seed, float64.

    Row i depends on seed i alone (Philox, keyed by the seed).
    """
    rows = np.empty((len(seeds), count))
    for row, seed in zip(rows, seeds, strict=True):
        np.random.Generator(np.random.Philox(key=seed)).random(out=row)
    return torch.from_numpy(rows)


def draw(
    logits: Tensor, decoding: Decoding, uniform: Tensor | None, greedy: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Draw a token for each row of logits [rows, vocabulary].

    Args:
        logits: In float32 or more.
        decoding: Temperature, top_k, top_p and min_p.
        uniform: [rows], in [0, 1); not looked at when greedy.
        greedy: Which rows take the most likely token whatever the temperature, [rows].

    Returns:
        The tokens [rows] and their log-probabilities [rows] under plain
        softmax at temperature 1, whatever they were drawn at.
    """
    logprobs = torch.log_softmax(logits, dim=-1)
    if decoding.temperature == 0 or uniform is None:
        tokens = logits.argmax(dim=-1)
    else:
        tokens = invert_cdf(token_law(logprobs, decoding), uniform)
        if greedy is not None:
            tokens = torch.where(greedy, logits.argmax(dim=-1), tokens)
    return tokens, logprobs.gather(1, tokens[:, None])[:, 0]


def token_law(logprobs: Tensor, decoding: Decoding) -> Tensor:
    """Return the law that tokens are drawn from, [rows, vocabulary], not normalised.

    As elsewhere: temperature first, then top_k, then top_p, then min_p; ties
    with the last token kept stay in.
    """
    if decoding.temperature != 1:
        logprobs = torch.log_softmax(logprobs / decoding.temperature, dim=-1)
    if 0 < decoding.top_k < logprobs.shape[-1]:
        least = logprobs.topk(decoding.top_k, dim=-1).values[:, -1:]
        logprobs = logprobs.masked_fill(logprobs < least, -torch.inf)
        logprobs = torch.log_softmax(logprobs, dim=-1)
    law = logprobs.exp()
    if decoding.top_p < 1:
        law = _keep_mass(law, decoding.top_p)
    if decoding.min_p > 0:
        # Whether law is normalised or not makes no difference to a ratio.
        least_likely = decoding.min_p * law.amax(dim=-1, keepdim=True)
        law = law.masked_fill(law < least_likely, 0.0)
    return law


def _keep_mass(law: Tensor, top_p: float) -> Tensor:
    """Keep the most likely tokens until their mass reaches `top_p`; always one."""
    ordered, order = law.sort(dim=-1, descending=True, stable=True)
    mass_before = ordered.cumsum(dim=-1) - ordered
    ordered = ordered.masked_fill(mass_before >= top_p, 0.0)
    return torch.zeros_like(law).scatter_(1, order, ordered)


def invert_cdf(law: Tensor, uniform: Tensor) -> Tensor:
    """Return the first token, in the order of ids, whose summed law exceeds the uniform.

    A token of probability 0 is never returned: the target stays below the
    total, however the product rounds.
    """
    cumulative = law.double().cumsum(dim=-1)
    total = cumulative[:, -1]
    below_total = torch.nextafter(total, torch.zeros_like(total))
    target = torch.minimum(uniform.to(total) * total, below_total)
    return torch.searchsorted(cumulative, target[:, None], right=True)[:, 0]
