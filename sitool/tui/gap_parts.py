"""The parts of the gap screen: judges with their gaps, a judge against the truth, agreement.

What this leaves out: asking for the report, and the keys (`gap_screen.py`).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.table import Table
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget
from textual.widgets import DataTable, Static

from sitool.front.findings.gap import (
    SAID,
    TRUE,
    confusion_axes,
    judge_cells,
    reading_of,
    rows_of,
    triangle,
)
from sitool.plots.gap import GAP_KINDS, gap_of
from sitool.tui.chart import Chart
from sitool.tui.differences import picture, reach_of
from sitool.tui.report_screen import ReportCharts
from sitool.tui.tables import NotedTable
from sitool.visible import both_ends, one_line

if TYPE_CHECKING:
    from sitool.gap.agreement import Cell, Confusion, Correlation
    from sitool.gap.judged import FilterGap
    from sitool.gap.report import RoundGap

NAME_WIDTH, SHORT_NAME_WIDTH = 20, 16


class JudgeTable(NotedTable):
    """Every judge with its gap; the one under the cursor is what the rest of the screen shows."""

    BORDER_TITLE = "Gap by judge"
    help_text: ClassVar[str] = (
        "A judge filters the samples. J is how often a sample is right, J[w] how often one is that"
        " the judge lets through, and the gap is J[w] - J: what training on the judge's choice can"
        " gain at most, if it lands where it aims (Song et al., arXiv 2412.02674, definition 2.1)."
        " ▲ surely above 0, ▼ surely below, ± the 95 % interval holds 0: perhaps nothing (bootstrap"
        " over problems). The relative gap asks of every problem which share of the way to a right"
        " answer that is, (J[w] - J) / (1 - J), and averages those; problems that are all right"
        " are 0/0 and left out (definition 2.2). A name with a + is two judges that must both"
        " agree; the pair with the largest gap is shown. f changes the filter, [ and ] how much of"
        " it; m lets a judge score the round."
    )
    DEFAULT_CSS = """
    JudgeTable { height: 13; }
    JudgeTable DataTable { height: 1fr; }
    JudgeTable #reading { height: auto; max-height: 5; }
    """

    class Chosen(Message):
        """Another judge is under the cursor."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self) -> None:
        super().__init__("judges", cursor="row", table="judge-rows", note="reading")
        self._round: RoundGap | None = None

    def show(self, round_: "RoundGap", chosen: str) -> None:
        """Fill the table."""
        self._round = round_
        table = self.query_one(DataTable)
        with self.prevent(DataTable.RowHighlighted):
            table.clear(columns=True)
            table.add_column("judge", width=NAME_WIDTH)
            for name in ("J", "J[w]"):
                table.add_column(Text(name, justify="right"), width=4)
            table.add_column("worse   0  better", width=17)
            table.add_column("gap, 95 %", width=21)
            table.add_column("relative gap, 95 %", width=19)
            for name, width in (("n", 5), ("left out", 8)):
                table.add_column(Text(name, justify="right"), width=width)
            names = rows_of(round_)
            gaps = self._gaps(names)
            reach = reach_of(gap.strict.gap for gap in gaps)
            for name, gap in zip(names, gaps, strict=True):
                table.add_row(*_cells(name, gap, reach), key=name)
            table.move_cursor(row=names.index(chosen) if chosen in names else 0)
        self.read(chosen)

    def _gaps(self, names: Sequence[str]) -> "list[FilterGap]":
        found = [None if self._round is None else gap_of(self._round, name) for name in names]
        return [gap for gap in found if gap is not None]

    def read(self, name: str) -> None:
        """Say in a sentence what a judge keeps and what is left out."""
        words = "" if self._round is None else reading_of(self._round, name)
        self.query_one("#reading", Static).update(words)

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        """Tell which judge is under the cursor."""
        event.stop()
        if event.row_key is not None and event.row_key.value is not None:
            self.post_message(self.Chosen(event.row_key.value))


def _cells(name: str, gap: "FilterGap", reach: float) -> tuple[Text | str, ...]:
    accuracy, reweighted, difference, relative, count, left_out = judge_cells(gap)
    return (
        both_ends(name, NAME_WIDTH),
        Text(accuracy, justify="right"),
        Text(reweighted, justify="right"),
        Text(picture(gap.strict.gap, reach)),
        difference,
        relative,
        Text(count, justify="right"),
        Text(left_out, justify="right"),
    )


