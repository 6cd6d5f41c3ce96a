"""What a plot is before anybody draws it: lines, bars, or a table of colours.

What this leaves out: which numbers a plot shows (its neighbours in this folder).
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Picks = Mapping[str, Sequence[int]]
"""What a click on each point picks: `level`, `round` or `sample` -> one number a point."""
SHARE = (0.0, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One line of a plot, or one set of bars.

    Attributes:
        label: What it is, in words.
        x: Ascending.
        y: NaN where nothing is measured.
        low, high: Ends of the 95 % interval of each y, where there is one.
        n: How much each y rests on; NaN where that is not known.
        total: For bars: what each is a part of.
        end: The last value in words.
        names: What each point is, where the x axis does not say it.
        picks: What a click on each point picks.
    """

    label: str
    x: Floats
    y: Floats
    low: Floats | None = None
    high: Floats | None = None
    n: Floats | None = None
    total: Floats | None = None
    end: str = ""
    names: Sequence[str] = ()
    picks: Picks = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Plot:
    """A chart before it is drawn.

    Attributes:
        title: What is drawn, in words, and how much it rests on.
        ticks: Names of places on the x axis; empty where x is a plain number.
        limits: The least and greatest y there can be; None is what the lines have.
        shown: The x to point out.
        empty: Why there is nothing to draw, and what to do; "" if there is.
        note: What else one has to know to read it.
        intervals: What the lines' intervals are.
        dots: Points of y against x, in any order, beside the diagonal.
        steps: Each y holds for a stretch around its x, as in a histogram.
    """

    kind: str
    title: str
    lines: Sequence[Line] = ()
    x_title: str = ""
    y_title: str = ""
    ticks: Mapping[float, str] = field(default_factory=dict)
    limits: tuple[float, float] | None = None
    shown: float | None = None
    bars: bool = False
    empty: str = ""
    note: str = ""
    intervals: str = "95 % intervals"
    dots: bool = False
    steps: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """One number of a heat map.

    Attributes:
        n: What it rests on; None where there is no such count.
        picks: What a click on it picks: `level` or `round` -> its number.
    """

    column: str
    row: str
    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None
    picks: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HeatMap:
    """A table of numbers, drawn as colours.

    Attributes:
        value_title: What the numbers are.
        limits: What the first and the last colour stand for; where the first is below 0,
            they are told apart by their sign.
        empty: Why there is nothing to draw, and what to do; "" if there is.
    """

    title: str
    columns: Sequence[str] = ()
    rows: Sequence[str] = ()
    cells: Sequence[Cell] = ()
    x_title: str = ""
    y_title: str = ""
    value_title: str = ""
    note: str = ""
    limits: tuple[float, float] = SHARE
    empty: str = ""


class Measured(Protocol):
    """A measured number: a `Metric` of the store, or an `Accuracy`."""

    @property
    def value(self) -> float:
        """The estimate."""

    @property
    def low(self) -> float | None:
        """The lower end of its 95 % interval, if it has one."""

    @property
    def high(self) -> float | None:
        """The upper end."""

    @property
    def n(self) -> int | None:
        """How much it rests on, if that is known."""


def figure_line(
    label: str,
    points: Iterable[tuple[float, Measured | None]],
    *,
    signed: bool = False,
    picks: Picks | None = None,
) -> Line:
    """Make a line of measured numbers with their intervals; NaN where one is missing.

    Args:
        signed: Write the last value with its sign: it is a difference.
    """
    listed = list(points)
    figures = [figure for _, figure in listed]
    last = next((f.value for f in reversed(figures) if f is not None), None)
    return Line(
        label,
        floats(x for x, _ in listed),
        floats(math.nan if f is None else f.value for f in figures),
        floats(math.nan if f is None or f.low is None else f.low for f in figures),
        floats(math.nan if f is None or f.high is None else f.high for f in figures),
        floats(math.nan if f is None or f.n is None else f.n for f in figures),
        end="" if last is None else signed_words(last) if signed else share_words(last),
        picks=picks or {},
    )


def floats(values: Iterable[float]) -> Floats:
    """Return numbers as an array."""
    return np.fromiter(values, np.float64)


def share_words(value: float) -> str:
    """Write a share as the tables do.

    >>> share_words(0.374), share_words(1)
    ('.37', '1.0')
    """
    text = f"{value:.2f}"
    return "1.0" if text == "1.00" else text.removeprefix("0")


def signed_words(value: float) -> str:
    """Write a difference of shares.

    >>> signed_words(0.374), signed_words(-0.001)
    ('+.37', '.00')
    """
    text = f"{value:+.2f}"
    return ".00" if float(text) == 0 else text.replace("0.", ".", 1)


def span_words(counts: Sequence[int]) -> str:
    """Write the least and the greatest of some counts; only one if they are equal."""
    few, many = min(counts), max(counts)
    return f"{few:,}" if few == many else f"{few:,} to {many:,}"


def n_words(counts: Sequence[int]) -> str:
    """Say how much some figures rest on, each."""
    return f"n={span_words(counts)}" if counts else "n=0"


def level_words(level: int) -> str:
    """Name a level, or all of them.

    >>> level_words(0), level_words(3)
    ('all levels', 'level 3')
    """
    return f"level {level}" if level else "all levels"


def doublings(sizes: Iterable[int]) -> list[float]:
    """Place sizes on an axis of doublings.

    >>> doublings([1, 2, 8])
    [0.0, 1.0, 3.0]
    """
    return [math.log2(size) for size in sizes]
