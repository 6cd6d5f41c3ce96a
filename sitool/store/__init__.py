"""The study directory: one SQLite database, the adapters, the lock.

It knows nothing of models. Its parts: the tree of rounds, the samples with all
that hangs on them, the metrics, and the journal of commands and events.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sitool.store.answers import Answer, Answers
from sitool.store.database import Database
from sitool.store.decisions import Decisions
from sitool.store.filters import SampleFilter, SampleOrder
from sitool.store.journal import Command, Journal
from sitool.store.lines import SampleLine
from sitool.store.metrics import Metric, Metrics
from sitool.store.rulings import human_rule
from sitool.store.samples import Samples
from sitool.store.tree import EMPTY_PLAN, Plan, Round, Tree, round_label
from sitool.store.verdicts import VerdictRows, Verdicts

__all__ = [
    "EMPTY_PLAN",
    "Answer",
    "Command",
    "Metric",
    "Plan",
    "Round",
    "SampleFilter",
    "SampleLine",
    "SampleOrder",
    "Store",
    "VerdictRows",
    "human_rule",
    "round_label",
]


class Store:
    """One study on disk.

    Raises:
        StoreError: There is no study in the folder, or it cannot be read.
    """

    def __init__(self, folder: Path, database: Database | None = None) -> None:
        self.folder = folder
        self._database = database or Database(folder / "study.db")
        self.tree = Tree(self._database)
        self.samples = Samples(self._database)
        self.decisions = Decisions(self._database)
        self.verdicts = Verdicts(self._database)
        self.metrics = Metrics(self._database)
        self.answers = Answers(self._database)
        self.journal = Journal(self._database)

    @classmethod
    def create(cls, folder: Path) -> "Store":
        """Make an empty study in a folder.

        Raises:
            StoreError: The folder already holds a study or cannot be written.
        """
        return cls(folder, Database.create(folder / "study.db"))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit everything inside, or nothing."""
        with self._database.transaction():
            yield

    @property
    def version(self) -> int:
        """A number that changes whenever another connection commits a change."""
        return int(self._database.value("PRAGMA data_version"))

    def interrupt(self) -> None:
        """Make what another thread is reading through this store fail at once."""
        self._database.interrupt()

    def adapter_folder(self, round_id: int) -> Path:
        """Return where a round's adapter is, or will be."""
        return self.folder / "adapters" / round_label(round_id)

    def close(self) -> None:
        """Close the database."""
        self._database.close()
