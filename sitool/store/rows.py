"""How a problem and a sample are written as rows, and read from them."""

import json
import sqlite3
from array import array
from collections.abc import Mapping
from typing import TypedDict

from sitool.records import Completion, Decision, Problem, Sample, Score

LOGPROB = "CASE WHEN s.length > 0 AND length(s.token_logprobs) = 0 THEN NULL ELSE s.logprob END"
"""A sample's log-probability; NULL where the sampler was given none."""

SELECTED = """e.weight, e.rule FROM samples s JOIN problems p ON p.id = s.problem
 LEFT JOIN selections e ON e.sample = s.id AND e.round = s.round"""
"""Ends the columns of a sample: what its own round made of it, and where all of it stands."""

SAMPLE = f"""SELECT s.*, p.task, p.level AS problem_level, p.prompt, p.truth, p.identity, p.facts,
 {SELECTED}"""

INSERT = (
    "INSERT INTO samples (id, round, role, position, idx, problem, level, text, finish, token_ids,"
    " token_logprobs, logprob, length) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


def columns_of(completion: Completion) -> tuple[object, ...]:
    """Return what is written of a completion, in the order in which `INSERT` ends."""
    return (
        completion.text,
        completion.finish,
        array("i", completion.token_ids).tobytes(),
        array("f", completion.token_logprobs).tobytes(),
        completion.logprob or 0.0,
        len(completion.token_ids),
    )


def problem_of(row: sqlite3.Row) -> Problem:
    """Read a problem."""
    return Problem(
        row["task"],
        row["problem_level"],
        row["prompt"],
        row["truth"],
        row["identity"],
        json.loads(row["facts"]),
    )


class Place(TypedDict):
    """What every reading of a sample has: which one it is, and what its round made of it."""

    id: int
    round: int
    role: str
    problem_id: int
    index: int
    weight: float | None
    rule: str


def place_of(row: sqlite3.Row) -> Place:
    """Read a sample's place from a row with the columns of `SELECTED`."""
    return Place(
        id=row["id"],
        round=row["round"],
        role=row["role"],
        problem_id=row["problem"],
        index=row["idx"],
        weight=row["weight"],
        rule=row["rule"] or "",
    )


def sample_of(
    row: sqlite3.Row,
    problem: Problem,
    scores: Mapping[str, Score],
    decisions: tuple[Decision, ...],
) -> Sample:
    """Read a sample as `SAMPLE` asks for it, with what hangs on it."""
    tokens, logprobs = array("i", row["token_ids"]), array("f", row["token_logprobs"])
    return Sample(
        **place_of(row),
        position=row["position"],
        problem=problem,
        completion=Completion(tuple(tokens), row["text"], row["finish"], tuple(logprobs)),
        scores=scores,
        decisions=decisions,
    )
