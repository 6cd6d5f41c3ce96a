"""Batched sampling with torch, on the CPU or a GPU, from any causal language model.

A prompt is evaluated once, whatever the number of its samples; rows that have
finished leave the batch. Leaves out how prompts are read (`prompts.py`), the law
of a token (`drawing.py`), how a batch goes on by a token (`steps.py`) and the
memory of the keys and values (`caches.py`).
"""

import inspect
import logging
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

import torch
from torch import Tensor

from sitool.config import Settings
from sitool.models.local import LocalModel
from sitool.records import Completion
from sitool.samplers import drawing, prompts, sharing, stopping
from sitool.samplers.base import Decoding, Request, check_prompt
from sitool.samplers.caches import SampleCache
from sitool.samplers.chunking import chunks
from sitool.samplers.portions import Answers, Portions
from sitool.samplers.steps import make_steps

logger = logging.getLogger(__name__)

STOP_STEPS = 4
"""Stop strings are looked for every so many tokens; what came after one is cut off."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """The job of drawing chunks."""

    decoding: Decoding

    def on(self, model: LocalModel) -> "Drawer":
        """Return what draws chunks from this model."""
        return Drawer(model, self.decoding, Portions(model.notes))


class NativeSampler:
    """Samples in chunks of whole requests, in the order of the requests.

    Args:
        model: The model as it is when a chunk is drawn.
        settings: `sampler.chunk_rows` is the most samples of a chunk; a request
            with more is a chunk alone.
    """

    def __init__(self, model: LocalModel, settings: Settings) -> None:
        self._model = model
        self._chunk_rows = settings.sampler.chunk_rows
        self._portions = Portions(model.notes)

    def sample(
        self, requests: Sequence[Request], decoding: Decoding
    ) -> Iterator[list[list[Completion]]]:
        """Yield chunk after chunk: for each request, its completions.

        Raises:
            SamplerError: A prompt is empty or leaves no room in the model's context,
                or one sample alone does not fit in memory.
        """
        for request in requests:
            check_prompt(request, self._model.context)
        here = Drawer(self._model, decoding, self._portions)
        parts = list(chunks(requests, self._chunk_rows))
        yield from self._model.crew.each(self._model, Drawing(decoding), here, parts)


class Drawer:
    """Draws a chunk: for each request, its completions."""

    def __init__(self, model: LocalModel, decoding: Decoding, portions: Portions) -> None:
        self._model = model
        self._decoding = decoding
        self._portions = portions

    def __call__(self, chunk: list[Request]) -> Answers:
        """Draw it, in as many portions as memory asks for.

        Raises:
            SamplerError: One sample alone does not fit in memory.
        """
        return self._portions.draw(chunk, self._draw, self._decoding.max_new_tokens)

    def _draw(self, chunk: list[Request]) -> Answers:
        with torch.inference_mode(), self._model.merged():
            batch = Batch(self._model, chunk, self._decoding)
            batch.run()
        completions = iter(self._completions(batch))
        return [[next(completions) for _ in range(request.count)] for request in chunk]

    def _completions(self, batch: "Batch") -> list[Completion]:
        tokens, logprobs, lengths, stopped = batch.results()
        rows = [tuple(row[:length]) for row, length in zip(tokens, lengths, strict=True)]
        texts = self._model.decode_many(rows) if rows else []
        drawn = [
            Completion(row, text, "stop" if stop else "length", tuple(logprob[: len(row)]))
            for row, text, stop, logprob in zip(rows, texts, stopped, logprobs, strict=True)
        ]
        strings = batch.decoding.stop
        return [stopping.end_at(item, self._model.decode, strings) for item in drawn]


class Batch:
    """The rows of a chunk, from their prompts to their last tokens.

    A row is one sample. `rows` are those still in the batch; tokens and
    log-probabilities are kept for all of them, [samples, max_new_tokens].
    """

    def __init__(self, model: LocalModel, chunk: list[Request], decoding: Decoding) -> None:
        self._model = model
        self._causal_lm = model.causal_lm
        self.decoding = decoding
        self._accepts = frozenset(inspect.signature(self._causal_lm.forward).parameters)
        device = model.device
        self._prompts = sorted({request.prompt_ids for request in chunk}, key=_length_first)
        number = {prompt: index for index, prompt in enumerate(self._prompts)}
        self._source = torch.tensor(
            [number[request.prompt_ids] for request in chunk for _ in range(request.count)],
            device=device,
            dtype=torch.long,
        )
        limit = decoding.max_new_tokens
        draws = 0 if decoding.temperature == 0 else limit
        # A greedy row has numbers too, which are not looked at.
        greedy = [[True] * r.greedy + [False] * len(r.seeds) for r in chunk]
        seeds = [[0] * request.greedy + list(request.seeds) for request in chunk]
        self._greedy = torch.tensor(list(chain.from_iterable(greedy)), device=device)
        self._uniforms = drawing.uniforms(list(chain.from_iterable(seeds)), draws).to(device)
        self._any_greedy = any(request.greedy for request in chunk)
        self._tokens = torch.full((len(self._source), limit), -1, dtype=torch.long, device=device)
        self._logprobs = torch.zeros((len(self._source), limit), device=device)
        lengths = torch.tensor(list(map(len, self._prompts)), device=device, dtype=torch.long)
        self._lengths = lengths[self._source]
        self._limits = self._room(limit)

    def _room(self, limit: int) -> Tensor:
        """Return each row's own limit [samples]: a context may end before the limit does."""
        limits = torch.full_like(self._lengths, limit)
        context = self._model.context
        return limits if context is None else torch.minimum(limits, context - self._lengths)

    def run(self) -> None:
        """Draw until every row has ended."""
        rows = torch.arange(len(self._source), device=self._source.device)
        if not len(rows):
            return
        last = int(self._limits.max())
        logits, cache, padding = self._read_prompts()
        steps = make_steps(self._forward, cache, padding, last, self._model.breathe)
        running = torch.ones_like(rows, dtype=torch.bool)
        for step in range(last):
            tokens = self._draw(logits, rows, step)
            running &= (tokens != self._model.end_token) & (step + 1 < self._limits[rows])
            if self.decoding.stop and step % STOP_STEPS == STOP_STEPS - 1:
                running &= ~self._stopped(rows, step)
            if step % steps.check_steps == 0 or step + 1 == last:
                left = int(running.sum())
                if left == 0:
                    return
                if left <= steps.keep_share * len(rows) and steps.selectable:
                    kept = running.nonzero()[:, 0]
                    rows, tokens, running = rows[kept], tokens[kept], running[kept]
                    steps.keep(kept)
            logits = steps.advance(tokens, self._positions(rows, step))

    def _stopped(self, rows: Tensor, step: int) -> Tensor:
        """Return whose last tokens hold a stop string, [rows]."""
        strings = self.decoding.stop
        first = max(0, step + 1 - stopping.tail_length(strings, STOP_STEPS))
        texts = self._model.decode_many(self._tokens[rows, first : step + 1].tolist())
        found = [stopping.first_stop(text, strings) is not None for text in texts]
        return torch.tensor(found, device=rows.device)

    def results(self) -> tuple[list[list[int]], list[list[float]], list[int], list[bool]]:
        """Return tokens, log-probabilities, lengths, and whether the end token was reached."""
        ended = self._tokens == self._model.end_token
        ended &= torch.arange(ended.shape[1], device=ended.device) < self._limits[:, None]
        stopped = ended.any(dim=1)
        # A row that met a stop string has left the batch before its limit.
        drawn = torch.minimum(self._limits, (self._tokens >= 0).sum(dim=1))
        lengths = torch.where(stopped, ended.int().argmax(dim=1) + 1, drawn)
        return (
            self._tokens.tolist(),
            self._logprobs.tolist(),
            lengths.tolist(),
            stopped.tolist(),
        )

    def _draw(self, logits: Tensor, rows: Tensor, step: int) -> Tensor:
        uniform = self._uniforms[rows, step] if self.decoding.temperature else None
        greedy = self._greedy[rows] if self._any_greedy else None
        tokens, logprobs = drawing.draw(logits.float(), self.decoding, uniform, greedy)
        self._tokens[rows, step] = tokens
        self._logprobs[rows, step] = logprobs
        return tokens

    def _read_prompts(self) -> tuple[Tensor, SampleCache, Tensor | None]:
        """Evaluate each prompt once and fork it: logits [samples, vocabulary], cache, padding.

        The padding [samples, longest prompt] is 1 on real tokens; None where
        all prompts are of one length, which spares every step a mask.
        """
        end, device = self._model.end_token, self._model.device
        read = prompts.read(self._prompts, self._forward, self._new_cache, end, device)
        cache, padding = read.cache, read.real
        if not cache.fan_out(self._source, padding):
            return self._repeat_prompts()
        if padding is None or cache.shared:
            return read.logits[self._source], cache, None
        return read.logits[self._source], cache, padding[self._source]

    def _new_cache(self) -> SampleCache:
        return SampleCache(self._causal_lm, self.decoding.max_new_tokens)

    def _repeat_prompts(self) -> tuple[Tensor, SampleCache, Tensor | None]:
        """Evaluate a prompt for each of its samples, where a cache cannot be fanned out."""
        _say_once(f"{type(self._causal_lm).__name__} reads a prompt anew for each of its samples")
        cache = self._new_cache()
        cache.selectable = False
        ids, real = prompts.pad_left(self._prompts, self._model.end_token, self._model.device)
        ids, real = ids[self._source], real[self._source]
        positions = (real.cumsum(dim=1) - 1).clamp(min=0)
        padding = None if bool(real.all()) else real
        return self._forward(ids, positions, cache, padding), cache, padding

    def _positions(self, rows: Tensor, step: int) -> Tensor:
        """Return where each row's newest token stands, [rows]."""
        positions = self._lengths[rows] + step
        context = self._model.context
        return positions if context is None else positions.clamp(max=context - 1)

    def _forward(
        self, ids: Tensor, positions: Tensor, cache: SampleCache, padding: Tensor | None
    ) -> Tensor:
        """Return the logits after the last token, [rows, vocabulary]."""
        optional = {"position_ids": positions, "logits_to_keep": 1}
        known = {name: value for name, value in optional.items() if name in self._accepts}
        with self._shared(cache), self._model.focused_at_end(ids):
            output = self._causal_lm(
                input_ids=ids,
                attention_mask=padding,
                past_key_values=cache,
                use_cache=True,
                **known,
            )
        logits: Tensor = output.logits[:, -1]
        return logits

    def _shared(self, cache: SampleCache) -> AbstractContextManager[None]:
        return sharing.shared(self._causal_lm.config) if cache.shared else nullcontext()


def _length_first(prompt: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
    """Sort by length; among equals by the tokens, so that a chunk is always read alike."""
    return len(prompt), prompt


@lru_cache(maxsize=16)
def _say_once(message: str) -> None:
    logger.info(message)
