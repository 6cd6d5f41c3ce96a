"""Charts of a study for a notebook, each an `altair` chart that a cell shows offline.

    from sitool import charts

    charts.accuracy(study)
    charts.gap_sweep(study, "mc", theme="dark").properties(width=400)

Each takes a study; or, to work nothing out twice, what a study gives: `study.summary()`,
`study.gap()`, `study.sharpening()`, `study.theory()`. `draw` draws any other plot of sitool.
`first | second` puts two beside each other.
Bars and bands are 95 % intervals; point at a mark for its figures and its n. A click on a
mark or on a name in the legend lets the rest fade.

What a cell keeps is small: a spec, which JupyterLab and Notebook draw themselves, and a
picture of it for pages without them (`figures.py`). A view that follows a study holds on to
the names of a spec's data and selections: `sitool.vega` has them.

What this leaves out: which numbers a chart shows (`sitool.plots`) and how they are drawn
(`sitool.vega`). Importing it loads no altair; that comes with the first chart.
"""

from sitool.charts.drawing import beside, draw
from sitool.charts.judges import (
    best_of_n,
    chosen_logprob,
    gap,
    gap_by_level,
    gap_matrix,
    gap_sweep,
    lift,
    logprobs,
)
from sitool.charts.rounds import (
    accepted,
    accuracy,
    accuracy_map,
    branches,
    entropy,
    feedback,
    loss,
    pass_at_k,
    prediction,
    weights,
)
from sitool.charts.samples import scores, tokens

__all__ = [
    "accepted",
    "accuracy",
    "accuracy_map",
    "beside",
    "best_of_n",
    "branches",
    "chosen_logprob",
    "draw",
    "entropy",
    "feedback",
    "gap",
    "gap_by_level",
    "gap_matrix",
    "gap_sweep",
    "lift",
    "logprobs",
    "loss",
    "pass_at_k",
    "prediction",
    "scores",
    "tokens",
    "weights",
]
