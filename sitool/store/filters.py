"""Which samples to look at, and in which order, as SQL on the tables of a study."""

from dataclasses import dataclass
from enum import StrEnum

from sitool.records import Outcome
from sitool.store.rows import LOGPROB


@dataclass(frozen=True, slots=True)
class SampleFilter:
    """Which samples to look at; every field that is set must hold.

    Attributes:
        accepted: Counted in its round's training, or did not.
        overruled: Carries a person's ruling, or none.
        outcome: Of any verifier.
        text: Occurs in the completion or the prompt.
        passed: The truth let it pass, or not; where that was not measured, any verifier.
        levels: From and to, both included.
        score: The lowest value that a verifier gave lies in this range, both ends included.
    """

    round: int | None = None
    role: str | None = "train"
    level: int | None = None
    accepted: bool | None = None
    passed: bool | None = None
    overruled: bool | None = None
    outcome: Outcome | None = None
    text: str | None = None
    problem_id: int | None = None
    levels: tuple[int, int] | None = None
    score: tuple[float, float] | None = None

    @property
    def only_grows(self) -> bool:
        """Whether what fits goes on fitting, whatever is scored, selected or ruled later."""
        changing = (self.accepted, self.passed, self.overruled, self.outcome, self.score)
        return all(wanted is None for wanted in changing)

    def where(self) -> tuple[str, list[object]]:
        """Return the SQL condition on `samples s` and its values."""
        clauses, values = ["1"], list[object]()
        columns = {
            "s.round = ?": self.round,
            "s.role = ?": self.role,
            "s.level = ?": self.level,
            "s.problem = ?": self.problem_id,
            f"{_HAS} c.outcome = ?)": self.outcome,
        }
        for sql, wanted in columns.items():
            if wanted is not None:
                clauses.append(sql)
                values.append(wanted)
        for sql, ends in ((f"{_LEVEL} BETWEEN ? AND ?", self.levels),
                          (f"{_SCORE} BETWEEN ? AND ?", self.score)):  # fmt: skip
            if ends is not None:
                clauses.append(sql)
                values += ends
        clauses += self._flags()
        if self.text is not None:
            clauses.append(_FOUND)
            values += [self.text, self.text]
        return " AND ".join(clauses), values

    def _flags(self) -> list[str]:
        flags = ((_ACCEPTED, self.accepted), (_PASSED, self.passed), (_OVERRULED, self.overruled))
        return [f"{'' if flag else 'NOT '}{sql}" for sql, flag in flags if flag is not None]


_HAS = "EXISTS (SELECT 1 FROM scores c WHERE c.sample = s.id AND"
_LEVEL = "s.level"
_SCORE = "(SELECT min(c.value) FROM scores c WHERE c.sample = s.id)"
_ACCEPTED = (
    "EXISTS (SELECT 1 FROM selections e WHERE e.sample = s.id AND e.round = s.round"
    " AND e.weight > 0)"
)
_PASSED = (
    f"{_HAS} c.value >= 1 AND (c.verifier = 'truth' OR NOT EXISTS"
    " (SELECT 1 FROM scores t WHERE t.sample = s.id AND t.verifier = 'truth')))"
)
# Not correlated, so that a million samples are looked up in a few rulings and not the other way.
_OVERRULED = (
    "s.id IN (SELECT d.sample FROM decisions d WHERE d.action NOT IN ('note', 'clear')"
    " AND d.id = (SELECT max(l.id) FROM decisions l"
    " WHERE l.sample = d.sample AND l.action != 'note'))"
)
_FOUND = (
    "(instr(s.text, ?) OR EXISTS"
    " (SELECT 1 FROM problems q WHERE q.id = s.problem AND instr(q.prompt, ?)))"
)


class SampleOrder(StrEnum):
    """By what samples are sorted; equal ones stand in the order in which they were drawn."""

    DRAWN = "drawn"
    LEVEL = "level"
    LOGPROB = "logprob"
    LENGTH = "length"
    SCORE = "score"

    def sql(self, *, descending: bool = False) -> str:
        """Return what comes after `ORDER BY`; one without a score counts below 0.

        One without a log-probability counts as the least likely.
        """
        turn = " DESC" if descending else ""
        key = {
            "drawn": "",
            "score": f"coalesce({_SCORE}, -1){turn}, ",
            "logprob": f"{LOGPROB}{turn}, ",
        }
        return f"{key.get(self.value, f's.{self.value}{turn}, ')}s.id{turn}"
