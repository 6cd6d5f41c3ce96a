"""Tables of a gap report for the terminal, and how to read them in a few sentences.

Meaning never hangs on colour: what is surely above or below 0 carries ▲ or ▼.
"""

from collections.abc import Iterator

from rich.table import Table
from rich.text import Text

from sitool.cli.tables import short
from sitool.gap.agreement import SAID, TRUE
from sitool.gap.judged import Judged
from sitool.gap.report import CrossTable, GapReport, RoundGap
from sitool.gap.saturation import signed
from sitool.gap.sweeps import SweepPoint, best_point
from sitool.metrics import Accuracy
from sitool.store import round_label

NOTHING = "·"


def tables(report: GapReport) -> Iterator[tuple[str, Table]]:
    """Yield the tables of a report, each with its title; those without rows are not worth it."""
    last = report.rounds[-1]
    yield "The gap, by round and verifier (strict, 95 % intervals)", gap_table(report)
    yield "Strict and flexible match side by side", match_table(report)
    yield "What the next round made of the gap", update_table(report)
    yield "pass@k and diversity", diversity_table(report)
    yield f"Other filters in {last.label}: where the gap is largest", sweep_table(last)
    yield f"Two judges that must both agree, in {last.label}", pair_table(last)
    yield f"Pearson's r of the verifiers in {last.label}", correlation_table(last)
    for name, judged in last.judges.items():
        title = f"{name} against the truth in {last.label} (right from {judged.confusion.cut:g} on)"
        yield title, confusion_table(judged)
    for cross in report.cross:
        yield f"The gap of {cross.judge}: who wrote, by row, who judged, by column", _cross(cross)


def _table(*columns: str, left: int = 1) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    for place, name in enumerate(columns):
        table.add_column(name, justify="left" if place < left else "right", no_wrap=place < left)
    return table


def difference(figure: Accuracy | None) -> Text:
    """Write a difference with its interval; ▲ and ▼ where it is surely not 0.

    >>> difference(Accuracy(0.05, 0.03, 0.07, 64)).plain
    '▲ +.050 (+.030 to +.070)'
    """
    if figure is None:
        return Text(NOTHING)
    mark = "▲ " if figure.low > 0 else "▼ " if figure.high < 0 else ""
    style = "bold" if mark else ""
    ends = f"({signed(figure.low)} to {signed(figure.high)})"
    return Text(f"{mark}{signed(figure.value)} {ends}", style=style)


def with_ends(figure: Accuracy | None) -> str:
    """Write a figure with its interval.

    >>> with_ends(Accuracy(0.5, 0.31, 0.69, 24))
    '.50 (.31 to .69)'
    """
    if figure is None:
        return NOTHING
    return f"{short(figure.value)} ({short(figure.low)} to {short(figure.high)})"


def gap_table(report: GapReport) -> Table:
    """Show J, the reweighted J, the gap and the relative gap of everything asked for."""
    table = _table("round", "verifier", "filter", "J", "J filtered", "gap", "relative gap", "kept",
                   "n", left=3)  # fmt: skip
    for r in report.rounds:
        for name, gap in r.gaps.items():
            f = gap.strict
            kept = gap.kept / gap.samples if gap.samples else 0.0
            row = (short(f.accuracy.value), short(f.reweighted.value), difference(f.gap),
                   difference(f.relative_gap), f"{kept:.0%}", f"{f.gap.n:,}")  # fmt: skip
            table.add_row(r.label, name, gap.filter, *row)
    return table


def match_table(report: GapReport) -> Table:
    """Show the gap by format and answer, and by the answer alone, beside each other."""
    table = _table("round", "verifier", "J strict", "J flexible", "gap strict", "gap flexible",
                   left=2)  # fmt: skip
    for r in report.rounds:
        if r.accuracy == r.flexible:
            continue
        for name, gap in r.gaps.items():
            accuracies = (short(f.accuracy.value) for f in (gap.strict, gap.flexible))
            gaps = (difference(f.gap) for f in (gap.strict, gap.flexible))
            table.add_row(r.label, name, *accuracies, *gaps)
    return table


def update_table(report: GapReport) -> Table:
    """Show what each update promised, what came of it, and the gap that is left."""
    table = _table("rounds", "verifier", "promised (gap)", "J rose by", "eps_update", "gap after",
                   left=2)  # fmt: skip
    for update in report.updates:
        f = update.strict
        table.add_row(
            f"{round_label(update.parent)} → {round_label(update.child)}",
            update.verifier,
            difference(f.promised),
            difference(f.improvement),
            with_ends(f.eps_update),
            difference(update.gap_after),
        )
    return table


