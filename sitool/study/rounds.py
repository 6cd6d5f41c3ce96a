"""One round of a study, to look at."""

from pathlib import Path
from typing import Any

from sitool import loop
from sitool.config import Settings
from sitool.html.figures import NOTHING, duration, figure
from sitool.html.markup import Child, join, table, tag
from sitool.measure import ALL_LEVELS
from sitool.store import Metric, Round, Store
from sitool.study.queries import Sampled
from sitool.summary import RoundSummary, summarise_round


class RoundView(Sampled):
    """One round of a study, to look at."""

    def __init__(self, store: Store, record: Round) -> None:
        super().__init__(store, record.id)
        self.record = record

    def __repr__(self) -> str:
        return f"<{self.record.label}: {self.record.status}>"

    def _repr_html_(self) -> str:
        here = self.summary()
        levels = [*sorted({*here.accuracy, *here.levels} - {ALL_LEVELS}), ALL_LEVELS]
        rows = [_level_cells(here, level) for level in levels]
        heads = ("level", "accuracy", "problems drawn", "samples accepted")
        seconds = f"{self.record.status}, {duration(self.record.seconds)}"
        return join(
            [
                tag("p", tag("b", self.record.label), f": {seconds}. {self.record.plan.sentence}"),
                table(heads, rows, numbers_from=len(heads)),
            ]
        )

    @property
    def number(self) -> int:
        """The round's number."""
        return self.record.id

    @property
    def settings(self) -> Settings:
        """The resolved settings that it ran with."""
        return self.record.settings

    @property
    def adapter(self) -> Path | None:
        """The folder of what it learnt, an adapter or weights; None for round 0."""
        folder = self._store.adapter_folder(self.number)
        return folder if self.number and folder.is_dir() else None

    @property
    def accuracy(self) -> dict[int, Metric]:
        """Greedy accuracy by level, with intervals; 0 is all levels."""
        return self._store.metrics.of(self.number, "accuracy")

    @property
    def success(self) -> dict[int, Metric]:
        """Success by level as the curriculum looks at it: sampled, or else greedy."""
        return loop.measured_success(self._store, self.number)

    def summary(self) -> RoundSummary:
        """Return the round's numbers."""
        parent = self.record.parent
        above = None if parent is None else self._store.tree.round(parent)
        return summarise_round(self._store, self.record, above)

    def judges(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Return who judged its samples and how it was asked, by verifier and pool.

        The pool is `train` or `evaluation`; verifiers that ask no model are not in it.
        """
        return self._store.samples.asked(self.number)


def _level_cells(here: RoundSummary, level: int) -> tuple[Child, ...]:
    accepted, sampled = here.accepted_by_level.get(level, (0, 0))
    problems: Child = here.levels.get(level, NOTHING)
    if level == ALL_LEVELS:
        accepted, sampled, problems = here.accepted, here.sampled, sum(here.levels.values())
    kept = f"{accepted:,} of {sampled:,}" if sampled else NOTHING
    name = "all" if level == ALL_LEVELS else level
    return (name, figure(here.accuracy.get(level)), problems, kept)
