"""How lines, dots and bars are drawn: the layers of a plot's spec."""

from collections.abc import Iterable, Sequence
from typing import Any

from sitool.plots import Plot
from sitool.vega.params import MARKS, PICKED, faded, picks, raised
from sitool.vega.themes import COLOURS, SHAPES

MOST_NUMBERS = 14
"""Columns that have room for a number each."""
MOST_MARKED = 60
"""Points of a line that have room for a mark each."""

BESIDE = {"scale": {"type": "band", "paddingInner": 0.6, "paddingOuter": 0.3}}
"""Leaves room between places for lines that are moved apart at each."""

Spec = dict[str, Any]


def params_of(plot: Plot) -> list[Spec]:
    """Return what a click picks."""
    return picks(_fields(plot), legend=len(plot.lines) > 1)


def layers_of(plot: Plot) -> list[Spec]:
    """Draw bars or lines; the layer that takes clicks is the one named `marks`."""
    return _bars(plot) if plot.bars else _lines(plot)


def _fields(plot: Plot) -> list[str]:
    """Return what points can be picked by; a line without that is none to pick."""
    return list(dict.fromkeys(name for line in plot.lines for name in line.picks))


def _lines(plot: Plot) -> list[Spec]:
    layers: list[Spec] = [_diagonal()] if plot.dots else []
    if _has(plot, "low"):
        layers.append(_intervals(plot))
    x, colour = _x(plot), _colour(plot)
    opacity = 0.6 if plot.dots and _longest(plot) > MOST_MARKED else 1
    seen = {"color": colour, "opacity": faded(_fading(plot), opacity), **_offset(plot)}
    if not plot.dots:
        shape = {"interpolate": "step"} if plot.steps else {}
        layers.append({
            "mark": {"type": "line", "strokeWidth": 2, "tooltip": True, **shape},
            "encoding": {"x": x, "y": _y(plot), **seen, "tooltip": _told(plot)},
        })  # fmt: skip
    if plot.dots or (_longest(plot) <= MOST_MARKED and not plot.steps):
        size = raised((name for name in _fields(plot) if name != "level"), 190, 70)
        layers.append({
            "mark": {"type": "point", "filled": True, "cursor": "pointer"},
            "encoding": {"x": x, "y": _y(plot), **seen, "shape": _shape(plot), "size": size,
                         "tooltip": _told(plot)},
        })  # fmt: skip
    layers[-1]["name"] = MARKS
    return layers


def _longest(plot: Plot) -> int:
    return max(len(line.x) for line in plot.lines)


def _has(plot: Plot, column: str) -> bool:
    return any(getattr(line, column) is not None for line in plot.lines)


def _measured(plot: Plot) -> int:
    """Count the lines that have intervals."""
    return sum(line.low is not None for line in plot.lines)


def _in_bars(plot: Plot) -> bool:
    """Whether intervals are bars: many shades would hide one another, and one place has none."""
    return _measured(plot) > 2 or _longest(plot) < 2


def _fading(plot: Plot) -> list[str]:
    """Return by what lines are told apart, so that those not picked can fade."""
    if len(plot.lines) == 1:
        return []
    of_one_level = all(len({*line.picks.get("level", ())}) == 1 for line in plot.lines)
    return [PICKED, *(["level"] if of_one_level else [])]


def _diagonal() -> Spec:
    return {
        "data": {"values": [{"x": 0, "y": 0}, {"x": 1, "y": 1}]},
        "mark": {"type": "line", "strokeDash": [5, 4], "color": "#8a8f96", "strokeWidth": 1},
        "encoding": {
            "x": {"field": "x", "type": "quantitative"},
            "y": {"field": "y", "type": "quantitative"},
        },
    }


def _intervals(plot: Plot) -> Spec:
    """Shade the intervals of a line or two, and give more lines bars."""
    in_bars = plot.dots or _in_bars(plot)
    mark, opacity = ("rule", 0.45) if in_bars else ("area", 0.18)
    low = _y(plot) | {"field": "low"}
    return {
        "mark": {"type": mark},
        "encoding": {"x": _x(plot), "y": low, "y2": {"field": "high"}, "color": _colour(plot),
                     "opacity": faded(_fading(plot), opacity), **_offset(plot)},
    }  # fmt: skip


