"""The plots of single samples: what two verifiers say of them, and one sample token by token.

What this leaves out: reading samples and tokens (`sitool.store`, `sitool.models.pieces`).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sitool.models.pieces import Piece
from sitool.plots.shapes import SHARE, Line, Plot, floats
from sitool.records import Sample, passed
from sitool.visible import one_line

MOST_SAMPLES = 800
"""Dots of a scatter plot: more lie over one another, and would make the file heavy."""
SIDES = {True: "right", False: "wrong", None: "not known"}
WIDTH = 72
"""Characters of a line of tokens."""


@dataclass(frozen=True, slots=True)
class Token:
    """One token in its box.

    Attributes:
        text: Safe to show; line breaks are signs.
        logprob: In nats.
        line: Of boxes, from 0.
        left, right: Of the box, in characters.
    """

    text: str
    logprob: float
    line: int
    left: int
    right: int


@dataclass(frozen=True, slots=True)
class TokenStrip:
    """A completion as boxes, one a token.

    Attributes:
        empty: Why there is nothing to draw; "" if there is.
    """

    title: str
    tokens: Sequence[Token] = ()
    note: str = ""
    empty: str = ""

    @property
    def lines(self) -> int:
        """How many lines of boxes there are."""
        return 1 + max((token.line for token in self.tokens), default=0)


def score_plot(samples: Iterable[Sample], first: str, second: str, whose: str) -> Plot:
    """Set what one verifier says of samples against what another says.

    Args:
        whose: The samples in words, such as `samples of r3`.
    """
    sides: dict[bool | None, list[Dot]] = {side: [] for side in SIDES}
    for sample in samples:
        x, y = (_value(sample, name) for name in (first, second))
        if x is not None and y is not None:
            dot = Dot(x, y, sample.id, sample.problem.level)
            sides[passed(sample.scores)].append(dot)
    total = sum(map(len, sides.values()))
    title = f"What {first} and {second} say of {whose}"
    if not total:
        words = f"No sample here has a score of both {first} and {second}."
        return Plot("scores", title, empty=words)
    every = -(-total // MOST_SAMPLES)
    thinned = f"; one of {every} is shown" if every > 1 else ""
    return Plot(
        "scores",
        f"{title}, n={total:,}",
        [_line(f"{SIDES[side]} ({len(dots):,})", dots[::every])
         for side, dots in sides.items() if dots],
        f"score of {first}",
        f"score of {second}",
        limits=SHARE,
        note=f"on the dashed line both say the same{thinned}",
        dots=True,
    )  # fmt: skip


class Dot(NamedTuple):
    """A sample between two verifiers."""

    x: float
    y: float
    sample: int
    level: int


def _value(sample: Sample, verifier: str) -> float | None:
    score = sample.scores.get(verifier)
    return None if score is None else score.value


def _line(label: str, dots: Sequence[Dot]) -> Line:
    return Line(
        label,
        floats(dot.x for dot in dots),
        floats(dot.y for dot in dots),
        picks={"sample": [dot.sample for dot in dots], "level": [dot.level for dot in dots]},
    )


def token_strip(sample: Sample, pieces: Sequence[Piece] | None) -> TokenStrip:
    """Lay out a completion's tokens in boxes.

    Args:
        pieces: What each token reads; None where that is not known: boxes are numbered then.
    """
    completion = sample.completion
    title = f"Sample {sample.id:,} of r{sample.round}, level {sample.problem.level}"
    if not completion.token_ids:
        return TokenStrip(title, empty="The completion has no tokens.")
    if not completion.token_logprobs:
        words = "How likely each token was is not given by the sampler."
        return TokenStrip(title, empty=words)
    texts = [str(place) for place in range(1, len(completion.token_ids) + 1)]
    if pieces is not None:
        texts = [_shown(piece) for piece in pieces]
    logprobs = completion.token_logprobs
    note = f"{len(texts):,} tokens, log p {sum(logprobs):.2f} nats"
    if pieces is None:
        note += "; what they read is not known, so they are numbered"
    least = int(np.argmin(logprobs))
    note += f"; the least likely is number {least + 1}, p {np.exp(logprobs[least]):.2g}"
    return TokenStrip(title, list(_boxes(texts, logprobs)), note)


def _shown(piece: Piece) -> str:
    text = one_line(piece.text)
    return f"⟨{text.strip('<>|')}⟩" if piece.special else text.replace(" ", "␣")


def _boxes(texts: Sequence[str], logprobs: Sequence[float]) -> Iterator[Token]:
    """Put boxes beside each other; a line ends where it is full, or where the text breaks."""
    line = left = 0
    for text, logprob in zip(texts, logprobs, strict=True):
        width = min(len(text) + 1, WIDTH)
        if left and left + width > WIDTH:
            line, left = line + 1, 0
        yield Token(text[:WIDTH], logprob, line, left, left + width)
        left += width
        if "⏎" in text:
            line, left = line + 1, 0
