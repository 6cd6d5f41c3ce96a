"""The sharpening screen: what choosing by its own likelihood would bring the shown round."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from rich.console import Group
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Static

from sitool.front.findings import sharpening
from sitool.front.findings.sharpening import Sharpened
from sitool.plots import level_words
from sitool.plots.sharpening import SHARPENING_KINDS
from sitool.sharpening import sentences
from sitool.store import round_label
from sitool.tui.chart import Chart
from sitool.tui.report_screen import ReportCharts, ReportScreen

if TYPE_CHECKING:
    from sitool.sharpening.report import Asked, SharpeningReport

Written: TypeAlias = Iterator[Text | Table]
"""What stands in a part, from top to bottom."""


class SharpeningCharts(ReportCharts):
    """The charts of the round."""

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


class SharpeningPart(VerticalScroll):
    """A part that a report is written into; whoever inherits says what of it."""

    def __init__(self, name: str) -> None:
        super().__init__(Static(markup=False), id=name, classes="part")

    def written(self, report: "SharpeningReport") -> Written:
        """Yield what is said of a report."""
        raise NotImplementedError

    def show(self, sharpened: Sharpened) -> None:
        """Write the report, or say why there is none."""
        report = sharpened.report
        content = Text(sharpened.problem) if report is None else Group(*self.written(report))
        self.query_one(Static).update(content)


class Lifts(SharpeningPart):
    """By N: how much more often the best of N is right than the greedy answer."""

    BORDER_TITLE = "Lift over greedy, in %"
    help_text: ClassVar[str] = (
        "100 (accuracy of the best of N - accuracy of greedy) / accuracy of greedy, with its 95 %"
        " interval (bootstrap over problems), by self-reward. A lift above 0 is there to be learnt"
        " without any truth: that is what sharpening does (Huang et al., arXiv 2412.01951)."
    )
    DEFAULT_CSS = "Lifts { height: 11; }"

    def written(self, report: "SharpeningReport") -> Written:
        """Yield the table of lifts, what they are lifts over, and what is said nowhere else."""
        yield lift_table(report)
        yield Text(sharpening.greedy_words(report), style="dim")
        if sharpening.lacks_logprobs(report):
            yield Text(f"\n{sentences.on_curves(report)}")


class Sharpness(SharpeningPart):
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

    def written(self, report: "SharpeningReport") -> Written:
        """Yield the sentences and their figures."""
        yield from figures_of(report)


def lift_table(report: "SharpeningReport") -> Table:
    """Lay out the lift of every self-reward by N, in percent."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for head in sharpening.lift_heads(report):
        table.add_column(head, justify="right", no_wrap=True, min_width=3)
    for row in sharpening.lift_rows(report):
        table.add_row(*row)
    return table


def figures_of(report: "SharpeningReport") -> Written:
    """Yield the paragraphs of `Sharpness`, the most used first."""
    for lead, words in sharpening.paragraphs(report):
        yield _paragraph(lead, words)
    if report.asked is not None:
        yield Text.assemble(("The theorems would ask for", "bold"), " (up to a constant)")
        yield asked_table(report.asked)
        yield Text()
    for lead, words in sharpening.remarks(report):
        yield _paragraph(lead, words)


def _paragraph(lead: str, words: str) -> Text:
    return Text.assemble((f"{lead}. ", "bold"), words, "\n")


def asked_table(asked: "Asked") -> Table:
    """Lay out how many samples the theorems would ask for."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    for row in sharpening.asked_rows(asked):
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
                yield Lifts("lifts")
                yield Sharpness("sharpness")

    def ask(self) -> None:
        """Ask for the report of the round on this level."""
        number, level = self._number, self._level
        if number is None:
            self.settle(Sharpened(None, "There is no finished round yet: press s in the study."))
            return
        self.want(
            ("sharpening", number, level), lambda study: sharpening.sharpen(study, number, level)
        )

    def take(self, answer: Sharpened) -> None:
        """Draw a report."""
        self._sharpened = answer
        self.query_one(SharpeningCharts).show(answer.plot)
        for part in self.query(SharpeningPart):
            part.show(answer)
        self.tell()

    def tell(self) -> None:
        """Write the heading and the sentence as they are now."""
        report = self._sharpened.report
        label = "" if self._number is None else round_label(self._number)
        heading = Text(no_wrap=True, overflow="ellipsis")
        heading.append(f"Sharpening of {label}".strip(), style="bold")
        heading.append(f"   {level_words(self._level)}")
        if report is not None:
            heading.append(f"   {sharpening.pool_words(report)}")
        self.say(heading, Text(self.scoring or self._sharpened.sentence("m asks the base.")))

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
        levels = sharpening.levels_of(look.summary, self._number)
        self._level = levels[(levels.index(self._level) + places) % len(levels)]
        self.ask()

    def action_measure(self) -> None:
        """Ask the base how likely it finds the round's samples."""
        if self._sharpened.complete:
            self.app.notify(sharpening.KNOWN)
        elif self.may_score():
            self.have_scored(sharpening.SCORER)
