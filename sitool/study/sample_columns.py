"""What the table of samples shows in which column, and how wide each column is.

Pure functions from a line of a sample to words; what they leave out: colours.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sitool.store import SampleLine
from sitool.study.sample_words import reason_of, score_of, sign_of
from sitool.visible import both_ends, one_line


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        least, most: Of its width, in cells.
        share: Of what is left over, beside the other columns.
        text: Reads its cell.
        cut: Makes it safe to show, and as short as the column.
    """

    name: str
    least: int
    most: int
    share: int
    text: Callable[[SampleLine], str]
    cut: Callable[[str, int], str] = one_line


@dataclass(frozen=True, slots=True)
class Place:
    """A column at its width."""

    column: Column
    width: int

    def cell(self, line: SampleLine) -> str:
        """Return what stands in it for a sample."""
        return self.column.cut(self.column.text(line), self.width)


def _weight(line: SampleLine) -> str:
    return "" if line.weight is None else f"{line.weight:.2f}"


COLUMNS = (
    Column("", 2, 2, 0, sign_of),
    Column("lvl", 3, 3, 0, lambda line: f"{line.level:>3}"),
    Column("prompt", 12, 48, 3, lambda line: line.prompt, both_ends),
    Column("completion", 12, 60, 3, lambda line: line.completion),
    Column("parsed", 8, 24, 1, lambda line: line.answer or "–"),
    Column("truth", 8, 24, 1, lambda line: line.truth),
    Column("score", 5, 5, 0, lambda line: f"{score_of(line):>5}"),
    Column("weight", 6, 6, 0, lambda line: f"{_weight(line):>6}"),
    Column("by", 14, 200, 6, reason_of),
)
IMPORTANCE = ("", "lvl", "completion", "prompt", "score", "by", "parsed", "weight", "truth")
GAP = 1


def lay_out(width: int) -> list[Place]:
    """Choose the columns that fit, the most telling first, and share out the rest.

    >>> [place.column.name for place in lay_out(40)]
    ['', 'lvl', 'prompt', 'completion', 'score']
    """
    chosen = _fitting(width)
    left = width - sum(column.least + GAP for column in chosen) + GAP
    shares = sum(column.share for column in chosen) or 1
    places = []
    for column in chosen:
        more = max(0, min(left * column.share // shares, column.most - column.least))
        places.append(Place(column, column.least + more))
        left, shares = left - more, shares - column.share or 1
    return places


def _fitting(width: int) -> list[Column]:
    by_name = {column.name: column for column in COLUMNS}
    chosen: set[str] = set()
    left = width + GAP
    for name in IMPORTANCE:
        left -= by_name[name].least + GAP
        if left < 0 and len(chosen) > 2:
            break
        chosen.add(name)
    return [column for column in COLUMNS if column.name in chosen]
