"""The plots of the generation-verification gap: its sweeps, its course, who can judge whom.

The app draws one verifier at a time; report and notebook draw several beside each other.
What this leaves out: the figures (`sitool.gap`).
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sitool.errors import UnknownNameError
from sitool.metrics import Accuracy
from sitool.plots.rounds import base_name, pass_at_k_plot
from sitool.plots.shapes import (
    Cell,
    HeatMap,
    Line,
    Plot,
    figure_line,
    floats,
    signed_words,
    span_words,
)

if TYPE_CHECKING:
    from sitool.gap.judged import FilterGap
    from sitool.gap.report import CrossTable, GapReport, RoundGap
    from sitool.gap.sweeps import SweepPoint

GAP_KINDS: Mapping[str, str] = {
    "threshold": "Threshold",
    "share": "Share",
    "rounds": "Rounds",
    "level": "Level",
    "pass_at_k": "pass@k",
}
"""The charts of the gap: name -> what its tab says."""

PERCENT = 100.0
GAP, NO_GAP = "gap", "no gap"


def gap_plot(report: "GapReport", kind: str, *verifiers: str) -> Plot:
    """Make a chart of the last round of a report and the branch that leads to it.

    Args:
        verifiers: Judges, or two joined by `+` that must both agree; "" is none.

    Raises:
        UnknownNameError: There is no such kind of chart.
    """
    if kind not in GAP_KINDS:
        raise UnknownNameError("chart of the gap", kind, GAP_KINDS)
    if kind == "pass_at_k":
        return _pass_at_k(report)
    looked_at = report.rounds if kind == "rounds" else report.rounds[-1:]
    measured = [name for name in verifiers if any(gap_of(r, name) for r in looked_at)]
    if not measured:
        words = "No judge has scored this round's held-out samples, so there is no gap to draw."
        return Plot(kind, GAP_KINDS[kind], empty=words)
    return _MAKERS[kind](report, measured)


def gap_of(round_: "RoundGap", verifier: str) -> "FilterGap | None":
    """Return what was measured of one verifier, or of two that must agree."""
    if verifier in round_.pairs:
        return round_.pairs[verifier].gap
    return round_.gaps.get(verifier)


def _threshold(report: "GapReport", verifiers: Sequence[str]) -> Plot:
    judges = report.rounds[-1].judges
    points = {name: judges[name].thresholds for name in verifiers if name in judges}
    return _sweep("threshold", "threshold", "least score that is kept, in %", verifiers, points)


def _share(report: "GapReport", verifiers: Sequence[str]) -> Plot:
    judges = report.rounds[-1].judges
    points = {name: judges[name].quantiles for name in verifiers if name in judges}
    return _sweep("share", "share kept", "share of each problem's samples, in %", verifiers, points)


def _sweep(
    kind: str,
    what: str,
    x_title: str,
    verifiers: Sequence[str],
    points: "Mapping[str, Sequence[SweepPoint]]",
) -> Plot:
    swept = {name: sorted(of, key=lambda point: point.at) for name, of in points.items() if of}
    title = f"Gap of {_said(verifiers)} by {what}"
    if not swept:
        words = f"{' and '.join(verifiers)} is more than one judge, so it has no one {what}:"
        return Plot(kind, title, empty=f"{words} choose a single one.")
    gaps = [point.gap for of in swept.values() for point in of]
    lines = [
        figure_line(_label(name, swept), ((PERCENT * point.at, point.gap) for point in of))
        for name, of in swept.items()
    ]
    return Plot(
        kind,
        f"{title} in %, n={span_words([gap.n for gap in gaps])}",
        [*(replace(line, end="") for line in lines), _nothing(0.0, PERCENT)],
        x_title,
        "gap",
        limits=around_nothing(gaps),
        note=_best(*swept.values()) if len(swept) == 1 else "",
    )


def _best(points: "Sequence[SweepPoint]") -> str:
    best = max(points, key=lambda point: point.gap.value)
    return f"best {signed_words(best.gap.value)} at {best.at:.0%}, which keeps {best.kept:.0%}"


def _rounds(report: "GapReport", verifiers: Sequence[str]) -> Plot:
    gaps = {name: [_strict(gap_of(r, name)) for r in report.rounds] for name in verifiers}
    measured = [gap for of in gaps.values() for gap in of if gap is not None]
    latest = [next(gap for gap in reversed(of) if gap is not None) for of in gaps.values()]
    rounds = [r.round for r in report.rounds]
    return Plot(
        "rounds",
        f"Gap of {_said(verifiers)} over rounds, n={span_words([gap.n for gap in latest])}:"
        " does it close?",
        [
            *(
                figure_line(_label(name, gaps), enumerate(of), signed=True, picks={"round": rounds})
                for name, of in gaps.items()
            ),
            _nothing(0.0, float(len(rounds) - 1)),
        ],
        "round",
        "gap",
        ticks={float(place): f"r{number}" for place, number in enumerate(rounds)},
        limits=around_nothing(measured),
        shown=float(len(rounds) - 1),
    )


def _level(report: "GapReport", verifiers: Sequence[str]) -> Plot:
    found = {name: gap_of(report.rounds[-1], name) for name in verifiers}
    by_level = {name: gap.by_level for name, gap in found.items() if gap is not None}
    levels = sorted({level for gaps in by_level.values() for level in gaps})
    gaps = [gap for of in by_level.values() for gap in of.values()]
    lines = [
        figure_line(
            _label(name, by_level),
            ((float(level), of.get(level)) for level in levels),
            signed=True,
            picks={"level": levels},
        )
        for name, of in by_level.items()
    ]
    return Plot(
        "level",
        f"Gap of {_said(verifiers)} by level, n={span_words([gap.n for gap in gaps])}",
        [*lines, _nothing(float(levels[0]), float(levels[-1]))],
        "level",
        "gap",
        ticks={float(level): f"L{level}" for level in levels},
        limits=around_nothing(gaps),
    )


def _pass_at_k(report: "GapReport") -> Plot:
    ends = [report.rounds[0], report.rounds[-1]][: len(report.rounds)]
    measured = {base_name(r.round, r.parent): r.pass_at_k for r in ends}
    title = f"pass@k: {' against '.join(measured)}, n={ends[-1].problems:,}"
    return pass_at_k_plot(title, measured, "falling at large k: answers are lost")


def cross_map(table: "CrossTable") -> HeatMap:
    """Map who can judge whom: the gap by the model that judged and the round that wrote."""
    columns = {number: f"r{number}" for number in table.generators}
    # A model of another round is named as rounds are on charts: r3, not r0003.
    rows = {model: re.sub(r"^r0+(?=\d)", "r", model) for model in table.models}
    cells = [
        Cell(columns[number], rows[model], gap.value, gap.low, gap.high, gap.n, {"round": number})
        for (number, model), gap in table.gaps.items()
    ]
    most = math.ceil(10 * max(abs(cell.value) for cell in cells)) / 10 or 0.1
    return HeatMap(
        f"Who can judge whom: the gap of {table.judge}",
        list(columns.values()),
        list(rows.values()),
        cells,
        "round that wrote the samples",
        "model that judged them",
        "gap",
        "0 is no help; point at a cell for its interval and n",
        (-most, most),
    )


def _strict(gap: "FilterGap | None") -> Accuracy | None:
    return None if gap is None else gap.strict.gap


def _said(verifiers: Sequence[str]) -> str:
    return verifiers[0] if len(verifiers) == 1 else f"{len(verifiers)} verifiers"


def _label(name: str, beside: Mapping[str, object]) -> str:
    """Name a line: by its verifier only where there are several."""
    return GAP if len(beside) == 1 else name


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
    return Line(NO_GAP, floats(ends), floats(0.0 for _ in ends))


_MAKERS: Mapping[str, Callable[["GapReport", Sequence[str]], Plot]] = {
    "threshold": _threshold,
    "share": _share,
    "rounds": _rounds,
    "level": _level,
}
