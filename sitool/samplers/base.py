"""What a sampler is: prompts x k samples in, completions with log-probabilities out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from sitool.errors import SamplerError
from sitool.records import Completion, Problem


@dataclass(frozen=True, slots=True)
class Request:
    """One problem to be answered `len(seeds)` times.

    Attributes:
        problem: For samplers that need no tokens.
        prompt_ids: The encoded prompt.
        seeds: One per sample, each in [0, 2**63). A sample's randomness comes
            from its own seed alone, so the batch it is drawn in does not matter.
    """

    problem: Problem
    prompt_ids: tuple[int, ...]
    seeds: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Decoding:
    """How tokens are drawn.

    Attributes:
        temperature: 0 is greedy.
        top_p: Mass of the most likely tokens to draw from, in (0, 1]; 1 = all.
        top_k: Number of the most likely tokens to draw from; 0 = all.
        min_p: Draw only tokens at least this share as likely as the likeliest; 0 = all.
        max_new_tokens: Limit of a completion, the end token included.
        stop: Strings that end a completion. It keeps the tokens up to the one that
            completes the first of them; its text ends before the string.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    max_new_tokens: int = 32
    stop: tuple[str, ...] = ()


class Sampler(Protocol):
    """A stream of completions from the model as it is now.

    Made with the model and the study's `Settings`; chunks hold at most
    `sampler.chunk_rows` samples.
    """

    def sample(
        self, requests: Sequence[Request], decoding: Decoding
    ) -> Iterator[list[list[Completion]]]:
        """Yield chunk after chunk, in the order of the requests.

        Each chunk holds, for each of the next requests, its completions in the
        order of the seeds. A chunk depends on its own requests alone: starting
        again at a chunk's first request gives the same chunks from there on.

        Raises:
            SamplerError: A request cannot be served.
        """
        ...


def check_prompt(request: Request, context: int | None) -> None:
    """Make sure that a prompt has tokens, and that a completion fits behind it.

    Args:
        context: Most tokens of both together; None: no limit known.

    Raises:
        SamplerError: It has none, or there is no room.
    """
    length = len(request.prompt_ids)
    if length == 0:
        raise SamplerError(f"The prompt {request.problem.prompt!r} has no tokens.")
    if context is not None and length >= context:
        raise SamplerError(
            f"A prompt of {length} tokens leaves no room in the model's context of {context}.",
            "try: easier levels or shorter prompts, or another base",
        )
