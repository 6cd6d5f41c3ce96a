"""Charts of a whole branch: heat maps of its levels, its feedback loop, all of its losses.

They stand beside those of `plots.py`, which the tabs of the terminal app show. What
this leaves out: drawing them (`charts.py`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from sitool.plots import Branch, Line, Plot, branch_to, metric_line, name_of
from sitool.summary import Summary


@dataclass(frozen=True, slots=True)
class Cell:
    """One number of a heat map.

    Attributes:
        n: What it rests on; None where there is no such count.
    """

    column: str
    row: str
    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None


@dataclass(frozen=True, slots=True)
class HeatMap:
    """A table of numbers in [0, 1], drawn as colours.

    Attributes:
        value_title: What the numbers are.
        empty: Why there is nothing to draw, and what to do; "" if there is.
    """

    title: str
    columns: Sequence[str] = ()
    rows: Sequence[str] = ()
    cells: Sequence[Cell] = ()
    x_title: str = ""
    y_title: str = ""
    value_title: str = ""
    note: str = ""
    empty: str = ""


def accuracy_map(summary: Summary, tip: int) -> HeatMap:
    """Map greedy accuracy over levels and the rounds that lead to one."""
    branch = branch_to(summary, tip)
    cells = [
        Cell(name_of(r), str(level), metric.value, metric.low, metric.high, metric.n)
        for r in branch
        for level, metric in sorted(r.accuracy.items())
        if level
    ]
    title = "Accuracy by level and round"
    if not cells:
        return HeatMap(title, empty=f"{name_of(branch[-1])} is not evaluated yet: step once.")
    note = "greedy answers to held-out problems; point at a cell for its interval and n"
    return _map(title, branch, cells, "accuracy", note)


def weight_map(summary: Summary, tip: int) -> HeatMap:
    """Map the curriculum's weights over levels and rounds."""
    branch = branch_to(summary, tip)
    cells = [
        Cell(name_of(r), str(level), weight, n=r.levels.get(level, 0))
        for r in branch
        for level, weight in sorted(r.round.plan.weights.items())
    ]
    title = "What the curriculum drew: weight by level and round"
    if not cells:
        return HeatMap(title, empty="No round has drawn problems yet: step once.")
    note = "a round's weights sum to 1; n counts the problems drawn"
    return _map(title, branch[1:], cells, "weight", note)


def _map(title: str, branch: Branch, cells: Sequence[Cell], value_title: str, note: str) -> HeatMap:
    levels = sorted({int(cell.row) for cell in cells}, reverse=True)
    columns, rows = [name_of(r) for r in branch], [str(level) for level in levels]
    return HeatMap(title, columns, rows, cells, "round", "level", value_title, note)


def feedback_plot(summary: Summary, tip: int) -> Plot:
    """Set the accuracy after each round against the accuracy before it, level by level.

    Above the diagonal a round gained: the curve of the feedback loop.
    """
    branch = branch_to(summary, tip)
    levels = sorted({level for r in branch for level in r.accuracy if level})
    lines = [line for level in levels if (line := _feedback_line(branch, level)) is not None]
    title = "The feedback loop: accuracy after a round against before"
    if not lines:
        return Plot("feedback", title, empty="No round was trained and evaluated yet: step once.")
    counts = sorted({m.n or 0 for r in branch for level, m in r.accuracy.items() if level})
    n = f"{counts[0]:,}" if len(counts) == 1 else f"{counts[0]:,} to {counts[-1]:,}"
    return Plot(
        "feedback",
        f"{title}, n={n} each",
        lines,
        "accuracy before the round, J(t)",
        "accuracy after the round, J(t+1)",
        limits=(0.0, 1.0),
        dots=True,
        note="above the dashed diagonal a round gained",
        intervals="95 % intervals of the accuracy after",
    )


def _feedback_line(branch: Branch, level: int) -> Line | None:
    """Make one level's points; None if it was never measured twice in a row."""
    pairs = [
        (before.accuracy[level].value, after.accuracy[level], after)
        for before, after in pairwise(branch)
        if level in before.accuracy and level in after.accuracy
    ]
    if not pairs:
        return None
    line = metric_line(f"level {level}", ((x, metric) for x, metric, _ in pairs))
    names = tuple(f"after {name_of(after)}" for _, _, after in pairs)
    return Line(line.label, line.x, line.y, line.low, line.high, names=names)


def branch_losses(summary: Summary, tip: int) -> Plot:
    """Lay the training losses of all rounds of a branch end to end."""
    branch = branch_to(summary, tip)
    points = list(_losses(branch))
    title = "Training loss over rounds"
    if not points:
        return Plot("loss", title, empty="Nothing was trained on this branch yet: step once.")
    x, y = np.array(points, dtype=np.float64).T
    ticks = {float(place): name_of(r) for place, r in enumerate(branch)}
    note = "in nats per completion token (of pairs: squared, a pair); a round ends at its name"
    title = f"{title}, {len(points):,} steps"
    return Plot("loss", title, [Line("loss", x, y)], "round", "loss", ticks, note=note)


def _losses(branch: Branch) -> Iterator[tuple[float, float]]:
    for place, r in enumerate(branch):
        for step, loss in enumerate(r.losses, 1):
            yield place - 1 + step / len(r.losses), loss
