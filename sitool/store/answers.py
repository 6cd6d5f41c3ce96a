"""A round's held-out answers in what a study of their likelihoods needs: no prompts, no texts.

What this leaves out: what is made of them (`sharpening/`).
"""

import math
import sqlite3
from dataclasses import dataclass

from sitool.records import Outcome
from sitool.store.database import Database
from sitool.store.rows import LOGPROB

WHOLE, PER_TOKEN = "likelihood@base", "likelihood_per_token@base"
"""Verifiers that ask the base how likely it finds an answer: exp of the sum, and of the mean."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer to a held-out problem.

    Attributes:
        position: Of its problem in the evaluation.
        problem: Id of the problem.
        tokens: Its token ids as they are stored; equal answers have equal ones.
        ended: Whether it ended by itself and was not cut off at the limit.
        length: In tokens.
        logprob: Under the model that wrote it, in nats; None: not given.
        base_logprob: Under the base, where a verifier has told it; None: it has not.
        passed: What the truth says, strictly; None: it failed or was not asked.
        read: The answer as it was read; None: it could not be.
    """

    position: int
    problem: int
    level: int
    tokens: bytes
    ended: bool
    length: int
    logprob: float | None
    base_logprob: float | None
    passed: bool | None
    read: str | None


class Answers:
    """The held-out answers of one study."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, round_id: int, role: str) -> list[Answer]:
        """Return a round's answers of a role, in order of problem and sample."""
        rows = self._database.rows(
            "SELECT s.position, s.problem, s.level, s.token_ids, s.finish, s.length,"
            f" {LOGPROB} AS logprob, t.outcome, t.value, t.answer,"
            " w.value AS whole, e.value AS each FROM samples s"
            " LEFT JOIN scores t ON t.sample = s.id AND t.verifier = 'truth'"
            " LEFT JOIN scores w ON w.sample = s.id AND w.verifier = ?"
            " LEFT JOIN scores e ON e.sample = s.id AND e.verifier = ?"
            " WHERE s.round = ? AND s.role = ? ORDER BY s.position, s.idx",
            (WHOLE, PER_TOKEN, round_id, role),
        )
        return [_answer(row) for row in rows]


def _answer(row: sqlite3.Row) -> Answer:
    told = row["outcome"] in (Outcome.SCORED, Outcome.UNPARSED)
    return Answer(
        position=row["position"],
        problem=row["problem"],
        level=row["level"],
        tokens=row["token_ids"],
        ended=row["finish"] != "length",
        length=row["length"],
        logprob=row["logprob"],
        base_logprob=_base_logprob(row["whole"], row["each"], row["length"]),
        passed=(row["value"] or 0.0) >= 1 if told else None,
        read=row["answer"],
    )


def _base_logprob(whole: float | None, each: float | None, length: int) -> float | None:
    """Return the sum of log-probabilities; a token's mean reaches further before exp gives 0."""
    if each:
        return length * math.log(each)
    return math.log(whole) if whole else None
