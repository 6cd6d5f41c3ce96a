"""When to stop: the gap is within noise of 0, or training no longer gains and only narrows.

One sentence with its figures for each verifier. It tells "there is nothing left
to gain" from "too few problems to see it": an interval that holds 0 and reaches
far above it is no reason to stop.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sitool.gap.figures import figure_json
from sitool.metrics import Accuracy
from sitool.store import round_label

MARGIN = 0.05
"""A gap that may be larger than this is not within noise of 0: it is just not known."""

STOP, GO_ON, UNCLEAR = "stop", "go on", "unclear"


@dataclass(frozen=True, slots=True)
class Trend:
    """How a branch's last round differs from earlier ones, on the same problems.

    Attributes:
        last: The last round.
        before: The round before it, which `pass_at_1` counts from.
        first: The first round of all, which the other two count from.
        pass_at_1: Difference.
        most: The largest k.
        pass_at_most: Difference of pass@most.
        entropy: Difference of the answers' entropy, in nats; None where no answer was read.
        entropies: The two that it is the difference of.
    """

    last: int
    before: int
    first: int
    pass_at_1: Accuracy
    most: int
    pass_at_most: Accuracy
    entropy: Accuracy | None
    entropies: tuple[float, float] | None

    @property
    def stands_still(self) -> bool:
        """Whether pass@1 moves by no more than noise."""
        return self.pass_at_1.low <= 0 and self.pass_at_1.high <= MARGIN

    @property
    def narrows(self) -> bool:
        """Whether pass@most has fallen by more than noise: answers are lost."""
        return self.most > 1 and self.pass_at_most.high < 0

    @property
    def settles(self) -> bool:
        """Whether the answers' entropy has fallen by more than noise."""
        return self.entropy is not None and self.entropy.high < 0

    def to_json(self) -> dict[str, Any]:
        """Return it as `sitool gap --json` prints it."""
        return {
            "last": self.last,
            "before": self.before,
            "first": self.first,
            "pass_at_1": figure_json(self.pass_at_1),
            "most": self.most,
            "pass_at_most": figure_json(self.pass_at_most),
            "entropy": figure_json(self.entropy),
        }


@dataclass(frozen=True, slots=True)
class Saturation:
    """Whether a study has got what there is to get from one verifier.

    Attributes:
        state: `stop`, `go on` or `unclear`.
        since: The first round from which on the gap has been within noise of 0.
        sentence: Why, with its figures.
    """

    verifier: str
    state: str
    since: int | None
    sentence: str

    def to_json(self) -> dict[str, Any]:
        """Return it as `sitool gap --json` prints it."""
        return {
            "verifier": self.verifier,
            "state": self.state,
            "since": self.since,
            "sentence": self.sentence,
        }


def signed(value: float) -> str:
    """Write a difference with its sign.

    >>> signed(0.0514), signed(-0.0001)
    ('+.051', '.000')
    """
    text = f"{value:+.3f}"
    if float(text) == 0:
        return ".000"
    return text.replace("0.", ".", 1) if abs(value) < 1 else text


def signed_figure(figure: Accuracy) -> str:
    """Write a difference with its interval and its n."""
    return f"{signed(figure.value)} ({signed(figure.low)} to {signed(figure.high)}, n={figure.n:,})"


def within_noise(gap: Accuracy) -> bool:
    """Whether a gap is 0 or less as far as one can tell, and surely not much more."""
    return gap.low <= 0 and gap.high <= MARGIN


def judge_saturation(
    verifier: str, gaps: Sequence[tuple[int, Accuracy]], trend: Trend | None
) -> Saturation:
    """Say whether to stop.

    Args:
        gaps: (round, its gap), in order of rounds; at least one.
        trend: Of the same branch; None with a single round.
    """
    number, gap = gaps[-1]
    if trend is not None and trend.last != number:
        trend = None
    since = saturated_since(gaps)
    spent = trend is not None and trend.stands_still and trend.narrows
    state = GO_ON
    if since is not None or spent:
        state = STOP
    elif gap.low <= 0:
        state = UNCLEAR
    lead = {STOP: "Stop", GO_ON: "Go on", UNCLEAR: "Not clear yet"}[state]
    parts = [
        f"{lead}: under {verifier} {_gap_words(number, gaps, since, spent=spent)}",
        *_trend_words(trend),
    ]
    return Saturation(verifier, state, since, "; ".join(parts) + ".")


def saturated_since(gaps: Sequence[tuple[int, Accuracy]]) -> int | None:
    """Return the first round from which on every gap is within noise of 0; None: not the last."""
    since = None
    for number, gap in reversed(gaps):
        if not within_noise(gap):
            break
        since = number
    return since


def _gap_words(
    number: int, gaps: Sequence[tuple[int, Accuracy]], since: int | None, *, spent: bool
) -> str:
    gap = gaps[-1][1]
    said = f"the gap of {round_label(number)} is {signed_figure(gap)}"
    if gap.high < 0:
        said += ", below 0: what the judge keeps is right less often than all samples are"
    elif since is not None:
        said += (
            ", within noise of 0: what the judge keeps is right no more often than all samples are"
        )
        said += f" (so since {round_label(since)})" if since != number else ""
    elif spent:
        said += ", but training no longer turns it into right answers"
    elif gap.low <= 0:
        said += ", which holds 0 but may be more: more held-out problems would tell"
    else:
        said += ", above 0: training on what the judge keeps can still gain"
    first, earlier = gaps[0]
    if first != number:
        said += f"; it was {signed(earlier.value)} in {round_label(first)}"
    return said


def _trend_words(trend: Trend | None) -> list[str]:
    if trend is None:
        return []
    said = []
    if trend.stands_still:
        moved = signed_figure(trend.pass_at_1)
        said.append(f"pass@1 no longer rises ({moved} since {round_label(trend.before)})")
    else:
        moved = signed_figure(trend.pass_at_1)
        said.append(f"pass@1 moved by {moved} since {round_label(trend.before)}")
    lost = []
    if trend.narrows:
        lost.append(f"pass@{trend.most} fell, {signed_figure(trend.pass_at_most)},")
    if trend.settles and trend.entropies is not None:
        then, now = trend.entropies
        lost.append(f"the entropy of answers fell from {then:.2f} to {now:.2f} nats")
    if lost:
        said.append(f"{' and '.join(lost)} since {round_label(trend.first)}: diversity is lost")
    return said
