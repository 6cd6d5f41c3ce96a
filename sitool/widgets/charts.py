"""The charts of a study, one at a time: they follow it live, and a click picks samples.

What this leaves out: which numbers a chart shows (`sitool.plots`) and how it gets onto a
page (`chart.py`).
"""

import re
import threading
from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets

from sitool.client import Study
from sitool.front.desk import Look
from sitool.html.markup import Markup, join
from sitool.plots import KINDS, HeatMap, Plot, branch_to, loss_plot, name_of, plot_of, why_no_losses
from sitool.plots.branches import accuracy_map, feedback_plot, weight_map
from sitool.study.pieces import drawing, lead
from sitool.summary import Summary
from sitool.vega import Row, frame_of, rows_of, small_print
from sitool.widgets.chart import LiveChart
from sitool.widgets.part import Part
from sitool.widgets.view import View

NAMES: Mapping[str, str] = {
    "accuracy": KINDS["accuracy"],
    "map": "Level × round",
    "accepted": KINDS["accepted"],
    "pass_at_k": KINDS["pass_at_k"],
    "entropy": KINDS["entropy"],
    "loss": KINDS["loss"],
    "feedback": "Before and after",
    "weights": "Curriculum",
}
"""The charts there are: name -> what its button says."""
OF_THE_BRANCH: Mapping[str, Callable[[Summary, int], Plot | HeatMap]] = {
    "map": accuracy_map,
    "feedback": feedback_plot,
    "weights": weight_map,
}
OF_ONE_ROUND = ("pass_at_k", "loss")
"""Charts of the shown round; the others show the whole branch that it is on."""
NAMES_LEVELS = ("accuracy", "feedback")
LEVEL = re.compile(r"(?:level |L)(\d+)")
ROUND = re.compile(r"r(\d+)")


class Charts(Part):
    """Charts of the shown round and its branch.

    A click on a point looks at its round and level: the samples follow. A click on a
    name in the legend picks a level, one on a name below picks a round; the same click
    again lets go of the level.

    Args:
        study: The study, or a view of it.
        kind: The chart to begin with, a key of `NAMES`.
    """

    def __init__(self, study: Study | View, kind: str = "accuracy") -> None:
        self._drawing = threading.Lock()
        self._seen: tuple[Any, ...] = ()
        self.kinds = ipywidgets.ToggleButtons(
            options=[(name, key) for key, name in NAMES.items()], value=kind,
            style={"button_width": "auto"},
        )  # fmt: skip
        self.kinds.add_class("sitool-kinds")
        self.chart = LiveChart()
        super().__init__(study, (self.kinds, self.chart))
        self.chart.on_click(self._clicked)
        self.kinds.observe(self._draw, "value")
        self.watch(self._draw, "look", "shown", "level")
        self.watch(self._follow_loss, "beat")
        self._draw()

    @property
    def kind(self) -> str:
        """Which chart is drawn, a key of `NAMES`."""
        return str(self.kinds.value)

    @property
    def plot(self) -> Plot | HeatMap:
        """The chart as it is now; `sitool.vega.spec_of` makes it a spec."""
        look = self.view.look
        summary = self.view.study.summary() if look is None else look.summary
        shown = self.view.shown
        if shown is None:
            shown = summary.open if summary.open is not None else summary.head
        return self._plot_of(summary, shown)

    def page(self) -> Markup:
        """Return the chart as a picture, under what it is in words."""
        plot = self.plot
        return join([lead(f"{plot.title}. ", small_print(plot)), drawing(plot)])

    def _draw(self, change: Any = None) -> None:
        look = self.view.look
        if look is None:
            self.chart.say(NAMES[self.kind], "Opening the study …")
            return
        with self._drawing:
            self.chart.picks = self._picks(look)
            now = (self.kind, self.view.shown, look.summary.rounds, look.summary.open)
            if now != self._seen:
                self._seen = now
                self._show(self._plot_of(look.summary, self.view.shown))

    def _follow_loss(self, change: Any) -> None:
        if self.kind == "loss" and self.view.look is not None and self.view.progress.losses:
            with self._drawing:
                self._show(self._plot_of(self.view.look.summary, self.view.shown))

    def _show(self, plot: Plot | HeatMap) -> None:
        if plot.empty:
            self.chart.say(plot.title, plot.empty)
            return
        self.chart.title, self.chart.note = plot.title, small_print(plot)
        self.chart.show(frame_of(plot), rows_of(plot))

    def _plot_of(self, summary: Summary, shown: int | None) -> Plot | HeatMap:
        kind = self.kind
        if shown is None:
            return plot_of(summary, "accuracy", None)
        if kind == "loss":
            return self._losses(summary, shown)
        tip = shown if kind in OF_ONE_ROUND else self._tip(summary, shown)
        if kind in OF_THE_BRANCH:
            return OF_THE_BRANCH[kind](summary, tip)
        return plot_of(summary, kind, tip)

    def _tip(self, summary: Summary, shown: int) -> int:
        """Return the newest round if the shown one leads to it: a look back hides nothing."""
        newest = self.view.standing.newest
        known = [r.round.id for r in summary.rounds]
        if newest is None or newest not in known:
            return shown
        leads = any(r.round.id == shown for r in branch_to(summary, newest))
        return newest if leads else shown

    def _losses(self, summary: Summary, shown: int) -> Plot:
        """Draw the shown round's losses, or as far as they are if it trains now."""
        here = summary.round(shown)
        running = self.view.progress.losses
        if summary.open != shown or not running:
            return plot_of(summary, "loss", shown)
        name = name_of(here)
        steps = {name: list(running)}
        return loss_plot({name: list(running.values())}, why_no_losses(here), steps)

    # Clicks.

    def _picks(self, look: Look) -> dict[str, Any]:
        """Say what stands out: the level, and the round if it is not the newest."""
        shown = self.view.shown
        newest = shown is None or shown == self._tip(look.summary, shown)
        back = None if newest else shown
        # Where the legend names levels, a click in it picks one of those and no line.
        line = {"picked": None} if self.kind in NAMES_LEVELS else {}
        return {"level": self.view.level, "round": back, **line}

    def _clicked(self, row: Row) -> None:
        """Look at the level and the round of a mark, or of a name in the legend or below."""
        level, number = level_of(row), round_of(row)
        again = number is None or number == self.view.shown
        if number is not None and self._known(number):
            self.view.show(number)
        if level is not None:
            self.view.level = None if again and level == self.view.level else level
        elif not row:
            self.view.level = None

    def _known(self, number: int) -> bool:
        look = self.view.look
        return look is not None and any(r.round.id == number for r in look.summary.rounds)


def level_of(row: Row) -> int | None:
    """Return the level that a clicked row or name tells of.

    >>> level_of({"level": 3, "round": 2}), level_of({"legend": "level 5"}), level_of({})
    (3, 5, None)
    """
    return _number(row, "level", LEVEL)


def round_of(row: Row) -> int | None:
    """Return the round that a clicked row or name tells of.

    >>> round_of({"level": 3, "round": 2}), round_of({"axis": "r4"}), round_of({"axis": "0.5"})
    (2, 4, None)
    """
    return _number(row, "round", ROUND)


def _number(row: Row, field: str, name: re.Pattern[str]) -> int | None:
    if field in row:
        return int(row[field])
    words = (str(row.get(place, "")) for place in ("legend", "axis"))
    return next((int(found[1]) for word in words if (found := name.fullmatch(word))), None)
