"""Tables of a gap report for the terminal, and how to read them in a few sentences.

Meaning never hangs on colour: what is surely above or below 0 carries ▲ or ▼.
"""

from collections.abc import Callable, Iterator

from rich.table import Table
from rich.text import Text

from sitool.gap.agreement import SAID, TRUE
from sitool.gap.judged import FilterGap, Judged
from sitool.gap.report import CrossTable, GapReport, RoundGap
from sitool.gap.saturation import signed
from sitool.gap.sweeps import SweepPoint, best_point
from sitool.gap.updates import Update
from sitool.metrics import Accuracy
from sitool.store import round_label
from sitool.study.round_words import short

NOTHING = "·"
NAMES = ("verifier", "pair", "better part")


def tables(report: GapReport) -> Iterator[tuple[str, Table]]:
    """Yield the tables of a report, each with its title; those without rows are not worth it."""
    last = report.rounds[-1]
    yield "The gap, by round and verifier (strict, 95 % intervals)", gap_table(report)
    yield "Relative gap, and what is left out or falls back", relative_table(report)
    yield "Strict and flexible match side by side", match_table(report)
    yield "What the next round made of the gap", update_table(report)
    yield "How far it landed from that (eps_update), and the gap that is left", missed_table(report)
    yield "pass@k and diversity", diversity_table(report)
    yield f"The gap by level in {last.label}", level_table(last)
    title = f"The best filters in {last.label} (the best of many looks better than it is)"
    yield title, sweep_table(last)
    yield f"Two judges that must both agree, in {last.label}", pair_table(last)
    yield f"Pearson's r of the verifiers in {last.label}", correlation_table(last)
    for name, judged in last.judges.items():
        title = f"{name} against the truth in {last.label} (right from {judged.confusion.cut:g} on)"
        yield title, confusion_table(judged)
    for cross in report.cross:
        yield f"The gap of {cross.judge}: who wrote, by row, who judged, by column", _cross(cross)


def _table(*columns: str, left: int = 1) -> Table:
    """Make a table whose figures never break; names may, in a narrow terminal."""
    table = Table(box=None, pad_edge=False, padding=(0, 1))
    for place, name in enumerate(columns):
        is_name = name in NAMES
        table.add_column(
            Text(name),
            justify="left" if place < left else "right",
            no_wrap=not is_name,
            overflow="fold" if is_name else "ellipsis",
            min_width=8 if is_name else None,
        )
    return table


def _add(table: Table, *cells: str | Text) -> None:
    """Add a row; names come from the study, so nothing in them is markup."""
    table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in cells))


def difference(figure: Accuracy | None) -> Text:
    """Write a difference with its interval; ▲ and ▼ where it is surely not 0.

    >>> difference(Accuracy(0.05, 0.03, 0.07, 64)).plain
    '▲+.050 (+.030 to +.070)'
    """
    if figure is None:
        return Text(NOTHING)
    mark = _mark(figure)
    ends = f"({signed(figure.low)} to {signed(figure.high)})"
    return Text(f"{mark}{signed(figure.value)} {ends}", style="bold" if mark else "")


def with_ends(figure: Accuracy | None) -> str:
    """Write a figure with its interval.

    >>> with_ends(Accuracy(0.5, 0.31, 0.69, 24))
    '.50 (.31 to .69)'
    """
    if figure is None:
        return NOTHING
    return f"{short(figure.value)} ({short(figure.low)} to {short(figure.high)})"


def gap_table(report: GapReport) -> Table:
    """Show J, the reweighted J and the gap of everything asked for."""
    table = _table("round", "verifier", "filter", "J", "J[w]", "gap", "kept", "n", left=3)
    for r in report.rounds:
        for name, gap in r.gaps.items():
            f = gap.strict
            kept = gap.kept / gap.samples if gap.samples else 0.0
            row = (short(f.accuracy.value), short(f.reweighted.value), difference(f.gap))
            _add(table, r.label, name, gap.filter, *row, f"{kept:.0%}", f"{f.gap.n:,}")
    return table


COUNTS: dict[str, Callable[[FilterGap], int]] = {
    "0/0": lambda gap: gap.strict.all_right,
    "no survivor": lambda gap: gap.empty,
    "unparsed": lambda gap: gap.unparsed,
    "failed": lambda gap: gap.errors,
    "not seen": lambda gap: gap.unseen,
}
"""What may be left out or fall back, by column; one that counts nothing is not shown."""


def relative_table(report: GapReport) -> Table:
    """Show the relative gap, and the problems and samples that count in another way."""
    gaps = [(r.label, name, gap) for r in report.rounds for name, gap in r.gaps.items()]
    shown = [c for c, count in COUNTS.items() if any(count(gap) for _, _, gap in gaps)]
    table = _table("round", "verifier", "relative gap", "n", *shown, left=2)
    for label, name, gap in gaps:
        relative = gap.strict.relative_gap
        n = f"{relative.n:,}" if relative else "0"
        counts = (f"{COUNTS[column](gap):,}" for column in shown)
        _add(table, label, name, difference(relative), n, *counts)
    return table


