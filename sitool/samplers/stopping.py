"""Stop strings: where a completion ends because of what its text says.

A string may begin inside one token and end inside another, so the text decides
and not the ids. What this leaves out: the end token.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from sitool.records import Completion

Decode = Callable[[Sequence[int]], str]


def end_at(completion: Completion, decode: Decode, stop: Sequence[str]) -> Completion:
    """Return the completion as it is up to its first stop string."""
    ends = cut(completion.token_ids, decode, stop) if stop else None
    if ends is None:
        return completion
    length, text = ends
    return replace(
        completion,
        token_ids=completion.token_ids[:length],
        text=text,
        finish="stop",
        token_logprobs=completion.token_logprobs[:length],
    )


def cut(tokens: Sequence[int], decode: Decode, stop: Sequence[str]) -> tuple[int, str] | None:
    """Return how many tokens stay and their text, None where no stop string is in it.

    The tokens up to the one that completes the first stop string stay; the text
    ends before the string.

    >>> cut([97, 98, 99, 100], lambda ids: bytes(ids).decode(), ["bc", "d"])
    (3, 'a')
    """
    if first_stop(decode(tokens), stop) is None:
        return None
    low, high = 1, len(tokens)
    while low < high:
        middle = (low + high) // 2
        if first_stop(decode(tokens[:middle]), stop) is None:
            low = middle + 1
        else:
            high = middle
    text = decode(tokens[:low])
    return low, text[: first_stop(text, stop)]


def first_stop(text: str, stop: Sequence[str]) -> int | None:
    """Return where the earliest stop string begins.

    >>> first_stop("so, 12. And", [". ", ","])
    2
    """
    places = [place for place in (text.find(string) for string in stop) if place >= 0]
    return min(places, default=None)


def tail_length(stop: Sequence[str], steps: int) -> int:
    """Return how many of the last tokens can hold a stop string that ended `steps` ago.

    A token is at least a byte of text, but for special ones, which stop nothing.
    """
    return steps + max(len(string.encode()) for string in stop)
