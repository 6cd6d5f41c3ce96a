"""What an endpoint says of one completion, whichever of the known shapes it says it in.

    vLLM                choices[0].token_ids, and logprobs in lists
    llama-server        choices[0].logprobs.content, an object with its id for each token
    llama-cpp-python    logprobs in lists, tokens as text

Leaves out what is made of it (`server.py`).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sitool.visible import one_line

LARGEST_TOKEN = 2**31 - 1
LEAST_LOGPROB = -1e30
"""Below, a number stands for minus infinity, which no drawn token has."""
ROUNDING = 1e-3
"""How far above 0 a log-probability may lie; further up it is something else."""


class ShapeError(ValueError):
    """An answer is not what a completions endpoint answers; the text says why."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One completion as it came.

    Attributes:
        finish: `stop` or `length`.
        token_ids: Those that were drawn; None where the endpoint does not give all.
        pieces: The tokens as text; None where it gives none.
        logprobs: One for each of the token ids or pieces; None where it gives none.
        top_logprob: Of the likeliest first token, whichever was drawn.
        prompt_tokens: As the endpoint counts them.
    """

    text: str
    finish: str
    token_ids: tuple[int, ...] | None = None
    pieces: tuple[str, ...] | None = None
    logprobs: tuple[float, ...] | None = None
    top_logprob: float | None = None
    prompt_tokens: int | None = None


def read_choice(body: bytes) -> Choice:
    """Read the answer to a request for one completion.

    Raises:
        ShapeError: It is not one.
    """
    answer = read_object(body)
    choices = answer.get("choices")
    if not isinstance(choices, list) or len(choices) != 1 or not isinstance(choices[0], dict):
        count = f"{len(choices)}" if isinstance(choices, list) else "no list of"
        raise ShapeError(f"gave {count} choices where one was asked for")
    (choice,) = choices
    text, finish = choice.get("text"), choice.get("finish_reason")
    if not isinstance(text, str):
        raise ShapeError(f"gave the text {_short(text)}, which is none")
    if finish not in ("stop", "length"):
        raise ShapeError(f"ended a completion with {_short(finish)}, not with 'stop' or 'length'")
    if choice.get("index", 0) != 0:
        raise ShapeError(f"gave choice {_short(choice['index'])} where choice 0 was asked for")
    usage = answer.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    return Choice(
        text,
        finish,
        **_tokens(choice, _count(usage.get("completion_tokens"))),
        prompt_tokens=_count(usage.get("prompt_tokens")),
    )


def read_object(body: bytes) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        ShapeError: It is not one.
    """
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError) as error:
        shown = one_line(body[:200].decode(errors="replace"), 80)
        raise ShapeError(f"gave no JSON but {shown!r}") from error
    if not isinstance(answer, dict):
        raise ShapeError(f"gave {_short(answer)}, which is no JSON object")
    return answer


def _tokens(choice: Mapping[str, Any], drawn: int | None) -> dict[str, Any]:
    """Return tokens and log-probabilities, as far as they are given."""
    ids = _ids(choice["token_ids"]) if choice.get("token_ids") is not None else None
    said = choice.get("logprobs")
    if not isinstance(said, dict):
        return {"token_ids": ids}
    if isinstance(said.get("content"), list):
        return _tokens_of_objects(said["content"], ids, drawn)
    return _tokens_of_lists(said, ids)


def _tokens_of_objects(
    content: Sequence[Any], ids: tuple[int, ...] | None, drawn: int | None
) -> dict[str, Any]:
    """Read llama-server's shape; a token that ends within a character is missing there."""
    if not all(isinstance(item, dict) for item in content):
        raise ShapeError(f"gave the tokens {_short(content)}, which are no objects")
    if ids is None and drawn == len(content) and all("id" in item for item in content):
        ids = _ids([item["id"] for item in content])
    top = content[0].get("top_logprobs") if content else None
    tops = [item.get("logprob") for item in top if isinstance(item, dict)] if top else []
    return {
        "token_ids": ids,
        "logprobs": _logprobs([item.get("logprob") for item in content]),
        "top_logprob": _likeliest(tops),
    }


def _tokens_of_lists(said: Mapping[str, Any], ids: tuple[int, ...] | None) -> dict[str, Any]:
    tokens, tops = said.get("tokens"), said.get("top_logprobs")
    pieces = None
    if isinstance(tokens, list) and all(isinstance(token, str) for token in tokens):
        pieces = tuple(tokens)
    first = tops[0] if isinstance(tops, list) and tops and isinstance(tops[0], dict) else {}
    return {
        "token_ids": ids,
        "pieces": pieces,
        "logprobs": _logprobs(said.get("token_logprobs")),
        "top_logprob": _likeliest(list(first.values())),
    }


def _ids(values: Any) -> tuple[int, ...]:
    if not isinstance(values, list) or not all(
        type(value) is int and 0 <= value <= LARGEST_TOKEN for value in values
    ):
        raise ShapeError(f"gave the token ids {_short(values)}, which are none")
    return tuple(values)


def _logprobs(values: Any) -> tuple[float, ...] | None:
    """Return log-probabilities; None if one of them is none, such as a raw logit."""
    if not isinstance(values, list) or not all(_is_logprob(value) for value in values):
        return None
    return tuple(min(0.0, float(value)) for value in values)


def _is_logprob(value: Any) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and LEAST_LOGPROB <= value <= ROUNDING


def _likeliest(values: Sequence[Any]) -> float | None:
    return max((float(value) for value in values if _is_logprob(value)), default=None)


def _count(value: Any) -> int | None:
    return value if type(value) is int else None


def _short(value: Any) -> str:
    return one_line(repr(value), 80)
