"""What the inspector says of a sample (`sitool/front/inspection.py`), as styled text."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from textual.content import Content

from sitool.front import inspection
from sitool.front.inspection import LONGEST, MUTED, PARTS, Span, logprobs_of, piece_text, tone_of
from sitool.models.pieces import Piece
from sitool.records import Sample
from sitool.store import SampleLine
from sitool.visible import one_line

STYLES = {
    "": "",
    MUTED: "$foreground-muted",
    inspection.RIGHT: "$success",
    inspection.WRONG: "$warning",
    inspection.STRONG: "bold",
    "sure": "",
    "likely": "$primary italic",
    "unlikely": "$warning underline",
    "surprising": "$warning bold reverse",
}
BAR_WIDTH = 20
WAYS = "a accepts, x rejects, e edits, n writes a note."


@dataclass(frozen=True, slots=True)
class Ways:
    """How the completion is shown.

    Attributes:
        table: One token in a line, with its numbers.
        special: Special tokens too.
    """

    table: bool = False
    special: bool = False


def part_texts(
    sample: Sample, pieces: Sequence[Piece] | None, others: Sequence[SampleLine], ways: Ways
) -> list[Content]:
    """Say everything about a sample, in the order of `PARTS`."""
    texts = [
        styled(inspection.lines_of(sample.problem.prompt)),
        completion_text(sample, pieces, ways),
        styled(inspection.answer_spans(sample)),
        styled(inspection.scores_spans(sample)),
        styled(inspection.selection_spans(sample)),
        likelihood_text(sample),
        styled(inspection.decisions_spans(sample, WAYS)),
        styled(inspection.others_spans(sample, others)),
    ]
    assert len(texts) == len(PARTS)
    return texts


def styled(spans: Iterable[Span]) -> Content:
    """Draw spans of text in the style of each one's tone."""
    return Content.assemble(*((text, STYLES[tone]) for text, tone in spans))


def likelihood_text(sample: Sample) -> Content:
    """Say how likely the model found what it wrote."""
    return styled(inspection.likelihood_spans(sample))


def completion_text(sample: Sample, pieces: Sequence[Piece] | None, ways: Ways) -> Content:
    """Show the completion, its tokens marked by how likely each was."""
    if pieces is not None and len(sample.completion.text) > LONGEST:
        return styled(inspection.lines_of(sample.completion.text))
    if pieces is not None and ways.table:
        return token_table(sample, pieces)
    shown = inspection.completion_spans(sample, pieces, special=ways.special)
    return styled([*shown, ("\n", ""), *inspection.legend_spans(sample), ("   t numbers", MUTED)])


def token_table(sample: Sample, pieces: Sequence[Piece]) -> Content:
    """List the tokens with their numbers."""
    completion = sample.completion
    rows = zip(pieces, completion.token_ids, logprobs_of(sample), strict=True)
    head = f"{'':>4}  {'token':<16}{'id':>7}{'log p':>9}{'p':>7}\n"
    return Content.assemble(
        (head, MUTED),
        Content("\n").join(
            Content.assemble(
                f"{n:>4}  ",
                (_token_name(piece), "" if p is None else STYLES[tone_of(p)]),
                " " * (16 - cell_len(_token_name(piece))),
                f"{token:>7}",
                *_likelihood_cells(p),
            )
            for n, (piece, token, p) in enumerate(rows, 1)
        ),
    )


def _likelihood_cells(logprob: float | None) -> tuple[str | tuple[str, str], ...]:
    if logprob is None:
        return (f"{'-':>9}{'-':>7}",)
    p = math.exp(min(0.0, logprob))
    return (f"{logprob:>9.3f}{p:>7.2f}  ", ("█" * round(BAR_WIDTH * p), "$primary"))


def _token_name(piece: Piece) -> str:
    shown = piece_text(piece).replace("\n", "")
    return one_line(shown.replace(" ", "␠"), 15)
