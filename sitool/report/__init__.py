"""One HTML file of a whole study, to hand out: it opens offline and prints well.

    sitool.open("my-study").report("report.html")

`page.py` puts the parts together, `sitool/markup.py` escapes every text, `figures.py` draws
the charts, `choosing.py` picks the samples to show, `cards.py` draws them,
`outline.py` has rounds and settings, `judging.py` the gap and sharpening,
`provenance.py` and `reproducing.py` say where it comes from and how to do it again.
No number is made here: they are those of every other front end.
"""

from sitool.report.page import write_report

__all__ = ["write_report"]
