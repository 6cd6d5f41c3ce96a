"""The compare screen: two rounds, or the branches that lead to them, beside each other."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import DataTable, Label, Select, Static

from sitool.client import Study
from sitool.errors import SitoolError
from sitool.front.findings.figures import share, verdict, with_interval
from sitool.measure import ALL_LEVELS
from sitool.plots import KINDS, Plot, branch_to, level_words, overlay
from sitool.store import round_label
from sitool.summary import Comparison, RoundSummary, Summary
from sitool.tui.chart import Chart
from sitool.tui.charts import Charts, TabLine, number_keys
from sitool.tui.differences import Differences
from sitool.tui.footer import KeyFooter
from sitool.tui.help import show_help
from sitool.tui.pairs import Change, Pair, PairScreen, PairTable, count_changes, read_pairs
from sitool.vega import save_svg

EVERY = "all"
SIGNS = {Change.GAINED: "✗→✓", Change.LOST: "✓→✗", Change.WRONG: "✗→✗", Change.RIGHT: "✓→✓"}
BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]


class Asked(Protocol):
    """Whoever holds the study in a thread of its own: a `Desk`."""

    def ask(self, work: Callable[[Study], Any], then: Callable[[Any], None] | None = None) -> None:
        """Do something with the study and hand on its result."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What there is to show of two rounds; without a comparison, `problem` says why."""

    first: int
    second: int
    summary: Summary
    comparison: Comparison | None
    pairs: Sequence[Pair]
    problem: str


def read(study: Study, first: int, second: int) -> Compared:
    """Compare two rounds."""
    summary = study.summary()
    try:
        comparison = study.compare(first, second)
        return Compared(first, second, summary, comparison, read_pairs(study, first, second), "")
    except SitoolError as error:
        return Compared(first, second, summary, None, (), error.message)


def other_end(summary: Summary, head: int) -> int:
    """Return the newest end of a branch that the head is not on, or the base."""
    finished = [r.round for r in summary.rounds if r.round.finished]
    parents = {round_.parent for round_ in finished}
    ends = [round_.id for round_ in finished if round_.id not in parents and round_.id != head]
    apart = [end for end in ends if head not in {r.round.id for r in branch_to(summary, end)}]
    return max(apart, default=0)


