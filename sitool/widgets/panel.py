"""The whole panel of a study: buttons and phases above, the rounds at the left, the parts in tabs.

What this leaves out: the parts themselves, which can be shown alone as well.
"""

from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets

from sitool.client import Study
from sitool.study.card import card_bundle
from sitool.widgets.charts import Charts
from sitool.widgets.code import Code
from sitool.widgets.curriculum import Curriculum
from sitool.widgets.finding import Finding
from sitool.widgets.gap import Gap
from sitool.widgets.inspector import Inspector
from sitool.widgets.part import Part
from sitool.widgets.rounds import RoundTree
from sitool.widgets.samples import Samples
from sitool.widgets.sharpening import Sharpening
from sitool.widgets.signal import Signal
from sitool.widgets.steps import Steps
from sitool.widgets.theory import Theory
from sitool.widgets.view import View, view_of


class Browser(Part):
    """The table of samples, and below it the one that is chosen in full.

    Args:
        study: The study, or a view of it.
    """

    def __init__(self, study: Study | View) -> None:
        super().__init__(study)
        self.samples, self.inspector = Samples(self.view), Inspector(self.view)
        self.children = (self.samples, self.inspector)

    def still(self) -> Mapping[str, Any]:
        """Return the table's still; a sample is chosen only where there is a kernel."""
        return self.samples.still()

    def close(self) -> None:
        """Take both off the page."""
        self.samples.close()
        self.inspector.close()
        super().close()


TABS: Mapping[str, Callable[[View], Part]] = {
    "Charts": Charts,
    "Samples": Browser,
    "Curriculum": Curriculum,
    "Gap": lambda view: Gap(view, awake=False),
    "Sharpening": lambda view: Sharpening(view, awake=False),
    "Theory": lambda view: Theory(view, awake=False),
    "Code": Code,
}
"""The tabs, from left to right; what takes time to find out begins when its tab is chosen."""

STYLE = (
    ".sitool-panel .lm-TabBar-tab {flex: 0 0 auto !important; min-width: 0 !important;"
    " padding: 0 9px !important}"
)
"""Tabs as wide as their words: else the last letters are cut where a page is narrow."""


class Panel(Part):
    """One study to drive and to look at, with everything that the notebook has of it.

    Args:
        study: The study, or a view of it.
    """

    def __init__(self, study: Study | View) -> None:
        super().__init__(study)
        self.add_class("sitool-panel")
        self.steps, self.rounds = Steps(self.view), RoundTree(self.view)
        self.signal = Signal(self.view)
        self.parts = {name: make(self.view) for name, make in TABS.items()}
        self.tabs = ipywidgets.Tab(
            children=tuple(self.parts.values()),
            titles=tuple(self.parts),
            layout={"flex": "1 1 480px", "min_width": "0"},
        )
        self.tabs.observe(self._wake, "selected_index")
        left = ipywidgets.VBox(
            (self.rounds, self.signal),
            layout={"flex": "0 1 310px", "min_width": "0"},
        )
        below = ipywidgets.HBox((left, self.tabs), layout={"flex_flow": "row wrap"})
        self.children = (ipywidgets.HTML(f"<style>{STYLE}</style>"), self.steps, below)

    def _wake(self, change: Any) -> None:
        """Let a tab find out what it shows, now that it is seen, and those that are not rest."""
        chosen = self.tabs.children[change["new"]] if change["new"] is not None else None
        for part in self.parts.values():
            if isinstance(part, Finding) and part is not chosen:
                part.rest()
        if isinstance(chosen, Finding | Theory):
            chosen.wake()

    def still(self) -> Mapping[str, Any]:
        """Return the study's card."""
        self.view.settle()
        look = self.view.look
        return self.steps.still() if look is None else card_bundle(look.summary)

    def close(self) -> None:
        """Take the panel and its parts off the page."""
        for part in (self.steps, self.rounds, self.signal, *self.parts.values()):
            part.close()
        super().close()


_panels: dict[View, Panel] = {}


def panel_of(study: Study) -> Panel:
    """Return the study's one panel, so that a cell that is run again leaves none behind."""
    view = view_of(study)
    for followed in [followed for followed in _panels if followed.closed]:
        del _panels[followed]
    if view not in _panels or _panels[view].closed:
        _panels[view] = Panel(view)
    return _panels[view]
