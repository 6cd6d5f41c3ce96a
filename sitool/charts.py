"""The charts of a study as Vega-Lite specs and SVG, for export, notebook and report.

Works offline: an SVG is drawn by vl-convert, which brings all it needs. A spec is a
plain dictionary that `altair.Chart.from_dict` takes; importing this needs neither
altair nor vl-convert. What it leaves out: which numbers a chart shows (`plots.py`,
`branch_plots.py`, `judge_plots.py`).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sitool.branch_plots import Cell, HeatMap
from sitool.drafts import replaced_file
from sitool.errors import MissingDependencyError, StudyError, UnknownNameError
from sitool.plots import Floats, Line, Plot, plot_of
from sitool.summary import Summary

VEGA_LITE = "6.1"
VEGA_LITE_SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
FORMS = ("svg", "png", "html")
WIDTH, HEIGHT = 640, 360
MOST_NUMBERS = 14
"""Columns that have room for a number each."""
PICKED: dict[str, Any] = {
    "name": "picked", "select": {"type": "point", "fields": ["line"]}, "bind": "legend",
}  # fmt: skip
"""A click in the legend of several lines picks one and fades the others."""
MOST_POINTS = 2000
"""Of one line: more cannot be seen, and would make the file heavy."""
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#7f7f7f", "#b8a800")
"""Okabe and Ito's, told apart by colour-blind eyes; shapes tell the lines apart as well."""
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-left",
          "triangle-right")  # fmt: skip

Spec = dict[str, Any]
ON_DARK = dict(zip(COLOURS, ("#4fa8e0", "#f0b429", "#35c495", "#e29bc4", "#8accf5", "#f5813c",
                             "#a8a8a8", "#d9cb3f"), strict=True))  # fmt: skip
"""The same colours, light enough for a dark page."""


def _config(ink: str, faint: str) -> Spec:
    words = {"labelColor": ink, "titleColor": ink, "labelFontSize": 12, "titleFontSize": 12}
    return {
        "axis": words | {"gridColor": faint, "domainColor": faint, "tickColor": faint},
        "legend": words,
        "title": {"color": ink, "subtitleColor": ink},
        "text": {"color": ink},
    }


THEMES: Mapping[str, Spec] = {
    "light": {"config": _config("#22262b", "#d5d9de"), "colours": {}},
    "dark": {"config": _config("#e4e7ea", "#444b54"), "colours": ON_DARK},
}
"""Of a page: what to lay under a spec's own `config`, and which of its colours to exchange."""


def chart_spec(summary: Summary, kind: str, shown: int | None) -> Spec:
    """Make the Vega-Lite spec of a chart; `altair.Chart.from_dict` takes it.

    Args:
        kind: A key of `sitool.plots.KINDS`.
        shown: The round to look at.

    Raises:
        UnknownNameError: There is no such chart.
        StudyError: There is nothing to draw yet.
    """
    return spec_of(plot_of(summary, kind, shown))


def chart_svg(summary: Summary, kind: str, shown: int | None) -> str:
    """Draw a chart as SVG, as `chart_spec`.

    Raises:
        MissingDependencyError: vl-convert is not installed.
    """
    return svg_of(plot_of(summary, kind, shown))


def svg_of(plot: Plot) -> str:
    """Draw a plot as SVG.

    Raises:
        StudyError: There is nothing to draw.
        MissingDependencyError: vl-convert is not installed.
    """
    return picture(spec_of(plot), "svg").decode()


def picture(spec: Spec, form: str) -> bytes:
    """Draw a spec as `svg` or `png`, or as an `html` page that needs no network.

    Raises:
        UnknownNameError: There is no such form.
        MissingDependencyError: vl-convert is not installed.
    """
    if form not in FORMS:
        raise UnknownNameError("form of picture", form, FORMS)
    try:
        import vl_convert
    except ImportError as error:
        word = {"svg": "an SVG", "png": "a PNG", "html": "an HTML page"}[form]
        raise MissingDependencyError(f"Drawing {word}", "vl-convert-python", "report") from error
    if form == "html":
        return str(vl_convert.vegalite_to_html(spec, vl_version=VEGA_LITE, bundle=True)).encode()
    if form == "png":
        return bytes(
            vl_convert.vegalite_to_png(spec, vl_version=VEGA_LITE, scale=2, allowed_base_urls=[])
        )
    svg = vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE, allowed_base_urls=[])
    return str(svg).encode()


def save_svg(plot: Plot, folder: Path, name: str) -> Path:
    """Draw a plot into a folder, over an older drawing of that name, and return the file.

    Raises:
        StudyError: There is nothing to draw, or the file cannot be written.
        MissingDependencyError: vl-convert is not installed.
    """
    svg, file = svg_of(plot), folder / f"{name}.svg"
    with replaced_file(file, make_folder=True) as draft:
        draft.write_text(svg, encoding="utf-8")
    return file


