"""The line that says which samples to show: its words, their mistakes, and its bar.

`accepted level:5-7 score:0-.5 "a>b"` reads as: accepted samples of levels 5 to 7 that
scored at most a half and contain the text a>b. What it leaves out: the search itself.
"""

import difflib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.message import Message
from textual.suggester import Suggester
from textual.widget import Widget
from textual.widgets import Input, Static

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
SORT_WORD = re.compile(r"(?<!\S)sort:\S*\s*")
WORD = re.compile(r'"(?P<quoted>[^"]*)"?|(?P<bare>\S+)')
RANGE = re.compile(r"(?P<low>\d*\.?\d+)?(?P<dash>-)?(?P<high>\d*\.?\d+)?")
CLOSE = 0.8
"""How like a known word another must be to be taken for a slip and not for text to find."""


class FilterError(SitoolError):
    """A word of the filter cannot be understood."""


EVERYTHING = SampleFilter(role=None)


@dataclass(frozen=True, slots=True)
class Query:
    """What the filter bar asks for.

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

    @property
    def unsorted_words(self) -> str:
        """Return the words without those that sort."""
        return SORT_WORD.sub("", self.words).strip()

    def sorted_by(self, order: SampleOrder, *, descending: bool) -> "Query":
        """Return the same question in another order.

        >>> parse_query("failed sort:level").sorted_by(SampleOrder.SCORE, descending=True).words
        'failed sort:-score'
        """
        words = self.unsorted_words
        if order is not SampleOrder.DRAWN or descending:
            words += f" sort:{'-' if descending else ''}{order}"
        return Query(words.strip(), self.where, order, descending)

    def within(self, round_id: int, role: str) -> SampleFilter:
        """Return the filter for a round, with what the words leave open."""
        where = self.where
        return replace(
            where,
            round=round_id if where.round is None else where.round,
            role=where.role or role,
        )


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


class WordSuggester(Suggester):
    """Completes the word that is being typed."""

    def __init__(self) -> None:
        super().__init__(use_cache=True, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """Return the line with its last word completed."""
        last = value.rpartition(" ")[2]
        offers = (word for word in _known_words() if last and word.startswith(last))
        found = next(offers, None)
        return None if found is None else value + found[len(last) :]


def _known_words() -> Iterator[str]:
    yield from FLAGS
    yield from (f"role:{role}" for role in ROLES)
    yield from (f"sort:{order}" for order in SampleOrder)
    yield from (f"{key}:" for key in KEYS)


class FilterBar(Widget):
    """One line to type a filter in; what is wrong with it stands below."""

    BINDINGS: ClassVar = [Binding("escape", "clear", "Clear filter")]
    DEFAULT_CSS = """
    FilterBar { height: auto; display: none; }
    FilterBar.-open { display: block; }
    FilterBar Input { border: none; height: 1; padding: 0 1; background: $boost; }
    FilterBar Input:focus { border: none; background-tint: $accent 15%; }
    FilterBar Static { height: auto; padding: 0 1; color: $text-warning; display: none; }
    FilterBar.-wrong Static { display: block; }
    """

    class Asked(Message):
        """Other samples are asked for."""

        def __init__(self, query: Query) -> None:
            super().__init__()
            self.query = query

    class Left(Message):
        """The bar was left; the table is to have the keys again."""

    def __init__(self) -> None:
        super().__init__()
        self._asked: Query | None = None

    def compose(self) -> ComposeResult:
        """Hold the line and what is wrong with it."""
        yield Input(
            placeholder="accepted rejected level:5-7 score:0-.5 role:greedy, or text to find",
            suggester=WordSuggester(),
            select_on_focus=False,
        )
        yield Static(markup=False)

    def open(self, words: str = "") -> None:
        """Let a filter be typed."""
        self.add_class("-open")
        self._asked = None
        line = self.query_one(Input)
        line.value = words
        line.cursor_position = len(words)
        line.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Search while it is typed; half a word is no mistake yet."""
        event.stop()
        last = event.value.rpartition(" ")[2]
        begun = any(word.startswith(last) and word != last for word in _known_words() if last)
        if self.has_class("-open") and not begun:
            self._ask(event.value, forgive=True)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go to the table, unless there is a mistake."""
        event.stop()
        if self._ask(event.value, forgive=False):
            self._leave()

    def action_clear(self) -> None:
        """Show all samples again."""
        self.query_one(Input).value = ""
        self._ask("", forgive=False)
        self._leave()

    def _leave(self) -> None:
        self.remove_class("-open")
        self.post_message(self.Left())

    def _ask(self, words: str, *, forgive: bool) -> bool:
        try:
            query = parse_query(words)
        except FilterError as error:
            if not forgive or words.endswith(" "):
                self._say(error)
            return False
        self.remove_class("-wrong")
        if query != self._asked:
            self._asked = query
            self.post_message(self.Asked(query))
        return True

    def _say(self, error: FilterError) -> None:
        self.query_one(Static).update(f"{error.message} {error.hint}")
        self.add_class("-wrong")
