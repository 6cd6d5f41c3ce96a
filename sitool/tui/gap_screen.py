"""The gap screen: can a judge tell the good samples of the shown round from the bad?"""

from typing import Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical

from sitool.front.findings.filters import Turned
from sitool.front.findings.gap import JUDGES, Measured, measure, rows_of
from sitool.store import round_label
from sitool.tui.dialogs import Choose
from sitool.tui.gap_parts import Agreement, GapCharts, JudgedTable, JudgeTable
from sitool.tui.inspector import InspectorScreen
from sitool.tui.report_screen import ReportScreen


class GapScreen(ReportScreen):
    """The generation-verification gap of the shown round, by judge."""

    TITLE = "Gap"
    AUTO_FOCUS = "#judge-rows"
    parts: ClassVar = {
        "judges": "#judge-rows",
        "charts": "GapCharts Chart",
        "truth": "#truth-rows",
        "agreement": "#agreement",
    }
    help_text: ClassVar[str] = (
        "The generation-verification gap: how much more often a sample is right once a judge has"
        " filtered the samples (Song et al., Mind the Gap, arXiv 2412.02674). Where it is above 0"
        " a model can improve on its own answers; where it is within noise of 0 another round"
        " teaches nothing new. All figures are of held-out problems, with 95 % intervals."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "rule", "Filter"),
        Binding("left_square_bracket", "turn(-1)", "Less", key_display="["),
        Binding("right_square_bracket", "turn(1)", "More", key_display="]"),
        Binding("m", "measure", "Measure"),
    ]
    DEFAULT_CSS = """
    GapScreen #lower { height: 1fr; }
    GapScreen #side { width: 50; }
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._turned = Turned()
        self._judge = ""
        self._measured = Measured(None)

    def compose_parts(self) -> ComposeResult:
        """Lay out judges above, charts and agreement below."""
        yield JudgeTable()
        with Horizontal(id="lower", classes="holder"):
            yield GapCharts()
            with Vertical(id="side", classes="holder"):
                yield JudgedTable()
                yield Agreement()

    def ask(self) -> None:
        """Ask for the gap of the round under this filter."""
        number, turned = self._number, self._turned
        if number is None:
            self.settle(Measured(None, "There is no finished round yet.", "Press s in the study."))
            return
        self.want(("gap", number, turned), lambda study: measure(study, number, turned))

    def take(self, answer: Measured) -> None:
        """Draw a report."""
        self._measured = answer
        last = answer.last
        names = [] if last is None else rows_of(last)
        if self._judge not in names:
            self._judge = names[0] if names else ""
        if last is not None:
            self.query_one(JudgeTable).show(last, self._judge)
        self._draw()
        self.refresh_bindings()

    def _draw(self) -> None:
        """Draw what hangs on the judge under the cursor."""
        last, why, judge = self._measured.last, self._why_empty(), self._judge
        judged = None if last is None else last.judges.get(judge)
        self.tell()
        self.query_one(JudgeTable).read(judge)
        measured = self._measured
        self.query_one(GapCharts).show(lambda kind: measured.plot(kind, judge, why))
        alone = why or f"{judge} is more than one judge: choose a single one above."
        confusion = None if judged is None else judged.confusion
        self.query_one(JudgedTable).show(judge, confusion, alone)
        found = () if last is None else last.correlations
        self.query_one(Agreement).show(found, why or "There is nothing to compare.")

    def _why_empty(self) -> str:
        how_to_ask = "Press m to ask a judge."
        return self._measured.why_empty(self._judge, self._number, how_to_ask)

    def tell(self) -> None:
        """Write the heading and the sentence as they are now."""
        heading = Text(no_wrap=True, overflow="ellipsis")
        label = "" if self._number is None else round_label(self._number)
        heading.append(f"Gap of {label}", style="bold")
        heading.append(f"   filter: {self._turned.words()}")
        words = self.scoring or self._why_empty()
        verdict, why = self._measured.saturation(self._judge)
        self.say(heading, Text(words) if words else Text.assemble((verdict, "bold"), why))

    @property
    def aspect(self) -> str:
        """Which judge and filter, for the name of a file."""
        words = [self._judge, *self._turned.filters]
        return "".join(f"-{word.replace(':', '-')}" for word in words if word)

    # What a person does.

    def on_judge_table_chosen(self, message: JudgeTable.Chosen) -> None:
        """Let the rest of the screen show the judge under the cursor."""
        if message.name != self._judge:
            self._judge = message.name
            self._draw()

    def on_judged_table_opened(self, message: JudgedTable.Opened) -> None:
        """Show an example in full."""
        self.app.push_screen(InspectorScreen(self._folder, message.sample_id, self._desk))

    def action_rule(self) -> None:
        """Go on to the next filter."""
        self._turned = self._turned.next_rule()
        self.ask()

    def action_turn(self, places: int) -> None:
        """Keep less or more."""
        turned = self._turned.turned(places)
        if turned is None:
            self.app.notify(self._turned.why_not())
            return
        self._turned = turned
        self.ask()

    def action_measure(self) -> None:
        """Let a judge score the round."""
        if self.may_score():
            label = round_label(self._number or 0)
            question = (
                f"Which judge is to score the held-out samples of {label}? Only scores are added."
            )
            self.app.push_screen(Choose(question, JUDGES), self.have_scored)
