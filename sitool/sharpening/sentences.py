"""What a sharpening report says, a sentence for each of its tables, in words for a class."""

from sitool.metrics import Accuracy
from sitool.sharpening.report import Adaptive, SharpeningReport

NAMES = {
    "likelihood": "likelihood",
    "likelihood_per_token": "likelihood a token",
    "majority": "majority",
}
FLAT = 0.005
"""Accuracy within which a curve counts as having arrived."""


def on_curves(report: SharpeningReport) -> str:
    """Say what choosing among all samples brings, and from which N on more bring nothing."""
    name, points = max(report.best_of_n.items(), key=lambda item: item[1][-1].accuracy.value)
    last, greedy = points[-1], report.greedy_accuracy.value
    arrived = next(p.n for p in points if abs(p.accuracy.value - last.accuracy.value) <= FLAT)
    said = (
        f"Of {last.n} samples, the one chosen by {NAMES[name]} is right in"
        f" {last.accuracy.value:.0%} of the problems, a sample taken blindly in"
        f" {points[0].accuracy.value:.0%}, the greedy answer in {greedy:.0%}"
    )
    said += f"; nothing is gained beyond N = {arrived}." if arrived < last.n else "."
    skyline = report.pass_at_k[report.samples].value
    return (
        f"{said} Some sample is right in {skyline:.0%}: what lies between is what this judge"
        " does not see."
    )


def on_adaptive(found: Adaptive) -> str:
    """Say what the stopping rule saves."""
    said = (
        f"Stopping as soon as the best so far is likely enough takes {found.drawn.value:.1f}"
        f" samples a problem; a fixed N as good takes {found.equal_n:.1f}"
    )
    if found.saved > 0:
        said += f", so {found.saved:.0%} of the samples are saved."
    else:
        said += ", so nothing is saved here."
    if found.stopped < 1:
        said += f" On {1 - found.stopped:.0%} of the problems it would have gone on."
    return said


def on_sharpness(report: SharpeningReport) -> str:
    """Say on how many problems the model has made up its mind as the base would."""
    if report.sharpened is None or report.coverage_median is None or report.coverage is None:
        return "How sharp the model is cannot be told without log-probabilities."
    return (
        f"On {report.sharpened.value:.0%} of the problems the model gives the answer that the"
        f" base finds likeliest at least {1 - report.targets.delta:.0%} of its probability. To"
        f" meet that answer once, the base needs some {report.coverage_median:.1f} samples on"
        f" the middle problem, {_count(report.coverage)} on average. These are"
        " proxies: the likeliest answer seen stands for the likeliest there is."
    )


def _count(figure: Accuracy) -> str:
    return f"{figure.value:,.1f}" if figure.value < 1e6 else f"{figure.value:.0e}"


def on_histogram(report: SharpeningReport) -> str:
    """Say whether the base finds right samples likelier than wrong ones."""
    found = report.histogram
    if found is None or found.mean_right is None or found.mean_wrong is None:
        return ""
    gap = found.mean_right - found.mean_wrong
    if abs(gap) < 0.1:
        return "The base finds right and wrong samples equally likely: likelihood tells nothing."
    word, verdict = ("likelier", "can") if gap > 0 else ("less likely", "cannot")
    return (
        f"The base finds right samples {abs(gap):.1f} nats {word} than wrong ones"
        f" (means {found.mean_right:.1f} and {found.mean_wrong:.1f}), so likelihood {verdict} help"
        " to choose."
    )


def on_missing(report: SharpeningReport, folder: str) -> str:
    """Say how to get the log-probabilities that are missing; nothing if none are."""
    if "likelihood" in report.best_of_n:
        return ""
    return (
        f"The log-probabilities of these samples under the base are not known, so there is no"
        f" choice by likelihood. The base's own samples have them: sitool sharpen {folder}"
        " --round 0; later rounds get them from the verifier likelihood_per_token@base."
    )


def lift_words(figure: Accuracy | None) -> str:
    """Write a lift over greedy with its interval; nothing if there is none.

    >>> lift_words(Accuracy(12.3, -1.0, 21.0, 9))
    '+12 % (-1 to +21)'
    """
    if figure is None:
        return ""
    return f"{figure.value:+.0f} % ({figure.low:+.0f} to {figure.high:+.0f})"
