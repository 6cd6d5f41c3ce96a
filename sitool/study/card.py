"""The card of a study: what a notebook shows of it as it stands, without a kernel too.

HTML, plain text and a picture of the main chart, all made of one `Summary`. What this
leaves out: whatever can be clicked (`widgets/`).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sitool.errors import MissingDependencyError
from sitool.html.figures import NOTHING, duration, figure
from sitool.html.markup import Child, Markup, plain, tag
from sitool.plots import Plot, plot_of
from sitool.store import round_label
from sitool.study.lineage import mark_of, tree_lines
from sitool.study.pieces import faint, image, lead, paragraph, sheet
from sitool.summary import RoundSummary, Summary, advice
from sitool.vega import svg_of

MOST_ROUNDS = 30
"""Rounds that the card lists, the newest ones; the report lists all."""


def card(summary: Summary, chart: Child = None) -> Markup:
    """Write a study on a card: its rounds, what to do next, and how accuracy went."""
    settings = summary.settings
    about = f"task {settings.task.name} · base {Path(settings.model.base).name}"
    return tag(
        "div",
        lead(Path(summary.folder).resolve().name, f" · {about} · seed {settings.seed}"),
        paragraph(" ".join(_standing(summary))),
        _rounds(summary),
        chart,
    )


def card_bundle(summary: Summary) -> dict[str, Any]:
    """Return the card by mime type; the chart is on it, and stands for it where no HTML is kept."""
    plot = main_plot(summary)
    bundle: dict[str, Any] = {}
    chart = faint(plot.empty)
    if not plot.empty:
        try:
            svg = svg_of(plot)
            bundle["image/svg+xml"], chart = svg, image(svg, plot.title)
        except MissingDependencyError as error:
            chart = faint(f"{error.message} {error.hint}")
    page = card(summary, chart)
    return bundle | {"text/html": str(page), "text/plain": plain(page)}


def main_plot(summary: Summary) -> Plot:
    """Return the chart that says the most of a study: accuracy by level, round by round."""
    return plot_of(summary, "accuracy", summary.head)


def _standing(summary: Summary) -> Iterator[str]:
    if summary.head is not None:
        yield f"The next round starts from {round_label(summary.head)}."
    if summary.open is not None:
        yield f"{round_label(summary.open)} is under way."
    yield advice(summary)


def _rounds(summary: Summary) -> Child:
    lines = tree_lines(summary)
    if not lines:
        return None
    shown = lines[-MOST_ROUNDS:]
    heads = ("round", "accepted", "accuracy, all levels", "time", "overruled")
    rows = [_row(line.round, f"{line.stem}{line.round.round.label}", summary) for line in shown]
    left_out = len(lines) - len(shown)
    more = faint(f"{left_out:,} older rounds are left out here.") if left_out else None
    note = "● the next round starts from it   ▸ under way   ✗ left before it was finished"
    return [more, sheet(heads, rows), faint(note)]


def _row(r: RoundSummary, name: str, summary: Summary) -> tuple[Child, ...]:
    return (
        tag("span", f"{name}{mark_of(r, summary)}", style="white-space:pre"),
        f"{r.accepted:,} of {r.sampled:,}" if r.sampled else NOTHING,
        figure(r.overall),
        duration(r.round.seconds),
        f"✎{r.overruled}" if r.overruled else NOTHING,
    )
