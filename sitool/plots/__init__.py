"""What each chart of a study shows, before anybody draws it.

The terminal, the notebook and the report draw the same plots, and each is made in one
place: of the rounds that lead to one (`rounds.py`), of a whole branch (`branches.py`), of
judges (`gap.py`), of choosing by likelihood (`sharpening.py`), of single samples
(`samples.py`); `shapes.py` says what a plot is. Gap, sharpening and samples are imported by
whoever needs them, for the first screen does not. What this leaves out: drawing
(`sitool.vega` for notebook, report and files; `sitool.tui` in a terminal).
"""

from sitool.plots.rounds import (
    KINDS,
    Branch,
    branch_to,
    loss_plot,
    name_of,
    overlay,
    plot_of,
    why_no_losses,
)
from sitool.plots.shapes import (
    Cell,
    Floats,
    HeatMap,
    Line,
    Plot,
    level_words,
)

__all__ = [
    "KINDS",
    "Branch",
    "Cell",
    "Floats",
    "HeatMap",
    "Line",
    "Plot",
    "branch_to",
    "level_words",
    "loss_plot",
    "name_of",
    "overlay",
    "plot_of",
    "why_no_losses",
]
