"""The tree of rounds: what came from what, where the head is, what is under way.

The branch that leads to the head runs straight down; every fork from it stands
indented above the place where the branch goes on.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.message import Message
from textual.widget import Widget
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from sitool.desk import Look
from sitool.summary import RoundSummary, Summary


@dataclass(frozen=True, slots=True)
class Line:
    """One round in the tree.

    Attributes:
        stem: What is drawn before its name.
    """

    round: RoundSummary
    stem: str


def tree_lines(summary: Summary) -> list[Line]:
    """Lay the rounds out, parents above children, the head's branch without a bend."""
    children: dict[int | None, list[RoundSummary]] = {}
    for r in summary.rounds:
        children.setdefault(r.round.parent, []).append(r)
    straight = _branch(summary)
    return list(_lines(children, straight, None, ""))


def _branch(summary: Summary) -> set[int]:
    """Return the numbers of the rounds from the base to the open round or the head."""
    parents = {r.round.id: r.round.parent for r in summary.rounds}
    number = summary.head if summary.open is None else summary.open
    found: set[int] = set()
    while number is not None:
        found.add(number)
        number = parents[number]
    return found


def _lines(
    children: Mapping[int | None, Sequence[RoundSummary]],
    straight: set[int],
    parent: int | None,
    stem: str,
) -> Iterator[Line]:
    """Yield forks first, indented, and then the child with which the branch goes on.

    Goes down the branch in a loop and recurses into forks only, so that a long
    study is no deep recursion.
    """
    here: int | None = parent
    while below := children.get(here, ()):
        onward = next((r for r in below if r.round.id in straight), below[0])
        for fork in below:
            if fork is not onward:
                yield Line(fork, f"{stem}├ ")
                yield from _lines(children, straight, fork.round.id, f"{stem}│ ")
        yield Line(onward, stem)
        here = onward.round.id


def line_text(line: Line, summary: Summary) -> Text:
    """Write a round in one line: name, where it stands, accuracy, overruled samples."""
    r = line.round
    text = Text(line.stem, style="dim", no_wrap=True)
    text.append(r.round.label, style="bold" if r.round.id == summary.head else "")
    text.append(mark_of(r, summary))
    overall = r.overall
    if overall is not None:
        text.append(f" {overall.value:.2f}".replace("0.", "."))
    if r.round.parent is None:
        text.append(" base")
    if r.overruled:
        text.append(f" ✎{r.overruled}")
    return text


def mark_of(r: RoundSummary, summary: Summary) -> str:
    """Say with one sign where a round stands: head, under way, left."""
    if r.round.id == summary.head:
        return " ● "
    if r.round.id == summary.open:
        return " ▸ "
    return " ✗ " if r.round.status == "left" else "   "


class RoundTree(Widget):
    """All rounds of the study; the one under the cursor is shown everywhere else."""

    BORDER_TITLE = "Rounds"
    help_text: ClassVar[str] = (
        "Every round of the study, each below the one it started from. ● is the head, from which"
        " the next step starts; ▸ is under way; ✗ was stepped back from before it was finished;"
        " ✎ counts samples that a person has overruled. The number is greedy accuracy over all"
        " levels, on problems that training never draws. Move to a round to look at it; f forks"
        " from it, u goes back a round."
    )
    DEFAULT_CSS = """
    RoundTree { border: round $panel-lighten-2; width: 26; }
    RoundTree:focus-within { border: round $accent; }
    RoundTree OptionList, RoundTree OptionList:focus {
        border: none; padding: 0; background: transparent; height: 1fr;
    }
    """

    class Shown(Message):
        """Another round is to be looked at."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    def __init__(self) -> None:
        super().__init__(id="rounds")
        self._numbers: list[int] = []
        self._texts: list[Text] = []
        self._shown: int | None = None

    def compose(self) -> ComposeResult:
        """Hold a list of rounds."""
        yield OptionList()

    def look(self, look: Look, shown: int | None) -> None:
        """Draw the tree, with the cursor on the shown round."""
        lines = tree_lines(look.summary)
        texts = [line_text(line, look.summary) for line in lines]
        options = self.query_one(OptionList)
        numbers = [line.round.round.id for line in lines]
        if numbers != self._numbers:
            options.clear_options()
            options.add_options([Option(text) for text in texts])
        else:
            for place, text in enumerate(texts):
                if text != self._texts[place]:
                    options.replace_option_prompt_at_index(place, text)
        self._numbers, self._texts = numbers, texts
        # A cursor that a person has just moved stays, even if we were not told of it yet.
        if shown in numbers and (shown != self._shown or options.highlighted is None):
            options.highlighted = numbers.index(shown)
        self._shown = shown

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Show the round under the cursor, unless we put the cursor there ourselves."""
        event.stop()
        late = event.option_index != event.option_list.highlighted
        if not late and self._numbers[event.option_index] != self._shown:
            self.post_message(self.Shown(self._numbers[event.option_index]))
