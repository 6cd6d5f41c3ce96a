"""Samples read whole: a row each, and what hangs on it from the tables of scores and decisions."""

import json
import sqlite3
from collections.abc import Sequence

from sitool.records import Action, Decision, Outcome, Sample, Score
from sitool.store.database import Database
from sitool.store.rows import problem_of, sample_of


def read_samples(database: Database, sql: str, values: Sequence[object]) -> list[Sample]:
    """Return the samples that a query with the columns of `rows.SAMPLE` finds."""
    rows = database.rows(sql, values)
    ids = [row["id"] for row in rows]
    scores, decisions = scores_of(database, ids), decisions_of(database, ids)
    # There are many samples of one problem, so it is read once.
    first = {row["problem"]: row for row in rows}
    problems = {problem: problem_of(row) for problem, row in first.items()}
    return [
        sample_of(
            row, problems[row["problem"]], scores.get(row["id"], {}), decisions.get(row["id"], ())
        )
        for row in rows
    ]


def scores_of(database: Database, ids: Sequence[int]) -> dict[int, dict[str, Score]]:
    """Return what verifiers said of some samples: by id, then by verifier."""
    found: dict[int, dict[str, Score]] = {}
    for row in _rows_of(database, "scores", "verifier", ids):
        score = Score(
            Outcome(row["outcome"]),
            row["value"],
            row["flexible"],
            row["answer"],
            row["explanation"],
        )
        found.setdefault(row["sample"], {})[row["verifier"]] = score
    return found


def decisions_of(database: Database, ids: Sequence[int]) -> dict[int, tuple[Decision, ...]]:
    """Return what people said of some samples, by id, in order."""
    found: dict[int, tuple[Decision, ...]] = {}
    for row in _rows_of(database, "decisions", "id", ids):
        made = Decision(**{**dict(row), "action": Action(row["action"])})
        found[row["sample"]] = (*found.get(row["sample"], ()), made)
    return found


def _rows_of(database: Database, table: str, order: str, ids: Sequence[int]) -> list[sqlite3.Row]:
    listed = json.dumps(list(ids))
    return database.rows(
        f"SELECT * FROM {table} WHERE sample IN (SELECT value FROM json_each(?))"
        f" ORDER BY sample, {order}",
        (listed,),
    )
