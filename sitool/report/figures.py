"""The report's charts: interactive ones that share one bundle, and a still of each.

The still is an SVG picture of its own, shown in print and where no script runs; the
script of the page replaces it on a screen. What this leaves out: what is drawn.
"""

import base64
from typing import Any

from sitool.html.markup import Markup, section, tag
from sitool.plots import overlay, plot_of
from sitool.plots.branches import accuracy_map, branch_losses, feedback_plot, weight_map
from sitool.summary import Summary
from sitool.vega import Drawable, Spec, picture, small_print, spec_of

MOST_OVERLAYS = 3
"""Other branches that are laid over the head's, the newest first."""


class Figures:
    """The charts of one report, in the order in which they are drawn."""

    def __init__(self) -> None:
        self.specs: dict[str, Any] = {}

    def draw(self, name: str, plot: Drawable) -> Markup:
        """Draw a chart; where there is nothing to draw, the sentence that says why."""
        if plot.empty:
            return tag("figure", tag("figcaption", plot.title), tag("p", plot.empty))
        spec = spec_of(plot)
        del spec["title"]  # The caption above it wraps, and can be read aloud.
        still = base64.b64encode(picture(spec, "svg")).decode()
        self.specs[f"chart-{name}"] = _fluid(spec)
        note = small_print(plot)
        return tag(
            "figure",
            tag("figcaption", plot.title, tag("small", note) if note else None),
            tag("div", id=f"chart-{name}", class_="live"),
            tag("img", class_="still", alt=plot.title, src=f"data:image/svg+xml;base64,{still}"),
        )


def _fluid(spec: Spec) -> Spec:
    """Let a chart take the width of its place on the page, and the page's colours."""
    fluid = {key: value for key, value in spec.items() if key not in ("background", "$schema")}
    return fluid | {
        "width": "container",
        "height": 300,
        "autosize": {"type": "fit-x", "contains": "padding"},
    }


def charts_section(summary: Summary, tip: int, figures: Figures) -> Markup:
    """Draw the charts of the branch that leads to a round."""
    plots: dict[str, Drawable] = {
        "accuracy": plot_of(summary, "accuracy", tip),
        "accuracy-map": accuracy_map(summary, tip),
        "accepted": plot_of(summary, "accepted", tip),
        "feedback": feedback_plot(summary, tip),
        "pass-at-k": plot_of(summary, "pass_at_k", tip),
        "entropy": plot_of(summary, "entropy", tip),
        "weights": weight_map(summary, tip),
        "loss": branch_losses(summary, tip),
    }
    plots |= {
        f"branch-{other}": overlay(summary, "accuracy", tip, other)
        for other in _other_tips(summary, tip)
    }
    drawn = [figures.draw(name, plot) for name, plot in plots.items()]
    note = (
        f"The branch from the base to r{tip}. Point at a mark for its figures; click a name in a"
        " legend to pick its line, and beside the names to show all again."
    )
    return section(
        "charts", "Charts", tag("p", note, class_="note"), tag("div", *drawn, class_="charts")
    )


def _other_tips(summary: Summary, tip: int) -> list[int]:
    """Return the measured ends of other branches, the newest first."""
    parents = {r.round.parent for r in summary.rounds}
    ends = [
        r.round.id
        for r in summary.rounds
        if r.round.id not in parents and r.round.id != tip and r.accuracy
    ]
    return ends[::-1][:MOST_OVERLAYS]
