"""Charts of the rounds of a study: what was learnt, what was drawn, and what comes next.

Each looks at the branch from the base to the round `tip`; without it, to the head. Each can
raise StudyError (there is nothing to draw yet, or no such round), UnknownNameError (of a
theme) and MissingDependencyError (altair is not installed).
"""

from typing import TYPE_CHECKING

from sitool import theory
from sitool.charts.drawing import draw
from sitool.charts.sources import Rounds, summary_of, tip_of
from sitool.client import Study
from sitool.overlay import Overlay
from sitool.plots import overlay, plot_of
from sitool.plots.branches import accuracy_map as accuracy_map_plot
from sitool.plots.branches import branch_losses, feedback_plot, weight_map

if TYPE_CHECKING:
    from sitool.charts.figures import Figure


def accuracy(source: Rounds, tip: int | None = None, theme: str = "light") -> "Figure":
    """Draw greedy accuracy by level over rounds, with intervals; click a level to pick it."""
    return _branch(source, "accuracy", tip, theme)


def accuracy_map(source: Rounds, tip: int | None = None, theme: str = "light") -> "Figure":
    """Draw greedy accuracy as a map of levels and rounds."""
    summary = summary_of(source)
    return draw(accuracy_map_plot(summary, tip_of(summary, tip)), theme)


def accepted(source: Rounds, tip: int | None = None, theme: str = "light") -> "Figure":
    """Draw how many samples of each round counted in training, of how many sampled."""
    return _branch(source, "accepted", tip, theme)


def pass_at_k(source: Rounds, tip: int | None = None, theme: str = "light") -> "Figure":
    """Draw the chance that one of k samples passes, of the base and of a round."""
    return _branch(source, "pass_at_k", tip, theme)


def entropy(source: Rounds, tip: int | None = None, theme: str = "light") -> "Figure":
    """Draw the entropy of a problem's answers, and how many differ, over rounds."""
    return _branch(source, "entropy", tip, theme)


def loss(source: Rounds, tip: int | None = None, theme: str = "light") -> "Figure":
    """Draw the training loss of every step of every round, end to end."""
    summary = summary_of(source)
    return draw(branch_losses(summary, tip_of(summary, tip)), theme)


def weights(source: Rounds, tip: int | None = None, theme: str = "light") -> "Figure":
    """Draw the curriculum's weight of each level in each round."""
    summary = summary_of(source)
    return draw(weight_map(summary, tip_of(summary, tip)), theme)


def feedback(source: Rounds | Overlay, tip: int | None = None, theme: str = "light") -> "Figure":
    """Draw the accuracy after each round against the accuracy before, J_{t+1} against J_t.

    Args:
        source: Of a study, every level has its points; of `study.theory()`, all levels
            together beside what the sitool bound guarantees.
    """
    if isinstance(source, Overlay):
        return draw(theory.feedback_plot(source.feedback), theme)
    summary = summary_of(source)
    return draw(feedback_plot(summary, tip_of(summary, tip)), theme)


def prediction(source: Study | Overlay, theme: str = "light") -> "Figure":
    """Draw success by level: measured, as one skill fits it, and predicted of the next round."""
    found = source if isinstance(source, Overlay) else source.theory()
    return draw(theory.levels_plot(found), theme)


def branches(
    source: Rounds,
    first: int,
    second: int,
    kind: str = "accuracy",
    level: int = 0,
    theme: str = "light",
) -> "Figure":
    """Draw two branches over one another, by the rounds at their ends.

    Args:
        kind: `accuracy`, `accepted`, `pass_at_k`, `entropy` or `loss`.
        level: Of this level alone, where the chart knows levels; 0 is all.
    """
    return draw(overlay(summary_of(source), kind, first, second, level), theme)


def _branch(source: Rounds, kind: str, round_id: int | None, theme: str) -> "Figure":
    summary = summary_of(source)
    return draw(plot_of(summary, kind, tip_of(summary, round_id)), theme)
