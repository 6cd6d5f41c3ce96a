"""One HTML file of a whole study, to hand out: it opens offline and prints well.

    sitool.open("my-study").report("report.html")

`page.py` puts the parts together, `sitool/html/markup.py` escapes every text, `figures.py` draws
the charts, `choosing.py` picks the samples to show, `cards.py` draws them,
`outline.py` has rounds and settings, `judging.py` the gap and sharpening,
`provenance.py` and `reproducing.py` say where it comes from and how to do it again.
No number is made here: they are those of every other front end.
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sitool.store import Store


def write_report(store: "Store", file: Path) -> Path:
    """Write a study as one HTML file and return the file.

    Raises:
        StudyError: There is nothing to report yet, or the file cannot be written.
        MissingDependencyError: vl-convert is not installed.
    """
    # Imported late: a notebook's charts need the library of this package, and none of its pages.
    from sitool.report import page

    return page.write_report(store, file)
