"""All that people said of a study's samples, in the order in which they said it."""

from sitool.records import Action, Decision
from sitool.store.database import Database


class Decisions:
    """Reads the decisions of a whole study."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def made(self) -> list[Decision]:
        """Return all decisions, oldest first, without those that a redo has copied."""
        rows = self._database.rows(
            "SELECT d.* FROM decisions d JOIN samples s ON s.id = d.sample"
            " JOIN rounds r ON r.id = s.round"
            " WHERE r.redo_of IS NULL OR d.time > r.created ORDER BY d.id"
        )
        return [Decision(**{**dict(row), "action": Action(row["action"])}) for row in rows]
