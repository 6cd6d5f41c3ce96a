"""Plots as Vega-Lite: plain dictionaries, and pictures of them that need no network.

Importing this needs neither altair nor vl-convert. What it leaves out: which numbers a
plot shows (`sitool.plots`), and charts to put into a cell (`sitool.charts`).

A live view holds on to these:

* A spec has one data set that grows, named `rows`: `spec["data"] == {"name": "rows",
  "values": rows_of(plot)}`. To bring a drawn view up to date, exchange its rows:
  `view.change("rows", changeset().remove(() => true).insert(rows)).run()`. That is enough
  as long as `frame_of(plot)`, the spec without its rows, is the same as before; else (a
  title counts more samples, a line joined) the spec has to be embedded anew.
* What a click picks are selection parameters, named for the field of the rows that they
  read: `level`, `round` and `sample`, in every spec whose rows have that field. A click on
  a mark picks its level and its round; a click beside the marks picks nothing again. In
  Vega each is a signal of that name: `view.addSignalListener("level", (_, value) =>
  value.level?.[0])`. `picked` is the line chosen in the legend, by its field `line`.
* The marks that a click is meant for are in the view named `marks`.
"""

from sitool.vega.pictures import FORMS, picture, save_svg, svg_of
from sitool.vega.rows import Row, rows_of
from sitool.vega.specs import DATA, Drawable, Spec, frame_of, small_print, spec_of
from sitool.vega.themes import COLOURS, THEMES, themed

__all__ = [
    "COLOURS",
    "DATA",
    "FORMS",
    "THEMES",
    "Drawable",
    "Row",
    "Spec",
    "frame_of",
    "picture",
    "rows_of",
    "save_svg",
    "small_print",
    "spec_of",
    "svg_of",
    "themed",
]
