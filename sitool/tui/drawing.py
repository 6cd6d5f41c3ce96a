"""Draws a plot on a raster of terminal cells: axes, lines, intervals, bars, and words beside them.

Every line has a shape and its name in words, at its end where there is room and
in a legend where there is not; colour only repeats what they say.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sitool.plots import Floats, Line, Plot
from sitool.tui.axes import View, placed, tick_texts, ticks, whole_ticks
from sitool.tui.raster import Dots, Raster

TEXT, STRONG, FAINT, FIRST_LINE = range(4)
"""Styles of a raster; line i has FIRST_LINE + 2 * i, and the one after it for its interval."""
SHAPES = "●■▲◆○□△◇"
NARROW = 60
MOST_LINES_NARROW = 6
SMALLEST = (24, 6)
ONE_SHADED = "shaded: 95 % of"


@dataclass(frozen=True, slots=True)
class Frame:
    """The part of a raster inside the axes.

    Attributes:
        row, column: Its upper left cell.
    """

    raster: Raster
    view: View
    row: int
    column: int
    rows: int
    columns: int

    def across(self, x: Floats) -> Floats:
        """Return the dot column of each x, counted from the frame's left."""
        return (x - self.view.left) / (self.view.right - self.view.left) * (2 * self.columns - 1)

    def down(self, y: Floats) -> Floats:
        """Return the dot row of each y, counted from the frame's top."""
        return (self.view.top - y) / (self.view.top - self.view.bottom) * (4 * self.rows - 1)

    def cell(self, x: float, y: float) -> tuple[int, int]:
        """Return the raster's row and column of one point."""
        across, down = self.across(np.array([x]))[0], self.down(np.array([y]))[0]
        return self.row + int(down + 0.5) // 4, self.column + int(across + 0.5) // 2

    def put(self, dots: Dots, style: int, *, behind: bool = False) -> None:
        """Set dots given for the frame alone."""
        everywhere = np.zeros_like(self.raster.dots)
        top, left = 4 * self.row, 2 * self.column
        everywhere[top : top + 4 * self.rows, left : left + 2 * self.columns] = dots
        self.raster.put(everywhere, style, behind=behind)


def draw(plot: Plot, width: int, height: int, view: View, focus: int | None = None) -> Raster:
    """Draw a plot.

    Args:
        width, height: Of the raster, in cells.
        focus: The line whose interval is shaded; None lets the room decide.
    """
    raster = Raster(width, height)
    shown = readable(plot, width, height)
    labels = end_labels(shown, width)
    top = 1 if labels or len(shown.lines) < 2 else 2
    left_out = len(plot.lines) - len(shown.lines)
    bottom = 2 if height >= 8 and (plot.note or left_out or _with_interval(plot)) else 1
    y_ticks = _y_ticks(view, height - top - bottom)
    left = max(len(text) for text in y_ticks.values()) + 1
    columns = width - left - max((len(label) + 1 for label in labels), default=0)
    frame = Frame(raster, view, top, left, max(height - top - bottom, 1), max(columns, 2))
    raster.write(0, 0, shortened(plot.title, width), STRONG)
    _axes(frame, shown, y_ticks)
    if top == 2:
        _legend(raster, shown)
    if shown.bars:
        _bars(frame, shown)
        remarks = []
    else:
        remarks = [_lines(frame, shown, focus)]
        _write_labels(frame, shown, labels)
    if bottom == 2:
        if left_out:
            remarks.append(f"{len(shown.lines)} of {len(plot.lines)} lines")
        if remarks and remarks[0].startswith(ONE_SHADED):
            remarks.append("l: next line")
        raster.write(height - 1, 0, _joined([*remarks, plot.note], width), FAINT)
    return raster


def readable(plot: Plot, width: int, height: int) -> Plot:
    """Leave out the lines that there is no room for.

    The first, the last and evenly spread ones between stay.
    """
    rows = height - 3
    most = max(2, min(rows, MOST_LINES_NARROW) if width < NARROW else rows)
    count = len(plot.lines)
    if count <= most or plot.bars:
        return plot
    kept = sorted({round(i * (count - 1) / (most - 1)) for i in range(most)})
    return replace(plot, lines=[plot.lines[i] for i in kept])


