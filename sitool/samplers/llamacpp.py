"""Sampling with llama.cpp: small batches, quantised bases, adapters changed in place.

Many sequences are computed beside each other. A prompt is evaluated once,
whatever the number of its samples; a sequence that has ended gives its place to
the next sample. Leaves out the law of a token (`drawing.py`), so that the same
seeds give the same samples as `native`, but for rounding.
"""

import hashlib
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from sitool.config import Settings
from sitool.models import lora
from sitool.models.adapters import AdapterShape
from sitool.models.gguf import cache, files
from sitool.models.gguf.runtime import Adapter, Context, Room, Token
from sitool.models.loading import SMALL_BASE_PARAMETERS
from sitool.models.local import LocalModel
from sitool.records import Completion
from sitool.samplers import drawing, stopping
from sitool.samplers.base import Decoding, Request, check_prompt
from sitool.samplers.chunking import chunks

PASS_TOKENS = 512
"""Most tokens of one pass."""
CELL_STEP = 256
"""Contexts grow by so many tokens, so that they are seldom made anew."""
MEMORY_BYTES = 2 << 30
"""Most that keys and values may take; fewer sequences run beside each other then."""
STOP_STEPS = 4
"""Stop strings are looked for every so many tokens of a row."""


class LlamacppSampler:
    """Samples in chunks of whole requests, in the order of the requests.

    Args:
        model: The model as it is when a chunk is drawn: its adapter is written
            as GGUF whenever its weights have changed.
        settings: `sampler.chunk_rows`, and the group `llamacpp`.

    Raises:
        ModelError: llama.cpp cannot run this base, or a file is not the base.
    """

    def __init__(self, model: LocalModel, settings: Settings) -> None:
        self._model = model
        self._settings = settings.llamacpp
        self._chunk_rows = settings.sampler.chunk_rows
        self._base = cache.load_base(model, self._settings.dtype, self._settings.file or None)
        self._context: Context | None = None
        self._adapter: Adapter | None = None
        self._adapter_hash = ""

    def sample(
        self, requests: Sequence[Request], decoding: Decoding
    ) -> Iterator[list[list[Completion]]]:
        """Yield chunk after chunk: for each request, its completions.

        Raises:
            SamplerError: A prompt is empty or leaves no room in the model's context.
        """
        for request in requests:
            check_prompt(request, self._model.context)
        for chunk in chunks(requests, self._chunk_rows):
            yield self._sample_chunk(chunk, decoding)

    def _sample_chunk(self, chunk: list[Request], decoding: Decoding) -> list[list[Completion]]:
        rows: list[Row] = []
        picks = [
            self._rows_of(request, place, decoding, rows) for place, request in enumerate(chunk)
        ]
        if rows:
            self._draw_rows(chunk, rows, decoding)
        texts = self._model.decode_many([row.tokens for row in rows]) if rows else []
        drawn = [
            stopping.end_at(row.completion(text), self._model.decode, decoding.stop)
            for row, text in zip(rows, texts, strict=True)
        ]
        return [[drawn[number] for number in numbers] for numbers in picks]

    def _rows_of(
        self, request: Request, place: int, decoding: Decoding, rows: list["Row"]
    ) -> list[int]:
        """Add the rows of a request, and return the number of the row of each completion.

        Greedy answers to a prompt are one and the same; rounding would tell them apart.
        """
        limit = self._limit(request, decoding)
        greedy: int | None = None
        numbers: list[int] = []
        for seed, how in request.ways(decoding):
            number = greedy if how.temperature == 0 else None
            if number is None:
                number = len(rows)
                rows.append(Row(number, place, limit, seed, greedy=how.temperature == 0))
            if how.temperature == 0:
                greedy = number
            numbers.append(number)
        return numbers

    def _draw_rows(self, chunk: list[Request], rows: list["Row"], decoding: Decoding) -> None:
        room = self._room_for(chunk, rows)
        context = self._context_for(room)
        context.use(self._current_adapter())
        draws = 0 if decoding.temperature == 0 else max(row.limit for row in rows)
        uniforms = drawing.uniforms([row.seed for row in rows], draws)
        prompts = [request.prompt_ids for request in chunk]
        Batch(self._model, context, prompts, decoding, uniforms).run(rows, room.sequences)

    def _limit(self, request: Request, decoding: Decoding) -> int:
        """Return the most tokens of a completion: a context may end before the limit does."""
        context = self._model.context
        limit = decoding.max_new_tokens
        return limit if context is None else min(limit, context - len(request.prompt_ids))

    def _context_for(self, room: Room) -> Context:
        """Return a context with room enough, the one that there is if it will do."""
        former = self._context
        if former is not None and former.room.holds(room):
            return former
        if former is not None:
            room = room.joined(former.room)
            self._context = None
            former.close()
        self._context = Context(
            self._base,
            room,
            threads=self._settings.threads or torch.get_num_threads(),
            exact=self._settings.exact,
            breathe=self._model.breathe,
            often=self._base.parameters > SMALL_BASE_PARAMETERS,
        )
        return self._context

    def _room_for(self, chunk: list[Request], rows: list["Row"]) -> Room:
        """Return how much a chunk needs: it depends on the chunk and the settings alone."""
        longest = max(row.limit for row in rows)
        prompts = sorted((len(request.prompt_ids) for request in chunk), reverse=True)
        # Any sequence may have a prompt of its own at some time.
        affordable = MEMORY_BYTES // (self._cell_bytes() * (longest + prompts[0]))
        sequences = max(1, min(self._settings.sequences, len(rows), affordable))
        cells = sequences * longest + sum(prompts[:sequences])
        return Room(-(-cells // CELL_STEP) * CELL_STEP, sequences, PASS_TOKENS, sequences)

    def _cell_bytes(self) -> int:
        config = self._model.causal_lm.config
        heads, kv_heads = config.num_attention_heads, config.num_key_value_heads
        size = getattr(config, "head_dim", None) or config.hidden_size // heads
        number = 4 if self._settings.exact else 2
        return int(2 * config.num_hidden_layers * kv_heads * size * number)

    def _current_adapter(self) -> Adapter | None:
        """Return the model's adapter for llama.cpp, loaded anew if its weights have changed."""
        weights = lora.lora_parameters(self._model.network)
        found = _hash(weights.values(), self._model.shape)
        if found != self._adapter_hash:
            ups = (weight for name, weight in weights.items() if "lora_B" in name)
            # With B = 0 an adapter costs time and changes nothing.
            has_effect = any(bool(weight.any()) for weight in ups)
            self._adapter = self._load_adapter() if has_effect else None
            self._adapter_hash = found
        return self._adapter

    def _load_adapter(self) -> Adapter:
        with tempfile.TemporaryDirectory(prefix="sitool-") as folder:
            file = Path(folder) / "adapter.gguf"
            files.write_adapter(self._model, file)
            return Adapter(self._base, file)


@dataclass(slots=True, eq=False)
class Row:
    """One sample on its way.

    Attributes:
        number: Its place in the chunk.
        request: Its request's place in the chunk.
        limit: Most tokens, the end token included.
        seed: Of its draws; not looked at when greedy.
        sequence: Its number in llama.cpp while it runs.
    """

    number: int
    request: int
    limit: int
    seed: int
    greedy: bool
    sequence: int = -1
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    ended: bool = False

    def completion(self, text: str) -> Completion:
        """Return the sample as it is when all is drawn."""
        finish = "stop" if self.ended else "length"
        return Completion(tuple(self.tokens), text, finish, tuple(self.logprobs))


class Batch:
    """The rows of a chunk, from their prompts to their last tokens.

    Rows wait in the order of their requests, and a sequence that has come free
    goes to the first of them. So while rows of a request wait, some sequence
    holds their prompt, and only they can take it over.

    Args:
        prompts: By request.
        uniforms: By row, float64, [rows, draws]; not looked at when greedy.
    """

    def __init__(
        self,
        model: LocalModel,
        context: Context,
        prompts: Sequence[tuple[int, ...]],
        decoding: Decoding,
        uniforms: Tensor,
    ) -> None:
        self._model = model
        self._context = context
        self._prompts = prompts
        self._decoding = decoding
        self._uniforms = uniforms
        self._waiting: deque[Row] = deque()
        self._running: list[Row] = []
        # The request whose prompt and tokens a sequence holds, running or not.
        self._held: dict[int, int] = {}
        self._first_logits: dict[int, Tensor] = {}

    def run(self, rows: Sequence[Row], sequences: int) -> None:
        """Draw until every row has ended, at most so many beside each other."""
        self._waiting.extend(rows)
        free = list(range(sequences - 1, -1, -1))
        while self._waiting or self._running:
            fresh = self._begin(free)
            logits = self._advance(self._running, fresh)
            self._running = [*self._running, *fresh]
            self._draw(logits)
            free += self._release()

    def _begin(self, free: list[int]) -> list[Row]:
        """Give the next rows a sequence each, and the prompt where it is known already."""
        fresh = []
        while free and self._waiting:
            row = self._waiting.popleft()
            row.sequence = free.pop()
            self._prepare(row)
            fresh.append(row)
        return fresh

    def _prepare(self, row: Row) -> None:
        """Clear a row's sequence, but for the prompt if it is that of the row."""
        length = len(self._prompts[row.request])
        held = self._held.get(row.sequence)
        known = row.request in self._first_logits
        self._context.forget(row.sequence, length if known and held == row.request else 0)
        if known and held != row.request:
            source = next(s for s, request in self._held.items() if request == row.request)
            self._context.share(source, row.sequence, length)
        self._held[row.sequence] = row.request

    def _advance(self, going: list[Row], fresh: list[Row]) -> Tensor:
        """Compute the last tokens of rows that run and the prompts of those that begin.

        Returns:
            Logits of all of them in order, [rows, vocabulary].
        """
        last = [self._last_token(row) for row in going]
        new = list(dict.fromkeys(r.request for r in fresh if r.request not in self._first_logits))
        prompts = [token for request in new for token in self._prompt(request, fresh)]
        logits = self._context.run([*last, *prompts])
        for number, request in enumerate(new, start=len(last)):
            self._first_logits[request] = logits[number]
        begun = [self._first_logits[row.request][None] for row in fresh]
        # Only the last request can have rows that still wait.
        for request in list(self._first_logits)[:-1]:
            del self._first_logits[request]
        return torch.cat([logits[: len(last)], *begun])

    def _last_token(self, row: Row) -> Token:
        position = len(self._prompts[row.request]) + len(row.tokens) - 1
        return Token(row.tokens[-1], position, (row.sequence,), wanted=True)

    def _prompt(self, request: int, fresh: list[Row]) -> Iterator[Token]:
        """Return a prompt's tokens, which belong to all of its rows that begin."""
        sequences = tuple(row.sequence for row in fresh if row.request == request)
        ids = self._prompts[request]
        for position, token in enumerate(ids):
            yield Token(token, position, sequences, wanted=position == len(ids) - 1)

    def _draw(self, logits: Tensor) -> None:
        """Draw the next token of every row that runs."""
        uniform = None
        if self._decoding.temperature:
            numbers = [row.number for row in self._running]
            uniform = self._uniforms[numbers, [len(row.tokens) for row in self._running]]
        greedy = torch.tensor([row.greedy for row in self._running])
        tokens, logprobs = drawing.draw(logits, self._decoding, uniform, greedy)
        for row, token, logprob in zip(
            self._running, tokens.tolist(), logprobs.tolist(), strict=True
        ):
            row.tokens.append(token)
            row.logprobs.append(logprob)
            row.ended = token == self._model.end_token

    def _release(self) -> list[int]:
        """Take the rows out that have come to their end, and return their sequences."""
        done = [row for row in self._running if self._is_done(row)]
        self._running = [row for row in self._running if row not in done]
        return [row.sequence for row in done]

    def _is_done(self, row: Row) -> bool:
        return row.ended or len(row.tokens) >= row.limit or self._says_stop(row)

    def _says_stop(self, row: Row) -> bool:
        """Whether a stop string is among a row's last tokens; what came after is cut off later."""
        stop = self._decoding.stop
        if not stop or len(row.tokens) % STOP_STEPS:
            return False
        tail = row.tokens[-stopping.tail_length(stop, STOP_STEPS) :]
        return stopping.first_stop(self._model.decode(tail), stop) is not None


def _hash(weights: Iterable[Tensor], shape: AdapterShape | None) -> str:
    """Hash an adapter's numbers and its scale, about 1 ms a MB."""
    digest = hashlib.blake2b(repr(shape).encode(), digest_size=16)
    for weight in weights:
        digest.update(weight.detach().float().cpu().contiguous().numpy().data)
    return digest.hexdigest()
