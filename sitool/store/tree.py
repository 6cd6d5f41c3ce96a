"""The tree of rounds, the head, and the settings that the next round will have."""

import json
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from sitool.config import ServerSettings, Settings
from sitool.errors import StoreError, StudyError
from sitool.records import Phase
from sitool.store.database import Database


@dataclass(frozen=True, slots=True)
class Plan:
    """What a round draws and why: its curriculum, worked out.

    Attributes:
        weights: By level, summing to 1.
        problems: Whole problems by level.
        state: Of the curriculum after this round's plan, as JSON values.
        sentence: The rule's reason in words.
    """

    weights: Mapping[int, float]
    problems: Mapping[int, int]
    state: Mapping[str, Any]
    sentence: str

    def to_json(self) -> str:
        """Write it for the database."""
        return json.dumps(
            {
                "weights": dict(self.weights),
                "problems": dict(self.problems),
                "state": dict(self.state),
                "sentence": self.sentence,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        """Read it from the database."""
        body = json.loads(text)
        return cls(
            {int(level): weight for level, weight in body["weights"].items()},
            {int(level): count for level, count in body["problems"].items()},
            body["state"],
            body["sentence"],
        )


EMPTY_PLAN = Plan({}, {}, {}, "")


@dataclass(frozen=True, slots=True)
class Round:
    """One pass through the phases, as the database has it.

    Attributes:
        parent: None for round 0 alone.
        status: `open`, `finished`, or `left` (not finished, and stepped back from).
        phase: The next phase to run; None when finished.
        plan: Its curriculum; empty until drawn, and in round 0.
        redo_of: The round whose samples it selects from again, if it is a redo.
        seconds: Of work so far.
    """

    id: int
    parent: int | None
    status: str
    phase: Phase | None
    settings: Settings
    plan: Plan
    redo_of: int | None
    created: float
    seconds: float

    @property
    def finished(self) -> bool:
        """Whether it is done and will never change again."""
        return self.status == "finished"

    @property
    def label(self) -> str:
        """Return its name on screens and on disk, such as `r0003`."""
        return round_label(self.id)


def round_label(round_id: int) -> str:
    """Write a round's number so that names sort and share no prefix.

    >>> round_label(3)
    'r0003'
    """
    return f"r{round_id:04d}"


class Tree:
    """Rounds and the head of one study."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def meta(self, key: str, default: str = "") -> str:
        """Read one fact about the study."""
        found = self._database.value("SELECT value FROM meta WHERE key = ?", (key,))
        return default if found is None else str(found)

    def set_meta(self, key: str, value: str) -> None:
        """Write one fact about the study."""
        self._database.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    @property
    def next_settings(self) -> Settings:
        """The settings of the round that starts next."""
        return _settings(self.meta("next_settings"))

    def set_next_settings(self, settings: Settings) -> None:
        """Decide the settings of the round that starts next."""
        self.set_meta("next_settings", settings.model_dump_json())

    @property
    def head(self) -> int | None:
        """The finished round that the next one starts from; None before round 0 is done."""
        found = self.meta("head")
        return int(found) if found else None

    def move_head(self, round_id: int) -> None:
        """Make a finished round the head; the next round gets that round's settings.

        Raises:
            StudyError: No such round, or it is not finished.
        """
        target = self.round(round_id)
        if not target.finished:
            raise StudyError(
                f"{target.label} is not finished, so no round can start from it.",
                "try: sitool rounds, and choose a finished one",
            )
        with self._database.transaction():
            self.leave_open_round()
            self.set_meta("head", str(round_id))
            self.set_next_settings(target.settings)

    def rounds(self) -> list[Round]:
        """Return every round in the order they were made."""
        return [_round(row) for row in self._database.rows("SELECT * FROM rounds ORDER BY id")]

    def round(self, round_id: int) -> Round:
        """Return one round.

        Raises:
            StudyError: There is no such round.
        """
        rows = self._database.rows("SELECT * FROM rounds WHERE id = ?", (round_id,))
        if not rows:
            last = self._database.value("SELECT max(id) FROM rounds")
            known = "none yet" if last is None else f"0 to {last}"
            raise StudyError(f"There is no round {round_id}; known: {known}.", "try: sitool rounds")
        return _round(rows[0])

    def open_round(self) -> Round | None:
        """Return the round that is under way, if there is one."""
        rows = self._database.rows("SELECT * FROM rounds WHERE status = 'open'")
        return _round(rows[0]) if rows else None

    def leave_open_round(self) -> None:
        """Step back from the round that is under way; what it has is kept."""
        self._database.execute("UPDATE rounds SET status = 'left' WHERE status = 'open'")

    def add_round(
        self, parent: int | None, settings: Settings, plan: Plan, redo_of: int | None = None
    ) -> Round:
        """Open a round: at its first phase, or at the last one for round 0."""
        first = Phase.EVALUATE if parent is None else Phase.DRAW
        if redo_of is not None:
            first = Phase.SELECT
        row = (parent, first, settings.model_dump_json(), plan.to_json(), redo_of, time.time())
        new = self._database.execute(
            "INSERT INTO rounds (id, parent, status, phase, settings, curriculum, redo_of, created)"
            " VALUES ((SELECT coalesce(max(id), -1) + 1 FROM rounds), ?, 'open', ?, ?, ?, ?, ?)",
            row,
        )
        return self.round(new)

    def set_phase(self, round_id: int, phase: Phase) -> None:
        """Say which phase of an open round comes next."""
        self._database.execute(
            "UPDATE rounds SET phase = ? WHERE id = ? AND status = 'open'", (phase, round_id)
        )

    def set_server(self, round_id: int, server: ServerSettings) -> None:
        """Write down where the rest of an open round's samples come from."""
        settings = self.round(round_id).settings.model_copy(update={"server": server})
        self._database.execute(
            "UPDATE rounds SET settings = ? WHERE id = ?", (settings.model_dump_json(), round_id)
        )

    def finish_round(self, round_id: int) -> None:
        """Close a round for good and make it the head."""
        self._database.execute(
            "UPDATE rounds SET phase = NULL, status = 'finished' WHERE id = ?", (round_id,)
        )
        self.set_meta("head", str(round_id))

    def add_seconds(self, round_id: int, seconds: float) -> None:
        """Count working time towards an open round."""
        self._database.execute(
            "UPDATE rounds SET seconds = seconds + ? WHERE id = ?", (seconds, round_id)
        )

    def branch(self, round_id: int | None) -> list[Round]:
        """Return the rounds from round 0 down to this one."""
        found: list[Round] = []
        while round_id is not None:
            found.append(self.round(round_id))
            round_id = found[-1].parent
        return found[::-1]


def _settings(text: str) -> Settings:
    try:
        return Settings.model_validate_json(text)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, mistake['loc'])) or 'all'}: {mistake['msg']}"
            for mistake in error.errors()
        )
        raise StoreError(
            f"This sitool cannot read the study's settings ({wrong}).",
            "try: the sitool that made the study",
        ) from error


def _round(row: sqlite3.Row) -> Round:
    return Round(
        row["id"],
        row["parent"],
        row["status"],
        Phase(row["phase"]) if row["phase"] else None,
        _settings(row["settings"]),
        Plan.from_json(row["curriculum"]),
        row["redo_of"],
        row["created"],
        row["seconds"],
    )