def spec_of(plot: Plot | HeatMap) -> Spec:
    """Write a plot as a Vega-Lite spec with its data inside.

    Raises:
        StudyError: There is nothing to draw.
    """
    if plot.empty:
        raise StudyError(f"There is nothing to draw. {plot.empty}")
    if isinstance(plot, HeatMap):
        rows, layers = [_cell_row(cell) for cell in plot.cells], _heat(plot)
    else:
        rows = [row for line in plot.lines for row in _rows(line, plot)]
        layers = _bars(plot) if plot.bars else _lines(plot)
    return {
        "$schema": VEGA_LITE_SCHEMA,
        "title": {"text": plot.title, "subtitle": small_print(plot), "anchor": "start"},
        "width": WIDTH,
        "height": HEIGHT,
        "background": "white",
        "data": {"values": rows},
        "layer": layers,
        "config": {"font": "sans-serif", "view": {"stroke": None}},
    }


def small_print(plot: Plot | HeatMap) -> str:
    """Return what one has to know to read a plot, beside its title and axes."""
    if isinstance(plot, HeatMap):
        return plot.note
    intervals = any(line.low is not None for line in plot.lines)
    return "; ".join(filter(None, [plot.note, plot.intervals if intervals else ""]))


def _rows(line: Line, plot: Plot) -> list[Spec]:
    """Write out a line's points, thinned to what can be seen."""
    columns = {"y": line.y, "low": line.low, "high": line.high, "total": line.total}
    return [
        {"line": line.label, "x": float(line.x[i])}
        | {
            name: round(float(values[i]), 6)
            for name, values in columns.items()
            if values is not None and np.isfinite(values[i])
        }
        | ({"place": plot.ticks.get(float(line.x[i]), f"{line.x[i]:g}")} if plot.ticks else {})
        | ({"place": line.names[i]} if line.names else {})
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


def _lines(plot: Plot) -> list[Spec]:
    x, colour = _x(plot), _colour(plot)
    layers: list[Spec] = []
    if any(line.low is not None for line in plot.lines):
        layers.append(_intervals(plot))
    if plot.dots:
        layers.append(_diagonal())
    else:
        layers.append({
            "mark": {"type": "line", "strokeWidth": 2, "tooltip": True},
            "encoding": {"x": x, "y": _y(plot), "color": colour, "opacity": _faded(plot, 1)},
        })  # fmt: skip
    if plot.dots or max(len(line.x) for line in plot.lines) <= 60:
        layers.append({
            "mark": {"type": "point", "filled": True, "size": 70},
            "encoding": {"x": x, "y": _y(plot), "color": colour, "shape": _shape(plot),
                         "opacity": _faded(plot, 1), "tooltip": _told(plot)},
        })  # fmt: skip
    if len(plot.lines) > 1:
        layers[-1]["params"] = [PICKED]
    return layers


def _diagonal() -> Spec:
    return {
        "data": {"values": [{"x": 0, "y": 0}, {"x": 1, "y": 1}]},
        "mark": {"type": "line", "strokeDash": [5, 4], "color": "#8a8f96", "strokeWidth": 1},
        "encoding": {
            "x": {"field": "x", "type": "quantitative"},
            "y": {"field": "y", "type": "quantitative"},
        },
    }


def _shape(plot: Plot) -> Spec:
    """Give every line a mark; colours and marks come together again after 64 lines only."""
    labels = [line.label for line in plot.lines]
    marks = [SHAPES[(i + i // len(COLOURS)) % len(SHAPES)] for i in range(len(labels))]
    return {
        "field": "line",
        "sort": labels,
        "title": None,
        "scale": {"domain": labels, "range": marks},
    }


def _faded(plot: Plot, opacity: float) -> Spec:
    """Fade a line while another one is picked in the legend."""
    if len(plot.lines) == 1:
        return {"value": opacity}
    return {"condition": {"param": PICKED["name"], "value": opacity}, "value": 0.08}


def _told(plot: Plot) -> list[Spec]:
    """Say what is told of a point that is pointed at."""
    place: Spec = {"field": "x", "type": "quantitative", "title": plot.x_title, "format": ".4~g"}
    if plot.ticks:
        place = {"field": "place", "type": "nominal", "title": plot.x_title}
    told: list[Spec] = [{"field": "line", "type": "nominal", "title": "line"}, place]
    if any(line.names for line in plot.lines):
        told.insert(1, {"field": "place", "type": "nominal", "title": "when"})
        told[2] = {"field": "x", "type": "quantitative", "title": plot.x_title, "format": ".4~g"}
    figures = [("y", plot.y_title)]
    if any(line.low is not None for line in plot.lines):
        figures += [("low", "from"), ("high", "to")]
    if plot.bars:
        figures.append(("total", "of"))
    return told + [
        {"field": field, "type": "quantitative", "title": title, "format": ",.4~g"}
        for field, title in figures
    ]


def _intervals(plot: Plot) -> Spec:
    """Shade the intervals of a line or two, and give more lines bars."""
    mark, opacity = "area", 0.18
    if plot.dots or len(plot.lines) > 2 or max(len(line.x) for line in plot.lines) < 2:
        mark, opacity = "rule", 0.45
    low = _y(plot) | {"field": "low"}
    return {
        "mark": {"type": mark},
        "encoding": {"x": _x(plot), "y": low, "y2": {"field": "high"}, "color": _colour(plot),
                     "opacity": _faded(plot, opacity)},
    }  # fmt: skip


def _bars(plot: Plot) -> list[Spec]:
    several = {"xOffset": {"field": "line"}} if len(plot.lines) > 1 else {}
    x = {
        "field": "place",
        "type": "ordinal",
        "sort": list(plot.ticks.values()),
        "scale": {"domain": list(plot.ticks.values()), "padding": 0.3},
        "title": plot.x_title,
        "axis": {"labelAngle": 0, "labelOverlap": True},
    }
    shared = {"x": x, **several}
    y, told = _y(plot), {"tooltip": _told(plot)}
    layers: list[Spec] = [
        {
            "mark": {"type": "bar", "opacity": 0.2},
            "encoding": shared | {"y": y | {"field": "total"}, "color": _colour(plot)} | told,
        },
        {"mark": "bar", "encoding": shared | {"y": y, "color": _colour(plot)} | told},
    ]
    if len(plot.ticks) <= MOST_NUMBERS:
        numbers = {"y": y, "text": {"field": "y", "format": ","}}
        layers.append({"mark": {"type": "text", "dy": -7}, "encoding": shared | numbers})
    return layers


def _heat(plot: HeatMap) -> list[Spec]:
    most = max(1e-9, *(cell.value for cell in plot.cells))
    domain = [0, 1 if plot.value_title == "accuracy" else most]
    place = {
        "x": {"field": "column", "type": "ordinal", "sort": list(plot.columns),
              "scale": {"domain": list(plot.columns)}, "title": plot.x_title,
              "axis": {"labelAngle": 0, "labelOverlap": True}},
        "y": {"field": "row", "type": "ordinal", "sort": list(plot.rows),
              "scale": {"domain": list(plot.rows)}, "title": plot.y_title},
    }  # fmt: skip
    colour = {"field": "y", "type": "quantitative", "title": plot.value_title,
              "scale": {"domain": domain, "scheme": "viridis"}}  # fmt: skip
    titles = {"column": plot.x_title, "row": plot.y_title}
    told = [{"field": field, "type": "nominal", "title": title} for field, title in titles.items()]
    figures = {"y": plot.value_title, "low": "from", "high": "to", "n": "n"}
    has = {name for cell in plot.cells for name in _cell_row(cell)}
    told += [
        {"field": field, "type": "quantitative", "title": title, "format": ",.3~g"}
        for field, title in figures.items()
        if field in has
    ]
    layers: list[Spec] = [{"mark": "rect", "encoding": place | {"color": colour, "tooltip": told}}]
    if len(plot.columns) <= MOST_NUMBERS:
        ink = {"condition": {"test": f"datum.y > {0.6 * domain[1]}", "value": "black"},
               "value": "white"}  # fmt: skip
        number = {"field": "y", "type": "quantitative", "format": ".2f"}
        layers.append({"mark": "text", "encoding": place | {"text": number, "color": ink}})
    return layers


def _cell_row(cell: Cell) -> Spec:
    figures = {"y": cell.value, "low": cell.low, "high": cell.high, "n": cell.n}
    rounded = {name: round(value, 6) for name, value in figures.items() if value is not None}
    return {"column": cell.column, "row": cell.row} | rounded


def _x(plot: Plot) -> Spec:
    if plot.dots:
        scale = {"domain": list(plot.limits or (0, 1))}
        return {"field": "x", "type": "quantitative", "title": plot.x_title, "scale": scale,
                "axis": {"tickCount": 10}}  # fmt: skip
    if not plot.ticks:
        return {"field": "x", "type": "quantitative", "title": plot.x_title,
                "axis": {"tickMinStep": 1, "grid": False}, "scale": {"zero": False}}  # fmt: skip
    names: Mapping[str, str] = {f"{place:g}": name for place, name in plot.ticks.items()}
    axis = {"values": list(plot.ticks), "labelExpr": f"({names!r})[datum.value]", "grid": False,
            "labelOverlap": True}  # fmt: skip
    places = list(plot.ticks)
    return {
        "field": "x",
        "type": "quantitative",
        "title": plot.x_title,
        "axis": axis,
        "scale": {"domain": [places[0] - 0.2, places[-1] + 0.2], "nice": False},
    }


def _y(plot: Plot) -> Spec:
    scale: Spec = {"domain": list(plot.limits)} if plot.limits else {"zero": plot.bars}
    return {"field": "y", "type": "quantitative", "title": plot.y_title, "scale": scale}


def _colour(plot: Plot) -> Spec:
    labels = [line.label for line in plot.lines]
    colours = [COLOURS[i % len(COLOURS)] for i in range(len(labels))]
    return {
        "field": "line",
        "type": "nominal",
        "sort": labels,
        "title": None,
        "scale": {"domain": labels, "range": colours},
        "legend": {"symbolOpacity": 1} if len(labels) > 1 else None,
    }