class OverlayPanel(Charts):
    """The charts of two branches over one another."""

    BORDER_TITLE = "Charts"
    help_text: ClassVar[str] = (
        "The same chart of both branches, from the base on; where they share rounds they share"
        " the curve. 1 to 5 choose the chart. " + Chart.keys_in_words
    )
    DEFAULT_CSS = """
    OverlayPanel { border: round $panel-lighten-2; padding: 0 1; }
    OverlayPanel:focus-within { border: round $accent; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._compared: Compared | None = None
        self._level = ALL_LEVELS

    @property
    def plot(self) -> Plot:
        """The chart as it is now."""
        if self._compared is None:
            return Plot(self.kind, KINDS[self.kind], empty="Comparing …")
        if self._compared.comparison is None:
            return Plot(self.kind, KINDS[self.kind], empty=self._compared.problem)
        rounds = self._compared.first, self._compared.second
        return overlay(self._compared.summary, self.kind, *rounds, self._level)

    def show(self, compared: Compared, level: int) -> None:
        """Draw two branches."""
        self._compared, self._level = compared, level
        self.draw()


class CompareScreen(Screen[None]):
    """Two rounds, or the branches that lead to them, beside each other.

    Args:
        first, second: Numbers of the rounds to begin with.
        desk: Holds the study.
    """

    TITLE = "Compare"
    BORDER_TITLE = "Compare"
    AUTO_FOCUS = "Differences DataTable"
    HORIZONTAL_BREAKPOINTS = BREAKPOINTS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "app.pop_screen", "Back"),
        Binding("d", "part('differences')", "Differences"),
        Binding("c", "part('charts')", "Charts"),
        Binding("p", "part('problems')", "Problems"),
        Binding("f", "filter", "Filter"),
        Binding("question_mark", "help", "Help", key_display="?"),
        Binding("w", "swap", "Swap"),
        Binding("e", "export", "SVG"),
        *number_keys("chart"),
    ]
    help_text: ClassVar[str] = (
        "Two rounds side by side. ✗→✓ newly solved, ✓→✗ lost, ✗→✗ both wrong, ✓→✓ both right;"
        " ? where no answer could be read. Enter opens a problem with both answers in full."
    )
    DEFAULT_CSS = """
    CompareScreen #rounds-line { height: 1; background: $panel; padding: 0 1; }
    CompareScreen #rounds-line Label { width: auto; padding: 0 1; }
    CompareScreen #rounds-line Select { width: 26; }
    CompareScreen #verdict { height: 1; padding: 0 1; }
    CompareScreen #upper { height: 40%; min-height: 13; }
    CompareScreen Differences { width: 74; }
    CompareScreen OverlayPanel { width: 1fr; height: 1fr; }
    CompareScreen #problems {
        height: 1fr; border: round $panel-lighten-2; padding: 0 1;
    }
    CompareScreen #problems:focus-within { border: round $accent; }
    CompareScreen.-narrow #upper { height: 1fr; }
    CompareScreen.-narrow Differences { width: 1fr; }
    CompareScreen.-narrow .aside { display: none; }
    """

    def __init__(self, first: int, second: int, desk: Asked) -> None:
        super().__init__()
        self._wanted = (first, second)
        self._desk = desk
        self._compared: Compared | None = None
        self._level = ALL_LEVELS
        self._filter = EVERY

    def compose(self) -> ComposeResult:
        """Lay out the choice of rounds, differences, charts and problems."""
        with Horizontal(id="rounds-line"):
            yield Label("Compare")
            yield Select[int]([], prompt="a round", id="first", compact=True)
            yield Label("with")
            yield Select[int]([], prompt="a round", id="second", compact=True)
        yield Static("Comparing …", id="verdict")
        with Horizontal(id="upper"):
            yield Differences()
            yield OverlayPanel()
        with Vertical(id="problems") as box:
            box.border_title = "Problems"
            yield TabLine([{EVERY: "all"}], EVERY)
            yield PairTable()
        yield KeyFooter(show_command_palette=False)

    def on_mount(self) -> None:
        """Ask for the comparison."""
        self._show_part("differences")
        self._ask()

    def _ask(self) -> None:
        first, second = self._wanted
        self._desk.ask(lambda study: read(study, first, second), self._take)

    def _take(self, compared: Compared) -> None:
        """Draw a comparison, unless another one is wanted by now."""
        wanted = (compared.first, compared.second) == self._wanted
        if not wanted or self not in self.app.screen_stack:
            return
        self._compared, self._level, self._filter = compared, ALL_LEVELS, EVERY
        self._offer_rounds(compared)
        self.query_one("#verdict", Static).update(in_one_line(compared))
        if compared.comparison is None:
            self.query_one(DataTable).clear(columns=True)
        else:
            self.query_one(Differences).show(compared.comparison)
        self._draw()

    def _offer_rounds(self, compared: Compared) -> None:
        options = [(round_words(r, compared.summary), r.round.id)
                   for r in compared.summary.rounds if r.round.finished]  # fmt: skip
        numbers = [number for _, number in options]
        with self.prevent(Select.Changed):
            for name, number in (("#first", compared.first), ("#second", compared.second)):
                select: Select[int] = self.query_one(name, Select)
                select.set_options(options)
                select.value = number if number in numbers else Select.NULL

    def _draw(self) -> None:
        """Draw charts and problems of the level under the cursor."""
        if self._compared is None:
            return
        self.query_one(OverlayPanel).show(self._compared, self._level)
        here = [p for p in self._compared.pairs if self._level in (ALL_LEVELS, p.level)]
        line = self.query_one(TabLine)
        line.offer(filter_words(here), self._filter)
        shown = here if self._filter == EVERY else [p for p in here if p.change == self._filter]
        names = (round_label(self._compared.first), round_label(self._compared.second))
        where = level_words(self._level)
        self.query_one("#problems").border_title = f"Problems, {where}"
        empty = self._compared.problem or f"No problem of {where} is {self._filter}: f for others."
        self.query_one(PairTable).show(shown, names, empty)

    @on(Select.Changed)
    def _choose_round(self, event: Select.Changed) -> None:
        if isinstance(event.value, int):
            first, second = self._wanted
            if event.select.id == "first":
                first = event.value
            else:
                second = event.value
            self._want(first, second)

    def _want(self, first: int, second: int) -> None:
        if (first, second) != self._wanted:
            self._wanted = (first, second)
            self._ask()

    def action_swap(self) -> None:
        """Put the second round first."""
        self._want(self._wanted[1], self._wanted[0])

    def on_differences_chosen(self, event: Differences.Chosen) -> None:
        """Show the curves and problems of the level under the cursor alone."""
        if event.level != self._level:
            self._level = event.level
            self._draw()

    def on_tab_line_chosen(self, event: TabLine.Chosen) -> None:
        """Filter by what was clicked."""
        self._filter = event.name
        self._draw()

    def action_filter(self) -> None:
        """Go on to the next filter."""
        names = [EVERY, *Change]
        self._filter = str(names[(names.index(self._filter) + 1) % len(names)])
        if self.has_class("-narrow"):
            self._show_part("problems")
        self._draw()

    def action_part(self, name: str) -> None:
        """Go to one of the parts; on a narrow terminal it takes the place of the others."""
        self._show_part(name)
        targets: Mapping[str, type[Widget]] = {
            "differences": DataTable, "charts": Chart, "problems": PairTable,
        }  # fmt: skip
        self.query_one(targets[name]).focus()

    def _show_part(self, name: str) -> None:
        self.query_one("#upper").set_class(name == "problems", "aside")
        self.query_one(Differences).set_class(name != "differences", "aside")
        self.query_one(OverlayPanel).set_class(name != "charts", "aside")
        self.query_one("#problems").set_class(name != "problems", "aside")

    def action_chart(self, kind: str) -> None:
        """Show one of the charts."""
        if self.has_class("-narrow"):
            self.action_part("charts")
        self.query_one(OverlayPanel).kind = kind

    def action_export(self) -> None:
        """Write the shown chart as SVG into the study's folder."""
        plot = self.query_one(OverlayPanel).plot
        level = f"-level{self._level}" if self._level else ""
        name = f"{plot.kind}-{'-'.join(round_label(number) for number in self._wanted)}{level}"
        self._desk.ask(lambda study: save_svg(plot, study.folder / "charts", name), self._tell_file)

    def _tell_file(self, file: Path) -> None:
        self.app.notify(f"The chart is in {file}.")

    def action_help(self) -> None:
        """Explain this screen."""
        show_help(self)

    def on_pair_table_opened(self, event: PairTable.Opened) -> None:
        """Show a problem with both answers in full."""
        table = self.query_one(PairTable)
        self.app.push_screen(PairScreen(table.pairs, event.index, table.go_to))


