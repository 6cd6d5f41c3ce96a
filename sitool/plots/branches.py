"""Charts of a whole branch: heat maps of its levels, its feedback loop, all of its losses.

What this leaves out: the five charts that the study screen shows too (`rounds.py`).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from sitool.plots.rounds import Branch, branch_to, name_of
from sitool.plots.shapes import SHARE, Cell, HeatMap, Line, Plot, figure_line, floats, span_words
from sitool.summary import Summary


def accuracy_map(summary: Summary, tip: int) -> HeatMap:
    """Map greedy accuracy over levels and the rounds that lead to one."""
    branch = branch_to(summary, tip)
    cells = [
        Cell(
            name_of(r),
            str(level),
            metric.value,
            metric.low,
            metric.high,
            metric.n,
            {"level": level, "round": r.round.id},
        )
        for r in branch
        for level, metric in sorted(r.accuracy.items())
        if level
    ]
    title = "Accuracy by level and round"
    if not cells:
        return HeatMap(title, empty=f"{name_of(branch[-1])} is not evaluated yet: step once.")
    note = "greedy answers to held-out problems; point at a cell for its interval and n"
    return _map(title, branch, cells, "accuracy", note, SHARE)


def weight_map(summary: Summary, tip: int) -> HeatMap:
    """Map the curriculum's weights over levels and rounds."""
    branch = branch_to(summary, tip)
    cells = [
        Cell(
            name_of(r),
            str(level),
            weight,
            n=r.levels.get(level, 0),
            picks={"level": level, "round": r.round.id},
        )
        for r in branch
        for level, weight in sorted(r.round.plan.weights.items())
    ]
    title = "What the curriculum drew: weight by level and round"
    if not cells:
        return HeatMap(title, empty="No round has drawn problems yet: step once.")
    note = "a round's weights sum to 1; n counts the problems drawn"
    # In quarters, so that the colours of earlier rounds seldom change as rounds are added.
    most = math.ceil(4 * max(cell.value for cell in cells)) / 4
    return _map(title, branch[1:], cells, "weight", note, (0.0, most or 1.0))


def _map(
    title: str,
    branch: Branch,
    cells: Sequence[Cell],
    value_title: str,
    note: str,
    limits: tuple[float, float],
) -> HeatMap:
    levels = sorted({int(cell.row) for cell in cells}, reverse=True)
    columns, rows = [name_of(r) for r in branch], [str(level) for level in levels]
    return HeatMap(title, columns, rows, cells, "round", "level", value_title, note, limits)


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
    n = span_words([m.n or 0 for r in branch for level, m in r.accuracy.items() if level])
    return Plot(
        "feedback",
        f"{title}, n={n} each",
        lines,
        "accuracy before the round, J(t)",
        "accuracy after the round, J(t+1)",
        limits=SHARE,
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
    picks = {"level": [level] * len(pairs), "round": [after.round.id for _, _, after in pairs]}
    line = figure_line(f"level {level}", ((x, figure) for x, figure, _ in pairs), picks=picks)
    return replace(line, names=tuple(f"after {name_of(after)}" for _, _, after in pairs))


def branch_losses(summary: Summary, tip: int) -> Plot:
    """Lay the training losses of all rounds of a branch end to end."""
    branch = branch_to(summary, tip)
    points = list(_losses(branch))
    title = "Training loss over rounds"
    if not points:
        return Plot("loss", title, empty="Nothing was trained on this branch yet: step once.")
    x, y, rounds = zip(*points, strict=True)
    line = Line("loss", floats(x), floats(y), picks={"round": rounds})
    ticks = {float(place): name_of(r) for place, r in enumerate(branch)}
    note = "in nats per completion token (of pairs: squared, a pair); a round ends at its name"
    title = f"{title}, {len(points):,} steps"
    return Plot("loss", title, [line], "round", "loss", ticks, note=note)


def _losses(branch: Branch) -> Iterator[tuple[float, float, int]]:
    for place, r in enumerate(branch):
        for step, loss in enumerate(r.losses, 1):
            yield place - 1 + step / len(r.losses), loss, r.round.id
