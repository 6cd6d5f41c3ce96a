"""Batched sampling with torch, on the CPU or a GPU, from any causal language model.

A prompt is evaluated once, whatever the number of its samples; rows that have
finished leave the batch. Leaves out the law of a token (`drawing.py`) and the
memory of the keys and values (`caches.py`).
"""

import inspect
import logging
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from functools import lru_cache, partial

import torch
from torch import Tensor

from sitool.config import Settings
from sitool.errors import SamplerError
from sitool.models.local import LocalModel
from sitool.records import Completion
from sitool.samplers import drawing, sharing, stopping
from sitool.samplers.base import Decoding, Request
from sitool.samplers.caches import SampleCache
from sitool.samplers.chunking import chunks
from sitool.samplers.portions import Portions

logger = logging.getLogger(__name__)

KEEP_SHARE = 0.75
"""Finished rows are dropped once no more than this share is still running."""
STOP_STEPS = 4
"""Stop strings are looked for every so many tokens; what came after one is cut off."""


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
        draw = partial(self._sample_rows, decoding=decoding)
        for request in requests:
            _check_prompt(request, self._model.context)
        for chunk in chunks(requests, self._chunk_rows):
            yield self._portions.draw(chunk, draw, decoding.max_new_tokens)

    def _sample_rows(self, chunk: list[Request], decoding: Decoding) -> list[list[Completion]]:
        with torch.inference_mode(), self._model.merged():
            batch = Batch(self._model, chunk, decoding)
            batch.run()
        completions = iter(self._completions(batch))
        return [[next(completions) for _ in request.seeds] for request in chunk]

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
        prompts = list(dict.fromkeys(request.prompt_ids for request in chunk))
        number = {prompt: index for index, prompt in enumerate(prompts)}
        self._ids, self._real = pad_left(prompts, model.end_token, device)
        self._source = torch.tensor(
            [number[request.prompt_ids] for request in chunk for _ in request.seeds],
            device=device,
            dtype=torch.long,
        )
        seeds = [seed for request in chunk for seed in request.seeds]
        limit = decoding.max_new_tokens
        draws = 0 if decoding.temperature == 0 else limit
        self._uniforms = drawing.uniforms(seeds, draws).to(device)
        self._tokens = torch.full((len(seeds), limit), -1, dtype=torch.long, device=device)
        self._logprobs = torch.zeros((len(seeds), limit), device=device)
        self._lengths = self._real.sum(dim=1)[self._source]
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
        logits, cache, padding = self._read_prompts()
        running = torch.ones_like(rows, dtype=torch.bool)
        last = int(self._limits.max())
        for step in range(last):
            tokens = self._draw(logits, rows, step)
            running &= (tokens != self._model.end_token) & (step + 1 < self._limits[rows])
            if self.decoding.stop and step % STOP_STEPS == STOP_STEPS - 1:
                running &= ~self._stopped(rows, step)
            left = int(running.sum())
            if left == 0:
                return
            if left <= KEEP_SHARE * len(rows) and cache.selectable:
                kept = running.nonzero()[:, 0]
                rows, tokens, running = rows[kept], tokens[kept], running[kept]
                padding = None if padding is None else padding[kept]
                cache.keep_rows(kept)
            logits, padding = self._advance(tokens, rows, step, cache, padding)

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
        tokens, logprobs = drawing.draw(logits.float(), self.decoding, uniform)
        self._tokens[rows, step] = tokens
        self._logprobs[rows, step] = logprobs
        return tokens

    def _read_prompts(self) -> tuple[Tensor, SampleCache, Tensor | None]:
        """Evaluate each prompt once and fork it: logits [samples, vocabulary], cache, padding.

        The padding [samples, longest prompt] is 1 on real tokens; None where
        all prompts are of one length, which spares every step a mask.
        """
        cache = SampleCache(self._causal_lm, self.decoding.max_new_tokens)
        padding = None if bool(self._real.all()) else self._real
        positions = (self._real.cumsum(dim=1) - 1).clamp(min=0)
        logits = self._forward(self._ids, positions, cache, padding)
        if not cache.fan_out(self._source, padding):
            return self._repeat_prompts(positions, padding)
        if padding is None or cache.shared:
            return logits[self._source], cache, None
        return logits[self._source], cache, padding[self._source]

    def _repeat_prompts(
        self, positions: Tensor, padding: Tensor | None
    ) -> tuple[Tensor, SampleCache, Tensor | None]:
        """Evaluate a prompt for each of its samples, where a cache cannot be fanned out."""
        _say_once(f"{type(self._causal_lm).__name__} reads a prompt anew for each of its samples")
        cache = SampleCache(self._causal_lm, self.decoding.max_new_tokens)
        cache.selectable = False
        padding = None if padding is None else padding[self._source]
        ids, positions = self._ids[self._source], positions[self._source]
        return self._forward(ids, positions, cache, padding), cache, padding

    def _advance(
        self, tokens: Tensor, rows: Tensor, step: int, cache: SampleCache, padding: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        positions = self._lengths[rows] + step
        if self._model.context is not None:
            positions = positions.clamp(max=self._model.context - 1)
        if padding is not None:
            padding = torch.cat([padding, padding.new_ones(len(rows), 1)], dim=1)
        logits = self._forward(tokens[:, None], positions[:, None], cache, padding)
        return logits, padding

    def _forward(
        self, ids: Tensor, positions: Tensor, cache: SampleCache, padding: Tensor | None
    ) -> Tensor:
        """Return the logits after the last token, [rows, vocabulary]."""
        optional = {"position_ids": positions, "logits_to_keep": 1}
        known = {name: value for name, value in optional.items() if name in self._accepts}
        with sharing.shared(self._causal_lm.config) if cache.shared else nullcontext():
            output = self._causal_lm(
                input_ids=ids,
                attention_mask=padding,
                past_key_values=cache,
                use_cache=True,
                **known,
            )
        logits: Tensor = output.logits[:, -1]
        return logits


def pad_left(
    prompts: Sequence[tuple[int, ...]], filler: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Return ids and which of them are real (1) or filler (0), both [prompts, longest]."""
    longest = max(map(len, prompts), default=0)
    ids = [[filler] * (longest - len(prompt)) + list(prompt) for prompt in prompts]
    real = [[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts]
    return torch.tensor(ids, device=device), torch.tensor(real, device=device)


@lru_cache(maxsize=16)
def _say_once(message: str) -> None:
    logger.info(message)


def _check_prompt(request: Request, context: int | None) -> None:
    length = len(request.prompt_ids)
    if length == 0:
        raise SamplerError(f"The prompt {request.problem.prompt!r} has no tokens.")
    if context is not None and length >= context:
        raise SamplerError(
            f"A prompt of {length} tokens leaves no room in the model's context of {context}.",
            "try: easier levels or shorter prompts, or another base",
        )
