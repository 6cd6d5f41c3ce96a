"""A chunk drawn in smaller portions where memory does not hold all of its rows.

A sample's randomness comes from its own seed, so the samples are the same
however many rows go through the network together. What a chunk commits stays
whole: the portions are put together again.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from sitool.errors import SamplerError
from sitool.models.memory import unless_exhausted
from sitool.records import Completion
from sitool.samplers.base import Request

Answers = list[list[Completion]]
Draw = Callable[[list[Request]], Answers]


class Portions:
    """Draws chunks, in as many portions as memory asks for.

    Args:
        notes: Where to say that memory ran out.
    """

    def __init__(self, notes: list[str]) -> None:
        self._notes = notes
        self._rows: int | None = None

    def draw(self, chunk: list[Request], draw: Draw, new_tokens: int) -> Answers:
        """Draw a chunk: for each request, its completions.

        Args:
            chunk: The requests.
            draw: Draws as many rows at once as it is given.
            new_tokens: Most tokens of a completion, for the error's sake.

        Raises:
            SamplerError: One sample alone does not fit in memory.
        """
        said, answers = len(self._notes), Answers([[] for _ in chunk])
        left = list(enumerate(chunk))
        while left:
            size = self._rows or sum(request.count for _, request in left)
            portion, after = split(left, size)
            drawn = unless_exhausted(partial(draw, [request for _, request in portion]))
            if drawn is not None:
                left = after
                for (place, _), completions in zip(portion, drawn, strict=True):
                    answers[place] += completions
                continue
            del self._notes[said:]
            self._notes.append(self._shrink([request for _, request in portion], new_tokens))
        return answers

    def _shrink(self, portion: list[Request], new_tokens: int) -> str:
        """Make portions half of what did not fit, and say so."""
        rows = sum(request.count for request in portion)
        if rows <= 1:
            raise _too_large(portion, new_tokens)
        self._rows = rows // 2
        return (
            f"Memory ran out in sampling, so {self._rows:,} samples are drawn at once,"
            f" not {rows:,}; they are the same samples."
        )


def split(
    requests: Sequence[tuple[int, Request]], size: int
) -> tuple[list[tuple[int, Request]], list[tuple[int, Request]]]:
    """Split off the first `size` rows; a request may be cut between two of its completions.

    Args:
        requests: Each with its place in the chunk.
        size: Most rows of the first part.
    """
    first, room = list[tuple[int, Request]](), size
    for number, (place, request) in enumerate(requests):
        if request.count > room:
            if not room:
                return first, list(requests[number:])
            cut = room - request.greedy
            first.append((place, replace(request, seeds=request.seeds[:cut])))
            rest = (place, replace(request, seeds=request.seeds[cut:], greedy=False))
            return first, [rest, *requests[number + 1 :]]
        first.append((place, request))
        room -= request.count
    return first, []


def _too_large(portion: Sequence[Request], new_tokens: int) -> SamplerError:
    longest = max(len(request.prompt_ids) for request in portion)
    return SamplerError(
        f"Memory runs out in drawing one sample alone, with a prompt of {longest:,} tokens and a"
        f" completion of up to {new_tokens:,}.",
        "try: a lower sampler.max_new_tokens, shorter prompts, or a smaller base",
    )
