"""Problems, samples, scores, selections and decisions of one study.

Rows are written chunk by chunk inside the caller's transaction, and read in
pages by key, so that a table of a million samples never has to be loaded.
"""

import json
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, repeat
from typing import Any

from sitool.errors import StudyError
from sitool.records import (
    ROLES,
    RULED_ROLES,
    Action,
    Completion,
    Decision,
    Outcome,
    Problem,
    Sample,
    Score,
)
from sitool.store.database import Database
from sitool.store.filters import SampleFilter, SampleOrder
from sitool.store.lines import SampleLine, read_ids, read_lines
from sitool.store.marks import Counts, Mark
from sitool.store.reading import read_samples
from sitool.store.rows import INSERT, LOGPROB, SAMPLE, columns_of, problem_of
from sitool.store.rulings import came_late

PAGE = 2000


class Samples:
    """The samples of one study and what hangs on them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._counted: dict[int, tuple[object, Counts]] = {}

    def add_draw(self, round_id: int, role: str, problems: Sequence[Problem]) -> None:
        """Record which problems a round draws, in order."""
        keys = [(p.task, p.prompt, p.truth) for p in problems]
        self._database.execute_many(
            "INSERT OR IGNORE INTO problems (task, prompt, truth, level, identity, facts)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            [
                (*key, p.level, p.identity, json.dumps(dict(p.facts), sort_keys=True))
                for key, p in zip(keys, problems, strict=True)
            ],
        )
        self._database.execute_many(
            "INSERT OR REPLACE INTO draws SELECT ?, ?, ?, id FROM problems"
            " WHERE task = ? AND prompt = ? AND truth = ?",
            [(round_id, role, position, *key) for position, key in enumerate(keys)],
        )

    def draw(self, round_id: int, role: str) -> list[tuple[int, Problem]]:
        """Return the problems that a round drew, each with its id, in order."""
        rows = self._database.rows(
            "SELECT p.*, p.level AS problem_level FROM draws d JOIN problems p ON p.id = d.problem"
            " WHERE d.round = ? AND d.role = ? ORDER BY d.position",
            (round_id, role),
        )
        return [(row["id"], problem_of(row)) for row in rows]

    def add_samples(
        self,
        round_id: int,
        role: str,
        first_position: int,
        problems: Sequence[tuple[int, Problem]],
        completions: Sequence[Sequence[Completion]],
    ) -> list[int]:
        """Record one chunk of samples; returns their ids in order."""
        places = [
            ((round_id, role, first_position + offset, index, id_, problem.level), completion)
            for offset, (id_, problem) in enumerate(problems)
            for index, completion in enumerate(completions[offset])
        ]
        with self._database.transaction():
            first = int(self._database.value("SELECT coalesce(max(id), 0) + 1 FROM samples"))
            ids = list(range(first, first + len(places)))
            self._database.execute_many(
                INSERT,
                [(i, *place, *columns_of(c)) for i, (place, c) in zip(ids, places, strict=True)],
            )
        return ids

    def drawn_positions(self, round_id: int, role: str) -> int:
        """Count the problems of a draw that already have their samples."""
        found = self._database.value(
            "SELECT coalesce(max(position) + 1, 0) FROM samples WHERE round = ? AND role = ?",
            (round_id, role),
        )
        return int(found)

    def any_drawn(self, round_id: int) -> bool:
        """Whether a round has drawn its problems already."""
        return bool(self._database.value("SELECT 1 FROM draws WHERE round = ?", (round_id,)))

    def add_scores(self, verifier: str, scores: Iterable[tuple[int, Score]]) -> None:
        """Record what a verifier said of some samples, by sample id."""
        self._database.execute_many(
            "INSERT INTO scores VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (i, verifier, s.outcome, s.value, s.flexible, s.answer, s.explanation)
                for i, s in scores
            ],
        )

    def unscored(
        self, round_id: int, verifier: str, roles: Sequence[str], after: int, limit: int
    ) -> list[Sample]:
        """Return the next samples above an id that a verifier has not seen yet.

        They are `limit` and the rest of the last one's problem: verifiers that compare
        a problem's samples need them together.
        """
        marks = ",".join("?" * len(roles))
        new = (
            f"{SAMPLE} WHERE s.round = ? AND s.role IN ({marks}) AND s.id > ? AND NOT EXISTS"
            " (SELECT 1 FROM scores c WHERE c.sample = s.id AND c.verifier = ?)"
        )
        values = (round_id, *roles, after, verifier)
        found = self._read(f"{new} ORDER BY s.id LIMIT ?", (*values, limit))
        if len(found) < limit:
            return found
        last = found[-1]
        rest = f"{new} AND s.role = ? AND s.position = ? AND s.id > ? ORDER BY s.id"
        return found + read_samples(
            self._database, rest, (*values, last.role, last.position, last.id)
        )

    def set_asked(self, round_id: int, verifier: str, pool: str, asked: Mapping[str, Any]) -> None:
        """Record who judges a pool of a round, `train` or `evaluation`, and how it is asked."""
        self._database.execute(
            "INSERT OR IGNORE INTO judges VALUES (?, ?, ?, ?)",
            (round_id, verifier, pool, json.dumps(dict(asked), sort_keys=True)),
        )

    def asked(self, round_id: int) -> dict[tuple[str, str], dict[str, Any]]:
        """Return who judged a round's samples and how, by verifier and pool."""
        rows = self._database.rows(
            "SELECT * FROM judges WHERE round = ? ORDER BY verifier, pool", (round_id,)
        )
        return {(row["verifier"], row["pool"]): json.loads(row["asked"]) for row in rows}

    def count_scored(self, round_id: int, verifier: str, roles: Sequence[str]) -> int:
        """Count the samples that a verifier has seen."""
        marks = ",".join("?" * len(roles))
        found = self._database.value(
            "SELECT count(*) FROM samples s JOIN scores c ON c.sample = s.id AND c.verifier = ?"
            f" WHERE s.round = ? AND s.role IN ({marks})",
            (verifier, round_id, *roles),
        )
        return int(found)

    def marks(self, round_id: int, role: str, verifier: str) -> list[Mark]:
        """Return the bare scores of a round's samples, in order of problem and sample."""
        rows = self._database.rows(
            f"SELECT s.id, s.problem, s.level, s.position, {LOGPROB} AS logprob, s.length,"
            " c.outcome, c.value,"
            " c.flexible, c.answer, coalesce(e.weight, 0) AS weight FROM samples s"
            " JOIN scores c ON c.sample = s.id AND c.verifier = ?"
            " LEFT JOIN selections e ON e.sample = s.id AND e.round = s.round"
            " WHERE s.round = ? AND s.role = ? ORDER BY s.position, s.idx",
            (verifier, round_id, role),
        )
        # In the order of the columns, for there are many.
        return [
            Mark(i, problem, level, position, logprob, length, Outcome(outcome), *rest)
            for i, problem, level, position, logprob, length, outcome, *rest in rows
        ]

    def copy_samples(self, source: int, target: int) -> None:
        """Give a redo the draw, samples, scores and decisions of the round it repeats."""
        run = self._database.execute
        run("INSERT INTO draws SELECT ?, role, position, problem FROM draws"
            " WHERE round = ? AND role = 'train'", (target, source))  # fmt: skip
        run("INSERT INTO samples (round, role, position, idx, problem, level, text, finish,"
            " token_ids, token_logprobs, logprob, length) SELECT ?, role, position, idx, problem,"
            " level, text, finish, token_ids, token_logprobs, logprob, length FROM samples"
            " WHERE round = ? AND role IN ('train', 'base')"
            " ORDER BY id", (target, source))  # fmt: skip
        twin = (
            " FROM {table} o JOIN samples a ON a.id = o.sample JOIN samples b"
            " ON b.role = a.role AND b.position = a.position AND b.idx = a.idx"
            " WHERE a.round = ? AND a.role IN ('train', 'base') AND b.round = ?"
        )
        run("INSERT INTO scores SELECT b.id, o.verifier, o.outcome, o.value, o.flexible, o.answer,"
            " o.explanation" + twin.format(table="scores"), (source, target))  # fmt: skip
        run("INSERT INTO judges SELECT ?, verifier, pool, asked FROM judges"
            " WHERE round = ? AND pool = 'train'", (target, source))  # fmt: skip
        run("INSERT INTO decisions (sample, action, text, reason, author, time) SELECT b.id,"
            " o.action, o.text, o.reason, o.author, o.time"
            + twin.format(table="decisions") + " ORDER BY o.id", (source, target))  # fmt: skip

    def set_selection(self, round_id: int, rows: Sequence[tuple[int, float, str]]) -> None:
        """Record (sample id, weight, rule) for a round, in place of an earlier selection."""
        self._database.execute("DELETE FROM selections WHERE round = ?", (round_id,))
        self._database.execute_many(
            "INSERT INTO selections VALUES (?, ?, ?, ?)",
            [(round_id, sample, weight, rule) for sample, weight, rule in rows],
        )
        self._database.execute(
            "UPDATE rounds SET selected = ? WHERE id = ?", (time.time(), round_id)
        )

    def set_pairs(self, round_id: int, pairs: Sequence[tuple[int, int]]) -> None:
        """Record which samples a round compares, by id, in place of earlier pairs."""
        self._database.execute("DELETE FROM pairs WHERE round = ?", (round_id,))
        self._database.execute_many(
            "INSERT INTO pairs VALUES (?, ?, ?)",
            [(round_id, first, second) for first, second in pairs],
        )

    def pairs(self, round_id: int) -> list[tuple[Sample, Sample]]:
        """Return the pairs that a round trains on, in order of their samples."""
        rows = self._database.rows(
            "SELECT first, second FROM pairs WHERE round = ? ORDER BY first, second", (round_id,)
        )
        found = {s.id: s for s in self.by_ids(list({i for row in rows for i in row}))}
        return [(found[row["first"]], found[row["second"]]) for row in rows]

    def ruled_since_selection(self, round_id: int) -> bool:
        """Whether a person ruled on a round's samples after its training set was fixed."""
        return bool(
            self._database.value(
                "SELECT 1 FROM decisions d JOIN samples s ON s.id = d.sample"
                " JOIN rounds r ON r.id = s.round"
                " WHERE r.id = ? AND d.action != 'note' AND d.time > r.selected LIMIT 1",
                (round_id,),
            )
        )

    def selected(self, round_id: int) -> list[tuple[Sample, float]]:
        """Return what a round trains on, with weights, carried samples included."""
        rows = self._database.rows(
            "SELECT sample, weight FROM selections WHERE round = ? AND weight > 0 ORDER BY sample",
            (round_id,),
        )
        weights = {row["sample"]: row["weight"] for row in rows}
        return [(sample, weights[sample.id]) for sample in self.by_ids(list(weights))]

    def count_selected(self, round_id: int) -> int:
        """Count what a round trains on, carried samples included."""
        found = self._database.value(
            "SELECT count(*) FROM selections WHERE round = ? AND weight > 0", (round_id,)
        )
        return int(found)

    def decide(
        self, sample_id: int, action: Action, *, text: str | None, reason: str, author: str
    ) -> Decision:
        """Record what a person says of a sample.

        Raises:
            StudyError: There is no such sample.
        """
        self.sample(sample_id)
        values = (sample_id, action, text, reason, author, time.time())
        new = self._database.execute(
            "INSERT INTO decisions (sample, action, text, reason, author, time)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            values,
        )
        return Decision(new, *values)

    def sample(self, sample_id: int) -> Sample:
        """Return one sample.

        Raises:
            StudyError: There is no such sample.
        """
        found = self.by_ids([sample_id])
        if not found:
            raise StudyError(f"There is no sample {sample_id}.", "try: sitool samples DIR")
        return found[0]

    def by_ids(self, ids: Sequence[int]) -> list[Sample]:
        """Return the samples of these ids, in order of id; unknown ids are left out."""
        found: list[Sample] = []
        ordered = sorted(ids)
        for start in range(0, len(ordered), PAGE // 4):
            page = ordered[start : start + PAGE // 4]
            marks = ",".join("?" * len(page))
            found += read_samples(
                self._database, f"{SAMPLE} WHERE s.id IN ({marks}) ORDER BY s.id", tuple(page)
            )
        return found

    def page(
        self, where: SampleFilter, *, after: int = 0, skip: int = 0, limit: int = 50
    ) -> list[Sample]:
        """Return the next samples of a filter whose id is above `after`, all but the first few."""
        condition, values = where.where()
        sql = f"{SAMPLE} WHERE {condition} AND s.id > ? ORDER BY s.id LIMIT ? OFFSET ?"
        return self._read(sql, (*values, after, limit, skip))

    def each(self, where: SampleFilter) -> Iterator[Sample]:
        """Go through all samples of a filter, a page at a time."""
        after = 0
        while page := self.page(where, after=after, limit=PAGE):
            yield from page
            after = page[-1].id

    def counts(self, round_id: int) -> Counts:
        """Count a round's samples; again only if they or their rulings changed."""
        stamp = self.stamp(round_id)
        counted = self._counted.get(round_id)
        if counted is None or counted[0] != stamp:
            drawn = [SampleFilter(round=round_id, role=role) for role in RULED_ROLES]
            counts = Counts(
                sum(map(self.count, drawn)),
                self.count_selected(round_id),
                sum(self.count(replace(where, overruled=True)) for where in drawn),
            )
            self._counted[round_id] = counted = (stamp, counts)
        return counted[1]

    def count(self, where: SampleFilter) -> int:
        """Count the samples of a filter."""
        condition, values = where.where()
        return int(
            self._database.value(f"SELECT count(*) FROM samples s WHERE {condition}", values)
        )

    def ids(
        self,
        where: SampleFilter,
        order: SampleOrder = SampleOrder.DRAWN,
        *,
        descending: bool = False,
        after: int = 0,
        sizes: Iterable[int] = (),
    ) -> Generator[list[int]]:
        """Yield the ids of a filter in order, list by list: first short ones, to begin with.

        Args:
            after: Only ids above this one.
            sizes: Of the first lists; the rest have `PAGE`.
        """
        of_lists = chain(sizes, repeat(PAGE))
        yield from read_ids(
            self._database, where, order, descending=descending, after=after, sizes=of_lists
        )

    def lines(self, ids: Sequence[int]) -> list[SampleLine]:
        """Return a line of each of these samples, in the order of the ids."""
        return read_lines(self._database, ids)

    def siblings(self, problem_id: int, round_id: int | None = None) -> list[int]:
        """Return the ids of all samples of a problem, of all rounds or of one, in order."""
        rows = self._database.rows(
            "SELECT id FROM samples WHERE problem = ? AND round = coalesce(?, round) ORDER BY id",
            (problem_id, round_id),
        )
        return [row["id"] for row in rows]

    def stamp(self, round_id: int) -> tuple[object, ...]:
        """Return what changes when a round gets samples or is selected, or anybody rules."""
        newest = "(SELECT max(id) FROM samples WHERE round = :round AND role = '{}')"
        of_roles = ", ".join(newest.format(role) for role in ROLES)
        found = self._database.rows(
            f"SELECT {of_roles}, (SELECT max(id) FROM decisions),"
            " (SELECT selected FROM rounds WHERE id = :round)",
            {"round": round_id},
        )
        return tuple(found[0])

    def late_rulings(self, round_id: int) -> list[Sample]:
        """Return a round's samples whose ruling came after its training set was fixed.

        A ruling that says what the training did anyway is not among them.
        """
        fixed = self._database.value("SELECT selected FROM rounds WHERE id = ?", (round_id,))
        if fixed is None:
            return []
        ruled = (
            sample
            for role in RULED_ROLES
            for sample in self.each(SampleFilter(round=round_id, role=role, overruled=True))
        )
        return [sample for sample in ruled if came_late(sample, fixed)]

    def _read(self, sql: str, values: Sequence[object]) -> list[Sample]:
        return read_samples(self._database, sql, values)
