"""Puts figures over seeds into Markdown tables.

Every cell is a mean over seeds with Student's 95 % interval; a seed is a study of its
own, with other problems and other samples. Differences are taken within a seed first,
where both sides met the same held-out problems. What this leaves out: which figures
(`judging.py`, `sharpening.py`).
"""

import math
from collections.abc import Callable, Iterator, Sequence

from benchmarks.curricula import interval
from benchmarks.experiments.runs import Run

Row = Sequence[str]
Measure = Callable[[Run], float]


def table(rows: Sequence[Row]) -> Iterator[str]:
    """Write a Markdown table whose first row is its head."""
    head, *body = rows
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    for row in body:
        yield f"| {' | '.join(row)} |"


def said(runs: Sequence[Run], measure: Measure, form: str = ".3f") -> str:
    """Write the mean over seeds of a figure, with its interval."""
    return written([measure(run) for run in runs], form)


def written(values: Sequence[float], form: str = ".3f") -> str:
    """Write a mean with its interval.

    >>> written([0.1, 0.2, 0.3], ".2f"), written([0.5])
    ('0.20 (-0.05 to 0.45)', '0.500')
    """
    mean, low, high = interval(values)
    if math.isnan(low):
        return f"{mean:{form}}"
    return f"{mean:{form}} ({low:{form}} to {high:{form}})"


def of(runs: Sequence[Run], name: str) -> list[Run]:
    """Return the runs of one condition."""
    return [run for run in runs if run.condition.name == name]


def matched(runs: Sequence[Run], first: str, second: str) -> list[tuple[Run, Run]]:
    """Return the runs of two conditions that share a seed, and so their held-out problems."""
    others = {run.seed: run for run in of(runs, second)}
    return [(run, others[run.seed]) for run in of(runs, first) if run.seed in others]


def minus(first: Measure, second: Measure) -> Measure:
    """Return the difference of two figures of the same run."""
    return lambda run: first(run) - second(run)
