"""The same held-out problems, answered by two rounds: read, sorted, listed, and shown in full."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from rich.console import Group
from rich.style import Style
from rich.table import Table
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widgets import Static

from sitool.client import Study
from sitool.records import Outcome, Sample, Score
from sitool.store import round_label
from sitool.tui.dialogs import Dialog
from sitool.tui.footer import KeyFooter
from sitool.visible import both_ends, one_line

LONGEST = 20_000
"""Characters of a completion that are shown in full."""
ASIDE = 15
"""Columns for the names of facts when a pair is shown in full."""
COLUMNS_ASIDE = 12
"""What the signs and the level take."""


class Change(StrEnum):
    """How a problem's answer came out before and after, what changed first."""

    GAINED = "newly solved"
    LOST = "lost"
    WRONG = "both wrong"
    RIGHT = "both right"


@dataclass(frozen=True, slots=True)
class Pair:
    """One held-out problem with the most likely answer of each of two rounds."""

    before: Sample
    after: Sample

    @property
    def level(self) -> int:
        """Return the problem's level."""
        return self.before.problem.level

    @property
    def change(self) -> Change:
        """Return how it came out before and after."""
        before, after = solved(self.before), solved(self.after)
        if before and after:
            return Change.RIGHT
        if before:
            return Change.LOST
        return Change.GAINED if after else Change.WRONG

    @property
    def same_words(self) -> bool:
        """Whether both rounds wrote the same."""
        return self.before.completion.text == self.after.completion.text


def read_pairs(study: Study, first: int, second: int) -> list[Pair]:
    """Read the problems that two rounds were both measured on, what changed first.

    Raises:
        StudyError: There is no such round.
    """
    before = {s.problem_id: s for s in study.round(first).samples(role="greedy")}
    after = study.round(second).samples(role="greedy")
    pairs = [Pair(before[s.problem_id], s) for s in after if s.problem_id in before]
    order = list(Change)
    return sorted(pairs, key=lambda p: (order.index(p.change), p.same_words, p.level))


def solved(sample: Sample) -> bool:
    """Whether a sample's answer is right."""
    return "truth" in sample.scores and sample.scores["truth"].passed


def count_changes(pairs: Sequence[Pair]) -> Counter[Change]:
    """Count the pairs by how they came out."""
    return Counter(pair.change for pair in pairs)


def sign_of(sample: Sample) -> str:
    """Return ✓ right, ✗ wrong, ? no answer could be read.

    The shape tells; colour only repeats it.
    """
    score = sample.scores.get("truth")
    if score is None or score.outcome is not Outcome.SCORED:
        return "?"
    return "✓" if score.passed else "✗"


