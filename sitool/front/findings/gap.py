"""The generation-verification gap of a round: what is asked, and what is said of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sitool.client import Study
from sitool.errors import SitoolError
from sitool.front.findings.figures import NOTHING, mark, share, with_interval
from sitool.front.findings.filters import Turned
from sitool.plots import Plot, branch_to
from sitool.plots.gap import GAP_KINDS, gap_of, gap_plot
from sitool.store import round_label
from sitool.summary import Summary
from sitool.visible import one_line

if TYPE_CHECKING:
    from sitool.gap.agreement import Confusion, Correlation
    from sitool.gap.judged import FilterGap
    from sitool.gap.report import GapReport, RoundGap

JUDGES = (
    ("mc", "mc: how likely the model says Correct of the answer, in one pass"),
    ("likelihood", "likelihood: how likely the model finds the whole answer"),
    ("likelihood_per_token", "likelihood_per_token: the same, by its length"),
    ("majority", "majority: how many samples of the problem say the same; no model"),
    ("cot_binary", "cot_binary: reasons, then says Correct or Incorrect"),
    ("cot_score", "cot_score: reasons, then gives 1 to 10"),
    ("tournament", "tournament: samples of a problem against each other, in pairs"),
    ("mc@base", "mc@base: mc, but the base judges"),
)
"""The judges that may be asked to score a round: name, and what it does."""
UNJUDGED = "No judge has scored the held-out samples of {label}, so there is no gap to see yet."


@dataclass(frozen=True, slots=True)
class Measured:
    """The gap of a round; without a report, `problem` says why."""

    report: "GapReport | None"
    problem: str = ""
    hint: str = ""

    @property
    def last(self) -> "RoundGap | None":
        """The round that was asked about, the last of its branch."""
        return None if self.report is None else self.report.rounds[-1]

    def why_empty(self, judge: str, number: int | None, how_to_ask: str) -> str:
        """Say why a round has no gap to see under a judge; nothing if it has one.

        Args:
            judge: The one that is looked at; "" where there is none.
        """
        if self.report is None:
            return f"{self.problem} {self.hint}".strip()
        if judge:
            return ""
        return f"{UNJUDGED.format(label=round_label(number or 0))} {how_to_ask}"

    def saturation(self, judge: str) -> tuple[str, str]:
        """Say whether a judge has more to teach: the verdict, and why; nothing if unknown."""
        return ("", "") if self.report is None else saturation_of(self.report, judge)

    def plot(self, kind: str, judge: str, why_empty: str) -> Plot:
        """Make one of a judge's charts; without a report it says why."""
        if self.report is None:
            return Plot(kind, GAP_KINDS[kind], empty=why_empty)
        return gap_plot(self.report, kind, judge)


def measured_rounds(summary: Summary, number: int) -> list[int]:
    """Return the rounds from the base to this one that have sampled held-out answers."""
    branch = branch_to(summary, number)
    return [r.round.id for r in branch if r.round.finished and r.pass_at_k]


def measure(study: Study, number: int, turned: Turned) -> Measured:
    """Make the report of a round and the branch that leads to it."""
    rounds = measured_rounds(study.summary(), number)
    if number not in rounds:
        return Measured(
            None,
            f"{round_label(number)} has no sampled answers to held-out problems.",
            "Set evaluation.samples to 8 or so, then step.",
        )
    try:
        return Measured(study.gap(rounds, filters=turned.filters))
    except SitoolError as error:
        return Measured(None, error.message, error.hint)


SAID = {
    "right": "says right",
    "wrong": "says wrong",
    "unparsed": "unparsed",
    "error": "failed",
    "unseen": "not seen",
}
"""What a judge may have said of a sample."""
TRUE = {"right": "right", "wrong": "wrong", "unread": "no answer"}
"""What the truth holds of a sample."""


def best_pair(round_: "RoundGap") -> str:
    """Return the two judges whose AND has the largest gap; "" where there are no two."""
    pairs = round_.pairs
    return max(pairs, key=lambda name: pairs[name].gap.strict.gap.value, default="")


