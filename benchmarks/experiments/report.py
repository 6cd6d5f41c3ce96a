"""Writes the tables of the experiments (a) to (f), from runs alone."""

from collections.abc import Callable, Iterator, Sequence

from benchmarks.experiments.judging import ensemble_rows, gap_rows, pass_rows
from benchmarks.experiments.runs import Run
from benchmarks.experiments.sharpening import adaptive_rows, curve_rows, sharpened_rows
from benchmarks.experiments.tables import Row, table

Rows = Callable[[Sequence[Run]], Iterator[Row]]

SECTIONS: tuple[tuple[str, str, Rows], ...] = (
    ("a", "judged", gap_rows),
    ("b", "judged", pass_rows),
    ("c", "judged", ensemble_rows),
    ("d", "pool", curve_rows),
    ("e", "sharpened", sharpened_rows),
    ("f", "pool", adaptive_rows),
)
"""Letter, kind of study, and what makes the rows."""


def report(runs: Sequence[Run]) -> dict[str, str]:
    """Return the table of every experiment for which there are runs, by letter."""
    found = {}
    for letter, kind, rows in SECTIONS:
        here = [run for run in runs if run.condition.kind == kind]
        if here:
            found[letter] = "\n".join(table(list(rows(here))))
    return found
