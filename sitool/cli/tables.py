"""Tables and bars of a study for the terminal, made from a `Summary`.

Meaning never hangs on colour alone: ✓, ✗ and ? stand beside it.
"""

from collections.abc import Mapping, Sequence

from rich.table import Table
from rich.text import Text

from sitool.records import Action, Completion, Sample, passed
from sitool.store import Metric, Plan
from sitool.study.round_words import short, with_interval
from sitool.summary import Comparison, RoundSummary, Summary
from sitool.visible import both_ends, one_line

BAR_WIDTH = 40
GOOD, BAD = "blue", "orange3"
SAMPLE_SIGNS = {True: "✓", False: "✗"}


def accuracy_table(summary: Summary) -> Table:
    """Lay out greedy accuracy by round and level, the tree at the left."""
    levels = sorted({k for r in summary.rounds for k in r.accuracy if k})
    table = Table(box=None, pad_edge=False, padding=(0, 1))
    table.add_column("round", no_wrap=True)
    table.add_column("kept", justify="right")
    for level in levels:
        table.add_column(f"L{level}", justify="right")
    table.add_column("all", justify="right")
    marks = tree_marks(summary)
    for r in summary.rounds:
        kept = f"{r.accepted:,}" if r.round.parent is not None else ""
        cells = [_cell(r.accuracy.get(level)) for level in levels]
        table.add_row(marks[r.round.id], kept, *cells, _cell(r.overall))
    return table


def _cell(metric: Metric | None) -> Text:
    value = metric.value if metric else None
    return Text(short(value), style="bold" if value is not None and value >= 0.5 else "")


def tree_marks(summary: Summary) -> dict[int, str]:
    """Write each round's place in the tree, the head and the open round marked."""
    depth: dict[int, int] = {}
    marks: dict[int, str] = {}
    forks = _forks(summary)
    for r in summary.rounds:
        parent = r.round.parent
        depth[r.round.id] = depth[parent] + forks[parent] if parent is not None else 0
        sign = " ●" if r.round.id == summary.head else ""
        sign += {"open": " ▸", "left": " ✗"}.get(r.round.status, "")
        sign += f" ✎{r.overruled}" if r.overruled else ""
        marks[r.round.id] = f"{'  ' * depth[r.round.id]}{r.round.label}{sign}"
    return marks


def _forks(summary: Summary) -> dict[int, int]:
    """Return 1 for rounds with several children, whose branches are set in a step."""
    children: dict[int, int] = {}
    for r in summary.rounds:
        if r.round.parent is not None:
            children[r.round.parent] = children.get(r.round.parent, 0) + 1
    return {r.round.id: int(children.get(r.round.id, 0) > 1) for r in summary.rounds}


def gain_bars(before: RoundSummary, after: RoundSummary) -> Table:
    """Draw accuracy by level as bars: what the first had, what was gained or lost since."""
    table = Table(box=None, pad_edge=False, padding=(0, 1))
    table.add_column("level", justify="right")
    table.add_column(f"{before.round.label} █   {after.round.label} ▓ gained, ░ lost")
    table.add_column("before", justify="right")
    table.add_column("after", justify="right")
    for level in sorted(k for k in after.accuracy if k):
        now = after.accuracy[level].value
        then = before.accuracy[level].value if level in before.accuracy else 0.0
        table.add_row(
            str(level), _bar(then, now), short(then), with_interval(after.accuracy[level])
        )
    return table


def _bar(then: float, now: float) -> Text:
    kept, top = (round(v * BAR_WIDTH) for v in (min(then, now), max(then, now)))
    sign, style = ("▓", GOOD) if now >= then else ("░", BAD)
    return Text.assemble("█" * kept, (sign * (top - kept), style), "·" * (BAR_WIDTH - top))


