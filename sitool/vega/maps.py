"""How a heat map is drawn: the layers of its spec."""

from typing import Any

from sitool.plots import HeatMap
from sitool.vega.lines import MOST_NUMBERS
from sitool.vega.params import MARKS, picks, raised
from sitool.vega.themes import INK

Spec = dict[str, Any]


def params_of(plot: HeatMap) -> list[Spec]:
    """Return what a click picks."""
    return picks(_fields(plot), legend=False)


def layers_of(plot: HeatMap) -> list[Spec]:
    """Draw colours, and numbers where there is room."""
    place = {"x": _place("column", "x", plot.x_title), "y": _place("row", "z", plot.y_title)}
    picked = _fields(plot)
    cells = place | {
        "color": _colour(plot),
        "tooltip": _told(plot),
        "strokeWidth": raised(picked, 3, 0),
    }
    mark = {"type": "rect", "stroke": INK, "cursor": "pointer"}
    layers: list[Spec] = [{"name": MARKS, "mark": mark, "encoding": cells}]
    if len(plot.columns) <= MOST_NUMBERS:
        layers.append({"mark": "text", "encoding": place | _number(plot)})
    return layers


def _fields(plot: HeatMap) -> list[str]:
    return list(dict.fromkeys(name for cell in plot.cells for name in cell.picks))


def _place(field: str, by: str, title: str) -> Spec:
    """Read the names of columns and rows off the data, so that a new round brings its own."""
    return {
        "field": field,
        "type": "ordinal",
        "sort": {"field": by, "op": "min"},
        "title": title,
        "axis": {"labelAngle": 0, "labelOverlap": True},
    }


def _colour(plot: HeatMap) -> Spec:
    """Blue and orange tell signs apart for every eye; viridis tells amounts apart."""
    low, high = plot.limits
    scheme = {"scheme": "blueorange", "domainMid": 0} if low < 0 else {"scheme": "viridis"}
    return {
        "field": "y",
        "type": "quantitative",
        "title": plot.value_title,
        "scale": {"domain": [low, high], **scheme},
    }


def _number(plot: HeatMap) -> Spec:
    """Write a number in ink that stands out from the colour below it."""
    low, high = plot.limits
    dark = f"abs(datum.y) > {0.7 * high}" if low < 0 else f"datum.y < {0.6 * high}"
    ink = {"condition": {"test": dark, "value": "white"}, "value": "black"}
    text = {"field": "y", "type": "quantitative", "format": "+.2f" if low < 0 else ".2f"}
    return {"text": text, "color": ink}


def _told(plot: HeatMap) -> list[Spec]:
    titles = {"column": plot.x_title, "row": plot.y_title}
    told = [{"field": field, "type": "nominal", "title": title} for field, title in titles.items()]
    there = {"y": plot.value_title}
    if any(cell.low is not None for cell in plot.cells):
        there |= {"low": "from", "high": "to"}
    if any(cell.n is not None for cell in plot.cells):
        there["n"] = "n"
    return told + [
        {"field": field, "type": "quantitative", "title": title, "format": ",.3~g"}
        for field, title in there.items()
    ]