class GapCharts(ReportCharts):
    """The charts of the judge under the cursor."""

    kinds = GAP_KINDS
    help_text: ClassVar[str] = (
        "Threshold: the gap for every least score, on all problems at once; where the line of no"
        " gap lies inside the interval, the filter may do nothing. Share: for every share kept of"
        " each problem's samples. The best point of many looks better than it is. Rounds: the gap"
        " from the base to this round; it closes as the model learns what the judge knows. Level:"
        " the gap by difficulty. pass@k: 1 - C(n-c, k) / C(n, k), the base against this round; a"
        " fall at large k says that answers were lost. 1 to 5 choose. " + Chart.keys_in_words
    )


class JudgedTable(NotedTable):
    """What a judge said of right and of wrong samples; each cell has an example."""

    BORDER_TITLE = "Judge against truth"
    help_text: ClassVar[str] = (
        "How many samples the truth holds right or wrong, by row, and what the judge said of them,"
        " by column. A judge calls a sample right from its threshold on, or from 0.5. Unparsed and"
        " failed verdicts are columns of their own: nobody vouched for such a sample, and it is"
        " not a score of 0. Enter shows the first sample of a cell in full."
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "open", "Example", priority=True)]
    DEFAULT_CSS = """
    JudgedTable { height: 9; }
    JudgedTable DataTable { height: 1fr; }
    JudgedTable #example { height: auto; }
    """

    class Opened(Message):
        """An example is to be shown in full."""

        def __init__(self, sample_id: int) -> None:
            super().__init__()
            self.sample_id = sample_id

    def __init__(self) -> None:
        super().__init__("truth", cursor="cell", table="truth-rows", note="example")
        self._cells: dict[tuple[int, int], Cell] = {}
        self._empty = ""

    def show(self, name: str, confusion: "Confusion | None", empty: str = "") -> None:
        """Fill the table, or say why there is nothing to fill it with."""
        table = self.query_one(DataTable)
        table.clear(columns=True)
        self._cells, self._empty = {}, empty
        self.border_title = f"{one_line(name, 20)} against the truth" if name else self.BORDER_TITLE
        if confusion is not None:
            self._fill(table, confusion)
        self._tell()

    def _fill(self, table: DataTable[Text], confusion: "Confusion") -> None:
        true, said = confusion_axes(confusion)
        for column in said:
            table.add_column(SAID[column], width=len(SAID[column]))
        for row, name in enumerate(true):
            found = [confusion.cells[name, column] for column in said]
            self._cells |= {(row, column): cell for column, cell in enumerate(found)}
            table.add_row(
                *(Text(f"{cell.count:,}", justify="right") for cell in found),
                label=Text(f"{TRUE[name]:<9}"),
            )

    @property
    def _cell(self) -> "Cell | None":
        place = self.query_one(DataTable).cursor_coordinate
        return self._cells.get((place.row, place.column))

    def _tell(self) -> None:
        cell = self._cell
        if cell is None:
            words = self._empty
        elif cell.example is None:
            words = "There is no such sample."
        else:
            words = f"Enter shows sample {cell.example} of these {cell.count:,}."
        self.query_one("#example", Static).update(words)

    def on_data_table_cell_highlighted(self, event: DataTable.CellHighlighted) -> None:
        """Tell of the example under the cursor."""
        event.stop()
        self._tell()

    def action_open(self) -> None:
        """Show the example under the cursor in full."""
        cell = self._cell
        if cell is not None and cell.example is not None:
            self.post_message(self.Opened(cell.example))


class Agreement(Widget, can_focus=True):
    """Pearson's r of every two verifiers, the truth among them."""

    BORDER_TITLE = "Agreement, Pearson's r"
    help_text: ClassVar[str] = (
        "Pearson's r of the scores of two verifiers, over the samples that both of them scored:"
        " 1 where they say the same, 0 where one tells nothing of the other. Judges that agree"
        " with the truth and little with each other make a good pair: requiring both of them"
        " leaves out what only one lets through. · where one gave all samples the same score."
    )
    DEFAULT_CSS = "Agreement { height: 1fr; }"

    def __init__(self) -> None:
        super().__init__(id="agreement", classes="part")
        self._content: Table | Text = Text("")

    def show(self, found: "Sequence[Correlation]", empty: str = "") -> None:
        """Draw the matrix, or say why there is none."""
        self._content = matrix(found) if found else Text(empty)
        self.refresh()

    def render(self) -> Table | Text:
        """Draw it."""
        return self._content


def matrix(found: "Sequence[Correlation]") -> Table:
    """Lay out the lower triangle; columns are numbered as the rows are."""
    rows = triangle(found)
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True)
    for number in range(1, len(rows)):
        table.add_column(Text(f"{number}"), justify="right", no_wrap=True, min_width=4)
    for number, (name, cells) in enumerate(rows, 1):
        title = Text(f"{number} {both_ends(name, SHORT_NAME_WIDTH)}")
        table.add_row(title, *(Text(cell) for cell in cells))
    return table
