"""The sharpening screen: what choosing by its own likelihood would bring the shown round."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from rich.console import Group
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Static

from sitool.front.findings.sharpening import (
    LACKING as LACKING_SCORES,
)
from sitool.front.findings.sharpening import (
    SCORER,
    Sharpened,
    asked_rows,
    greedy_words,
    lacks_logprobs,
    levels_of,
    lift_rows,
    paragraphs,
    remarks,
    sharpen,
)
from sitool.plots import Plot, level_words
from sitool.plots.sharpening import REWARDS, SHARPENING_KINDS, sharpening_plot
from sitool.sharpening import sentences
from sitool.store import round_label
from sitool.tui.chart import Chart
from sitool.tui.charts import Charts
from sitool.tui.report_screen import ReportScreen

if TYPE_CHECKING:
    from sitool.sharpening.report import Asked, SharpeningReport

LACKING = f"{LACKING_SCORES}: m asks the base."


class SharpeningCharts(Charts):
    """The charts of the round."""

    BORDER_TITLE = "Charts"
    kinds = SHARPENING_KINDS
    help_text: ClassVar[str] = (
        "Best of N: of N samples the one with the greatest self-reward is taken; how often it is"
        " right, against N in doublings. The self-rewards need no truth: the likelihood"
        " log pi_base(y|x) of the whole answer, the same divided by its tokens (a token's), and"
        " majority, how many samples say the same. pass@N takes a right one wherever there is one:"
        " the skyline, for it looks at the truth. Lift: 100 (best of N - greedy) / greedy."
        " log p: of the chosen sample under the base. Right, wrong: whether right samples are"
        " likelier than wrong ones; if not, likelihood cannot help. Smaller N are sub-samples of"
        " one pool."
        " 1 to 4 choose. " + Chart.keys_in_words
    )
    DEFAULT_CSS = "SharpeningCharts { width: 1fr; height: 1fr; }"

    def __init__(self) -> None:
        super().__init__(id="charts", classes="part")
        self._sharpened = Sharpened(None, "Working it out …")
        self.set_reactive(Charts.kind, "best_of_n")

    @property
    def plot(self) -> Plot:
        """The chart as it is now."""
        report = self._sharpened.report
        if report is None:
            return Plot(self.kind, SHARPENING_KINDS[self.kind], empty=self._sharpened.problem)
        return sharpening_plot(report, self.kind)

    def show(self, sharpened: Sharpened) -> None:
        """Draw a report's charts, or say why there are none."""
        self._sharpened = sharpened
        self.draw()


class Lifts(VerticalScroll):
    """By N: how much more often the best of N is right than the greedy answer."""

    BORDER_TITLE = "Lift over greedy, in %"
    help_text: ClassVar[str] = (
        "100 (accuracy of the best of N - accuracy of greedy) / accuracy of greedy, with its 95 %"
        " interval (bootstrap over problems), by self-reward. A lift above 0 is there to be learnt"
        " without any truth: that is what sharpening does (Huang et al., arXiv 2412.01951)."
    )
    DEFAULT_CSS = "Lifts { height: 11; }"

    def __init__(self) -> None:
        super().__init__(Static(markup=False), id="lifts", classes="part")

    def show(self, sharpened: Sharpened) -> None:
        """Fill the table."""
        report = sharpened.report
        content = Text(sharpened.problem) if report is None else Group(*lifts_of(report))
        self.query_one(Static).update(content)


class Sharpness(VerticalScroll):
    """How sharp the model is, what coverage costs, and what adaptive N saves."""

    BORDER_TITLE = "Sharpness, coverage, adaptive N"
    help_text: ClassVar[str] = (
        "y* is the answer that the base finds likeliest. A model is (eps, delta)-sharpened if it"
        " gives y* at least 1 - delta on all but eps of the problems. Coverage is"
        " E[1 / pi_base(y*|x)]: how many samples the base needs to meet y* once. y* of a language"
        " model is not known, so the likeliest answer seen stands for it, and both are proxies."
        " Adaptive N stops at the first k with 1 / max pi_base(y_j|x) <= k / mu, mu = ln(2 /"
        " delta): easy problems stop early (Huang et al., arXiv 2412.01951). The theorems' n and N"
        " hold up to a constant."
    )
    DEFAULT_CSS = "Sharpness { height: 1fr; }"

    def __init__(self) -> None:
        super().__init__(Static(markup=False), id="sharpness", classes="part")

    def show(self, sharpened: Sharpened) -> None:
        """Write the sentences and their figures."""
        report = sharpened.report
        content = Text(sharpened.problem) if report is None else Group(*figures_of(report))
        self.query_one(Static).update(content)


