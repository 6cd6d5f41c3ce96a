"""Which part of a plot is seen, and which numbers to write at its edges."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from sitool.plots import Floats, Plot

SINGLE = 0.6
"""How much to show on either side of a single place."""


@dataclass(frozen=True, slots=True)
class View:
    """The part of a plot that is seen, in the plot's own numbers."""

    left: float
    right: float
    bottom: float
    top: float

    def zoomed(self, by: float, x: float, y: float, *, upright: bool) -> "View":
        """Return a view `by` times as wide that keeps (x, y) in its place."""
        view = replace(self, left=x + (self.left - x) * by, right=x + (self.right - x) * by)
        if not upright:
            return view
        return replace(view, bottom=y + (self.bottom - y) * by, top=y + (self.top - y) * by)

    def moved(self, across: float, up: float) -> "View":
        """Return a view moved by shares of its width and height."""
        x, y = across * (self.right - self.left), up * (self.top - self.bottom)
        return View(self.left + x, self.right + x, self.bottom + y, self.top + y)


def whole(plot: Plot) -> View:
    """Return the view that holds the whole plot."""
    places = [*plot.ticks, *(float(x) for line in plot.lines for x in _ends(line.x))]
    left, right = min(places), max(places)
    pad = 0.0
    if plot.ticks or left == right:
        pad = SINGLE if plot.bars or left == right else 0.2
    left, right = left - pad, right + pad
    bottom, top = plot.limits or fitted(plot, left, right)
    return View(left, right, bottom, top)


def fitted(plot: Plot, left: float, right: float) -> tuple[float, float]:
    """Return the least and greatest y between two places, with a little room."""
    seen = [
        values[(line.x >= left) & (line.x <= right) & np.isfinite(values)]
        for line in plot.lines
        for values in (line.y, line.low, line.high)
        if values is not None
    ]
    found = np.concatenate([values for values in seen if values.size] or [np.array([0.0, 1.0])])
    low, high = float(found.min()), float(found.max())
    if plot.bars:
        return 0.0, max(_height_of_bars(plot, high), 1.0) * 1.25
    room = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    return low - room, high + room


def _height_of_bars(plot: Plot, high: float) -> float:
    """Make room for the totals as well, unless the bars would be too small beside them."""
    totals = [float(np.nanmax(line.total)) for line in plot.lines if line.total is not None]
    return max(totals) if totals and max(totals) <= 4 * high else high


def _ends(x: Floats) -> tuple[float, ...]:
    return (float(x[0]), float(x[-1])) if x.size else ()


def ticks(low: float, high: float, most: int) -> list[float]:
    """Return round numbers between two numbers, at most so many.

    >>> ticks(0, 1, 3), ticks(0.02, 0.47, 5)
    ([0.0, 0.5, 1.0], [0.1, 0.2, 0.3, 0.4])
    """
    span = high - low
    if not math.isfinite(span) or span <= 0 or most < 1:
        return [low] if math.isfinite(low) else []
    power = 10.0 ** math.floor(math.log10(span / most))
    for factor in (1, 2, 5, 10, 20, 50):
        step = power * factor
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first < most:
            return [round(i * step, 12) for i in range(first, last + 1)] or [low]
    return [low]


def whole_ticks(low: float, high: float, most: int) -> list[float]:
    """Return round whole numbers between two numbers, at most so many.

    >>> whole_ticks(1, 2, 5)
    [1.0, 2.0]
    """
    found = ticks(low, high, most)
    if all(value == int(value) for value in found):
        return found
    return [float(value) for value in range(math.ceil(low), math.floor(high) + 1)]


def tick_texts(values: Sequence[float]) -> list[str]:
    """Write the numbers at an axis as short as keeps them apart.

    >>> tick_texts([0, 0.5, 1]), tick_texts([0, 500, 1000]), tick_texts([0.125, 0.15])
    (['.0', '.5', '1.0'], ['0', '500', '1,000'], ['.125', '.150'])
    """
    places = next((p for p in range(7) if all(_fits(v, p) for v in values)), 6)
    return [_written(value, places) for value in values]


def _fits(value: float, places: int) -> bool:
    return abs(value - round(value, places)) < 1e-9


def _written(value: float, places: int) -> str:
    if abs(value) >= 100_000:
        return f"{value:.3g}".replace("e+0", "e").replace("e+", "e")
    text = f"{value:,.{places}f}"
    if not places:
        return text
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def placed(
    wanted: Mapping[float, str], columns: Mapping[float, int], room: int, first: float | None
) -> list[tuple[int, str]]:
    """Choose which words fit under an axis, and return each with its column.

    Args:
        columns: The middle of each.
        room: Columns there are.
        first: The one that is there whatever else is.
    """
    listed = sorted(wanted, key=lambda x: columns[x])
    for step in range(1, len(listed) + 1):
        kept = [x for i, x in enumerate(listed) if i % step == 0 and x != first]
        spans = [_span(columns[x], wanted[x], room) for x in kept]
        own = [_span(columns[x], wanted[x], room) for x in wanted if x == first]
        spans = [s for s in spans if not any(_touch(s, o) for o in own)]
        if not any(_touch(a, b) for a, b in pairwise(spans)):
            return own + spans
    return []


def _span(middle: int, text: str, room: int) -> tuple[int, str]:
    return max(0, min(middle - len(text) // 2, room - len(text))), text


def _touch(one: tuple[int, str], other: tuple[int, str]) -> bool:
    return one[0] <= other[0] + len(other[1]) and other[0] <= one[0] + len(one[1])