def rows_of(round_: "RoundGap") -> list[str]:
    """Return what the table of judges lists: all that were asked for, and the best pair."""
    return list(dict.fromkeys([*round_.gaps, *filter(None, [best_pair(round_)])]))


def judge_cells(gap: "FilterGap") -> tuple[str, ...]:
    """Return J, J[w], the gap with its sign, the relative gap, its n, and what it leaves out."""
    figures, relative = gap.strict, gap.strict.relative_gap
    return (
        share(figures.accuracy.value),
        share(figures.reweighted.value),
        f"{mark(figures.gap)} {with_interval(figures.gap)}",
        NOTHING if relative is None else with_interval(relative),
        "0" if relative is None else f"{relative.n:,}",
        f"{figures.all_right:,}",
    )


def in_words(name: str, gap: "FilterGap") -> Iterator[str]:
    """Yield sentences on what a judge's filter keeps, and on what counts in another way."""
    figures = gap.strict
    yield (
        f"{name} keeps {gap.kept:,} of {gap.samples:,} samples ({gap.words}): right"
        f" {share(figures.reweighted.value)} of the time, all samples"
        f" {share(figures.accuracy.value)}."
    )
    relative = figures.relative_gap
    if relative is not None:
        yield f"Relative gap {with_interval(relative)} of {relative.n:,} problems."
    counts = {
        "all right (0/0), so left out of that": figures.all_right,
        "without a survivor, so counted unfiltered": gap.empty,
        "not judged yet": gap.unseen,
    }
    said = [f"{words}: {count:,}" for words, count in counts.items() if count]
    if said:
        yield f"Problems {'; '.join(said)}."
    verdicts = {"unparsed": gap.unparsed, "failed": gap.errors}
    said = [f"{words}: {count:,}" for words, count in verdicts.items() if count]
    if said:
        yield f"Verdicts {'; '.join(said)}."
    if figures.accuracy != gap.flexible.accuracy:
        yield f"With the answer found anywhere the gap is {with_interval(gap.flexible.gap)}."


def reading_of(round_: "RoundGap", name: str) -> str:
    """Say in sentences what a judge keeps, and what a pair adds to its better one."""
    found = gap_of(round_, name)
    words = "" if found is None else " ".join(in_words(one_line(name, 40), found))
    if name in round_.pairs:
        pair = round_.pairs[name]
        words += f" Over {pair.best} alone: {with_interval(pair.over_best)}."
    return words


def saturation_of(report: "GapReport", name: str) -> tuple[str, str]:
    """Say whether a judge has more to teach: the verdict, and why; nothing if it is not known."""
    last = report.rounds[-1]
    if name in last.pairs:
        name = last.pairs[name].best
    found = [one.sentence for one in report.saturation if one.verifier == name]
    verdict, colon, why = one_line(found[0]).partition(":") if found else ("", "", "")
    return verdict, colon + why


def confusion_axes(confusion: "Confusion") -> tuple[list[str], list[str]]:
    """Return what the truth and the judge said: right and wrong, and what else there is."""
    said = [s for s in SAID if s in ("right", "wrong") or confusion.count(tuple(TRUE), (s,))]
    true = [t for t in TRUE if t != "unread" or confusion.count((t,), tuple(SAID))]
    return true, said


def triangle(found: "Sequence[Correlation]") -> list[tuple[str, list[str]]]:
    """Return each verifier with Pearson's r to those before it: a matrix's lower triangle."""
    names = list(dict.fromkeys(name for one in found for name in (one.first, one.second)))
    r = {(one.second, one.first): one.r for one in found}
    return [
        (name, [coefficient(r.get((name, other))) for other in names[:place]])
        for place, name in enumerate(names)
    ]


def coefficient(r: float | None) -> str:
    """Write Pearson's r.

    >>> coefficient(-0.5), coefficient(0.001), coefficient(None)
    ('-.50', '.00', '·')
    """
    if r is None:
        return NOTHING
    return ".00" if abs(r) < 0.005 else f"{r:+.2f}".replace("0.", ".", 1)
