"""A plot as a Vega-Lite spec with its data inside; `altair.Chart.from_dict` takes it."""

from textwrap import wrap
from typing import Any, TypeAlias

from sitool.errors import StudyError
from sitool.plots import HeatMap, Plot
from sitool.plots.samples import TokenStrip
from sitool.vega import lines, maps, strips
from sitool.vega.rows import rows_of

VEGA_LITE_SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
WIDTH, HEIGHT = 640, 360
DATA = "rows"
"""The name of a spec's one data set."""

Spec = dict[str, Any]
Drawable: TypeAlias = Plot | HeatMap | TokenStrip
WORDS_A_LINE = 110
"""Characters that have room over a chart."""


def spec_of(plot: Drawable) -> Spec:
    """Write a plot as a Vega-Lite spec with its data inside.

    Raises:
        StudyError: There is nothing to draw.
    """
    frame = frame_of(plot)
    return frame | {"data": {"name": DATA, "values": rows_of(plot)}}


def frame_of(plot: Drawable) -> Spec:
    """Write a plot as a Vega-Lite spec whose data are still to come.

    As long as it stays the same, new rows are all that a drawn chart needs.

    Raises:
        StudyError: There is nothing to draw.
    """
    if plot.empty:
        raise StudyError(f"There is nothing to draw. {plot.empty}")
    if isinstance(plot, TokenStrip):
        return _frame(plot, [], strips.layers_of(plot), strips.height_of(plot))
    drawn: Any = maps if isinstance(plot, HeatMap) else lines
    return _frame(plot, drawn.params_of(plot), drawn.layers_of(plot), HEIGHT)


def _frame(plot: Drawable, params: list[Spec], layers: list[Spec], height: int) -> Spec:
    note = wrap(small_print(plot), WORDS_A_LINE)
    words = note if len(note) > 1 else "".join(note)
    return {
        "$schema": VEGA_LITE_SCHEMA,
        "title": {"text": plot.title, "subtitle": words, "anchor": "start"},
        "width": WIDTH,
        "height": height,
        "background": "white",
        "data": {"name": DATA},
        "params": params,
        "layer": layers,
        "config": {"font": "sans-serif", "view": {"stroke": None}},
    }


def small_print(plot: Drawable) -> str:
    """Return what one has to know to read a plot, beside its title and axes."""
    if not isinstance(plot, Plot):
        return plot.note
    intervals = any(line.low is not None for line in plot.lines)
    return "; ".join(filter(None, [plot.note, plot.intervals if intervals else ""]))
