"""Commands in, events out: how front ends and the engine talk, and what they said."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sitool.errors import StudyError
from sitool.events import Event, read_event
from sitool.records import Action, Phase
from sitool.store.database import Database

AT_ONCE = ("stop", "decide", "configure", "undo", "fork", "redo")
"""Commands that take no time: they do not wait for the round that runs, and the last three are
refused meanwhile."""
MARKS = ",".join("?" * len(AT_ONCE))

NEVER_BEGUN = "It was never begun."


@dataclass(frozen=True, slots=True)
class Command:
    """One thing that somebody asks of the engine.

    Attributes:
        kind: Such as `step`; see `engine.py` for all.
        body: Its arguments, as JSON values.
        status: `waiting`, `running`, `done`, `stopped` or `failed`.
        error: Why it failed, in one sentence; of a stopped one, that it was never begun.
    """

    id: int
    kind: str
    body: Mapping[str, Any]
    author: str
    status: str
    error: str


class Journal:
    """The command and event tables of one study."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ask(self, kind: str, body: Mapping[str, Any], author: str) -> int:
        """Write a command for the engine; returns its id."""
        return self._database.execute(
            "INSERT INTO commands (time, kind, body, author, status)"
            " VALUES (?, ?, ?, ?, 'waiting')",
            (time.time(), kind, json.dumps(dict(body)), author),
        )

    def next_command(self, kinds: Sequence[str] = ()) -> Command | None:
        """Take the oldest waiting command (of some kinds only, if given) and mark it as running."""
        only = f" AND kind IN ({','.join('?' * len(kinds))})" if kinds else ""
        query = f"SELECT id FROM commands WHERE status = 'waiting'{only} ORDER BY id LIMIT 1"
        if self._database.value(query, tuple(kinds)) is None:
            return None
        with self._database.transaction():
            found = self._database.value(query, tuple(kinds))
            self.mark(found, "running")
        return self.command(found)

    def command(self, command_id: int) -> Command:
        """Return one command as it stands now."""
        row = self._database.rows("SELECT * FROM commands WHERE id = ?", (command_id,))[0]
        body = json.loads(row["body"])
        return Command(row["id"], row["kind"], body, row["author"], row["status"], row["error"])

    def mark(self, command_id: int, status: str, error: str = "") -> None:
        """Say how far a command has come."""
        self._database.execute(
            "UPDATE commands SET status = ?, error = ? WHERE id = ?", (status, error, command_id)
        )

    def drop_orphans(self) -> None:
        """Mark as stopped what a dead engine was running, and what it never came to.

        What takes no time is still to be carried out, whoever asked.
        """
        self._database.execute(
            "UPDATE commands SET status = 'stopped',"
            " error = CASE status WHEN 'waiting' THEN ? ELSE error END"
            f" WHERE status = 'running' OR (status = 'waiting' AND kind NOT IN ({MARKS}))",
            (NEVER_BEGUN, *AT_ONCE),
        )

    def withdraw(self, command_id: int) -> bool:
        """Take a command back unless it has been begun; False if it has."""
        self._database.execute(
            "UPDATE commands SET status = 'stopped', error = ? WHERE id = ? AND status = 'waiting'",
            (NEVER_BEGUN, command_id),
        )
        return self.command(command_id).error == NEVER_BEGUN

    def write(self, event: Event) -> None:
        """Append an event."""
        self._database.execute(
            "INSERT INTO events (time, round, kind, body) VALUES (?, ?, ?, ?)",
            (time.time(), event.round, event.kind, event.to_json()),
        )

    def last_event(self) -> int:
        """Return the id of the newest event, 0 if there is none."""
        return int(self._database.value("SELECT coalesce(max(id), 0) FROM events"))

    def last_round_start(self) -> int:
        """Return the id before that of the newest `RoundStarted`, 0 if there is none."""
        found = self._database.value(
            "SELECT max(id) - 1 FROM events WHERE kind = 'RoundStarted' AND id >"
            " (SELECT coalesce(max(id), 0) FROM events) - 5000"
        )
        return self.last_event() if found is None else int(found)

    def waiting(self) -> bool:
        """Whether any command is waiting to be carried out."""
        query = "SELECT 1 FROM commands WHERE status = 'waiting' LIMIT 1"
        return self._database.value(query) is not None

    def undecided(self) -> bool:
        """Whether a command that takes its time is waiting or being carried out."""
        found = self._database.value(
            "SELECT 1 FROM commands WHERE status IN ('waiting', 'running')"
            f" AND kind NOT IN ({MARKS}) LIMIT 1",
            AT_ONCE,
        )
        return found is not None

    def events(self, after: int = 0, limit: int = 1000) -> list[tuple[int, float, Event]]:
        """Return the next events as (id, seconds since 1970, event)."""
        rows = self._database.rows(
            "SELECT * FROM events WHERE id > ? ORDER BY id LIMIT ?", (after, limit)
        )
        return [(row["id"], row["time"], read_event(row["kind"], row["body"])) for row in rows]


NEEDED: dict[str, dict[str, Any]] = {
    "decide": {"sample": int, "action": tuple(Action)},
    "configure": {"settings": dict},
    "fork": {"round": int},
    "redo": {"round": int},
    "evaluate": {"round": int, "problems_per_level": int, "samples": int},
    "measure": {"round": int, "verifiers": list},
}
OPTIONAL: dict[str, dict[str, Any]] = {
    "step": {"rounds": int, "to": tuple(Phase)},
    "decide": {"text": str, "reason": str},
    "fork": {"settings": dict},
    "measure": {"training": bool},
}


def check_body(kind: str, body: Mapping[str, Any]) -> None:
    """Refuse a command whose fields are not what they must be: anybody may write one.

    Raises:
        StudyError: A field is missing or of another kind.
    """
    given = {n: wanted for n, wanted in OPTIONAL.get(kind, {}).items() if body.get(n) is not None}
    for name, wanted in (NEEDED.get(kind, {}) | given).items():
        value = body.get(name)
        fits = isinstance(value, wanted) if isinstance(wanted, type) else value in wanted
        if not fits:
            allowed = wanted.__name__ if isinstance(wanted, type) else ", ".join(wanted)
            raise StudyError(f"{name} of the command {kind!r} is {value!r}; allowed: {allowed}.")
