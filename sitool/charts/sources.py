"""What charts are made of: a study, or what it has worked out already."""

from typing import TYPE_CHECKING, TypeAlias

from sitool.client import Study
from sitool.errors import StudyError
from sitool.summary import Summary

if TYPE_CHECKING:
    from sitool.gap import GapReport
    from sitool.sharpening.report import SharpeningReport

Rounds: TypeAlias = Study | Summary


def summary_of(source: Rounds) -> Summary:
    """Return every number of a study."""
    return source.summary() if isinstance(source, Study) else source


def tip_of(summary: Summary, round_id: int | None) -> int:
    """Return the round to look at: the head, unless another is asked for.

    Raises:
        StudyError: The base is not measured yet.
    """
    tip = summary.head if round_id is None else round_id
    if tip is None:
        raise StudyError("The base is not measured yet.", "try: study.step()")
    return tip


def gap_of(source: "Study | GapReport") -> "GapReport":
    """Return the gap report of a study's branch to the head.

    Raises:
        StudyError: A round has no held-out samples whose truth is known.
    """
    return source.gap() if isinstance(source, Study) else source


def sharpening_of(source: "Study | SharpeningReport") -> "SharpeningReport":
    """Return the sharpening report of a study's head.

    Raises:
        StudyError: The head has no held-out samples.
    """
    return source.sharpening() if isinstance(source, Study) else source
