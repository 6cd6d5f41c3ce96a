"""The parts of the gap screen: judges with their gaps, a judge against the truth, agreement.

What this leaves out: asking for the report, and the keys (`gap_screen.py`).
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widget import Widget
from textual.widgets import DataTable, Static

from sitool.front.findings.figures import NOTHING, mark, share, with_interval
from sitool.front.findings.gap import SAID, TRUE, coefficient, confusion_axes, reading_of, rows_of
from sitool.metrics import Accuracy
from sitool.plots import Plot
from sitool.plots.gap import GAP_KINDS, gap_of, gap_plot
from sitool.tui.chart import Chart
from sitool.tui.charts import Charts
from sitool.tui.differences import picture
from sitool.visible import both_ends, one_line

if TYPE_CHECKING:
    from sitool.gap.agreement import Cell, Confusion, Correlation
    from sitool.gap.judged import FilterGap
    from sitool.gap.report import GapReport, RoundGap

NAME_WIDTH, SHORT_NAME_WIDTH = 20, 16
LEAST_REACH = 0.05


class JudgeTable(Widget):
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
        super().__init__(id="judges", classes="part")
        self._round: RoundGap | None = None

    def compose(self) -> ComposeResult:
        """Hold the table, and a sentence on the judge under the cursor."""
        with Vertical():
            yield DataTable(cursor_type="row", zebra_stripes=False, id="judge-rows")
            yield Static(id="reading", markup=False)

    def on_resize(self) -> None:
        """Draw rows anew: the table keeps how wide they were beside a scrollbar that has gone."""
        self.call_after_refresh(self.query_one(DataTable).notify_style_update)

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
            reach = max([LEAST_REACH, *(_reach(gap.strict.gap) for gap in self._gaps(names))])
            for name, gap in zip(names, self._gaps(names), strict=True):
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


def _reach(gap: Accuracy) -> float:
    return max(abs(gap.low), abs(gap.high))


def _cells(name: str, gap: "FilterGap", reach: float) -> Iterator[Text | str]:
    figures = gap.strict
    yield both_ends(name, NAME_WIDTH)
    yield Text(share(figures.accuracy.value), justify="right")
    yield Text(share(figures.reweighted.value), justify="right")
    yield Text(picture(figures.gap, reach))
    yield f"{mark(figures.gap)} {with_interval(figures.gap)}"
    relative = figures.relative_gap
    yield NOTHING if relative is None else with_interval(relative)
    yield Text("0" if relative is None else f"{relative.n:,}", justify="right")
    yield Text(f"{figures.all_right:,}", justify="right")


class GapCharts(Charts):
    """The charts of the judge under the cursor."""

    BORDER_TITLE = "Charts"
    kinds = GAP_KINDS
    help_text: ClassVar[str] = (
        "Threshold: the gap for every least score, on all problems at once; where the line of no"
        " gap lies inside the interval, the filter may do nothing. Share: for every share kept of"
        " each problem's samples. The best point of many looks better than it is. Rounds: the gap"
        " from the base to this round; it closes as the model learns what the judge knows. Level:"
        " the gap by difficulty. pass@k: 1 - C(n-c, k) / C(n, k), the base against this round; a"
        " fall at large k says that answers were lost. 1 to 5 choose. " + Chart.keys_in_words
    )
    DEFAULT_CSS = "GapCharts { width: 1fr; height: 1fr; }"

    def __init__(self) -> None:
        super().__init__(id="charts", classes="part")
        self._report: GapReport | None = None
        self._judge = ""
        self._empty = "Working it out …"
        self.set_reactive(Charts.kind, "threshold")

    @property
    def plot(self) -> Plot:
        """The chart as it is now."""
        if self._report is None:
            return Plot(self.kind, GAP_KINDS[self.kind], empty=self._empty)
        return gap_plot(self._report, self.kind, self._judge)

    def show(self, report: "GapReport | None", judge: str, empty: str = "") -> None:
        """Draw a judge's charts, or say why there are none."""
        self._report, self._judge, self._empty = report, judge, empty
        self.draw()


class JudgedTable(Widget):
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
        super().__init__(id="truth", classes="part")
        self._cells: dict[tuple[int, int], Cell] = {}
        self._empty = ""

    def compose(self) -> ComposeResult:
        """Hold the table, and a line on the example under the cursor."""
        with Vertical():
            yield DataTable(cursor_type="cell", zebra_stripes=False, id="truth-rows")
            yield Static(id="example", markup=False)

    def on_resize(self) -> None:
        """Draw rows anew: the table keeps how wide they were beside a scrollbar that has gone."""
        self.call_after_refresh(self.query_one(DataTable).notify_style_update)

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
    names = list(dict.fromkeys(name for one in found for name in (one.first, one.second)))
    r = {(one.second, one.first): one.r for one in found}
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True)
    for number in range(1, len(names)):
        table.add_column(Text(f"{number}"), justify="right", no_wrap=True, min_width=4)
    for number, name in enumerate(names, 1):
        cells = [Text(coefficient(r.get((name, other)))) for other in names[: number - 1]]
        table.add_row(Text(f"{number} {both_ends(name, SHORT_NAME_WIDTH)}"), *cells)
    return table
