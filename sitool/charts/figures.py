"""An altair chart that a notebook shows without the network, and keeps as a picture.

Altair's own way is an HTML page that loads its libraries from the network. Bringing them
along would make each chart a megabyte. So a cell gets two things: the spec, under the one
name that JupyterLab 4 and Notebook 7 draw by themselves, with libraries that they bring
(tooltips and selections work, no kernel is needed); and a still, for code hosts, exported
pages, Colab and editors. There is no HTML, which JupyterLab would prefer to both.
"""

import base64
import contextlib
from typing import Any

import altair

from sitool.errors import MissingDependencyError
from sitool.vega import picture

DRAWN = "application/vnd.vegalite.v5+json"
"""What JupyterLab 4.6 and Notebook 7.6 draw; altair 6 writes another name, which they do not."""
SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
"""Nothing in our specs is newer; under version 6 their libraries would warn."""
MOST_SVG = 60_000
"""Bytes of a still as SVG; one with more marks becomes a PNG."""

SHARPNESS = 1.5
"""Pixels of such a PNG for one of the chart."""


class Figure(altair.LayerChart):
    """A chart that shows itself offline; in all else an altair chart.

    Where another renderer is chosen, with `altair.renderers.enable`, that one shows it.
    """

    def _repr_mimebundle_(self, *args: Any, **kwargs: Any) -> Any:
        if altair.renderers.active != "default":
            return super()._repr_mimebundle_(*args, **kwargs)
        return bundle_of(self.to_dict())


def bundle_of(spec: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a cell keeps of a chart, and how to draw it, by mime type."""
    title = spec.get("title", "")
    words = title.get("text", "") if isinstance(title, dict) else title
    shown = {DRAWN: spec | {"$schema": SCHEMA}, "text/plain": f"<chart: {words}>"}
    how = {DRAWN: {"embed_options": {"actions": False, "renderer": "svg"}}}
    with contextlib.suppress(MissingDependencyError):
        still, size = still_of(spec)
        shown, how = shown | still, how | size
    return shown, how


def still_of(spec: dict[str, Any]) -> tuple[dict[str, str], dict[str, Any]]:
    """Draw a chart as a small picture, by mime type, and say how large it is meant to be.

    Raises:
        MissingDependencyError: vl-convert is not installed.
    """
    # Without a description of every mark, which triples an SVG.
    config = spec.get("config", {}) | {"aria": False}
    svg = picture(spec | {"config": config}, "svg")
    if len(svg) <= MOST_SVG:
        return {"image/svg+xml": svg.decode()}, {}
    png = picture(spec, "png", SHARPNESS)
    width = round(int.from_bytes(png[16:20]) / SHARPNESS)
    return {"image/png": base64.b64encode(png).decode()}, {"image/png": {"width": width}}
