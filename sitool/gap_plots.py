"""What the charts of the gap report show, before anybody draws them.

What this leaves out: the figures (`gap/`) and drawing them (`charts.py`, `tui/`).
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sitool.errors import UnknownNameError
from sitool.metrics import Accuracy
from sitool.plots import SHARE, Line, Plot, span_words

if TYPE_CHECKING:
    from sitool.gap.judged import FilterGap
    from sitool.gap.report import GapReport, RoundGap
    from sitool.gap.sweeps import SweepPoint

GAP_KINDS: Mapping[str, str] = {
    "threshold": "Threshold",
    "share": "Share",
    "rounds": "Rounds",
    "level": "Level",
    "pass_at_k": "pass@k",
}
"""The charts there are: name -> what its tab says."""

PERCENT = 100.0
GAP, NO_GAP = "gap", "no gap"


def gap_plot(report: "GapReport", kind: str, verifier: str) -> Plot:
    """Make a chart of the last round of a report and the branch that leads to it.

    Args:
        verifier: A judge, or two joined by `+` that must both agree; "" if there is none.

    Raises:
        UnknownNameError: There is no such kind of chart.
    """
    if kind not in GAP_KINDS:
        raise UnknownNameError("chart of the gap", kind, GAP_KINDS)
    if kind != "pass_at_k" and gap_of(report.rounds[-1], verifier) is None:
        words = "No judge has scored this round's held-out samples, so there is no gap to draw."
        return Plot(kind, GAP_KINDS[kind], empty=words)
    return _MAKERS[kind](report, verifier)


def gap_of(round_: "RoundGap", verifier: str) -> "FilterGap | None":
    """Return what was measured of one verifier, or of two that must agree."""
    if verifier in round_.pairs:
        return round_.pairs[verifier].gap
    return round_.gaps.get(verifier)


def _threshold(report: "GapReport", verifier: str) -> Plot:
    judged = report.rounds[-1].judges.get(verifier)
    points = () if judged is None else judged.thresholds
    return _sweep("threshold", "threshold", "least score that is kept, in %", verifier, points)


def _share(report: "GapReport", verifier: str) -> Plot:
    judged = report.rounds[-1].judges.get(verifier)
    points = () if judged is None else judged.quantiles
    return _sweep("share", "share kept", "share of each problem's samples, in %", verifier, points)


def _sweep(
    kind: str, what: str, x_title: str, verifier: str, points: "Sequence[SweepPoint]"
) -> Plot:
    if not points:
        words = f"{verifier} is more than one judge, so it has no one {what}: choose a single one."
        return Plot(kind, f"Gap of {verifier} by {what}", empty=words)
    best = max(points, key=lambda point: point.gap.value)
    line = figure_line(
        GAP, [PERCENT * point.at for point in points], [point.gap for point in points]
    )
    return Plot(
        kind,
        f"Gap of {verifier} by {what} in %, n={best.gap.n:,}",
        [line, _nothing(0.0, PERCENT)],
        x_title,
        "gap",
        limits=around_nothing(point.gap for point in points),
        note=f"best {_signed(best.gap.value)} at {best.at:.0%}, which keeps {best.kept:.0%}",
    )


def _rounds(report: "GapReport", verifier: str) -> Plot:
    found = [gap_of(r, verifier) for r in report.rounds]
    gaps = [None if gap is None else gap.strict.gap for gap in found]
    measured = [gap for gap in gaps if gap is not None]
    places = [float(place) for place in range(len(gaps))]
    return Plot(
        "rounds",
        f"Gap of {verifier} over rounds, n={measured[-1].n:,}: does it close?",
        [figure_line(GAP, places, gaps), _nothing(0.0, places[-1])],
        "round",
        "gap",
        ticks={place: f"r{r.round}" for place, r in zip(places, report.rounds, strict=True)},
        limits=around_nothing(measured),
        shown=places[-1],
    )


def _level(report: "GapReport", verifier: str) -> Plot:
    found = gap_of(report.rounds[-1], verifier)
    by_level = {} if found is None else found.by_level
    places = [float(level) for level in by_level]
    counts = [gap.n for gap in by_level.values()]
    return Plot(
        "level",
        f"Gap of {verifier} by level, n={span_words(counts)}",
        [figure_line(GAP, places, list(by_level.values())), _nothing(places[0], places[-1])],
        "level",
        "gap",
        ticks={place: f"L{place:.0f}" for place in places},
        limits=around_nothing(by_level.values()),
    )


def _pass_at_k(report: "GapReport", verifier: str) -> Plot:
    ends = [report.rounds[0], report.rounds[-1]][: len(report.rounds)]
    ks = sorted({k for r in ends for k in r.pass_at_k})
    places = [math.log2(k) for k in ks]
    lines = [
        figure_line(
            f"r{r.round} base" if r.parent is None else f"r{r.round}",
            places,
            [r.pass_at_k.get(k) for k in ks],
            signed=False,
        )
        for r in ends
    ]
    names = " against ".join(line.label for line in lines)
    return Plot(
        "pass_at_k",
        f"pass@k: {names}, n={ends[-1].problems:,}",
        lines,
        "k",
        "chance that one of k samples passes",
        ticks={place: f"k={k}" for place, k in zip(places, ks, strict=True)},
        limits=SHARE,
        note="falling at large k: answers are lost",
    )


def figure_line(
    label: str, x: Sequence[float], figures: Sequence[Accuracy | None], *, signed: bool = True
) -> Line:
    """Make a line of figures with their intervals; NaN where one is missing."""
    last = next((figure.value for figure in reversed(figures) if figure is not None), math.nan)
    end = "" if math.isnan(last) else _signed(last) if signed else _share_words(last)
    return Line(
        label,
        np.array(x, dtype=float),
        np.array([math.nan if f is None else f.value for f in figures]),
        np.array([math.nan if f is None else f.low for f in figures]),
        np.array([math.nan if f is None else f.high for f in figures]),
        end=end,
    )


def around_nothing(figures: Iterable[Accuracy]) -> tuple[float, float]:
    """Return limits that hold every interval, and 0."""
    listed = list(figures)
    low = min([0.0, *(figure.low for figure in listed)])
    high = max([0.0, *(figure.high for figure in listed)])
    room = 0.05 * (high - low) or 0.05
    return low - room, high + room


def _nothing(left: float, right: float) -> Line:
    """Draw where the gap is 0: an interval that meets this line may be noise."""
    ends = sorted({left, right})
    return Line(NO_GAP, np.array(ends), np.zeros(len(ends)))


def _signed(value: float) -> str:
    text = f"{value:+.2f}"
    return ".00" if float(text) == 0 else text.replace("0.", ".", 1)


def _share_words(value: float) -> str:
    text = f"{value:.2f}"
    return "1.0" if text == "1.00" else text.removeprefix("0")


_MAKERS: Mapping[str, "Callable[[GapReport, str], Plot]"] = {
    "threshold": _threshold,
    "share": _share,
    "rounds": _rounds,
    "level": _level,
    "pass_at_k": _pass_at_k,
}
