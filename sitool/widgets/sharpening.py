"""What choosing by its own likelihood would bring the round that is looked at."""

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, ClassVar

import ipywidgets

from sitool.client import Study
from sitool.front.findings.sharpening import (
    LACKING,
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
from sitool.html.markup import Child
from sitool.plots import Plot, level_words
from sitool.plots.sharpening import REWARDS, SHARPENING_KINDS, sharpening_plot
from sitool.sharpening import sentences
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
KNOWN = "How likely the base finds these samples is known already."


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
        self._drawing = False
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
        return lambda study: sharpen(study, number, level)

    def line(self, number: int) -> str:
        """Return the line that makes the same report."""
        level = f", level={self.level.value}" if self.level.value else ""
        return f"study.sharpening({number}{level})"

    def about_measuring(self) -> str:
        """Say what the button does."""
        return "Ask the base how likely it finds the round's samples; only scores are added."

    def _choose(self, change: Any) -> None:
        if not self._drawing:
            self.clicked()

    def press_measure(self) -> None:
        """Ask the base, unless it has answered."""
        report = None if self.answer is None else self.answer.report
        if report is not None and not lacks_logprobs(report):
            self.view.say(KNOWN)
        else:
            self.have_scored(SCORER)

    def take(self) -> None:
        """Draw the report."""
        report, look = self.answer.report, self.view.look
        if look is not None and self.number is not None:
            self._offer(levels_of(look.summary, self.number))
        words = level_words(int(self.level.value))
        self.heading.value = str(
            lead(f"Sharpening of {round_label(self.number or 0)}", f"   {words}")
        )
        self.sentence.value = str(paragraph(self._sentence()))
        self.tables.value = "" if report is None else str(fitted(*_tables(report)))

    def _offer(self, levels: list[int]) -> None:
        options = tuple((level_words(level), level) for level in levels)
        chosen = self.level.value
        if self.level.options == options or chosen not in levels:
            return
        self._drawing = True
        try:
            with self.level.hold_sync():
                self.level.options = options
                self.level.value = chosen
        finally:
            self._drawing = False

    def _sentence(self) -> str:
        report = self.answer.report
        if report is None:
            return str(self.answer.problem)
        if lacks_logprobs(report):
            return f"{LACKING}: Ask the base."
        return sentences.on_curves(report)

    def plot(self) -> Plot:
        """Return the chart as it is now."""
        kind = str(self.kind.value)
        if self.answer.report is None:
            return Plot(kind, SHARPENING_KINDS[kind], empty=self.answer.problem)
        return sharpening_plot(self.answer.report, kind)


def _tables(report: "SharpeningReport") -> list[Child]:
    pool = f"{report.problems:,} held-out problems, {report.samples:,} samples each"
    heads = ("N", *(REWARDS[name] for name in report.best_of_n))
    asked = report.asked
    theorems = "The theorems would ask for (up to a constant)"
    return [
        lead("Lift over greedy, in %", f"   {greedy_words(report)}; {pool}"),
        sheet(heads, lift_rows(report)),
        [lead(f"{name}. ", words) for name, words in paragraphs(report)],
        [lead(theorems), sheet((), asked_rows(asked))] if asked is not None else None,
        [lead(f"{name}. ", words) for name, words in remarks(report)],
        faint(READ),
    ]
