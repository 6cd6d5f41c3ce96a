"""The plots of what choosing by the model's own likelihood would bring.

What this leaves out: the figures (`sitool.sharpening`).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sitool.errors import UnknownNameError
from sitool.metrics import Accuracy
from sitool.plots.shapes import (
    SHARE,
    Floats,
    Line,
    Plot,
    doublings,
    figure_line,
    floats,
    share_words,
)

if TYPE_CHECKING:
    from sitool.sharpening.report import Histogram, Point, SharpeningReport

SHARPENING_KINDS: Mapping[str, str] = {
    "best_of_n": "Best of N",
    "lift": "Lift",
    "logprob": "log p",
    "right_wrong": "Right, wrong",
}
"""The charts of sharpening: name -> what its tab says."""

REWARDS = {
    "likelihood": "likelihood",
    "likelihood_per_token": "a token's",
    "majority": "majority",
}
"""Self-rewards in a word each; a token's is the likelihood divided by the tokens."""

NO_LOGPROBS = "The log-probabilities of these samples under the base are not known."


def sharpening_plot(
    report: "SharpeningReport", kind: str, names: Mapping[str, str] = REWARDS
) -> Plot:
    """Make a chart of a sharpening report.

    Args:
        names: What each self-reward is called.

    Raises:
        UnknownNameError: There is no such kind of chart.
    """
    if kind not in SHARPENING_KINDS:
        raise UnknownNameError("chart of sharpening", kind, SHARPENING_KINDS)
    return _MAKERS[kind](report, names)


def _best_of_n(report: "SharpeningReport", names: Mapping[str, str]) -> Plot:
    lines = _by_reward(report, names, lambda point: point.accuracy, signed=False)
    k = list(report.pass_at_k)
    skyline = figure_line("pass@N", zip(doublings(k), report.pass_at_k.values(), strict=True))
    greedy = report.greedy_accuracy.value
    return Plot(
        "best_of_n",
        f"Accuracy of the best of N, n={report.problems:,}",
        [*lines, skyline],
        "N",
        "accuracy",
        ticks=_size_names(k),
        limits=SHARE,
        note=f"greedy {share_words(greedy)}; pass@N looks at the truth",
    )


def _lift(report: "SharpeningReport", names: Mapping[str, str]) -> Plot:
    lines = _by_reward(report, names, lambda point: point.lift, signed=True)
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


def _logprob(report: "SharpeningReport", names: Mapping[str, str]) -> Plot:
    lines = _by_reward(report, names, lambda point: point.logprob, signed=True)
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


def _right_wrong(report: "SharpeningReport", names: Mapping[str, str]) -> Plot:
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
        steps=True,
    )


def _counts_line(label: str, x: Floats, counts: Sequence[int], mean: float | None) -> Line:
    """Draw counts as shares of their sum, so that many wrong samples hide no right ones."""
    sizes = floats(counts)
    end = "" if mean is None else f"mean {mean:.1f}"
    return Line(label, x, sizes / max(sizes.sum(), 1), n=sizes, end=end)


def _tallest(counts: Sequence[int]) -> float:
    return max(counts) / max(sum(counts), 1)


def _small_print(found: "Histogram") -> str:
    return f"shares of {sum(found.right):,} right and of {sum(found.wrong):,} wrong samples"


def _by_reward(
    report: "SharpeningReport",
    names: Mapping[str, str],
    figure: "Callable[[Point], Accuracy | None]",
    *,
    signed: bool,
) -> list[Line]:
    """Make a line of each self-reward."""
    return [
        figure_line(
            names[name],
            zip(doublings(point.n for point in points), map(figure, points), strict=True),
            signed=signed,
        )
        for name, points in report.best_of_n.items()
    ]


def _size_names(sizes: Sequence[int]) -> dict[float, str]:
    """Name the places of an axis of doublings."""
    return {place: f"N={n}" for place, n in zip(doublings(sizes), sizes, strict=True)}


_MAKERS: Mapping[str, Callable[["SharpeningReport", Mapping[str, str]], Plot]] = {
    "best_of_n": _best_of_n,
    "lift": _lift,
    "logprob": _logprob,
    "right_wrong": _right_wrong,
}
