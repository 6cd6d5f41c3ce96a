"""Sampling by a server that speaks OpenAI's completions: vLLM, llama-server and others.

One request a sample, so that each has its own seed; the server's prompt cache
keeps the prompt. A sample's randomness is from its seed as far as the server
keeps that: batching changes the last bits of its numbers. Leaves out HTTP
(`endpoint.py`), what the server understands (`dialect.py`) and where adapters
go (`hosting.py`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

from sitool.config import Settings
from sitool.records import Completion
from sitool.samplers import stopping
from sitool.samplers.base import Decoding, Request, check_prompt
from sitool.samplers.chunking import chunks
from sitool.samplers.dialect import (
    COMPLETIONS,
    NEUTRAL,
    Dialect,
    Prober,
    Prompt,
    check_count,
    completion_call,
    read_completion,
)
from sitool.samplers.endpoint import Endpoint
from sitool.samplers.hosting import Hosting
from sitool.samplers.replies import Choice

if TYPE_CHECKING:
    from sitool.models.local import LocalModel


class ServerSampler:
    """Samples in chunks of whole requests, in the order of the requests.

    Args:
        model: Says which adapter is on, and encodes and decodes; it draws nothing.
        settings: `server` says where and how.

    Raises:
        SamplerError: No server is named, or its key is missing.
    """

    def __init__(self, model: "LocalModel", settings: Settings) -> None:
        self._model = model
        self._chunk_rows = settings.sampler.chunk_rows
        chosen = settings.sampler
        self._chosen = Decoding(chosen.temperature, chosen.top_p, chosen.top_k, chosen.min_p)
        self._endpoint = Endpoint(settings.server, self._breathe)
        self._hosting = Hosting(self._endpoint, settings.server)
        self._dialect: Dialect | None = None
        self._honoured: set[str] = set()

    def sample(
        self, requests: Sequence[Request], decoding: Decoding
    ) -> Iterator[list[list[Completion]]]:
        """Yield chunk after chunk: for each request, its completions.

        Raises:
            SamplerError: A prompt cannot be answered, the server cannot be reached, does
                not answer with completions, or cannot do what the settings ask for.
        """
        for request in requests:
            check_prompt(request, self._model.context)
        if not requests:
            return
        name = self._hosting.model_name(self._model.adapter)
        dialect = self._agree(name, self._prompt(requests[0]), decoding)
        for chunk in chunks(requests, self._chunk_rows):
            yield self._sample_chunk(chunk, decoding, name, dialect)

    def _breathe(self) -> None:
        # Looked up at every call: the engine begins to listen after the parts are made.
        self._model.breathe()

    def _agree(self, model: str, prompt: Prompt, decoding: Decoding) -> Dialect:
        """Find out how to ask, and make sure that what is asked for will be done."""
        prober = Prober(self._endpoint, model, prompt)
        if self._dialect is None:
            self._dialect = prober.find_dialect()
        # Also what is chosen for later: a greedy evaluation may come first.
        for wanted, (name, neutral) in product((decoding, self._chosen), NEUTRAL.items()):
            value = getattr(wanted, name)
            if wanted.temperature and value != neutral and name not in self._honoured:
                prober.check_honoured(self._dialect, name, value)
                self._honoured.add(name)
        return self._dialect

    def _sample_chunk(
        self, chunk: list[Request], decoding: Decoding, name: str, dialect: Dialect
    ) -> list[list[Completion]]:
        rows = [
            (prompt, self._limited(how, prompt), seed)
            for request, prompt in zip(chunk, map(self._prompt, chunk), strict=True)
            for seed, how in request.ways(decoding)
        ]
        replies = self._endpoint.ask_all(
            [
                completion_call(dialect, name, prompt, limited, seed)
                for prompt, limited, seed in rows
            ]
        )
        drawn = []
        for reply, (prompt, limited, _) in zip(replies, rows, strict=True):
            choice = read_completion(self._endpoint, reply.body)
            check_count(self._endpoint, choice, prompt)
            drawn.append(self._completion(choice, limited, dialect))
        completions = iter(drawn)
        return [[next(completions) for _ in range(request.count)] for request in chunk]

    def _limited(self, decoding: Decoding, prompt: Prompt) -> Decoding:
        """Return the decoding for a prompt: a context may end before the limit does."""
        context = self._model.context
        if context is None:
            return decoding
        limit = min(decoding.max_new_tokens, context - len(prompt.ids))
        return replace(decoding, max_new_tokens=limit)

    def _prompt(self, request: Request) -> Prompt:
        ids = request.prompt_ids
        tokenizer = self._model.tokenizer
        shown = ids[1:] if ids[0] == tokenizer.bos_token_id else ids
        text = tokenizer.decode(
            list(shown), skip_special_tokens=False, clean_up_tokenization_spaces=False
        )
        return Prompt(ids, text)

    def _completion(self, choice: Choice, decoding: Decoding, dialect: Dialect) -> Completion:
        """Make the completion of an answer: its tokens, and their log-probabilities if given."""
        self._check_tokens(choice, decoding)
        ids, logprobs = self._tokens(choice)
        if choice.finish == "stop" and not self._has_ended(ids, decoding.stop):
            # Its log-probability is not among them, so they are not the completion's.
            ids, logprobs = (*ids, self._model.end_token), ()
        usual = Decoding(max_new_tokens=decoding.max_new_tokens, stop=decoding.stop)
        if not (dialect.plain_logprobs or decoding == usual) or len(logprobs) != len(ids):
            logprobs = ()
        drawn = Completion(ids, self._model.decode(ids), choice.finish, logprobs)
        return stopping.end_at(drawn, self._model.decode, decoding.stop)

    def _tokens(self, choice: Choice) -> tuple[tuple[int, ...], tuple[float, ...]]:
        """Return token ids and log-probabilities, as many of these as there are.

        Where only the text came, it is encoded again, and log-probabilities are
        taken over if they are of just those tokens.
        """
        ids, logprobs = choice.token_ids, choice.logprobs or ()
        if ids is None:
            ids = tuple(self._model.tokenizer.encode(choice.text, add_special_tokens=False))
            pieces = choice.pieces or ()
            ours = self._model.decode_many([(token,) for token in ids])
            if [piece.strip() for piece in pieces] != [piece.strip() for piece in ours]:
                logprobs = ()
        return ids, logprobs

    def _has_ended(self, ids: Sequence[int], stop: Sequence[str]) -> bool:
        """Whether the end can be seen: the end token or another special one, or a stop string."""
        ends = {self._model.end_token, *self._model.tokenizer.all_special_ids}
        return (bool(ids) and ids[-1] in ends) or (
            stopping.first_stop(self._model.decode(ids), stop) is not None
        )

    def _check_tokens(self, choice: Choice, decoding: Decoding) -> None:
        """Make sure that what came are tokens of the base, and as many as were asked for."""
        ids, size = choice.token_ids, self._model.causal_lm.get_input_embeddings().num_embeddings
        if choice.finish == "length" and not (choice.text if ids is None else ids):
            fact = "ended a completion at its limit before its first token"
        elif ids and max(ids) >= size:
            fact = f"answered with token {max(ids)}, where model.base has tokens 0 to {size - 1}"
        elif ids and len(ids) > decoding.max_new_tokens:
            fact = f"answered with {len(ids)} tokens, and {decoding.max_new_tokens} are the limit"
        else:
            return
        raise self._endpoint.fail(
            COMPLETIONS, fact, "try: serve the very base that model.base names"
        )
