"""An altair chart that a notebook shows without the network, and keeps as a picture.

Altair's own way is an HTML page that loads its libraries from the network. Bringing them
along would make each chart a megabyte. So a cell gets two things: the spec, under the one
name that JupyterLab 4 and Notebook 7 draw by themselves, with libraries that they bring
(tooltips and selections work, no kernel is needed); and a still, for code hosts, exported
pages, Colab and editors. There is no HTML, which JupyterLab would prefer to both.
"""

import base64
import contextlib
import json
from typing import Any

import altair

from sitool.errors import MissingDependencyError
from sitool.vega import DATA, picture
from sitool.vega.params import MARKS, PICKED

DRAWN = "application/vnd.vegalite.v5+json"
"""What JupyterLab 4.6 and Notebook 7.6 draw; altair 6 writes another name, which they do not."""
SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
"""Nothing in our specs is newer; under version 6 their libraries would warn."""

SHARPNESS = 1.5
"""Pixels of the still for one of the chart. Without it JupyterLab would add one, a larger one."""


class Shown:
    """What shows itself offline; it stands before one of altair's classes.

    Where another renderer is chosen, with `altair.renderers.enable`, that one shows it.
    """

    def _repr_mimebundle_(self: Any, *args: Any, **kwargs: Any) -> Any:
        if altair.renderers.active != "default":
            return super()._repr_mimebundle_(*args, **kwargs)  # type: ignore[misc]
        return bundle_of(self.to_dict())


class Figure(Shown, altair.LayerChart):
    """A chart that shows itself offline; in all else an altair chart."""

    @classmethod
    def of(cls, spec: dict[str, Any]) -> "Figure":
        """Make a chart of a spec with layers."""
        figure: Figure = cls.from_dict(spec)
        # Layers read from a spec lack what charts can do, such as `interactive`.
        figure.layer = [
            altair.Chart.from_dict(layer.to_dict(), validate=False) for layer in figure.layer
        ]
        return figure

    def __or__(self, other: Any) -> Any:
        return beside(self, other) if isinstance(other, Figure) else super().__or__(other)

    def __and__(self, other: Any) -> Any:
        if not isinstance(other, Figure):
            return super().__and__(other)
        return beside(self, other, columns=1)


class Board(Shown, altair.ConcatChart):
    """Several charts beside each other, as one."""


def beside(*figures: Figure, columns: int = 2) -> Board:
    """Put charts beside each other; what a click picks in one stands out in all.

    Args:
        columns: After so many a new row begins.
    """
    specs = [_named_apart(figure.to_dict(), place) for place, figure in enumerate(figures)]
    params: dict[str, dict[str, Any]] = {}
    for param in (param for spec in specs for param in spec.pop("params", [])):
        views = params.setdefault(param["name"], param | {"views": []})["views"]
        views.extend(param["views"])
    whole = {name: specs[0][name] for name in ("$schema", "background", "config")}
    datasets = {name: rows for spec in specs for name, rows in spec.pop("datasets", {}).items()}
    for spec in specs:
        for name in whole:
            spec.pop(name, None)
    board: Board = Board.from_dict({
        **whole, "datasets": datasets, "concat": specs, "columns": columns,
        "params": list(params.values()),
        "resolve": {"scale": dict.fromkeys(("color", "shape", "size"), "independent")},
    })  # fmt: skip
    return board


def _named_apart(spec: dict[str, Any], place: int) -> dict[str, Any]:
    """Give the data, the marks and the legend of one chart of several names of their own."""
    text = json.dumps(spec | {"data": None})
    for name in (MARKS, PICKED):
        text = text.replace(f'"{name}"', f'"{name}_{place}"')
    apart: dict[str, Any] = json.loads(text)
    return apart | {"data": spec["data"] | {"name": f"{DATA}_{place}"}}


def bundle_of(spec: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a cell keeps of a chart, and how to draw it, by mime type."""
    title = spec.get("title", "")
    words = title.get("text", "") if isinstance(title, dict) else title
    shown = {DRAWN: spec | {"$schema": SCHEMA}, "text/plain": f"<chart: {words}>"}
    how: dict[str, Any] = {DRAWN: {"embed_options": {"actions": False, "renderer": "svg"}}}
    with contextlib.suppress(MissingDependencyError):
        png = picture(spec, "png", SHARPNESS)
        shown["image/png"] = base64.b64encode(png).decode()
        # As wide as the chart: else a page shows every pixel of a sharper picture.
        how["image/png"] = {"width": round(int.from_bytes(png[16:20]) / SHARPNESS)}
    return shown, how