def samples_table(samples: Sequence[Sample]) -> Table:
    """List samples, one in a line."""
    table = Table(box=None, pad_edge=False, padding=(0, 1), expand=True)
    table.add_column("", no_wrap=True, min_width=2)
    table.add_column("id", justify="right", no_wrap=True, min_width=6)
    table.add_column("lvl", justify="right", no_wrap=True, min_width=3)
    table.add_column("prompt", no_wrap=True, min_width=24)
    table.add_column("completion", overflow="ellipsis", no_wrap=True, ratio=2)
    table.add_column("why", overflow="ellipsis", no_wrap=True, ratio=3)
    table.add_column("weight", justify="right", no_wrap=True, min_width=6)
    for s in samples:
        table.add_row(
            sign_of(s),
            str(s.id),
            str(s.problem.level),
            Text(both_ends(s.problem.prompt, 24)),
            Text(one_line(s.completion.text, 40)),
            Text(one_line(_why(s), 60)),
            "" if s.weight is None else f"{s.weight:.2f}",
        )
    return table


def sign_of(sample: Sample) -> Text:
    """Return ✓ passed, ✗ failed, ? no verdict; with ✎ if a person ruled."""
    right = passed(sample.scores)
    sign, style = "?" if sample.scores else "·", ""
    if right is not None:
        sign, style = SAMPLE_SIGNS[right], GOOD if right else BAD
    return Text(sign + ("✎" if sample.ruling else ""), style=style)


def _why(sample: Sample) -> str:
    ruling = sample.ruling
    if ruling is not None:
        words = {Action.ACCEPT: "accepted", Action.REJECT: "rejected", Action.EDIT: "edited"}
        return f"{ruling.author} {words[ruling.action]} it" + (
            f": {ruling.reason}" if ruling.reason else ""
        )
    return "; ".join(score.explanation for score in sample.scores.values())


def _logprob(completion: Completion) -> str:
    if completion.logprob is None:
        return "not given by the sampler"
    return f"{completion.logprob:.3f} nats (temperature 1, end token included)"


def sample_in_full(sample: Sample) -> Table:
    """Show everything about one sample."""
    table = Table.grid(padding=(0, 2))
    completion = sample.completion
    rows: list[tuple[str, str]] = [
        ("sample", f"{sample.id}, of r{sample.round:04d}, level {sample.problem.level}"),
        ("prompt", one_line(sample.problem.prompt)),
        ("completion", one_line(completion.text)),
        ("a right answer", one_line(sample.problem.truth)),
        ("tokens", f"{len(completion.token_ids)}, ended by {completion.finish}"),
        ("log-probability", _logprob(completion)),
    ]
    for name, score in sample.scores.items():
        value = score.outcome.value if score.value is None else f"{score.value:.2f}"
        flexible = "" if score.flexible is None else f", flexible {score.flexible:.2f}"
        rows.append((f"{name} says", one_line(f"{value}{flexible}: {score.explanation}")))
    weight = "not selected yet" if sample.weight is None else f"{sample.weight:.2f}, {sample.rule}"
    rows.append(("weight", weight))
    for d in sample.decisions:
        said = f"{d.action.value} {one_line(d.text or '')} {one_line(d.reason)}".strip()
        rows.append((f"{one_line(d.author)} says", said))
    for name, text in rows:
        table.add_row(Text(name, style="bold"), Text(text))
    return table


def plan_table(plan: Plan, success: Mapping[int, Metric]) -> Table:
    """Show what the next round draws beside what each level's success is now."""
    table = Table(box=None, pad_edge=False, padding=(0, 1))
    for name in ("level", "success now", "weight", "", "problems"):
        table.add_column(name, justify="left" if not name else "right")
    for level, weight in plan.weights.items():
        figure = success.get(level)
        table.add_row(
            str(level),
            short(figure.value if figure else None),
            short(weight),
            "█" * round(weight * BAR_WIDTH),
            str(plan.problems.get(level, 0)),
        )
    return table


def comparison_table(comparison: Comparison) -> Table:
    """Show two rounds by level, with the paired difference and its interval."""
    first, second = comparison.first, comparison.second
    table = Table(box=None, pad_edge=False, padding=(0, 1))
    for name in ("level", first.round.label, second.round.label, "difference (95 %)", "n", ""):
        table.add_column(name, justify="right")
    for level, difference in comparison.difference.items():
        sure = difference.low > 0 or difference.high < 0
        table.add_row(
            "all" if level == 0 else str(level),
            short(first.accuracy[level].value),
            short(second.accuracy[level].value),
            f"{difference.value:+.2f} ({difference.low:+.2f} to {difference.high:+.2f})",
            str(difference.n),
            ("better" if difference.value > 0 else "worse") if sure else "within noise",
        )
    return table