def unsettled(plot: Plot) -> int:
    """Return the line that ends nearest to the middle: its interval says the most."""
    middle = sum(plot.limits or (0.0, 1.0)) / 2
    ends = [line.y[np.isfinite(line.y)][-1:] for line in plot.lines]
    far = [abs(float(end[0]) - middle) if end.size else np.inf for end in ends]
    return far.index(min(far))


def _joined(remarks: Sequence[str], width: int) -> str:
    """Join as many remarks as fit; the first one is cut if it must be."""
    text = ""
    for remark in filter(None, remarks):
        longer = f"{text} · {remark}" if text else shortened(remark, width)
        text = longer if len(longer) <= width else text
    return text


def shortened(text: str, width: int) -> str:
    """Cut text to a width, and show that it was cut."""
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"


def end_labels(plot: Plot, width: int) -> list[str]:
    """Return the words for the end of each line, or nothing if they take too much room."""
    if plot.bars or (len(plot.lines) == 1 and not plot.lines[0].end):
        return []  # One line alone is named in the title.
    names = [f"{shape_of(i)} {line.label}" for i, line in enumerate(plot.lines)]
    longest = max(len(name) for name in names)
    full = [f"{name:{longest}} {line.end}" for name, line in zip(names, plot.lines, strict=True)]
    for labels in (full, names):
        if max(map(len, labels)) <= 0.36 * width:
            return labels
    return []


def shape_of(index: int) -> str:
    """Return the sign that marks the points of a line."""
    return SHAPES[index % len(SHAPES)]


def _legend(raster: Raster, plot: Plot) -> None:
    column = 0
    for i, line in enumerate(plot.lines):
        shape = "█▓"[i % 2] if plot.bars else shape_of(i)
        raster.write(1, column, shape, FIRST_LINE + 2 * i)
        words = f"{line.label} {line.end}".strip()
        raster.write(1, column + 2, words, TEXT)
        column += len(words) + 4


