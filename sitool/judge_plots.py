"""Charts of what judges are worth: the gap, its sweeps, and choosing by likelihood.

Made from the reports of `gap/` and `sharpening/`. What this leaves out: drawing
them (`charts.py`).
"""

import numpy as np

from sitool.gap.judged import Judged
from sitool.gap.report import GapReport, RoundGap
from sitool.metrics import Accuracy
from sitool.plots import Line, Plot, metric_line
from sitool.sharpening.report import Histogram, SharpeningReport
from sitool.store import Metric


def gap_plot(report: GapReport) -> Plot:
    """Draw the gap of every verifier over rounds."""
    names = list(dict.fromkeys(name for r in report.rounds for name in r.gaps))
    ticks = {float(place): f"r{r.round}" for place, r in enumerate(report.rounds)}
    lines = [
        metric_line(
            name,
            (
                (place, _metric(r.gaps[name].strict.gap))
                for place, r in enumerate(report.rounds)
                if name in r.gaps
            ),
        )
        for name in names
    ]
    title = "The gap: how much more often a sample is right that the judge lets through"
    if not lines:
        return Plot("gap", title, empty="No judge has scored held-out samples.")
    return Plot(
        "gap", title, lines, "round", "gap, J[w] - J", ticks, note="strict match; 0 is no help"
    )


def sweep_plot(r: RoundGap) -> Plot:
    """Draw the gap of each judge over the share of a problem's samples that it lets through."""
    lines = [_sweep_line(name, judged) for name, judged in r.judges.items() if judged.quantiles]
    title = f"The gap in r{r.round} if each judge keeps its best share of a problem's samples"
    if not lines:
        return Plot("sweep", title, empty="No judge has scored held-out samples.")
    return Plot("sweep", title, lines, "share of each problem's samples kept", "gap, J[w] - J")


def _sweep_line(name: str, judged: Judged) -> Line:
    points = sorted(judged.quantiles, key=lambda point: point.at)
    return metric_line(name, ((point.at, _metric(point.gap)) for point in points))


def best_of_n_plot(report: SharpeningReport, words: dict[str, str]) -> Plot:
    """Draw the accuracy of the best of N by each self-reward, beside the skyline pass@N.

    Args:
        words: Name of a self-reward -> what it is called.
    """
    sizes = list(report.pass_at_k)
    ticks = {float(place): f"{size}" for place, size in enumerate(sizes)}
    lines = [
        metric_line(
            f"chosen by {words.get(name, name)}",
            ((sizes.index(p.n), _metric(p.accuracy)) for p in points),
        )
        for name, points in report.best_of_n.items()
    ]
    skyline = enumerate(_metric(figure) for figure in report.pass_at_k.values())
    lines.append(metric_line("any is right (pass@N)", skyline))
    title = f"Best of N in r{report.round}, n={report.problems:,}"
    return Plot("best_of_n", title, lines, "samples N", "accuracy", ticks, limits=(0.0, 1.0))


def likelihood_plot(found: Histogram, number: int) -> Plot:
    """Draw how likely the base finds right and wrong samples, as shares of each."""
    edges = np.array(found.edges)
    middles = (edges[:-1] + edges[1:]) / 2
    sides = {"right": np.array(found.right, float), "wrong": np.array(found.wrong, float)}
    lines = [
        Line(f"{name} ({int(counts.sum()):,} samples)", middles, counts / max(counts.sum(), 1))
        for name, counts in sides.items()
    ]
    title = f"How likely the base finds right and wrong samples of r{number}"
    return Plot("likelihood", title, lines, "log-probability under the base, nats", "share")


def _metric(figure: Accuracy) -> Metric:
    return Metric("", 0, figure.value, figure.low, figure.high, figure.n)