def diversity_table(report: GapReport) -> Table:
    """Show pass@k for all k, unique answers and entropy by round."""
    ks = sorted({k for r in report.rounds for k in r.pass_at_k})
    table = _table("round", *(f"pass@{k}" for k in ks), "unique answers", "entropy (nats)")
    for r in report.rounds:
        passes = (short(f.value) if (f := r.pass_at_k.get(k)) else NOTHING for k in ks)
        entropy = f"{r.entropy.value:.2f}" if r.entropy else NOTHING
        table.add_row(r.label, *passes, f"{r.unique.value:.1f}", entropy)
    return table


def sweep_table(r: RoundGap) -> Table:
    """Show the best threshold and the best share of each verifier."""
    table = _table("verifier", "rule", "at", "gap", "kept", "problems with a survivor", left=2)
    for name, judged in r.judges.items():
        for rule, points in (("threshold", judged.thresholds), ("quantile", judged.quantiles)):
            best = best_point(points)
            if best is not None:
                table.add_row(name, rule, *_sweep_cells(best, judged))
    return table


def _sweep_cells(best: SweepPoint, judged: Judged) -> tuple[str | Text, ...]:
    problems = f"{best.survivors:,} of {judged.gap.strict.gap.n:,}"
    return (f"{best.at:.3g}", difference(best.gap), f"{best.kept:.0%}", problems)


def pair_table(r: RoundGap) -> Table:
    """Show every pair of judges beside the better of the two."""
    table = _table("pair", "gap of both", "better part", "over the better part")
    for name, pair in r.pairs.items():
        row = (difference(pair.gap.strict.gap), pair.best, difference(pair.over_best))
        table.add_row(name, *row)
    return table


def correlation_table(r: RoundGap) -> Table:
    """Show Pearson's r of all pairs of verifiers with its n, or why there is none."""
    table = _table("verifiers", "r", "samples", "", left=1)
    for one in r.correlations:
        said = NOTHING if one.r is None else signed(one.r)
        table.add_row(f"{one.first}, {one.second}", said, f"{one.n:,}", one.why)
    return table


def confusion_table(judged: Judged) -> Table:
    """Show what the judge said of right and of wrong samples, with a sample of each cell."""
    confusion = judged.confusion
    said = [s for s in SAID if s in ("right", "wrong") or confusion.count(TRUE, (s,))]
    names = {"right": "says right", "wrong": "says wrong", "error": "failed", "unseen": "not seen"}
    table = _table("the truth", *(names.get(s, s) for s in said))
    rows = {"right": "right", "wrong": "wrong", "unread": "no answer read"}
    for true, row in rows.items():
        if confusion.count((true,), SAID):
            cells = (confusion.cells[true, s] for s in said)
            table.add_row(
                row,
                *(f"{c.count:,} (sample {c.example})" if c.count else "0" for c in cells),
            )
    return table


def _cross(cross: CrossTable) -> Table:
    table = _table("written by", *cross.models)
    for generator in cross.generators:
        cells = (difference(cross.gaps.get((generator, model))) for model in cross.models)
        table.add_row(round_label(generator), *cells)
    return table


def reading(report: GapReport) -> Iterator[str]:
    """Yield what a teacher would say of the report: sentences with their figures."""
    last = report.rounds[-1]
    for name, gap in last.gaps.items():
        f = gap.strict
        yield (
            f"{last.label}: a sample is right {short(f.accuracy.value)} of the time; among what"
            f" {name} lets through ({gap.words}) it is {short(f.reweighted.value)}, so the gap is"
            f" {signed(f.gap.value)}.{_remarks(last, name)}"
        )
    if last.unknown:
        yield f"{last.unknown:,} samples of {last.label} are left out: the truth failed on them."
    for one in report.saturation:
        yield one.sentence
    yield from report.notes


def _remarks(r: RoundGap, name: str) -> str:
    """Say what was left out or fell back, as further sentences."""
    gap = r.gaps[name]
    said = [
        (gap.empty, "problems have no survivor and count with their unfiltered accuracy"),
        (gap.strict.all_right, "problems are all right and are left out of the relative gap (0/0)"),
        (gap.unparsed, "samples have no verdict that could be parsed, and do not survive"),
        (gap.errors, "samples made the verifier fail, and do not survive"),
        (gap.unseen, "problems are left out, since the verifier has not seen all of them"),
    ]
    return "".join(f" {count:,} {words}." for count, words in said if count)
