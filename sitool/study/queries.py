"""Samples that are asked for and not yet read: counted, paged and told by the database.

A query is as long as what fits it at the moment of asking, so it grows while a round
runs. What this leaves out: which filters there are (`store/filters.py`), and files
(`export.py`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, overload

from sitool.errors import UnknownNameError
from sitool.html.markup import join, table, tag
from sitool.records import ROLES, Outcome, Sample
from sitool.store import SampleFilter, SampleLine, Store, round_label
from sitool.study.frames import samples_frame
from sitool.study.sample_columns import COLUMNS
from sitool.visible import one_line

SHOWN = 10
"""Rows of a query that a notebook shows."""


class SampleQuery(Sequence[Sample]):
    """The samples that fit a filter, in the order in which they were drawn.

    Nothing is read before it is needed, and never more than a page at once: a query over
    a million samples costs nothing until it is gone through. Another loop begins anew.

    >>> right = study.round(1).samples(passed=True)
    >>> len(right) == sum(sample.scores["truth"].passed for sample in right)
    True
    >>> right[:2] == right.first(2) == [right[0], right[1]]
    True

    Raises:
        UnknownNameError: No sample has the role that is asked for.
    """

    def __init__(self, store: Store, where: SampleFilter) -> None:
        if where.role is not None and where.role not in ROLES:
            raise UnknownNameError("role", where.role, ROLES)
        self._store = store
        self.where = where
        self._reading: Iterator[Sample] | None = None

    def __iter__(self) -> Iterator[Sample]:
        return self._store.samples.each(self.where)

    def __next__(self) -> Sample:
        # So that `next(round.samples(passed=True))` gives one without more ado.
        if self._reading is None:
            self._reading = iter(self)
        return next(self._reading)

    def __len__(self) -> int:
        return self._store.samples.count(self.where)

    def __bool__(self) -> bool:
        return bool(self.first(1))

    @overload
    def __getitem__(self, place: int) -> Sample: ...
    @overload
    def __getitem__(self, place: slice) -> list[Sample]: ...
    def __getitem__(self, place: int | slice) -> Sample | list[Sample]:
        if isinstance(place, slice):
            return self._slice(range(len(self))[place])
        skipped = place if place >= 0 else len(self) + place
        found = self._store.samples.page(self.where, skip=skipped, limit=1) if skipped >= 0 else []
        if not found:
            raise IndexError(f"There is no sample {place} among {len(self)}.")
        return found[0]

    def _slice(self, places: range) -> list[Sample]:
        if not places:
            return []
        low, high = min(places), max(places)
        found = self._store.samples.page(self.where, skip=low, limit=high - low + 1)
        return [found[place - low] for place in places if place - low < len(found)]

    def __repr__(self) -> str:
        return f"<{self.title()}>"

    def first(self, count: int) -> list[Sample]:
        """Return the first few, or all if there are fewer."""
        return self._store.samples.page(self.where, limit=count)

    def title(self) -> str:
        """Say how many samples of which kind these are.

        >>> study.round(1).samples(role="base").title()
        '0 samples of r0001: drawn from the base'
        """
        count = len(self)
        of = "the study" if self.where.round is None else round_label(self.where.round)
        which = ", ".join(_words(self.where))
        return f"{count:,} sample{'s' * (count != 1)} of {of}{': ' * bool(which)}{which}"

    def to_pandas(self) -> Any:
        """Return a `pandas.DataFrame` with a row for each sample.

        What a verifier said has columns of its own: `score_truth`, `flexible_truth`,
        `outcome_truth` and `explanation_truth`. A verdict that could not be read is a gap
        in `score_truth` and a word in `outcome_truth`, never a 0. `problem` is the same for
        all samples of one problem; `passed` is what the truth says where it was measured.

        Raises:
            MissingDependencyError: pandas is not installed.

        >>> table = study.round(1).samples(accepted=True).to_pandas()
        >>> bool((table.weight > 0).all()), len(table) == len(table.id.unique())
        (True, True)
        """
        return samples_frame(self)

    def _repr_html_(self) -> str:
        lines = self._store.samples.lines([sample.id for sample in self.first(SHOWN)])
        more = f"; the first {SHOWN}" if len(lines) < len(self) else ""
        caption = tag("p", tag("b", self.title()), more)
        heads = ["id", *(column.name for column in COLUMNS)]
        return join([caption, table(heads, map(_cells, lines), numbers_from=len(heads))])


class Sampled:
    """What samples belong to: a study, or one of its rounds.

    Args:
        only: The round whose samples these are; None: those of all rounds.
    """

    def __init__(self, store: Store, only: int | None = None) -> None:
        self._store = store
        self._only = only

    def samples(
        self,
        where: SampleFilter | None = None,
        *,
        accepted: bool | None = None,
        passed: bool | None = None,
        overruled: bool | None = None,
        level: int | None = None,
        outcome: Outcome | None = None,
        text: str | None = None,
        levels: tuple[int, int] | None = None,
        score: tuple[float, float] | None = None,
        role: str = "train",
    ) -> SampleQuery:
        """Ask for the samples that fit every filter that is given; a study has those of all rounds.

        Args:
            where: A filter that is written already, in place of the others.
            levels: From and to, both included.
            score: The lowest value that a verifier gave, from and to.
            role: `train`, `base`, or of the evaluation `greedy` or `sampled`.

        Raises:
            UnknownNameError: No sample has such a role.

        >>> study.round(1).samples(accepted=True, level=1).title()
        '1 sample of r0001: accepted, level 1'
        >>> len(study.samples()) == sum(len(round.samples()) for round in study.rounds())
        True
        """
        asked = where or SampleFilter(
            role=role,
            level=level,
            accepted=accepted,
            passed=passed,
            overruled=overruled,
            outcome=outcome,
            text=text,
            levels=levels,
            score=score,
        )
        return SampleQuery(
            self._store, asked if self._only is None else replace(asked, round=self._only)
        )


def _cells(line: SampleLine) -> list[str]:
    """Write a line as tables of samples do everywhere, and which sample it is."""
    texts = (column.cut(column.text(line), column.most) for column in COLUMNS)
    return [str(line.id), *(text.strip() for text in texts)]


DRAWN_FOR = {
    "base": "drawn from the base",
    "greedy": "greedy answers of the evaluation",
    "sampled": "sampled answers of the evaluation",
    None: "of every role",
}


def _words(where: SampleFilter) -> Iterator[str]:
    """Say in words what a filter lets through."""
    if where.role in DRAWN_FOR:
        yield DRAWN_FOR[where.role]
    for wanted, words in (
        (where.accepted, ("rejected", "accepted")),
        (where.passed, ("failed", "passed")),
        (where.overruled, ("not overruled", "overruled")),
    ):
        if wanted is not None:
            yield words[wanted]
    if where.outcome is not None:
        yield where.outcome.value
    if where.level is not None:
        yield f"level {where.level}"
    if where.levels is not None:
        yield f"levels {where.levels[0]} to {where.levels[1]}"
    if where.score is not None:
        yield f"score {where.score[0]:g} to {where.score[1]:g}"
    if where.problem_id is not None:
        yield f"problem {where.problem_id}"
    if where.text is not None:
        yield f"with {one_line(where.text, 40)!r}"