def _y_ticks(view: View, rows: int) -> dict[float, str]:
    values = ticks(view.bottom, view.top, max(2, min(6, (rows + 1) // 2)))
    return dict(zip(values, tick_texts(values), strict=True))


def _axes(frame: Frame, plot: Plot, y_ticks: dict[float, str]) -> None:
    raster, left = frame.raster, frame.column
    for row in range(frame.rows):
        raster.write(frame.row + row, left - 1, "│", FAINT)
    for value, text in y_ticks.items():
        row, _ = frame.cell(frame.view.left, value)
        raster.write(row, 0, f"{text:>{left - 1}}┤", FAINT)
    names = dict(plot.ticks) or _numbers(frame)
    middles = {
        x: frame.cell(x, 0.0)[1] - left for x in names if frame.view.left <= x <= frame.view.right
    }
    if plot.shown in middles and len(middles) > 1:
        _point_out(frame, left + middles[plot.shown])
    shown_name = names.get(plot.shown) if plot.shown is not None else None
    room = raster.width - left
    names = {x: names[x] for x in middles}
    for column, text in placed(names, middles, room, plot.shown):
        style = STRONG if text == shown_name else FAINT
        raster.write(frame.row + frame.rows, left + column, text, style)


def _numbers(frame: Frame) -> dict[float, str]:
    values = whole_ticks(frame.view.left, frame.view.right, max(2, frame.columns // 9))
    return dict(zip(values, tick_texts(values), strict=True))


def _point_out(frame: Frame, column: int) -> None:
    for row in range(frame.rows):
        frame.raster.write_under(frame.row + row, column, "┊", FAINT)


def _lines(frame: Frame, plot: Plot, focus: int | None) -> str:
    """Draw the lines with their intervals, and say how those are drawn."""
    count = len(plot.lines)
    with_interval = _with_interval(plot)
    # Whiskers stand side by side, and the outermost have to stay inside the axes.
    spaced = _spacing(frame, plot) >= max(2 * count + 4, 5 * (count - 1)) and focus is None
    banded = with_interval if count <= 2 else [unsettled(plot) if focus is None else focus % count]
    for i in reversed(range(count)):
        aside = 2 * (i - (count - 1) / 2) if spaced and i in with_interval and count > 1 else 0
        _line(frame, plot.lines[i], i, aside)
        if spaced and i in with_interval:
            _whiskers(frame, plot.lines[i], i, aside)
        elif i in with_interval and i in banded:
            _band(frame, plot.lines[i], i)
    if not with_interval:
        return ""
    if spaced or count <= 2:
        return f"{'whiskers' if spaced else 'shaded'}: {plot.intervals}"
    return f"{ONE_SHADED} {plot.lines[banded[0]].label}"


def _with_interval(plot: Plot) -> list[int]:
    return [i for i, line in enumerate(plot.lines) if line.low is not None]


def _spacing(frame: Frame, plot: Plot) -> float:
    """Return the dots between neighbouring points, at the least."""
    steps = [np.diff(line.x).min() for line in plot.lines if line.x.size > 1]
    if not steps:
        return 2.0 * frame.columns
    return float(min(steps) / (frame.view.right - frame.view.left) * 2 * frame.columns)


def _line(frame: Frame, line: Line, index: int, aside: float) -> None:
    known = np.isfinite(line.y)
    across, down = frame.across(line.x[known]) + aside, frame.down(line.y[known])
    style = FIRST_LINE + 2 * index
    frame.put(trace(across, down, 2 * frame.columns, 4 * frame.rows), style)
    seen = (across >= -0.5) & (across < 2 * frame.columns - 0.5)
    seen &= (down >= -0.5) & (down < 4 * frame.rows - 0.5)
    if 3 * seen.sum() > frame.columns:
        return
    for x, y in zip(across[seen], down[seen], strict=True):
        row, column = int(y + 0.5) // 4, int(x + 0.5) // 2
        frame.raster.write(frame.row + row, frame.column + column, shape_of(index), style)


def trace(across: Floats, down: Floats, width: int, height: int) -> Dots:
    """Draw a line through points: no gaps, and every column as tall as its points reach.

    However many points there are, each column keeps its least and greatest.

    Args:
        across, down: Of each point, in dots; `across` ascending.
    """
    if not across.size:
        return np.zeros((height, width), np.bool_)
    columns = np.arange(width)
    on = (columns > across[0] - 0.5) & (columns < across[-1] + 0.5)
    rows = np.rint(np.interp(columns, across, down))
    top, bottom = rows.copy(), rows.copy()
    middle = (rows[1:] + rows[:-1]) / 2
    joined = on[1:] & on[:-1]
    for reach, ends, towards in ((np.minimum, top, np.ceil), (np.maximum, bottom, np.floor)):
        step = towards(middle)
        ends[1:] = np.where(joined, reach(ends[1:], step), ends[1:])
        ends[:-1] = np.where(joined, reach(ends[:-1], step), ends[:-1])
    if across.size > 2:
        _reach_points(across, down, top, bottom)
    levels = np.arange(height)[:, None]
    return np.asarray(on & (levels >= top) & (levels <= bottom))


def _reach_points(across: Floats, down: Floats, top: Floats, bottom: Floats) -> None:
    """Stretch each column to the least and greatest of the points that fall in it."""
    places = np.rint(across).astype(np.intp)
    inside = (places >= 0) & (places < top.size)
    places, rows = places[inside], np.rint(down[inside])
    if not places.size:
        return
    starts = np.flatnonzero(np.diff(places, prepend=-1))
    columns = places[starts]
    top[columns] = np.minimum(top[columns], np.minimum.reduceat(rows, starts))
    bottom[columns] = np.maximum(bottom[columns], np.maximum.reduceat(rows, starts))


def _whiskers(frame: Frame, line: Line, index: int, aside: float) -> None:
    assert line.low is not None
    assert line.high is not None
    dots = np.zeros((4 * frame.rows, 2 * frame.columns), np.bool_)
    levels = np.arange(4 * frame.rows)
    columns = np.rint(frame.across(line.x) + aside)
    for column, low, high in zip(columns, frame.down(line.low), frame.down(line.high), strict=True):
        if np.isfinite(low) and 0 <= column < dots.shape[1]:
            dots[:, int(column)] |= (levels >= np.rint(high)) & (levels <= np.rint(low))
    frame.put(dots, FIRST_LINE + 2 * index + 1, behind=True)


def _band(frame: Frame, line: Line, index: int) -> None:
    """Shade between the ends of the intervals with every fourth dot."""
    assert line.low is not None
    assert line.high is not None
    known = np.isfinite(line.low) & np.isfinite(line.high)
    if not known.any():
        return
    across = frame.across(line.x[known])
    columns = np.arange(2 * frame.columns)
    low = np.interp(columns, across, frame.down(line.low[known]))
    high = np.interp(columns, across, frame.down(line.high[known]))
    levels = np.arange(4 * frame.rows)[:, None]
    dots = (levels >= np.rint(high)) & (levels <= np.rint(low))
    dots &= (columns > across[0] - 0.5) & (columns < across[-1] + 0.5)
    dots &= (levels + 2 * columns + index) % 4 == 0
    frame.put(dots, FIRST_LINE + 2 * index + 1, behind=True)


def _bars(frame: Frame, plot: Plot) -> None:
    spacing = frame.columns / (frame.view.right - frame.view.left)
    width = max(1, int(0.7 * spacing) // len(plot.lines))
    for i, line in enumerate(plot.lines):
        aside = int((i - len(plot.lines) / 2) * width)
        for place, x in enumerate(line.x):
            if frame.view.left <= x <= frame.view.right and np.isfinite(line.y[place]):
                _bar(frame, line, place, i, aside, width, int(spacing) - 1)


def _bar(
    frame: Frame, line: Line, place: int, index: int, aside: int, width: int, room: int
) -> None:
    y, style = float(line.y[place]), FIRST_LINE + 2 * index
    total = None if line.total is None else float(line.total[place])
    left = frame.cell(float(line.x[place]), 0.0)[1] + aside
    scale = frame.rows / (frame.view.top - frame.view.bottom)
    bottom = frame.row + frame.rows - 1
    if total is not None and total <= frame.view.top:
        for row in range(round(total * scale)):
            frame.raster.write_under(bottom - row, left, "░" * width, style)
    eighths = min(round(8 * y * scale), 8 * frame.rows)
    frame.raster.bar(left, width, bottom, eighths or int(y > 0), style, "█▓"[index % 2])
    words = f"{y:,.0f}" if total is None else f"{y:,.0f} of {total:,.0f}"
    if len(words) > room or width < room // 2:
        words = f"{y:,.0f}" if len(f"{y:,.0f}") <= max(width, room) else ""
    row = max(bottom - -(-eighths // 8), frame.row)
    frame.raster.write(row, left + (width - len(words)) // 2, words, TEXT)


def _write_labels(frame: Frame, plot: Plot, labels: Sequence[str]) -> None:
    """Write each line's name at its end, moved up or down where two would meet."""
    if not labels:
        return
    rows = spread([_end_row(frame, line) for line in plot.lines], frame.rows)
    column = frame.column + frame.columns
    for i, (row, label) in enumerate(zip(rows, labels, strict=True)):
        frame.raster.write(frame.row + row, column + 1, label, TEXT)
        frame.raster.write(frame.row + row, column + 1, shape_of(i), FIRST_LINE + 2 * i)


def _end_row(frame: Frame, line: Line) -> float:
    seen = line.y[np.isfinite(line.y) & (line.x <= frame.view.right)]
    if not seen.size:
        return float(frame.rows)
    return float(np.clip(frame.down(seen[-1:])[0] / 4, 0, frame.rows - 1))


def spread(wanted: Sequence[float], rows: int) -> list[int]:
    """Give each label a row of its own, as near as can be to the one it wants.

    >>> spread([0, 0.2, 5], 6), spread([5, 5, 5], 6)
    ([0, 1, 5], [3, 4, 5])
    """
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    given: list[int] = []
    for i in order:
        given.append(max(round(wanted[i]), given[-1] + 1 if given else 0))
    limit = rows - 1
    for place in reversed(range(len(given))):
        given[place] = min(given[place], limit)
        limit = given[place] - 1
    found = dict(zip(order, given, strict=True))
    return [found[i] for i in range(len(wanted))]
