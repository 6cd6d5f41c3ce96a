"""The colours of charts, told apart by colour-blind eyes, on light pages and on dark ones."""

import json
from collections.abc import Mapping
from typing import Any

from sitool.errors import UnknownNameError

COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#7f7f7f", "#b8a800")
"""Okabe and Ito's; shapes tell the lines apart as well."""
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-left",
          "triangle-right")  # fmt: skip
INK = "#1d1d1f"
"""Of what has to stand out, whatever it lies on; a dark page exchanges it too."""
ON_DARK = dict(zip(COLOURS, ("#4fa8e0", "#f0b429", "#35c495", "#e29bc4", "#8accf5", "#f5813c",
                             "#a8a8a8", "#d9cb3f"), strict=True)) | {INK: "#f4f4f5"}  # fmt: skip
"""The same colours, light enough for a dark page."""


def _config(ink: str, faint: str) -> dict[str, Any]:
    words = {"labelColor": ink, "titleColor": ink, "labelFontSize": 12, "titleFontSize": 12}
    return {
        "axis": words | {"gridColor": faint, "domainColor": faint, "tickColor": faint},
        "legend": words,
        "title": {"color": ink, "subtitleColor": ink},
        "text": {"color": ink},
    }


THEMES: Mapping[str, dict[str, Any]] = {
    "light": {
        "config": _config("#22262b", "#d5d9de"), "colours": {}, "background": "#ffffff",
    },
    "dark": {
        "config": _config("#e4e7ea", "#444b54"), "colours": ON_DARK, "background": "#1b1e23",
    },
}  # fmt: skip
"""Of a page: what to lay under a spec's own `config`, which of its colours to exchange, and what
a chart lies on that has no page around it."""


def themed(spec: dict[str, Any], theme: str) -> dict[str, Any]:
    """Return a spec in the colours of a theme.

    Raises:
        UnknownNameError: There is no such theme.
    """
    if theme not in THEMES:
        raise UnknownNameError("theme", theme, THEMES)
    worn, text = THEMES[theme], json.dumps({**spec, "data": None})
    for plain, own in worn["colours"].items():
        text = text.replace(plain, own)
    coloured: dict[str, Any] = json.loads(text)
    config = {**worn["config"], **coloured.get("config", {})}
    return coloured | {"config": config, "background": worn["background"], "data": spec["data"]}
