"""What every verifier said of a round's samples, without their texts: for computing on them."""

from dataclasses import dataclass

from sitool.records import Outcome
from sitool.store.database import Database

OUTCOMES = {outcome.value: outcome for outcome in Outcome}


@dataclass(frozen=True, slots=True)
class VerdictRows:
    """One row for each sample and verifier, in order of problem and sample, column by column.

    A sample without any score has one row whose verifier is None.

    Attributes:
        sample: The sample's number in the study.
        position: Of its problem in the draw.
        problem: The problem's number in the study.
    """

    sample: tuple[int, ...]
    position: tuple[int, ...]
    problem: tuple[int, ...]
    level: tuple[int, ...]
    verifier: tuple[str | None, ...]
    outcome: tuple[Outcome | None, ...]
    value: tuple[float | None, ...]
    flexible: tuple[float | None, ...]
    answer: tuple[str | None, ...]


class Verdicts:
    """Reads the scores of whole rounds at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def any(self, round_id: int, role: str) -> bool:
        """Whether a round has samples of a role."""
        found = self._database.value(
            "SELECT 1 FROM samples WHERE round = ? AND role = ? LIMIT 1", (round_id, role)
        )
        return bool(found)

    def of(self, round_id: int, role: str) -> VerdictRows | None:
        """Return what was said of a round's samples of a role; None if it has none."""
        rows = self._database.rows(
            "SELECT s.id, s.position, s.problem, s.level, c.verifier, c.outcome, c.value,"
            " c.flexible, c.answer FROM samples s LEFT JOIN scores c ON c.sample = s.id"
            " WHERE s.round = ? AND s.role = ? ORDER BY s.position, s.idx",
            (round_id, role),
        )
        if not rows:
            return None
        columns = [*zip(*rows, strict=True)]
        columns[5] = tuple(map(OUTCOMES.get, columns[5]))
        return VerdictRows(*columns)