def level_table(r: RoundGap) -> Table:
    """Show the gap of each level, with ▲ and ▼ where it is surely not 0."""
    levels = sorted({level for gap in r.gaps.values() for level in gap.by_level})
    table = _table("verifier", *(f"L{level}" for level in levels))
    for name, gap in r.gaps.items() if len(levels) > 1 else ():
        found = (gap.by_level.get(level) for level in levels)
        _add(table, name, *(NOTHING if f is None else _mark(f) + signed(f.value) for f in found))
    return table


def _mark(figure: Accuracy) -> str:
    return "▲" if figure.low > 0 else "▼" if figure.high < 0 else ""


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
            _add(table, r.label, name, *accuracies, *gaps)
    return table


def update_table(report: GapReport) -> Table:
    """Show what each update promised, and what came of it."""
    table = _table("update", "verifier", "promised (gap)", "J rose by", left=2)
    for update in report.updates:
        figures = (update.strict.promised, update.strict.improvement)
        _add(table, _arrow(update), update.verifier, *map(difference, figures))
    return table


def missed_table(report: GapReport) -> Table:
    """Show how far each update landed from its promise, and the gap that is left."""
    table = _table("update", "verifier", "eps_update", "gap after", left=2)
    for update in report.updates:
        eps = with_ends(update.strict.eps_update)
        _add(table, _arrow(update), update.verifier, eps, difference(update.gap_after))
    return table


def _arrow(update: Update) -> str:
    return f"{round_label(update.parent)}→{round_label(update.child)}"


def diversity_table(report: GapReport) -> Table:
    """Show pass@k for all k, unique answers and entropy by round."""
    ks = sorted({k for r in report.rounds for k in r.pass_at_k})
    table = _table("round", *(f"pass@{k}" for k in ks), "unique answers", "entropy (nats)")
    for r in report.rounds:
        passes = (short(f.value) if (f := r.pass_at_k.get(k)) else NOTHING for k in ks)
        entropy = f"{r.entropy.value:.2f}" if r.entropy else NOTHING
        _add(table, r.label, *passes, f"{r.unique.value:.1f}", entropy)
    return table


def sweep_table(r: RoundGap) -> Table:
    """Show the best threshold and the best share of each verifier."""
    table = _table("verifier", "rule", "at", "gap", "kept", "with a survivor", left=2)
    for name, judged in r.judges.items():
        for rule, points in (("threshold", judged.thresholds), ("quantile", judged.quantiles)):
            best = best_point(points)
            if best is not None:
                _add(table, name, rule, *_sweep_cells(best, judged))
    return table


def _sweep_cells(best: SweepPoint, judged: Judged) -> tuple[str | Text, ...]:
    problems = f"{best.survivors:,} of {judged.gap.strict.gap.n:,}"
    return (f"{best.at:.3g}", difference(best.gap), f"{best.kept:.0%}", problems)


def pair_table(r: RoundGap) -> Table:
    """Show every pair of judges beside the better of the two."""
    table = _table("pair", "gap of both", "better part", "over the better part")
    for name, pair in r.pairs.items():
        row = (difference(pair.gap.strict.gap), pair.best, difference(pair.over_best))
        _add(table, name, *row)
    return table


def correlation_table(r: RoundGap) -> Table:
    """Show Pearson's r of all pairs of verifiers with its n, or why there is none."""
    table = _table("verifiers", "r", "samples", "", left=1)
    for one in r.correlations:
        said = NOTHING if one.r is None else signed(one.r)
        _add(table, f"{one.first}, {one.second}", said, f"{one.n:,}", one.why)
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
            _add(
                table,
                row,
                *(f"{c.count:,} (sample {c.example})" if c.count else "0" for c in cells),
            )
    return table


def _cross(cross: CrossTable) -> Table:
    table = _table("written by", *cross.models)
    for generator in cross.generators:
        cells = (difference(cross.gaps.get((generator, model))) for model in cross.models)
        _add(table, round_label(generator), *cells)
    return table


EXPLAINED = (
    "J is how often a sample is right, J[w] how often one is that the filter lets through; the gap"
    " is their difference. The relative gap is the share of what was missing, problem by problem."
    " ▲ and ▼: surely above or below 0."
)


def reading(report: GapReport) -> Iterator[str]:
    """Yield what a teacher would say of the report: sentences with their figures."""
    last = report.rounds[-1]
    if last.gaps:
        yield EXPLAINED
    for name, gap in last.gaps.items():
        f = gap.strict
        yield (
            f"{last.label}: a sample is right {short(f.accuracy.value)} of the time; among what"
            f" {name} lets through ({gap.words}) it is {short(f.reweighted.value)}, so the gap is"
            f" {signed(f.gap.value)}."
        )
    if any(gap.empty for gap in last.gaps.values()):
        yield "A problem without a survivor counts with its unfiltered accuracy."
    if any(gap.strict.all_right for gap in last.gaps.values()):
        yield "Problems that are all right are left out of the relative gap: 0/0."
    if any(gap.unparsed or gap.errors for gap in last.gaps.values()):
        yield "Samples whose verdict is unparsed or failed do not survive; they are not scored 0."
    if last.unknown:
        yield f"{last.unknown:,} samples of {last.label} are left out: the truth failed on them."
    if last.gaps and all(r.accuracy == r.flexible for r in report.rounds):
        yield "Strict and flexible match agree on every accuracy, so no gain is one of format."
    for one in report.saturation:
        yield one.sentence
    yield from report.notes
