"""Whether a GGUF file says what the base says, in torch.

Mistakes in a file (rows in another order, a rotation left out) load without a
word and move logits by tens. So every file is asked for a few greedy
continuations before it is used, and each logit on the way is compared. What this
leaves out: tokenizers, which the tests and `vocabulary.py` compare.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sitool.errors import ModelError
from sitool.models.gguf.runtime import Adapter, Context, LoadedFile, Room, Token
from sitool.models.local import LocalModel

TOLERANCES = {"f32": 1e-3, "f16": 0.05, "q8_0": 0.3, "other": 0.7}
"""How far a file's logits may be off, by its least precise weights: root mean
square over the vocabulary, as a share of the spread of the base's own logits.
Unrelated logits are 1.4 apart. Seen on the built-in base: f32 5e-6, f16 5e-3, q8_0 8e-2."""
LENGTHS = (1, 5, 12, 64)
"""Tokens of the prompts; the longest shows what rotary positions do far out."""
GREEDY = 6
"""Tokens that each prompt is continued by."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a file and the base part.

    Attributes:
        largest: Of all logits, in units of the tolerance.
        prompt: The tokens before the first place where both choose otherwise.
        wanted: What the base says there; None where they never part.
        got: What the file says there.
    """

    largest: float
    prompt: tuple[int, ...] = ()
    wanted: int | None = None
    got: int | None = None


def check(
    model: LocalModel, base: LoadedFile, tolerance: float, adapter: Adapter | None = None,
    *, with_adapter: bool = False,
) -> float:  # fmt: skip
    """Compare a loaded file with the base and return how far they are apart.

    Args:
        model: The base, and the adapter that is on.
        base: The file.
        tolerance: One of `TOLERANCES`.
        adapter: Laid over the file.
        with_adapter: Let torch compute with its adapter, too: because one is laid
            over the file, or because the file has it in its weights.

    Raises:
        ModelError: They differ; names the first token that does.
    """
    size = model.causal_lm.config.vocab_size
    if base.vocabulary_size != size:
        raise ModelError(
            f"{str(base.file)!r} has {base.vocabulary_size} tokens, "
            f"the base {model.name!r} has {size}."
        )
    found = difference(model, base, adapter, with_adapter=with_adapter)
    if not found.largest <= tolerance:
        raise ModelError(_complaint(model, base, found, tolerance), _HINT)
    return found.largest


_HINT = "try: another file; one that sitool has written itself can be deleted, and is made again"


def difference(
    model: LocalModel, base: LoadedFile, adapter: Adapter | None, *, with_adapter: bool
) -> Difference:
    """Return the largest difference over all prompts, and the first token that differs."""
    prompts = _prompts(model)
    room = Room(
        cells=256, sequences=1, batch=max(map(len, prompts)), outputs=max(map(len, prompts))
    )
    context = Context(base, room, threads=torch.get_num_threads(), exact=True)
    largest, first = 0.0, Difference(0.0)
    try:
        context.use(adapter)
        for prompt in prompts:
            ids, ours = _continued(context, prompt)
            theirs = _logits(model, ids, with_adapter)
            apart = _apart(ours, theirs)
            # Not a number is as far as can be.
            largest = max(largest, float(torch.nan_to_num(apart, nan=torch.inf).max()))
            if first.wanted is None:
                first = _first(ids, ours, theirs)
    finally:
        context.close()
    return Difference(largest, first.prompt, first.wanted, first.got)


def _prompts(model: LocalModel) -> list[list[int]]:
    """Return random tokens, the same ones always, as long as the context allows."""
    source = np.random.default_rng(0)
    size = min(len(model.tokenizer), model.causal_lm.config.vocab_size)
    limit = (model.context or max(LENGTHS) + GREEDY) - GREEDY
    lengths = [min(length, max(limit, 1)) for length in LENGTHS]
    return [source.integers(0, size, length).tolist() for length in lengths]


def _continued(context: Context, prompt: Sequence[int]) -> tuple[list[int], Tensor]:
    """Let the file continue a prompt; return all tokens but the last, and the logits after each."""
    context.forget()
    ids = list(prompt)
    rows = [context.run([Token(id_, place, (0,), True) for place, id_ in enumerate(ids)])]
    for _ in range(GREEDY):
        ids.append(int(rows[-1][-1].argmax()))
        rows.append(context.run([Token(ids[-1], len(ids) - 1, (0,), True)]))
    return ids, torch.cat(rows)


def _logits(model: LocalModel, ids: Sequence[int], with_adapter: bool) -> Tensor:
    scope = nullcontext() if with_adapter else model.network.disable_adapter()
    with torch.inference_mode(), scope:
        output = model.network(input_ids=torch.tensor([ids], device=model.device))
    logits: Tensor = output.logits[0].float().cpu()
    return logits


def _apart(ours: Tensor, theirs: Tensor) -> Tensor:
    """Return the distance at each place, as a share of the spread of the base's logits."""
    spread = theirs.std(dim=-1).clamp(min=1e-6)
    return (ours - theirs).square().mean(dim=-1).sqrt() / spread


def _first(ids: Sequence[int], ours: Tensor, theirs: Tensor) -> Difference:
    wanted, got = theirs.argmax(dim=-1), ours.argmax(dim=-1)
    places = (wanted != got).nonzero()[:, 0].tolist()
    if not places:
        return Difference(0.0)
    place = places[0]
    return Difference(0.0, tuple(ids[: place + 1]), int(wanted[place]), int(got[place]))


def _complaint(model: LocalModel, base: LoadedFile, found: Difference, tolerance: float) -> str:
    apart = (
        f"its logits are {found.largest:.2g} of their spread apart, and {tolerance:g} is allowed"
    )
    start = f"{str(base.file)!r} is not the base {model.name!r}: {apart}"
    if found.wanted is None or found.got is None:
        return f"{start}."
    texts = [model.tokenizer.decode([token]) for token in (found.wanted, found.got)]
    return (
        f"{start}; after the tokens {list(found.prompt)} the base says {found.wanted} "
        f"({texts[0]!r}), the file {found.got} ({texts[1]!r})."
    )