class PairTable(ScrollView, can_focus=True):
    """Lists pairs, one in a line; draws only the lines in view."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home", "move(-1000000000)", "First", show=False),
        Binding("end", "move(1000000000)", "Last", show=False),
        Binding("enter", "open", "Inspect"),
    ]
    DEFAULT_CSS = (
        "PairTable { height: 1fr; width: 1fr; overflow-x: hidden; scrollbar-size-vertical: 1; }"
    )

    class Opened(Message):
        """A pair is to be shown in full.

        Attributes:
            index: Its place in the list.
        """

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    def __init__(self) -> None:
        super().__init__()
        self.pairs: Sequence[Pair] = ()
        self.cursor = 0
        self._names = ("before", "after")
        self._empty = ""

    def show(self, pairs: Sequence[Pair], names: tuple[str, str], empty: str) -> None:
        """List pairs; `empty` is said if there is none."""
        self.pairs, self._names, self._empty = pairs, names, empty
        self.virtual_size = Size(0, len(pairs) + 1)
        self.cursor = 0
        self.scroll_to(y=0, animate=False)
        self.refresh()

    def go_to(self, index: int) -> None:
        """Put the cursor on a pair and bring it into view."""
        if self.pairs:
            self.cursor = max(0, min(index, len(self.pairs) - 1))
            # The line of names stays on top, so a pair needs one line more above it.
            self.scroll_to_region(Region(0, self.cursor, 1, 2), animate=False)
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """Return the names of the columns, or the pair at that place."""
        width = self.size.width
        index = self.scroll_offset.y + y - 1
        if y == 0:
            return self._strip(self._heading(width), width, Style(bold=True))
        if index == 0 and not self.pairs:
            return self._strip(Text(self._empty), width, Style())
        if index >= len(self.pairs):
            return Strip.blank(width, self.rich_style)
        here = index == self.cursor
        style = Style(reverse=self.has_focus, bold=True) if here else Style()
        return self._strip(self._row(self.pairs[index], width), width, style)

    def _strip(self, text: Text, width: int, style: Style) -> Strip:
        strip = Strip(text.render(self.app.console)).adjust_cell_length(width)
        return strip.apply_style(self.rich_style + style)

    def _heading(self, width: int) -> Text:
        prompt, answer, completion = _widths(width)
        words = [("prompt", prompt), ("a right answer", answer)]
        words += [(name, completion) for name in self._names]
        cells = [one_line(word, w).ljust(w) for word, w in words if w]
        return Text("       lvl  " + " ".join(cells))

    def _row(self, pair: Pair, width: int) -> Text:
        prompt, answer, completion = _widths(width)
        problem = pair.before.problem
        text = Text(no_wrap=True)
        text.append(f" {sign_of(pair.before)}→{sign_of(pair.after)}  {pair.level:>4}  ")
        cells = [both_ends(problem.prompt, prompt).ljust(prompt)]
        if answer:
            cells.append(one_line(problem.truth, answer).ljust(answer))
        for sample in (pair.before, pair.after):
            cells.append(one_line(sample.completion.text, completion).ljust(completion))
        text.append(" ".join(cells))
        return text

    def action_move(self, by: int) -> None:
        """Move the cursor by some lines."""
        self.go_to(self.cursor + by)

    def action_page(self, by: int) -> None:
        """Move the cursor by a screenful."""
        self.go_to(self.cursor + by * max(self.size.height - 2, 1))

    def action_open(self) -> None:
        """Show the pair under the cursor in full."""
        if self.pairs:
            self.post_message(self.Opened(self.cursor))
        else:
            self.app.notify(self._empty or "There is no pair to show.")

    def on_click(self, event: events.Click) -> None:
        """Put the cursor there; a click on the line under the cursor opens it."""
        index = self.scroll_offset.y + event.y - 1
        if event.y == 0 or index >= len(self.pairs):
            return
        if index == self.cursor:
            self.action_open()
        else:
            self.go_to(index)


def _widths(width: int) -> tuple[int, int, int]:
    """Return the columns of prompt, right answer (0 is none) and each completion."""
    room = width - COLUMNS_ASIDE
    if room < 72:
        each = max((room - 2) // 3, 6)
        return each, 0, each
    prompt = min(room * 2 // 5, 60)
    each = (room - prompt - 3) // 3
    return prompt, each, each


class PairScreen(Dialog[None]):
    """One problem with both answers, in full."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "dismiss", "Close"),
        Binding("right,j", "go(1)", "Next", key_display="→"),
        Binding("left,k", "go(-1)", "Previous", key_display="←"),
    ]
    DEFAULT_CSS = """
    PairScreen > VerticalScroll { width: 120; max-height: 90%; }
    PairScreen Static { height: auto; }
    """

    def __init__(
        self, pairs: Sequence[Pair], index: int, gone_to: Callable[[int], None] | None = None
    ) -> None:
        super().__init__()
        self._pairs, self._index, self._gone_to = pairs, index, gone_to

    def compose(self) -> ComposeResult:
        """Show the pair."""
        with VerticalScroll() as box:
            box.border_title = self._title()
            yield Static(in_full(self._pairs[self._index]))
        yield KeyFooter(show_command_palette=False)

    def _title(self) -> str:
        return f"{self._index + 1:,} of {len(self._pairs):,}"

    def action_go(self, by: int) -> None:
        """Show the next pair, or the one before."""
        place = self._index + by
        if not 0 <= place < len(self._pairs):
            self.app.notify("That was the last one." if by > 0 else "That was the first one.")
            return
        self._index = place
        box = self.query_one(VerticalScroll)
        box.border_title = self._title()
        box.scroll_home(animate=False)
        self.query_one(Static).update(in_full(self._pairs[place]))
        if self._gone_to is not None:
            self._gone_to(place)


def in_full(pair: Pair) -> Group:
    """Write down everything about a pair."""
    problem = pair.before.problem
    head = Table.grid(padding=(0, 2), expand=True)
    head.add_column(no_wrap=True, width=ASIDE)
    head.add_column(ratio=1)
    words = f"{sign_of(pair.before)}→{sign_of(pair.after)}  {pair.change}, level {pair.level}"
    head.add_row(Text("outcome", style="bold"), Text(words))
    head.add_row(Text("prompt", style="bold"), _safe(problem.prompt))
    head.add_row(Text("a right answer", style="bold"), _safe(problem.truth))
    body = Table.grid(padding=(0, 2), expand=True)
    body.add_column(no_wrap=True, width=ASIDE)
    body.add_column(ratio=1)
    body.add_column(ratio=1)
    samples = (pair.before, pair.after)
    for name, tell in _ROWS:
        style = "bold" if name == "round" else ""
        body.add_row(Text(name, style="bold"), *(_safe(tell(s), style) for s in samples))
    return Group(head, Text(), body)


def _safe(text: str, style: str = "") -> Text:
    more = len(text) - LONGEST
    shown = one_line(text[:LONGEST]) + (f" … and {more:,} characters more" if more > 0 else "")
    return Text(shown, style=style)


def _verdict(sample: Sample) -> str:
    words = {"✓": "right", "✗": "wrong", "?": "no answer could be read"}
    return f"{sign_of(sample)} {words[sign_of(sample)]}"


def _truth(sample: Sample) -> Score | None:
    return sample.scores.get("truth")


def _answer(sample: Sample) -> str:
    score = _truth(sample)
    return "none" if score is None or score.answer is None else score.answer


def _reason(sample: Sample) -> str:
    score = _truth(sample)
    return "" if score is None else score.explanation


def _tokens(sample: Sample) -> str:
    completion = sample.completion
    return f"{len(completion.token_ids):,}, ended by {completion.finish}"


def _logprob(sample: Sample) -> str:
    logprob = sample.completion.logprob
    return "not given" if logprob is None else f"{logprob:.3f} nats"


_ROWS: Sequence[tuple[str, Callable[[Sample], str]]] = (
    ("round", lambda sample: round_label(sample.round)),
    ("completion", lambda sample: sample.completion.text),
    ("answer as read", _answer),
    ("verdict", _verdict),
    ("why", _reason),
    ("tokens", _tokens),
    ("log-probability", _logprob),
)
