"""What choosing by its own likelihood would bring the round that is looked at."""

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, ClassVar

import ipywidgets

from sitool.client import Study
from sitool.front.findings import sharpening
from sitool.front.findings.sharpening import Sharpened
from sitool.html.markup import Child
from sitool.plots import Plot, level_words
from sitool.plots.sharpening import SHARPENING_KINDS
from sitool.store import round_label
from sitool.study.pieces import faint, fitted, lead, paragraph, sheet
from sitool.widgets.finding import Finding

if TYPE_CHECKING:
    from sitool.sharpening.report import SharpeningReport

READ = (
    "Sharpening makes likely answers likelier, without any truth (Huang et al., arXiv 2412.01951)."
    " Everything here is of held-out samples that the round's evaluation drew; the skyline pass@N"
    " looks at the truth. A lift above 0 is there to be learnt."
)


class Sharpening(Finding):
    """Best of N by likelihood and majority, the lift over greedy, and how sharp the model is.

    Args:
        study: The study, or a view of it.
        awake: Whether to ask for the report now, or only once it is seen.
    """

    title = "Sharpening"
    kinds: ClassVar = SHARPENING_KINDS

    def laid_out(self) -> tuple[ipywidgets.Widget, ...]:
        """Lay out the level above, chart and tables below."""
        self.level = ipywidgets.Dropdown(
            options=[("all levels", 0)], description="level", layout={"width": "16em"}
        )
        self.level.observe(self._choose, "value")
        self.measure.description = "Ask the base"
        return (
            self.heading,
            ipywidgets.HBox((self.level, self.measure)),
            self.sentence,
            self.kind,
            self.chart,
            self.tables,
        )

    def question(self, number: int) -> Hashable:
        """Return what is asked about a round."""
        return "sharpening", number, self.level.value

    def work(self, number: int) -> Callable[[Study], Sharpened]:
        """Return what makes the report."""
        level = int(self.level.value)
        return lambda study: sharpening.sharpen(study, number, level)

    def line(self, number: int) -> str:
        """Return the line that makes the same report."""
        level = f", level={self.level.value}" if self.level.value else ""
        return f"study.sharpening({number}{level})"

    def about_measuring(self) -> str:
        """Say what the button does."""
        return "Ask the base how likely it finds the round's samples; only scores are added."

    def _choose(self, change: Any) -> None:
        if not self.filling:
            self.clicked()

    def press_measure(self) -> None:
        """Ask the base, unless it has answered."""
        if self.answer is not None and self.answer.complete:
            self.view.say(sharpening.KNOWN)
        else:
            self.have_scored(sharpening.SCORER)

    def take(self) -> None:
        """Draw the report."""
        report, look = self.answer.report, self.view.look
        if look is not None and self.number is not None:
            self._offer(sharpening.levels_of(look.summary, self.number))
        words = level_words(int(self.level.value))
        self.heading.value = str(
            lead(f"Sharpening of {round_label(self.number or 0)}", f"   {words}")
        )
        self.sentence.value = str(paragraph(self.answer.sentence("Ask the base.")))
        self.tables.value = "" if report is None else str(fitted(*_tables(report)))

    def _offer(self, levels: list[int]) -> None:
        options = tuple((level_words(level), level) for level in levels)
        chosen = self.level.value
        if self.level.options == options or chosen not in levels:
            return
        with self.fill(), self.level.hold_sync():
            self.level.options = options
            self.level.value = chosen

    def plot(self) -> Plot:
        """Return the chart as it is now."""
        drawn: Plot = self.answer.plot(str(self.kind.value))
        return drawn


def _tables(report: "SharpeningReport") -> list[Child]:
    asked, pool = report.asked, sharpening.pool_words(report)
    theorems = "The theorems would ask for (up to a constant)"
    return [
        lead("Lift over greedy, in %", f"   {sharpening.greedy_words(report)}; {pool}"),
        sheet(sharpening.lift_heads(report), sharpening.lift_rows(report)),
        [lead(f"{name}. ", words) for name, words in sharpening.paragraphs(report)],
        [lead(theorems), sheet((), sharpening.asked_rows(asked))] if asked is not None else None,
        [lead(f"{name}. ", words) for name, words in sharpening.remarks(report)],
        faint(READ),
    ]
