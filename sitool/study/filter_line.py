"""The line that says which samples to show: its words and their mistakes.

`accepted level:5-7 score:0-.5 "a>b"` reads as: accepted samples of levels 5 to 7 that
scored at most a half and contain the text a>b. What it leaves out: searching
(`sitool.front.listing`).
"""

import difflib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from sitool.errors import SitoolError
from sitool.records import ROLES, Outcome
from sitool.store import SampleFilter, SampleOrder
from sitool.visible import one_line

FLAGS: dict[str, tuple[str, Any]] = {
    "accepted": ("accepted", True),
    "rejected": ("accepted", False),
    "passed": ("passed", True),
    "failed": ("passed", False),
    "overridden": ("overruled", True),
    "overruled": ("overruled", True),
    "unparsed": ("outcome", Outcome.UNPARSED),
    "error": ("outcome", Outcome.ERROR),
}
KEYS = ("level", "score", "role", "round", "problem", "sort")
EXAMPLES = {
    "level": "level:6 or level:5-7",
    "score": "score:1 or score:0.2-0.8",
    "role": "role:train, role:base, role:greedy or role:sampled",
    "round": "round:3",
    "problem": "problem:12",
    "sort": "sort:level, sort:logprob, sort:length or sort:score; sort:-score turns it round",
}
WORD = re.compile(r'"(?P<quoted>[^"]*)"?|(?P<bare>\S+)')
RANGE = re.compile(r"(?P<low>\d*\.?\d+)?(?P<dash>-)?(?P<high>\d*\.?\d+)?")
SORT_WORD = re.compile(r"(?<!\S)sort:\S*\s*")
LEVEL_WORD = re.compile(r"(?<!\S)level:\S*\s*")
CLOSE = 0.8
"""How like a known word another must be to be taken for a slip and not for text to find."""


class FilterError(SitoolError):
    """A word of the filter cannot be understood."""


EVERYTHING = SampleFilter(role=None)


@dataclass(frozen=True, slots=True)
class Query:
    """What a line of words asks for.

    Attributes:
        words: As they were typed.
        where: Without round and role where none was named: the round that is shown,
            and what it drew for training.
        descending: The largest first.
    """

    words: str = ""
    where: SampleFilter = EVERYTHING
    order: SampleOrder = SampleOrder.DRAWN
    descending: bool = False

    def within(self, round_id: int, role: str) -> SampleFilter:
        """Return the filter for a round, with what the words leave open."""
        where = self.where
        return replace(
            where,
            round=round_id if where.round is None else where.round,
            role=where.role or role,
        )


def sorted_by(query: Query, order: SampleOrder, *, descending: bool) -> Query:
    """Return the same samples in another order, its words included."""
    words = SORT_WORD.sub("", query.words).strip()
    if order is not SampleOrder.DRAWN or descending:
        words += f" sort:{'-' if descending else ''}{order}"
    return Query(words.strip(), query.where, order, descending)


def with_level(words: str, level: int | None) -> str:
    """Return words that ask for one level, or for all.

    >>> with_level("accepted level:5-7 a>b", 3), with_level("level:3", None)
    ('accepted a>b level:3', '')
    """
    rest = LEVEL_WORD.sub("", words).strip()
    return rest if level is None else f"{rest} level:{level}".strip()


def parse_query(words: str) -> Query:
    """Read the words of a filter.

    Raises:
        FilterError: A word is no filter word, though nearly, or contradicts another one.

    >>> parse_query("accepted level:5-7").where.levels
    (5, 7)
    """
    fields: dict[str, Any] = {}
    texts: list[str] = []
    for match in WORD.finditer(words):
        quoted, bare = match["quoted"], match["bare"]
        found = {} if bare is None else _fields_of(bare)
        if not found:
            texts.append(bare if quoted is None else quoted)
        for name in found:
            if fields.get(name, found[name]) != found[name]:
                raise FilterError(f"{bare!r} contradicts a word before it.", "Leave one out.")
        fields |= found
    order, descending = fields.pop("sort", (SampleOrder.DRAWN, False))
    text = " ".join(texts) or None
    return Query(words, SampleFilter(**{"role": None, **fields}, text=text), order, descending)


def _fields_of(word: str) -> dict[str, Any]:
    """Return what a word sets; nothing if it is text to find."""
    if word in FLAGS:
        name, wanted = FLAGS[word]
        return {name: wanted}
    key, colon, value = word.partition(":")
    if colon and key in KEYS:
        return _READERS[key](value)
    slip = difflib.get_close_matches(key, KEYS if colon else FLAGS, n=1, cutoff=CLOSE)
    if slip:
        raise FilterError(
            f"{one_line(word, 40)!r} is no filter word. Did you mean {slip[0] + colon + value!r}?",
            "In quotes it is text to find.",
        )
    return {}


def _ends(key: str, value: str) -> tuple[float, float]:
    """Read `a`, `a-b`, `a-` or `-b`."""
    match = RANGE.fullmatch(value)
    if not value or match is None or not (match["low"] or match["high"]):
        raise _unreadable(key, value)
    low = float(match["low"] or 0)
    high = float(match["high"] or ("inf" if match["dash"] else low))
    if low > high:
        raise FilterError(f"{key}:{value} begins above its end.", f"Write {EXAMPLES[key]}.")
    return low, high


def _unreadable(key: str, value: str) -> FilterError:
    said = f"{key}:{one_line(value, 30)}"
    return FilterError(f"{said!r} cannot be read.", f"Write {EXAMPLES[key]}.")


def _levels(value: str) -> dict[str, Any]:
    low, high = _ends("level", value)
    if low != int(low) or (high != float("inf") and high != int(high)):
        raise _unreadable("level", value)
    if low == high:
        return {"level": int(low)}
    return {"levels": (int(low), int(min(high, 2**31)))}


def _score(value: str) -> dict[str, Any]:
    return {"score": _ends("score", value)}


def _role(value: str) -> dict[str, Any]:
    if value not in ROLES:
        raise _unlisted("role", value, ROLES)
    return {"role": value}


def _sort(value: str) -> dict[str, Any]:
    name = value.removeprefix("-")
    if name not in tuple(SampleOrder):
        raise _unlisted("sort", value, tuple(SampleOrder))
    return {"sort": (SampleOrder(name), value.startswith("-"))}


def _unlisted(key: str, value: str, known: tuple[str, ...]) -> FilterError:
    slip = difflib.get_close_matches(value, known, n=1, cutoff=0.5)
    offer = f" Did you mean {key}:{slip[0]}?" if slip else ""
    said = f"{key}:{one_line(value, 30)}"
    return FilterError(f"{said!r} cannot be read.{offer}", f"Write {EXAMPLES[key]}.")


def _number(key: str, field: str) -> Callable[[str], dict[str, Any]]:
    def read(value: str) -> dict[str, Any]:
        if not value.removeprefix("r").isdecimal() or len(value) > 9:
            raise _unreadable(key, value)
        return {field: int(value.removeprefix("r"))}

    return read


_READERS: dict[str, Callable[[str], dict[str, Any]]] = {
    "level": _levels,
    "score": _score,
    "role": _role,
    "round": _number("round", "round"),
    "problem": _number("problem", "problem_id"),
    "sort": _sort,
}


def known_words() -> Iterator[str]:
    """Yield the words that a filter knows, to complete one that is being typed."""
    yield from FLAGS
    yield from (f"role:{role}" for role in ROLES)
    yield from (f"sort:{order}" for order in SampleOrder)
    yield from (f"{key}:" for key in KEYS)
