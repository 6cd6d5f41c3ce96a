"""The generation-verification gap of the round that is looked at, by judge."""

from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import ipywidgets

from sitool.client import Study
from sitool.front.findings.figures import mark, share, with_interval
from sitool.front.findings.filters import AMOUNTS, FIRST, Turned
from sitool.front.findings.gap import (
    JUDGES,
    SAID,
    TRUE,
    UNJUDGED,
    Measured,
    coefficient,
    confusion_axes,
    measure,
    measured_rounds,
    reading_of,
    rows_of,
    saturation_of,
)
from sitool.html.figures import NOTHING
from sitool.html.markup import Child, Markup, tag
from sitool.plots import Plot
from sitool.plots.gap import GAP_KINDS, gap_of, gap_plot
from sitool.store import round_label
from sitool.study.pieces import faint, fitted, lead, paragraph, sheet
from sitool.widgets.finding import Finding

if TYPE_CHECKING:
    from sitool.gap.agreement import Confusion, Correlation
    from sitool.gap.report import RoundGap

READ = (
    "J is how often a sampled held-out answer is right, J[w] how often one is that the judge lets"
    " through; the gap is their difference (Song et al., arXiv 2412.02674). ▲ and ▼: surely above"
    " or below 0; ±: perhaps nothing."
)
RULE_WORDS = {
    "": "each judge's own filter", "threshold": "scores of at least", "quantile": "the best share",
    "best_of_n": "the one best sample",
}  # fmt: skip


class Gap(Finding):
    """Whether a judge can tell the good samples of the round from the bad.

    Args:
        study: The study, or a view of it.
        awake: Whether to ask for the report now, or only once it is seen.
    """

    title = "Gap"
    kinds: ClassVar = GAP_KINDS

    def laid_out(self) -> tuple[ipywidgets.Widget, ...]:
        """Lay out filter and judges above, tables and chart below."""
        self._drawing = False
        self.rule = ipywidgets.Dropdown(
            options=[(words, rule) for rule, words in RULE_WORDS.items()],
            description="filter",
            layout={"width": "22em"},
        )
        self.amount = ipywidgets.SelectionSlider(
            options=[0.0], continuous_update=False, layout={"width": "18em", "display": "none"},
            description="amount", tooltip="The least score, or the share that is kept.",
        )  # fmt: skip
        self.judge = ipywidgets.Dropdown(
            options=[], description="look at", layout={"width": "22em"}
        )
        self.verifier = ipywidgets.Dropdown(
            options=[(words, name) for name, words in JUDGES],
            description="ask",
            layout={"flex": "0 1 36em", "width": "auto", "min_width": "0"},
            tooltip="Who scores the round's held-out samples when Measure is pressed.",
        )
        self.rule.observe(self._turn_rule, "value")
        self.amount.observe(self._turn_amount, "value")
        self.judge.observe(self._choose, "value")
        wrap = ipywidgets.Layout(flex_flow="row wrap")
        return (
            self.heading,
            ipywidgets.HBox((self.verifier, self.measure)),
            ipywidgets.HBox((self.judge, self.rule, self.amount), layout=wrap),
            self.sentence,
            self.kind,
            self.chart,
            self.tables,
        )

    # Asking.

    @property
    def turned(self) -> Turned:
        """The filter as it is turned now."""
        rule = str(self.rule.value)
        return Turned(rule, float(self.amount.value) if AMOUNTS[rule] else 0.0)

    def question(self, number: int) -> Hashable:
        """Return what is asked about a round."""
        return "gap", number, self.turned

    def work(self, number: int) -> Callable[[Study], Measured]:
        """Return what makes the report."""
        turned = self.turned
        return lambda study: measure(study, number, turned)

    def line(self, number: int) -> str:
        """Return the line that makes the same report."""
        look = self.view.look
        rounds = [] if look is None else measured_rounds(look.summary, number)
        filters = "".join(f', filters=["{name}"]' for name in self.turned.filters)
        return f"study.gap({rounds}{filters})"

    def about_measuring(self) -> str:
        """Say what the button does."""
        return "Let the judge score the round's held-out samples; only scores are added."

    # What a person does.

    def _turn_rule(self, change: Any) -> None:
        rule = change["new"]
        self._drawing = True
        try:
            self.amount.options = AMOUNTS[rule] or (0.0,)
            self.amount.value = FIRST.get(rule, self.amount.options[0])
            self.amount.layout.display = None if AMOUNTS[rule] else "none"
        finally:
            self._drawing = False
        self.clicked()

    def _turn_amount(self, change: Any) -> None:
        if not self._drawing:
            self.clicked()

    def _choose(self, change: Any) -> None:
        if not self._drawing and self._last is not None:
            self._write()
            self._redraw(None)

    def press_measure(self) -> None:
        """Let the chosen judge score the round."""
        self.have_scored(str(self.verifier.value))

    # Drawing.

    @property
    def _last(self) -> "RoundGap | None":
        report = None if self.answer is None else self.answer.report
        return None if report is None else report.rounds[-1]

    def take(self) -> None:
        """Draw the report."""
        names = [] if self._last is None else rows_of(self._last)
        before = self.judge.value
        self._drawing = True
        try:
            if list(self.judge.options) != names:
                self.judge.options = names
                self.judge.value = before if before in names else next(iter(names), None)
        finally:
            self._drawing = False
        self._write()

    def _write(self) -> None:
        last, number = self._last, self.number or 0
        self.heading.value = str(
            lead(f"Gap of {round_label(number)}", f"   filter: {self.turned.words()}")
        )
        self.sentence.value = str(self._sentence())
        self.tables.value = "" if last is None else str(fitted(*self._tables(last)))

    def _why_empty(self) -> str:
        if self.answer.report is None:
            return f"{self.answer.problem} {self.answer.hint}".strip()
        if self.judge.value:
            return ""
        label = round_label(self.number or 0)
        return f"{UNJUDGED.format(label=label)} Measure asks a judge."

    def _sentence(self) -> Markup:
        why = self._why_empty()
        if why:
            return paragraph(why)
        verdict, reason = saturation_of(self.answer.report, str(self.judge.value))
        return lead(verdict, reason)

    def plot(self) -> Plot:
        """Return the chart of the judge that is looked at."""
        kind, why = str(self.kind.value), self._why_empty()
        if self.answer.report is None:
            return Plot(kind, GAP_KINDS[kind], empty=why)
        return gap_plot(self.answer.report, kind, str(self.judge.value or ""))

    def _tables(self, last: "RoundGap") -> list[Child]:
        name = str(self.judge.value or "")
        judged = last.judges.get(name)
        return [
            _judges(last, name) if rows_of(last) else None,
            paragraph(reading_of(last, name)) if name else None,
            faint(READ),
            _confusion(name, judged.confusion) if judged is not None else None,
            _agreement(last.correlations) if last.correlations else None,
        ]


