"""Charts of what judges are worth: the generation-verification gap, and sharpening.

A study is asked for its report; `study.gap(...)` and `study.sharpening(...)` give one of
other rounds, filters or levels. Each chart can raise StudyError (there is nothing to draw
yet), UnknownNameError (of a verifier or a theme) and MissingDependencyError (altair is not
installed).
"""

from typing import TYPE_CHECKING

from sitool.charts.drawing import draw
from sitool.charts.sources import gap_of, sharpening_of
from sitool.client import Study
from sitool.errors import StudyError, UnknownNameError
from sitool.plots.gap import cross_map, gap_plot
from sitool.plots.sharpening import sharpening_plot
from sitool.sharpening import sentences

if TYPE_CHECKING:
    from sitool.charts.figures import Figure
    from sitool.gap import GapReport
    from sitool.sharpening.report import SharpeningReport

SWEEPS = ("threshold", "share")
HOW = "try: study.measure(None, ['mc@base']), which lets the base judge this round's samples"


def gap(source: "Study | GapReport", *verifiers: str, theme: str = "light") -> "Figure":
    """Draw how much more often a sample is right that a verifier lets through, over rounds.

    Args:
        verifiers: Such as `mc`, or `mc+majority`, which must both agree; none is all.
    """
    return _gap(source, "rounds", verifiers, theme)


def gap_by_level(source: "Study | GapReport", *verifiers: str, theme: str = "light") -> "Figure":
    """Draw the gap of the last round by level."""
    return _gap(source, "level", verifiers, theme)


def gap_sweep(
    source: "Study | GapReport", *verifiers: str, by: str = "threshold", theme: str = "light"
) -> "Figure":
    """Draw the gap of the last round over what the filter keeps.

    Args:
        by: `threshold`, the least score that is kept; or `share`, of each problem's samples.
    """
    if by not in SWEEPS:
        raise UnknownNameError("sweep", by, SWEEPS)
    return _gap(source, by, verifiers, theme)


def gap_matrix(
    source: "Study | GapReport", judge: str | None = None, theme: str = "light"
) -> "Figure":
    """Draw who can judge whom: the gap by the model that judged and the round that wrote.

    Args:
        judge: Such as `mc`; None is the first that more than one model has played.
    """
    tables = {table.judge: table for table in gap_of(source).cross}
    if not tables:
        raise StudyError("Each model has judged nothing but its own samples.", HOW)
    chosen = next(iter(tables)) if judge is None else judge
    if chosen not in tables:
        raise UnknownNameError("judge that several models have played", chosen, tables)
    return draw(cross_map(tables[chosen]), theme)


def best_of_n(source: "Study | SharpeningReport", theme: str = "light") -> "Figure":
    """Draw how often the best of N is right, by what chooses it, below the skyline pass@N."""
    return _sharpening(source, "best_of_n", theme)


def lift(source: "Study | SharpeningReport", theme: str = "light") -> "Figure":
    """Draw how much more often the best of N is right than the greedy answer, in percent."""
    return _sharpening(source, "lift", theme)


def chosen_logprob(source: "Study | SharpeningReport", theme: str = "light") -> "Figure":
    """Draw the log-probability under the base of the sample that is chosen of N."""
    return _sharpening(source, "logprob", theme)


def logprobs(source: "Study | SharpeningReport", theme: str = "light") -> "Figure":
    """Draw how likely the base finds right and wrong samples, as two histograms."""
    return _sharpening(source, "right_wrong", theme)


def _gap(
    source: "Study | GapReport", kind: str, verifiers: tuple[str, ...], theme: str
) -> "Figure":
    report = gap_of(source)
    asked = list(dict.fromkeys(name for r in report.rounds for name in r.gaps))
    known = dict.fromkeys([*asked, *(name for r in report.rounds for name in r.pairs)])
    for name in verifiers:
        if name not in known:
            raise UnknownNameError("verifier of this report", name, known)
    return draw(gap_plot(report, kind, *(verifiers or asked)), theme)


def _sharpening(source: "Study | SharpeningReport", kind: str, theme: str) -> "Figure":
    return draw(sharpening_plot(sharpening_of(source), kind, sentences.NAMES), theme)
