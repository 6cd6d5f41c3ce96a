"""What choosing by its own likelihood would bring a round: what is asked, and what is said."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sitool.client import Study
from sitool.errors import SitoolError
from sitool.front.findings.figures import NOTHING
from sitool.plots import Plot
from sitool.plots.sharpening import REWARDS, SHARPENING_KINDS, sharpening_plot
from sitool.sharpening import sentences
from sitool.summary import Summary

if TYPE_CHECKING:
    from sitool.sharpening.report import Asked, SharpeningReport

SCORER = "likelihood_per_token@base"
"""The verifier that brings the log-probabilities of a later round's samples under the base."""
LACKING = "How likely the base finds these samples is not known, so nothing is chosen by likelihood"
"""What stands before the key or the button that asks the base."""
KNOWN = "How likely the base finds these samples is known already."


@dataclass(frozen=True, slots=True)
class Sharpened:
    """Sharpening of a round; without a report, `problem` says why."""

    report: "SharpeningReport | None"
    problem: str = ""

    @property
    def complete(self) -> bool:
        """Whether nothing is lacking that the base could be asked for."""
        return self.report is not None and not lacks_logprobs(self.report)

    def sentence(self, how_to_ask: str) -> str:
        """Say what the curves come to, or what is lacking and how to ask for it."""
        if self.report is None:
            return self.problem
        if lacks_logprobs(self.report):
            return f"{LACKING}: {how_to_ask}"
        return sentences.on_curves(self.report)

    def plot(self, kind: str) -> Plot:
        """Make one of the charts; without a report it says why."""
        if self.report is None:
            return Plot(kind, SHARPENING_KINDS[kind], empty=self.problem)
        return sharpening_plot(self.report, kind)


def sharpen(study: Study, number: int, level: int) -> Sharpened:
    """Make the report of a round; level 0 is all of them."""
    try:
        return Sharpened(study.sharpening(number, level=level or None))
    except SitoolError as error:
        return Sharpened(None, error.message)


def levels_of(summary: Summary, number: int) -> list[int]:
    """Return the levels that a report may be about; 0 is all."""
    return sorted({0, *summary.round(number).accuracy})


def lacks_logprobs(report: "SharpeningReport") -> bool:
    """Whether nothing can be chosen by likelihood."""
    return "likelihood" not in report.best_of_n


def pool_words(report: "SharpeningReport") -> str:
    """Say of how many samples the figures are."""
    return f"{report.problems:,} held-out problems, {report.samples:,} samples each"


def lift_heads(report: "SharpeningReport") -> tuple[str, ...]:
    """Return what stands above `lift_rows`."""
    return "N", *(REWARDS[name] for name in report.best_of_n)


def lift_rows(report: "SharpeningReport") -> Iterator[tuple[str, ...]]:
    """Yield N and the lift of every self-reward, in percent."""
    for points in zip(*report.best_of_n.values(), strict=True):
        lifts = (sentences.lift_words(point.lift).replace(" %", "") for point in points)
        yield f"{points[0].n}", *(lift or NOTHING for lift in lifts)


def greedy_words(report: "SharpeningReport") -> str:
    """Say what the lifts are lifts over."""
    greedy = report.greedy_accuracy
    ends = f"({greedy.low:.2f} to {greedy.high:.2f}, n={greedy.n:,})"
    return f"greedy is right {greedy.value:.2f} of the time {ends}"


def paragraphs(report: "SharpeningReport") -> Iterator[tuple[str, str]]:
    """Yield lead and sentences on how sharp the model is, the most used first."""
    if report.adaptive is not None:
        yield "Adaptive N", sentences.on_adaptive(report.adaptive)
    yield "Sharpness", sentences.on_sharpness(report)
    said = sentences.on_histogram(report)
    if said:
        yield "Right and wrong", said


def remarks(report: "SharpeningReport") -> Iterator[tuple[str, str]]:
    """Yield lead and sentence on what was cut off or left out."""
    if report.cut_off >= 0.0005:
        yield "Cut off", f"{report.cut_off:.1%} of the samples, at the limit; they are chosen last."
    out = [f"{reason}: {count:,}" for reason, count in report.left_out.items()]
    if out:
        yield "Problems left out", f"{'; '.join(out)}."


def asked_rows(asked: "Asked") -> Iterator[tuple[str, str]]:
    """Yield how many samples the theorems would ask for."""
    for name, value in (
        ("best of N, on the middle problem", asked.best_of_n),
        ("best of N, harder than 9 of 10", asked.best_of_n_hard),
        ("SFT-sharpening, problems n", asked.prompts),
        ("SFT-sharpening, samples N of each", asked.samples),
        ("adaptive N, samples on average", asked.adaptive),
    ):
        yield name, f"{value:,.0f}" if value < 1e7 else f"{value:.1e}"
