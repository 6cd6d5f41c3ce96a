"""The tree of rounds, from which one is chosen to look at."""

from typing import Any

import ipywidgets

from sitool.client import Study
from sitool.html.markup import Markup, join, tag
from sitool.study.lineage import Line, mark_of, overall_words, tree_lines
from sitool.study.pieces import faint, lead, sheet
from sitool.summary import RoundSummary, Summary
from sitool.widgets.part import Part
from sitool.widgets.view import View

LEGEND = "● head: the next round starts from it   ▸ under way   ✗ left unfinished   ✎ overruled"
LEAST_ROWS, MOST_ROWS = 4, 16
STYLE = ".sitool-rounds select {font-family: var(--jp-code-font-family, monospace)}"
"""The names of rounds, and their figures, below each other."""
NO_ROUND = "There is no round yet: Step measures the base."


def line_words(line: Line, summary: Summary) -> str:
    """Write a round in one line: name, where it stands, accuracy, overruled samples."""
    words = f"{line.stem}{line.round.round.label}{mark_of(line.round, summary)}"
    # A browser folds plain spaces inside of a list.
    return f"{words}{overall_words(line.round)}".replace(" ", "\N{NO-BREAK SPACE}")


class RoundTree(Part):
    """All rounds of the study as a list; the chosen one is shown by the other parts.

    Args:
        study: The study, or a view of it.
    """

    def __init__(self, study: Study | View) -> None:
        self.rounds = ipywidgets.Select(
            options=[], rows=LEAST_ROWS, layout={"width": "calc(100% - 4px)", "min_width": "14em"},
            tooltip="Every round of the study, each below the one that it started from.",
        )  # fmt: skip
        self.about = ipywidgets.HTML()
        self.rounds.add_class("sitool-rounds")
        title = ipywidgets.HTML(join([tag("b", "Rounds"), tag("style", Markup(STYLE))]))
        super().__init__(study, (title, self.rounds, self.about))
        self.rounds.observe(self._choose, "value")
        self.watch(self._draw, "look", "shown")
        self._draw(None)

    def _choose(self, change: Any) -> None:
        """Look at another round, unless we put the choice there ourselves."""
        if not self.filling and change["new"] is not None:
            self.view.show(change["new"])

    def _draw(self, change: Any) -> None:
        look, shown = self.view.look, self.view.shown
        if look is None:
            return
        lines = tree_lines(look.summary)
        options = tuple((line_words(line, look.summary), line.round.round.id) for line in lines)
        with self.fill(), self.rounds.hold_sync():
            if self.rounds.options != options:
                self.rounds.options = options
                self.rounds.rows = min(max(len(options), LEAST_ROWS), MOST_ROWS)
            if shown in [number for _, number in options]:
                self.rounds.value = shown
        self.about.value = str(_about(look.summary, shown))

    def page(self) -> Markup:
        """Show the tree."""
        look = self.view.look
        if look is None or not look.summary.rounds:
            return faint(NO_ROUND)
        rows = [
            (tag("span", line_words(line, look.summary), style="white-space:pre"),)
            for line in tree_lines(look.summary)
        ]
        return join([sheet((), rows), faint(LEGEND)])


def _about(summary: Summary, shown: int | None) -> Markup:
    """Say what is special about the shown round, below the legend."""
    if shown is None:
        return faint(NO_ROUND)
    return join([lead(summary.round(shown).round.label, *_special(summary.round(shown))),
                 faint(LEGEND)])  # fmt: skip


def _special(r: RoundSummary) -> list[str]:
    words = ["" if r.round.parent is None else f" from r{r.round.parent:04d}"]
    if r.round.redo_of is not None:
        words.append(f", the samples of r{r.round.redo_of:04d} selected again")
    words += [f"; {path}: {before} → {after}" for path, (before, after) in r.changes.items()]
    if r.overruled:
        words.append(f"; {r.overruled} overruled by people")
    return words
