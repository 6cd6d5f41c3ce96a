"""The measured numbers of one study, written once per round."""

from collections.abc import Iterable
from dataclasses import dataclass

from sitool.store.database import Database


@dataclass(frozen=True, slots=True)
class Metric:
    """One number of a round.

    Attributes:
        name: Such as `accuracy`, `accuracy_flexible`, `pass@4` or `loss`.
        level: Of the problems; for `loss` the step; 0 is over all.
        low, high: The 95 % interval, where there is one.
        n: Problems (or tokens, for the loss) that it was measured on.
    """

    name: str
    level: int
    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None


class Metrics:
    """The metrics table of one study."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, round_id: int, metrics: Iterable[Metric]) -> None:
        """Write numbers of a round, in place of earlier ones of the same name and level."""
        self._database.execute_many(
            "INSERT OR REPLACE INTO metrics VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(round_id, m.name, m.level, m.value, m.low, m.high, m.n) for m in metrics],
        )

    def drop(self, round_id: int, name: str) -> None:
        """Forget a round's numbers of one name, before they are measured again."""
        self._database.execute("DELETE FROM metrics WHERE round = ? AND name = ?", (round_id, name))

    def of(self, round_id: int, name: str) -> dict[int, Metric]:
        """Return a round's numbers of one name, by level."""
        rows = self._database.rows(
            "SELECT name, level, value, low, high, n FROM metrics"
            " WHERE round = ? AND name = ? ORDER BY level",
            (round_id, name),
        )
        return {row["level"]: Metric(**dict(row)) for row in rows}

    def by_name(self, round_id: int) -> dict[str, dict[int, Metric]]:
        """Return all of a round's numbers, by name and level."""
        found: dict[str, dict[int, Metric]] = {}
        for row in self._database.rows(
            "SELECT name, level, value, low, high, n FROM metrics WHERE round = ?"
            " ORDER BY name, level",
            (round_id,),
        ):
            found.setdefault(row["name"], {})[row["level"]] = Metric(**dict(row))
        return found
