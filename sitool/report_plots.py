"""What the charts of the gap and of the sharpening report show, before anybody draws them.

What this leaves out: the figures (`gap/`, `sharpening/`) and drawing them (`charts.py`, `tui/`).
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from sitool.errors import UnknownNameError
from sitool.metrics import Accuracy
from sitool.plots import SHARE, Floats, Line, Plot, span_words

if TYPE_CHECKING:
    from sitool.gap.judged import FilterGap
    from sitool.gap.report import GapReport, RoundGap
    from sitool.gap.sweeps import SweepPoint
    from sitool.sharpening.report import Histogram, Point, SharpeningReport

GAP_KINDS: Mapping[str, str] = {
    "threshold": "Threshold",
    "share": "Share",
    "rounds": "Rounds",
    "level": "Level",
    "pass_at_k": "pass@k",
}
"""The charts of the gap: name -> what its tab says."""

SHARPENING_KINDS: Mapping[str, str] = {
    "best_of_n": "Best of N",
    "lift": "Lift",
    "logprob": "log p",
    "right_wrong": "Right, wrong",
}
"""The charts of sharpening."""

REWARDS = {
    "likelihood": "likelihood",
    "likelihood_per_token": "a token's",
    "majority": "majority",
}
"""Self-rewards in a word each; a token's is the likelihood divided by the tokens."""

PERCENT = 100.0
GAP, NO_GAP = "gap", "no gap"
NO_LOGPROBS = "The log-probabilities of these samples under the base are not known."


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
        [replace(line, end=""), _nothing(0.0, PERCENT)],
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


def sharpening_plot(report: "SharpeningReport", kind: str) -> Plot:
    """Make a chart of a sharpening report.

    Raises:
        UnknownNameError: There is no such kind of chart.
    """
    if kind not in SHARPENING_KINDS:
        raise UnknownNameError("chart of sharpening", kind, SHARPENING_KINDS)
    return _SHARPENING_MAKERS[kind](report)


def _best_of_n(report: "SharpeningReport") -> Plot:
    lines = _by_reward(report, lambda point: point.accuracy, signed=False)
    k = list(report.pass_at_k)
    skyline = figure_line("pass@N", _doublings(k), list(report.pass_at_k.values()), signed=False)
    greedy = report.greedy_accuracy.value
    return Plot(
        "best_of_n",
        f"Accuracy of the best of N, n={report.problems:,}",
        [*lines, skyline],
        "N",
        "accuracy",
        ticks=_size_names(k),
        limits=SHARE,
        note=f"greedy {_share_words(greedy)}; pass@N looks at the truth",
    )


def _lift(report: "SharpeningReport") -> Plot:
    lines = _by_reward(report, lambda point: point.lift, signed=True)
    if all(np.isnan(line.y).all() for line in lines):
        words = "The greedy answer is never right here, so there is no lift over it."
        return Plot("lift", "Lift over greedy", empty=words)
    return Plot(
        "lift",
        f"Lift of the accuracy over greedy, in %, n={report.problems:,}",
        lines,
        "N",
        "% lift",
        ticks=_size_names([point.n for point in next(iter(report.best_of_n.values()))]),
        note="100 (best of N - greedy) / greedy",
    )


def _logprob(report: "SharpeningReport") -> Plot:
    lines = _by_reward(report, lambda point: point.logprob, signed=True)
    if all(np.isnan(line.y).all() for line in lines):
        return Plot("logprob", "log p of the chosen sample", empty=NO_LOGPROBS)
    greedy = report.greedy_logprob
    return Plot(
        "logprob",
        "log p of the chosen sample under the base, in nats",
        lines,
        "N",
        "log p",
        ticks=_size_names([point.n for point in next(iter(report.best_of_n.values()))]),
        note="" if greedy is None else f"greedy {greedy.value:.2f}",
    )


def _right_wrong(report: "SharpeningReport") -> Plot:
    found = report.histogram
    if found is None:
        return Plot("right_wrong", "Right and wrong samples", empty=NO_LOGPROBS)
    middles = (np.array(found.edges[:-1]) + np.array(found.edges[1:])) / 2
    return Plot(
        "right_wrong",
        "log p under the base of right and of wrong samples",
        [
            _counts_line("right", middles, found.right, found.mean_right),
            _counts_line("wrong", middles, found.wrong, found.mean_wrong),
        ],
        "log p in nats",
        "share of the samples on its side",
        limits=(0.0, 1.05 * max(_tallest(found.right), _tallest(found.wrong))),
        note=_small_print(found),
    )


def _counts_line(label: str, x: Floats, counts: Sequence[int], mean: float | None) -> Line:
    """Draw counts as shares of their sum, so that many wrong samples hide no right ones."""
    shares = np.array(counts) / max(sum(counts), 1)
    return Line(label, x, shares, end="" if mean is None else f"mean {mean:.1f}")


def _tallest(counts: Sequence[int]) -> float:
    return max(counts) / max(sum(counts), 1)


def _small_print(found: "Histogram") -> str:
    return f"shares of {sum(found.right):,} right and of {sum(found.wrong):,} wrong samples"


def _by_reward(
    report: "SharpeningReport", figure: "Callable[[Point], Accuracy | None]", *, signed: bool
) -> list[Line]:
    """Make a line of each self-reward."""
    return [
        figure_line(
            REWARDS[name],
            _doublings([point.n for point in points]),
            [figure(point) for point in points],
            signed=signed,
        )
        for name, points in report.best_of_n.items()
    ]


def _doublings(sizes: Sequence[int]) -> list[float]:
    return [math.log2(size) for size in sizes]


def _size_names(sizes: Sequence[int]) -> dict[float, str]:
    """Name the places of an axis of doublings."""
    return {place: f"N={n}" for place, n in zip(_doublings(sizes), sizes, strict=True)}


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
_SHARPENING_MAKERS: Mapping[str, "Callable[[SharpeningReport], Plot]"] = {
    "best_of_n": _best_of_n,
    "lift": _lift,
    "logprob": _logprob,
    "right_wrong": _right_wrong,
}