def _bars(plot: Plot) -> list[Spec]:
    several = {"xOffset": {"field": "line"}} if len(plot.lines) > 1 else {}
    shared = {"x": _named_places(plot) | {"scale": {"padding": 0.3}}, **several}
    y, told = _y(plot), {"tooltip": _told(plot)}
    fading = [*_fading(plot), *(name for name in _fields(plot) if name == "round")]
    bright, pale = ({"opacity": faded(fading, opacity)} for opacity in (1, 0.2))
    layers: list[Spec] = [
        {
            "mark": {"type": "bar", "cursor": "pointer"},
            "encoding": shared | {"y": y | {"field": "total"}, "color": _colour(plot)} | told
            | pale,
        },
        {
            "name": MARKS,
            "mark": {"type": "bar", "cursor": "pointer"},
            "encoding": shared | {"y": y, "color": _colour(plot)} | told | bright,
        },
    ]  # fmt: skip
    if len(plot.ticks) <= MOST_NUMBERS:
        numbers = {"y": y, "text": {"field": "y", "format": ","}}
        layers.append({"mark": {"type": "text", "dy": -7}, "encoding": shared | numbers})
    return layers


def _told(plot: Plot) -> list[Spec]:
    """Say what is told of a point that is pointed at."""
    place: Spec = {"field": "x", "type": "quantitative", "title": plot.x_title, "format": ".4~g"}
    when: list[Spec] = []
    if any(line.names for line in plot.lines):
        when = [{"field": "place", "type": "nominal", "title": "what"}]
    elif _is_named(plot):
        place = {"field": "place", "type": "nominal", "title": plot.x_title}
    figures = {
        "y": plot.y_title,
        **({"low": "from", "high": "to"} if _has(plot, "low") else {}),
        **({"n": "n"} if _has(plot, "n") else {}),
        **({"total": "of"} if plot.bars else {}),
        **({"level": "level", "sample": "sample"} if "sample" in _fields(plot) else {}),
    }
    return [{"field": "line", "type": "nominal", "title": "line"}, *when, place] + [
        {"field": field, "type": "quantitative", "title": title, "format": ",.4~g"}
        for field, title in figures.items()
    ]


def _x(plot: Plot) -> Spec:
    if plot.dots:
        scale = {"domain": list(plot.limits or (0, 1))}
        return {"field": "x", "type": "quantitative", "title": plot.x_title, "scale": scale,
                "axis": {"tickCount": 10}}  # fmt: skip
    if not plot.ticks:
        return {"field": "x", "type": "quantitative", "title": plot.x_title,
                "axis": {"tickMinStep": 1, "grid": False}, "scale": {"zero": False}}  # fmt: skip
    if not _is_named(plot):
        return _places_between(plot)
    return _named_places(plot) | (BESIDE if _offset(plot) else {})


def _is_named(plot: Plot) -> bool:
    """Whether every point lies at a place with a name."""
    named = all(float(x) in plot.ticks for line in plot.lines for x in line.x)
    return bool(plot.ticks) and named


def _offset(plot: Plot) -> Spec:
    """Move lines a little apart, where the bars of their intervals would hide one another."""
    if plot.dots or _measured(plot) < 2 or not _in_bars(plot) or not _is_named(plot):
        return {}
    return {"xOffset": {"field": "line", "sort": [line.label for line in plot.lines]}}


def _named_places(plot: Plot) -> Spec:
    """Read the names of places off the rows, so that a new round brings its own."""
    return {
        "field": "place",
        "type": "ordinal",
        "sort": {"field": "x", "op": "min"},
        "title": plot.x_title,
        "axis": {"labelAngle": 0, "labelOverlap": True, "grid": False},
    }


def _places_between(plot: Plot) -> Spec:
    """Name some places of an axis that has points between them."""
    names = {f"{place:g}": name for place, name in plot.ticks.items()}
    places = list(plot.ticks)
    return {
        "field": "x",
        "type": "quantitative",
        "title": plot.x_title,
        "axis": {"values": places, "labelExpr": f"({names!r})[datum.value]", "grid": False,
                 "labelOverlap": True},
        "scale": {"domain": [places[0] - 0.2, places[-1] + 0.2], "nice": False},
    }  # fmt: skip


def _y(plot: Plot) -> Spec:
    scale: Spec = {"domain": list(plot.limits)} if plot.limits else {"zero": plot.bars}
    return {"field": "y", "type": "quantitative", "title": plot.y_title, "scale": scale}


def _colour(plot: Plot) -> Spec:
    labels = [line.label for line in plot.lines]
    colours = [COLOURS[i % len(COLOURS)] for i in range(len(labels))]
    legend = {"symbolOpacity": 1} if len(labels) > 1 else None
    return _by_line(labels, colours) | {"type": "nominal", "legend": legend}


def _shape(plot: Plot) -> Spec:
    """Give every line a mark; colours and marks come together again after 64 lines only."""
    labels = [line.label for line in plot.lines]
    marks = [SHAPES[(i + i // len(COLOURS)) % len(SHAPES)] for i in range(len(labels))]
    return _by_line(labels, marks)


def _by_line(labels: Sequence[str], looks: Iterable[str]) -> Spec:
    scale = {"domain": list(labels), "range": list(looks)}
    return {"field": "line", "sort": list(labels), "title": None, "scale": scale}
