"""The lines of code that do what was clicked, to copy into a cell or a script."""

from typing import Any

import ipywidgets

from sitool.client import Study
from sitool.html.markup import Markup, join, lines, tag
from sitool.study.pieces import faint
from sitool.widgets.part import Part
from sitool.widgets.view import View

ABOUT = "What was clicked, as code: select it all with Ctrl+A, and copy it into a cell."
NOTHING_YET = "# Nothing was clicked yet."


class Code(Part):
    """What was clicked in any part of the study, as lines of Python that do the same.

    Args:
        study: The study, or a view of it.
    """

    def __init__(self, study: Study | View) -> None:
        self.text = ipywidgets.Textarea(
            rows=12, layout={"width": "calc(100% - 4px)", "height": "auto"}, tooltip=ABOUT
        )
        super().__init__(study, (ipywidgets.HTML(str(faint(ABOUT))), self.text))
        self.watch(self._draw, "lines")
        self._draw(None)

    @property
    def code(self) -> str:
        """All lines, with one that opens the study before them."""
        opened = f"import sitool\n\nstudy = sitool.open({str(self.view.folder)!r})"
        return "\n".join([opened, *(self.view.lines or [NOTHING_YET])])

    def _draw(self, change: Any) -> None:
        self.text.value = self.code

    def page(self) -> Markup:
        """Show the lines."""
        return join([tag("pre", lines(self.code), style="white-space:pre-wrap")])