def lifts_of(report: "SharpeningReport") -> Iterator[Text | Table]:
    """Yield the table of lifts, what they are lifts over, and what is said nowhere else."""
    yield lift_table(report)
    yield Text(greedy_words(report), style="dim")
    if lacks_logprobs(report):
        yield Text(f"\n{sentences.on_curves(report)}")


def lift_table(report: "SharpeningReport") -> Table:
    """Lay out the lift of every self-reward by N, in percent."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("N", justify="right", no_wrap=True, min_width=3)
    for name in report.best_of_n:
        table.add_column(REWARDS[name], justify="right", no_wrap=True)
    for row in lift_rows(report):
        table.add_row(*row)
    return table


def figures_of(report: "SharpeningReport") -> Iterator[Text | Table]:
    """Yield the paragraphs of `Sharpness`, the most used first."""
    for lead, words in paragraphs(report):
        yield _paragraph(lead, words)
    if report.asked is not None:
        yield Text.assemble(("The theorems would ask for", "bold"), " (up to a constant)")
        yield asked_table(report.asked)
        yield Text()
    for lead, words in remarks(report):
        yield _paragraph(lead, words)


def _paragraph(lead: str, words: str) -> Text:
    return Text.assemble((f"{lead}. ", "bold"), words, "\n")


def asked_table(asked: "Asked") -> Table:
    """Lay out how many samples the theorems would ask for."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    for row in asked_rows(asked):
        table.add_row(*row)
    return table


class SharpeningScreen(ReportScreen):
    """What choosing by its own likelihood would bring the shown round, and how sharp it is."""

    TITLE = "Sharpening"
    AUTO_FOCUS = "SharpeningCharts Chart"
    parts: ClassVar = {
        "charts": "SharpeningCharts Chart",
        "lifts": "#lifts",
        "sharpness": "#sharpness",
    }
    help_text: ClassVar[str] = (
        "Sharpening makes likely answers likelier, without any truth: a model often gives a right"
        " answer more probability than it shows by sampling (Huang et al., arXiv 2412.01951)."
        " Everything here is of held-out samples that the round's evaluation drew; nothing is"
        " drawn anew. [ and ] choose a level."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left_square_bracket", "level(-1)", "Level", key_display="[", show=False),
        Binding("right_square_bracket", "level(1)", "Level", key_display="[ ]"),
        Binding("m", "measure", "Measure"),
    ]
    DEFAULT_CSS = """
    SharpeningScreen #body { height: 1fr; }
    SharpeningScreen #side { width: 62; }
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._level = 0
        self._sharpened = Sharpened(None)

    def compose_parts(self) -> ComposeResult:
        """Lay out charts beside lifts and sharpness."""
        with Horizontal(id="body", classes="holder"):
            yield SharpeningCharts()
            with Vertical(id="side", classes="holder"):
                yield Lifts()
                yield Sharpness()

    def ask(self) -> None:
        """Ask for the report of the round on this level."""
        number, level = self._number, self._level
        if number is None:
            self.settle(Sharpened(None, "There is no finished round yet: press s in the study."))
            return
        self.want(("sharpening", number, level), lambda study: sharpen(study, number, level))

    def take(self, answer: Sharpened) -> None:
        """Draw a report."""
        self._sharpened = answer
        self.query_one(SharpeningCharts).show(answer)
        self.query_one(Lifts).show(answer)
        self.query_one(Sharpness).show(answer)
        self.tell()

    def tell(self) -> None:
        """Write the heading and the sentence as they are now."""
        report = self._sharpened.report
        label = "" if self._number is None else round_label(self._number)
        heading = Text(no_wrap=True, overflow="ellipsis")
        heading.append(f"Sharpening of {label}".strip(), style="bold")
        heading.append(f"   {level_words(self._level)}")
        if report is not None:
            heading.append(
                f"   {report.problems:,} held-out problems, {report.samples:,} samples each"
            )
        self.say(heading, Text(self.scoring or self._sentence()))

    def _sentence(self) -> str:
        report = self._sharpened.report
        if report is None:
            return self._sharpened.problem
        return LACKING if lacks_logprobs(report) else sentences.on_curves(report)

    @property
    def aspect(self) -> str:
        """Which level, for the name of a file."""
        return f"-level{self._level}" if self._level else ""

    # What a person does.

    def action_level(self, places: int) -> None:
        """Look at another level alone, or at all of them."""
        look = self._standing.look
        if look is None or self._number is None:
            return
        levels = levels_of(look.summary, self._number)
        self._level = levels[(levels.index(self._level) + places) % len(levels)]
        self.ask()

    def action_measure(self) -> None:
        """Ask the base how likely it finds the round's samples."""
        report = self._sharpened.report
        if report is not None and not lacks_logprobs(report):
            self.app.notify("How likely the base finds these samples is known already.")
        elif self.may_score():
            self.have_scored(SCORER)