def in_one_line(compared: Compared) -> Text:
    """Say what the comparison comes to."""
    if compared.comparison is None:
        return Text(f"✗ {compared.problem} Choose other rounds above.")
    if compared.first == compared.second:
        return Text("The same round twice: choose another one above.")
    overall = compared.comparison.difference.get(ALL_LEVELS)
    if overall is None:
        return Text("These rounds were measured on different problems: nothing to compare.")
    labels = f"{round_label(compared.second)} against {round_label(compared.first)}"
    return Text.assemble(
        f"{labels}: ",
        (verdict(overall), "bold"),
        f", {with_interval(overall)} on {overall.n:,} held-out problems",
    )  # fmt: skip


def round_words(r: RoundSummary, summary: Summary) -> str:
    """Name a round in a list: its accuracy, and whether a branch ends there."""
    words = [r.round.label]
    if r.overall is not None:
        words.append(share(r.overall.value))
    if r.round.parent is None:
        words.append("base")
    if r.round.id == summary.head:
        words.append("head")
    elif r.round.id not in {other.round.parent for other in summary.rounds}:
        words.append("tip")
    return "  ".join(words)


def filter_words(pairs: Sequence[Pair]) -> list[dict[str, str]]:
    """Name the filters with how many problems each holds, from many words to few."""
    counts = count_changes(pairs)
    full = {EVERY: f" all {len(pairs):,} "}
    full |= {str(c): f" {SIGNS[c]} {c} {counts[c]:,} " for c in Change}
    middle = {EVERY: f"all {len(pairs):,}"} | {str(c): f"{c} {counts[c]:,}" for c in Change}
    least = {EVERY: f"all {len(pairs):,}"} | {str(c): f"{SIGNS[c]} {counts[c]:,}" for c in Change}
    return [full, middle, least]
