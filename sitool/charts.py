"""The charts of a study as Vega-Lite specs and SVG, for export, notebook and report.

Works offline: an SVG is drawn by vl-convert, which brings all it needs. Importing
this needs neither altair nor vl-convert. What it leaves out: which numbers a chart
shows (`plots.py`).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sitool.drafts import replaced_file
from sitool.errors import MissingDependencyError, StudyError, UnknownNameError
from sitool.plots import Floats, Line, Plot, plot_of
from sitool.summary import Summary

VEGA_LITE = "6.1"
VEGA_LITE_SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
FORMS = ("svg", "png", "html")
WIDTH, HEIGHT = 640, 360
MOST_POINTS = 2000
"""Of one line: more cannot be seen, and would make the file heavy."""
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#7f7f7f", "#b8a800")
"""Okabe and Ito's, told apart by colour-blind eyes; shapes tell the lines apart as well."""
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "stroke",
          "triangle-right")  # fmt: skip

Spec = dict[str, Any]


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


def spec_of(plot: Plot) -> Spec:
    """Write a plot as a Vega-Lite spec with its data inside.

    Raises:
        StudyError: There is nothing to draw.
    """
    if plot.empty:
        raise StudyError(f"There is nothing to draw. {plot.empty}")
    return {
        "$schema": VEGA_LITE_SCHEMA,
        "title": {"text": plot.title, "subtitle": _small_print(plot), "anchor": "start"},
        "width": WIDTH,
        "height": HEIGHT,
        "background": "white",
        "data": {"values": [row for line in plot.lines for row in _rows(line, plot)]},
        "layer": _bars(plot) if plot.bars else _lines(plot),
        "config": {"font": "sans-serif", "view": {"stroke": None}},
    }


def _small_print(plot: Plot) -> str:
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
        | ({"place": plot.ticks.get(float(line.x[i]), str(line.x[i]))} if plot.ticks else {})
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
    layers.append({
        "mark": {"type": "line", "strokeWidth": 2},
        "encoding": {"x": x, "y": _y(plot), "color": colour},
    })  # fmt: skip
    if max(len(line.x) for line in plot.lines) <= 60:
        labels = [line.label for line in plot.lines]
        shape = {
            "field": "line",
            "sort": labels,
            "title": None,
            "scale": {
                "domain": labels,
                "range": [SHAPES[i % len(SHAPES)] for i in range(len(labels))],
            },
        }
        layers.append({
            "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1},
            "encoding": {"x": x, "y": _y(plot), "color": colour, "shape": shape},
        })  # fmt: skip
    return layers


def _intervals(plot: Plot) -> Spec:
    """Shade the intervals of a line or two, and give more lines bars."""
    mark: Spec = {"type": "area", "opacity": 0.18}
    if len(plot.lines) > 2 or max(len(line.x) for line in plot.lines) < 2:
        mark = {"type": "rule", "opacity": 0.45}
    low = _y(plot) | {"field": "low"}
    return {
        "mark": mark,
        "encoding": {"x": _x(plot), "y": low, "y2": {"field": "high"}, "color": _colour(plot)},
    }


def _bars(plot: Plot) -> list[Spec]:
    several = {"xOffset": {"field": "line"}} if len(plot.lines) > 1 else {}
    x = {
        "field": "place",
        "type": "ordinal",
        "sort": list(plot.ticks.values()),
        "scale": {"domain": list(plot.ticks.values()), "padding": 0.3},
        "title": plot.x_title,
        "axis": {"labelAngle": 0},
    }
    shared = {"x": x, **several}
    y = _y(plot)
    return [
        {
            "mark": {"type": "bar", "opacity": 0.2},
            "encoding": shared | {"y": y | {"field": "total"}, "color": _colour(plot)},
        },
        {"mark": "bar", "encoding": shared | {"y": y, "color": _colour(plot)}},
        {
            "mark": {"type": "text", "dy": -7},
            "encoding": shared | {"y": y, "text": {"field": "y", "format": ","}},
        },
    ]


def _x(plot: Plot) -> Spec:
    if not plot.ticks:
        return {"field": "x", "type": "quantitative", "title": plot.x_title,
                "axis": {"tickMinStep": 1, "grid": False}, "scale": {"zero": False}}  # fmt: skip
    names: Mapping[str, str] = {f"{place:g}": name for place, name in plot.ticks.items()}
    axis = {"values": list(plot.ticks), "labelExpr": f"({names!r})[datum.value]", "grid": False}
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
