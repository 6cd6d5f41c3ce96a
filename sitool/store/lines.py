"""Samples as one line each: enough for a table, without the tokens and with long texts cut.

Ids and lines are read apart: the ids of a whole filter are a few bytes each, the
lines of a page are read by their ids, wherever the page is.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sitool.records import Action, Decision, Score, passed, ruling_of
from sitool.store.database import Database
from sitool.store.filters import SampleFilter, SampleOrder
from sitool.store.reading import decisions_of, scores_of
from sitool.store.rows import LOGPROB, SELECTED, place_of

SHOWN = 400
"""Characters that are read of each end of a prompt, and of the other texts."""


@dataclass(frozen=True, slots=True)
class SampleLine:
    """What a table shows of a sample.

    Attributes:
        prompt: Its middle is left out if it is very long.
        completion: Its first characters.
        logprob: Of the completion, in nats; None where it is not given.
        weight: In its round's training; None before selection.
        ruling: What holds now of what people said; None if the verifiers decide.
        notes: How many notes it carries.
    """

    id: int
    round: int
    role: str
    problem_id: int
    index: int
    level: int
    prompt: str
    completion: str
    truth: str
    logprob: float | None
    length: int
    scores: Mapping[str, Score]
    weight: float | None
    rule: str
    ruling: Decision | None
    notes: int

    @property
    def passed(self) -> bool | None:
        """Whether it is right, as `records.passed` has it."""
        return passed(self.scores)

    @property
    def value(self) -> float | None:
        """The lowest value that a verifier gave."""
        given = [score.value for score in self.scores.values() if score.value is not None]
        return min(given, default=None)

    @property
    def answer(self) -> str | None:
        """The answer as the first verifier that found one read it."""
        read = (score.answer for score in self.scores.values())
        return next((answer for answer in read if answer is not None), None)


def read_ids(
    database: Database,
    where: SampleFilter,
    order: SampleOrder,
    *,
    descending: bool,
    after: int,
    sizes: Iterator[int],
) -> Iterator[list[int]]:
    """Yield the ids of a filter in order, in lists of at most the given sizes.

    Args:
        after: Only ids above this one.
    """
    condition, values = where.where()
    sql = (
        f"SELECT s.id FROM samples s WHERE {condition}{' AND s.id > ?' if after else ''}"
        f" ORDER BY {order.sql(descending=descending)}"
    )
    for rows in database.stream(sql, [*values, *([after] if after else [])], sizes):
        yield [row[0] for row in rows]


_LINE = f"""SELECT s.id, s.round, s.role, s.problem, s.idx, s.level, {LOGPROB} AS logprob,
 s.length,
 substr(s.text, 1, {SHOWN}) AS text, substr(p.truth, 1, {SHOWN}) AS truth,
 CASE WHEN length(p.prompt) <= {2 * SHOWN} THEN p.prompt
 ELSE substr(p.prompt, 1, {SHOWN}) || '…' || substr(p.prompt, -{SHOWN}) END AS prompt,
 {SELECTED} WHERE s.id IN (SELECT value FROM json_each(?))"""


def read_lines(database: Database, ids: Sequence[int]) -> list[SampleLine]:
    """Return the lines of these samples, in the order of the ids."""
    scores, decisions = scores_of(database, ids), decisions_of(database, ids)
    rows = {row["id"]: row for row in database.rows(_LINE, (json.dumps(list(ids)),))}
    return [
        SampleLine(
            **place_of(row),
            level=row["level"],
            prompt=row["prompt"],
            completion=row["text"],
            truth=row["truth"],
            logprob=row["logprob"],
            length=row["length"],
            scores=scores.get(row["id"], {}),
            ruling=ruling_of(decisions.get(row["id"], ())),
            notes=sum(d.action is Action.NOTE for d in decisions.get(row["id"], ())),
        )
        for row in (rows[i] for i in ids if i in rows)
    ]
