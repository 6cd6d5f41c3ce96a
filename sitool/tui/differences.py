"""How far two rounds differ, level by level, with paired intervals."""

from collections.abc import Iterable
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.message import Message
from textual.widgets import DataTable

from sitool.front.findings.figures import share, verdict, with_interval
from sitool.metrics import Accuracy
from sitool.store import Metric
from sitool.summary import Comparison
from sitool.tui.tables import TablePanel

PICTURE = 17
"""Columns of the small picture of an interval, its zero in the middle."""
LEAST_REACH = 0.05
"""Of its scale, so that small differences look small."""


class Differences(TablePanel):
    """A table of levels; the one under the cursor is what the rest of the screen shows."""

    BORDER_TITLE = "Differences"
    help_text: ClassVar[str] = (
        "Accuracy of the second round minus that of the first, on the held-out problems that both"
        " met. The interval is a bootstrap over problems, each compared with itself, so that how"
        " hard they are cancels out (Efron & Tibshirani 1993): 95 of 100 such intervals hold the"
        " true difference. Where it holds 0 the difference may be noise. Move to a level to see"
        " its curves and problems alone."
    )
    DEFAULT_CSS = """
    Differences { border: round $panel-lighten-2; }
    Differences:focus-within { border: round $accent; }
    Differences DataTable { height: 1fr; background: transparent; }
    """

    class Chosen(Message):
        """Another level is under the cursor; 0 is all."""

        def __init__(self, level: int) -> None:
            super().__init__()
            self.level = level

    def compose(self) -> ComposeResult:
        """Hold the table."""
        yield DataTable(cursor_type="row", zebra_stripes=False)

    def show(self, comparison: Comparison) -> None:
        """Fill the table, all levels first."""
        table = self.query_one(DataTable)
        table.clear(columns=True)
        first, second = comparison.first, comparison.second
        names = ("level", first.round.label, second.round.label, "worse   0  better")
        for name in names:
            table.add_column(name, width=len(name))
        table.add_column("difference, 95 %", width=19)
        table.add_column("", width=8)
        reach = reach_of(comparison.difference.values())
        for level, difference in comparison.difference.items():
            table.add_row(
                Text("all" if level == 0 else str(level), justify="right"),
                _share(first.accuracy.get(level)),
                _share(second.accuracy.get(level)),
                Text(picture(difference, reach)),
                with_interval(difference),
                verdict(difference),
                key=str(level),
            )

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        """Tell which level is under the cursor."""
        event.stop()
        if event.row_key is not None and event.row_key.value is not None:
            self.post_message(self.Chosen(int(event.row_key.value)))


def reach_of(differences: Iterable[Accuracy]) -> float:
    """Return how far from 0 a scale goes on which all intervals fit."""
    return max([LEAST_REACH, *(max(abs(d.low), abs(d.high)) for d in differences)])


def picture(difference: Accuracy, reach: float) -> str:
    """Draw an interval and its middle on a scale from -reach to reach.

    >>> picture(Accuracy(0.5, 0.25, 0.75, 64), 1.0)
    '        │ ├─●─┤  '
    """
    half = PICTURE // 2
    low, middle, high = (
        half + max(-half, min(half, round(value / reach * half)))
        for value in (difference.low, difference.value, difference.high)
    )
    signs = [" "] * PICTURE
    signs[half] = "│"
    for place in range(low, high + 1):
        signs[place] = "─" if place != half else "┼"
    signs[low], signs[high], signs[middle] = "├", "┤", "●"
    return "".join(signs)


def _share(metric: Metric | None) -> Text:
    if metric is None:
        return Text("·", justify="right")
    return Text(share(metric.value), justify="right")
