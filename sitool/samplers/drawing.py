"""From logits to tokens: the law that tokens are drawn from, and the draw itself.

Everything works on whole batches; a row's draw depends on its own logits and
its own uniform number only.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sitool.samplers.base import Decoding

WORDS = 4
ROUNDS = 10
FACTORS = (np.uint64(0xD2E7470EE14C6C93), np.uint64(0xCA5A826395121157))
STRIDES = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBB67AE8584CAA73B))
"""Of the key, from round to round."""
LOW, HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
BLOCK_TOKENS, LEAST_BLOCKS = 512, 8
"""Of a vocabulary that is summed up in blocks, and from how many of them on."""
UNUSED_BITS = np.uint64(11)
"""A float64 has 53 bits."""


def uniforms(seeds: Sequence[int], count: int) -> Tensor:
    """Return uniform numbers in [0, 1), a row of `count` for each seed, float64.

    Row i depends on seed i alone: Philox4x64-10 (Salmon et al., 2011) with the seed as its key,
    the numbers of `numpy.random.Generator(numpy.random.Philox(key=seed)).random(count)`. A
    generator for each row would take ten times as long.

    Args:
        seeds: Each in [0, 2**64).
        count: Numbers of a row.
    """
    blocks = -(-count // WORDS)
    key = np.repeat(np.array(seeds, dtype=np.uint64), blocks)
    # A counter of 256 bits, of which the first word is enough.
    a = np.tile(np.arange(1, blocks + 1, dtype=np.uint64), len(seeds))
    b, c, d = np.zeros_like(a), np.zeros_like(a), np.zeros_like(a)
    key_of_zeros = np.uint64(0)
    with np.errstate(over="ignore"):
        for _ in range(ROUNDS):
            a, b, c, d = (
                _high_word(c, FACTORS[1]) ^ b ^ key,
                c * FACTORS[1],
                _high_word(a, FACTORS[0]) ^ d ^ key_of_zeros,
                a * FACTORS[0],
            )
            key, key_of_zeros = key + STRIDES[0], key_of_zeros + STRIDES[1]
    words = np.stack([a, b, c, d], axis=1).reshape(len(seeds), blocks * WORDS)[:, :count]
    return torch.from_numpy((words >> UNUSED_BITS) * 2.0**-53)


def _high_word(numbers: NDArray[np.uint64], factor: np.uint64) -> NDArray[np.uint64]:
    """Return the upper 64 bits of 128-bit products."""
    low, high = factor & LOW, factor >> HALF
    lows, highs = numbers & LOW, numbers >> HALF
    first = highs * low + (lows * low >> HALF)
    second = lows * high + (first & LOW)
    upper: NDArray[np.uint64] = highs * high + (first >> HALF) + (second >> HALF)
    return upper


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
    total, however the product rounds. Of a large vocabulary only blocks are summed
    up in order, and then the tokens of the one block that is met.
    """
    blocks = law.shape[-1] // BLOCK_TOKENS
    if blocks < LEAST_BLOCKS:
        cumulative = law.double().cumsum(dim=-1)
        return _first_above(cumulative, uniform.to(cumulative) * cumulative[:, -1])
    whole = law[:, : blocks * BLOCK_TOKENS].reshape(len(law), blocks, BLOCK_TOKENS)
    rest = law[:, blocks * BLOCK_TOKENS :].sum(dim=-1, keepdim=True)
    sums = torch.cat([whole.sum(dim=-1), rest], dim=1).double()
    cumulative = sums.cumsum(dim=-1)
    target = uniform.to(cumulative) * cumulative[:, -1]
    block = _first_above(cumulative, target)
    before = (cumulative - sums).gather(1, block[:, None])[:, 0]
    places = block[:, None] * BLOCK_TOKENS + torch.arange(BLOCK_TOKENS, device=law.device)
    inside = law.gather(1, places.clamp(max=law.shape[-1] - 1)).double()
    inside[places >= law.shape[-1]] = 0
    within = _first_above(inside.cumsum(dim=-1), target - before)
    return block * BLOCK_TOKENS + within


def _first_above(cumulative: Tensor, target: Tensor) -> Tensor:
    """Return where a sum first exceeds its target [rows], which is kept below the total."""
    total = cumulative[:, -1]
    below_total = torch.nextafter(total, torch.zeros_like(total))
    target = torch.minimum(target, below_total).clamp(min=0)
    return torch.searchsorted(cumulative, target[:, None], right=True)[:, 0]
