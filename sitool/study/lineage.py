"""The tree of rounds as lines of text: what came from what, where the head is.

The branch that leads to the head runs straight down; every fork from it stands
indented above the place where the branch goes on. What this leaves out: widgets.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

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


def mark_of(r: RoundSummary, summary: Summary) -> str:
    """Say with one sign where a round stands: head, under way, left."""
    if r.round.id == summary.head:
        return " ● "
    if r.round.id == summary.open:
        return " ▸ "
    return " ✗ " if r.round.status == "left" else "   "


def overall_words(r: RoundSummary) -> str:
    """Write a round's accuracy, whether it is the base, and how many samples are overruled."""
    overall = r.overall
    words = "" if overall is None else f" {overall.value:.2f}".replace("0.", ".")
    words += " base" if r.round.parent is None else ""
    return f"{words} ✎{r.overruled}" if r.overruled else words