def _judges(last: "RoundGap", chosen: str) -> Markup:
    heads = ("judge", "J", "J[w]", "gap, 95 %", "relative gap, 95 %", "n", "left out")
    return sheet(heads, [_judge(last, name, chosen) for name in rows_of(last)])


def _judge(last: "RoundGap", name: str, chosen: str) -> tuple[Child, ...]:
    gap = gap_of(last, name)
    if gap is None:
        return (name,)
    figures, relative = gap.strict, gap.strict.relative_gap
    return (
        tag("b", name) if name == chosen else name,
        share(figures.accuracy.value),
        share(figures.reweighted.value),
        f"{mark(figures.gap)} {with_interval(figures.gap)}",
        NOTHING if relative is None else with_interval(relative),
        0 if relative is None else relative.n,
        figures.all_right,
    )


def _confusion(name: str, confusion: "Confusion") -> list[Child]:
    true, said = confusion_axes(confusion)
    rows: list[list[Child]] = [
        [TRUE[t], *(confusion.cells[t, s].count for s in said)] for t in true
    ]
    heads = ("the truth", *(SAID[s] for s in said))
    return [lead(f"{name} against the truth"), sheet(heads, rows)]


def _agreement(found: "Sequence[Correlation]") -> list[Child]:
    names = list(dict.fromkeys(name for one in found for name in (one.first, one.second)))
    r = {(one.second, one.first): one.r for one in found}
    rows = [
        (f"{place} {name}", *(coefficient(r.get((name, other))) for other in names[: place - 1]))
        for place, name in enumerate(names, 1)
    ]
    heads = ("", *(str(number) for number in range(1, len(names))))
    return [lead("Agreement, Pearson's r"), sheet(heads, rows)]
