"""The data of a chart: one row a point, a bar or a cell, with all that is told of it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from sitool.plots import Cell, Floats, HeatMap, Line, Plot
from sitool.plots.samples import TokenStrip
from sitool.vega import strips

MOST_POINTS = 1000
"""Of one line: more cannot be seen, and would make the file heavy."""

Row = dict[str, Any]


def rows_of(plot: Plot | HeatMap | TokenStrip) -> list[Row]:
    """Write out what a plot shows; the rows of `spec_of(plot)`."""
    if isinstance(plot, TokenStrip):
        return strips.rows_of(plot)
    if isinstance(plot, HeatMap):
        columns = {name: place for place, name in enumerate(plot.columns)}
        lines = {name: place for place, name in enumerate(plot.rows)}
        return [
            _cell_row(cell) | {"x": columns[cell.column], "z": lines[cell.row]}
            for cell in plot.cells
        ]
    return [row for line in plot.lines for row in _line_rows(line, plot)]


def _line_rows(line: Line, plot: Plot) -> list[Row]:
    columns = {"y": line.y, "low": line.low, "high": line.high, "n": line.n, "total": line.total}
    return [
        {"line": line.label, "x": round(float(line.x[i]), 6)}
        | {
            name: round(float(values[i]), 6)
            for name, values in columns.items()
            if values is not None and np.isfinite(values[i])
        }
        | ({"place": plot.ticks[line.x[i]]} if line.x[i] in plot.ticks else {})
        | ({"place": line.names[i]} if line.names else {})
        | {name: numbers[i] for name, numbers in line.picks.items()}
        for i in _kept(line.y)
    ]


def _kept(y: Floats) -> Sequence[int]:
    """Return the places of the least and greatest y of each stretch of a long line."""
    finite = np.flatnonzero(np.isfinite(y))
    if len(finite) <= MOST_POINTS:
        return [int(i) for i in finite]
    stretches = np.array_split(finite, MOST_POINTS // 2)
    ends = {int(s[pick]) for s in stretches for pick in (y[s].argmin(), y[s].argmax())}
    return sorted(ends | {int(finite[0]), int(finite[-1])})


def _cell_row(cell: Cell) -> Row:
    figures = {"y": cell.value, "low": cell.low, "high": cell.high, "n": cell.n}
    rounded = {name: round(value, 6) for name, value in figures.items() if value is not None}
    return {"column": cell.column, "row": cell.row} | rounded | dict(cell.picks)
