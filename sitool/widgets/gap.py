"""The generation-verification gap of the round that is looked at, by judge."""

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, ClassVar

import ipywidgets

from sitool.client import Study
from sitool.front.findings import gap
from sitool.front.findings.filters import AMOUNTS, FIRST, Turned
from sitool.front.findings.gap import Measured
from sitool.html.markup import Child, Markup, tag
from sitool.plots import Plot
from sitool.plots.gap import GAP_KINDS, gap_of
from sitool.store import round_label
from sitool.study.pieces import faint, fitted, lead, paragraph, sheet
from sitool.widgets.finding import Finding

if TYPE_CHECKING:
    from sitool.gap.agreement import Confusion
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
            options=[(words, name) for name, words in gap.JUDGES],
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
        return lambda study: gap.measure(study, number, turned)

    def line(self, number: int) -> str:
        """Return the line that makes the same report."""
        look = self.view.look
        rounds = [] if look is None else gap.measured_rounds(look.summary, number)
        filters = "".join(f', filters=["{name}"]' for name in self.turned.filters)
        return f"study.gap({rounds}{filters})"

    def about_measuring(self) -> str:
        """Say what the button does."""
        return "Let the judge score the round's held-out samples; only scores are added."

    # What a person does.

    def _turn_rule(self, change: Any) -> None:
        rule = change["new"]
        with self.fill():
            self.amount.options = AMOUNTS[rule] or (0.0,)
            self.amount.value = FIRST.get(rule, self.amount.options[0])
            self.amount.layout.display = None if AMOUNTS[rule] else "none"
        self.clicked()

    def _turn_amount(self, change: Any) -> None:
        if not self.filling:
            self.clicked()

    def _choose(self, change: Any) -> None:
        if not self.filling and self._last is not None:
            self._write()
            self._redraw(None)

    def press_measure(self) -> None:
        """Let the chosen judge score the round."""
        self.have_scored(str(self.verifier.value))

    # Drawing.

    @property
    def _last(self) -> "RoundGap | None":
        return None if self.answer is None else self.answer.last

    def take(self) -> None:
        """Draw the report."""
        names = [] if self._last is None else gap.rows_of(self._last)
        before = self.judge.value
        with self.fill():
            if list(self.judge.options) != names:
                self.judge.options = names
                self.judge.value = before if before in names else next(iter(names), None)
        self._write()

    def _write(self) -> None:
        last, number = self._last, self.number or 0
        self.heading.value = str(
            lead(f"Gap of {round_label(number)}", f"   filter: {self.turned.words()}")
        )
        self.sentence.value = str(self._sentence())
        self.tables.value = "" if last is None else str(fitted(*self._tables(last)))

    @property
    def _judge(self) -> str:
        """The judge that is looked at; "" where there is none."""
        return str(self.judge.value or "")

    def _why_empty(self) -> str:
        return str(self.answer.why_empty(self._judge, self.number, "Measure asks a judge."))

    def _sentence(self) -> Markup:
        why = self._why_empty()
        if why:
            return paragraph(why)
        return lead(*self.answer.saturation(self._judge))

    def plot(self) -> Plot:
        """Return the chart of the judge that is looked at."""
        drawn: Plot = self.answer.plot(str(self.kind.value), self._judge, self._why_empty())
        return drawn

    def _tables(self, last: "RoundGap") -> list[Child]:
        name = self._judge
        judged = last.judges.get(name)
        return [
            _judges(last, name) if gap.rows_of(last) else None,
            paragraph(gap.reading_of(last, name)) if name else None,
            faint(READ),
            _confusion(name, judged.confusion) if judged is not None else None,
            _agreement(gap.triangle(last.correlations)) if last.correlations else None,
        ]


def _judges(last: "RoundGap", chosen: str) -> Markup:
    heads = ("judge", "J", "J[w]", "gap, 95 %", "relative gap, 95 %", "n", "left out")
    return sheet(heads, [_judge(last, name, chosen) for name in gap.rows_of(last)])


def _judge(last: "RoundGap", name: str, chosen: str) -> tuple[Child, ...]:
    found = gap_of(last, name)
    if found is None:
        return (name,)
    return (tag("b", name) if name == chosen else name, *gap.judge_cells(found))


def _confusion(name: str, confusion: "Confusion") -> list[Child]:
    true, said = gap.confusion_axes(confusion)
    rows: list[list[Child]] = [
        [gap.TRUE[t], *(confusion.cells[t, s].count for s in said)] for t in true
    ]
    heads = ("the truth", *(gap.SAID[s] for s in said))
    return [lead(f"{name} against the truth"), sheet(heads, rows)]


def _agreement(triangle: list[tuple[str, list[str]]]) -> list[Child]:
    rows = [(f"{place} {name}", *cells) for place, (name, cells) in enumerate(triangle, 1)]
    heads = ("", *(str(number) for number in range(1, len(rows))))
    return [lead("Agreement, Pearson's r"), sheet(heads, rows)]
