"""How a sample is drawn token by token: a box each, coloured by how likely it was."""

import math
from typing import Any

from sitool.plots.samples import WIDTH, TokenStrip
from sitool.vega.params import MARKS

LEAST_LOGPROB = -5.0
"""Nats; what is less likely than one in 148 has the last colour."""
DARK = -2.5
"""Nats below which a colour is so dark that it takes white letters."""
LINE_HEIGHT = 30

Spec = dict[str, Any]


def layers_of(plot: TokenStrip) -> list[Spec]:
    """Draw boxes, and what they read."""
    place = {
        "x": _across("left"), "x2": {"field": "right"},
        "y": {"field": "row", "type": "ordinal", "axis": None, "scale": {"paddingInner": 0.15}},
    }  # fmt: skip
    ink = {"condition": {"test": f"datum.y < {DARK}", "value": "white"}, "value": "black"}
    middle = {"x": _across("middle"), "y": place["y"], "text": {"field": "token"}, "color": ink}
    return [
        {
            "name": MARKS,
            "mark": {"type": "rect", "stroke": "white", "strokeWidth": 1},
            "encoding": place | {"color": _colour(), "tooltip": _told()},
        },
        {"mark": {"type": "text", "font": "monospace", "fontSize": 12}, "encoding": middle},
    ]


def rows_of(plot: TokenStrip) -> list[Spec]:
    """Write out the boxes; probabilities stand beside their logarithms."""
    return [
        {
            "place": place,
            "token": token.text,
            "y": round(token.logprob, 4),
            "chance": round(math.exp(min(0.0, token.logprob)), 6),
            "row": token.line,
            "left": token.left,
            "middle": (token.left + token.right) / 2,
            "right": token.right,
        }
        for place, token in enumerate(plot.tokens, 1)
    ]


def height_of(plot: TokenStrip) -> int:
    """Return how high the boxes are together."""
    return LINE_HEIGHT * plot.lines


def _across(field: str) -> Spec:
    return {"field": field, "type": "quantitative", "axis": None,
            "scale": {"domain": [0, WIDTH], "nice": False}}  # fmt: skip


def _colour() -> Spec:
    scale = {"domain": [LEAST_LOGPROB, 0], "clamp": True, "scheme": "viridis"}
    return {"field": "y", "type": "quantitative", "title": "log p, nats", "scale": scale,
            "legend": {"orient": "bottom", "gradientLength": 200}}  # fmt: skip


def _told() -> list[Spec]:
    return [
        {"field": "token", "type": "nominal", "title": "reads"},
        {"field": "place", "type": "quantitative", "title": "token"},
        {"field": "y", "type": "quantitative", "title": "log p, nats", "format": ".3f"},
        {"field": "chance", "type": "quantitative", "title": "p", "format": ".3~g"},
    ]
