"""One SQLite file in WAL mode, with every foreign error said in one sentence."""

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sitool.errors import StoreError
from sitool.store.schema import FORMAT, MIGRATIONS, TABLES

BUSY_SECONDS = 10.0


class Database:
    """A connection that commits whole transactions or nothing.

    Threads that read over one connection take turns, statement by statement: SQLite would
    let them, but Python's module crashes when one closes what another reads from.

    Raises:
        StoreError: There is no study in the folder, it is of a newer format,
            or the file cannot be read.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._turn = threading.RLock()
        if not file.is_file():
            raise StoreError(
                f"There is no study in {str(file.parent)!r}: {file.name} is missing.",
                "try: sitool new DIR",
            )
        with said_as_store_error(file):
            self._connection = self._connect()
            self._check_format()

    @classmethod
    def create(cls, file: Path) -> "Database":
        """Make an empty study database.

        Raises:
            StoreError: The folder already holds a study or cannot be written.
        """
        if file.exists():
            raise StoreError(
                f"{str(file.parent)!r} already holds a study.",
                f"try: sitool status {file.parent}, or choose another folder",
            )
        with said_as_store_error(file):
            file.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(file, isolation_level=None)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(
                f"BEGIN;{TABLES}INSERT INTO meta VALUES ('format', '{FORMAT}');COMMIT;"
            )
            connection.close()
        return cls(file)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.file, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    def _format(self) -> int:
        return int(self.value("SELECT value FROM meta WHERE key = 'format'") or 0)

    def _check_format(self) -> None:
        found = self._format()
        if 0 < found < FORMAT:
            self._migrate()
        if found > FORMAT:
            raise StoreError(
                f"{str(self.file.parent)!r} is a study of format {found}; "
                f"this sitool reads formats up to {FORMAT}.",
                "try: a newer sitool",
            )

    def _migrate(self) -> None:
        """Bring an older study up to date, unless somebody else has just done so."""
        # A table that others refer to could not be made anew; within a transaction it is late.
        self.execute("PRAGMA foreign_keys = OFF")
        with self.transaction():
            for target in range(self._format() + 1, FORMAT + 1):
                for statement in MIGRATIONS[target]:
                    self.execute(statement)
                self.execute("UPDATE meta SET value = ? WHERE key = 'format'", (str(target),))
        self.execute("PRAGMA foreign_keys = ON")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit everything inside, or nothing if anything inside fails.

        A transaction inside another one is part of the outer one.
        """
        if self._connection.in_transaction:
            yield
            return
        with said_as_store_error(self.file):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                # A full disk makes SQLite roll back by itself.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            self._commit()

    def _commit(self) -> None:
        try:
            self._connection.execute("COMMIT")
        except sqlite3.Error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def execute(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Run one statement and return the id of the row it inserted, if it did."""
        with self._turn, said_as_store_error(self.file):
            return int(self._connection.execute(sql, values).lastrowid or 0)

    def execute_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run one statement for each row of values."""
        with self._turn, said_as_store_error(self.file):
            self._connection.executemany(sql, rows)

    def rows(self, sql: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[sqlite3.Row]:
        """Return every row of a query."""
        with self._turn, said_as_store_error(self.file):
            return self._connection.execute(sql, values).fetchall()

    def stream(
        self, sql: str, values: Sequence[Any], sizes: Iterable[int]
    ) -> Iterator[list[sqlite3.Row]]:
        """Yield the rows of a query in lists of these sizes, as they are found."""
        with said_as_store_error(self.file):
            with self._turn:
                cursor = self._connection.execute(sql, values)
            try:
                for size in sizes:
                    with self._turn:
                        rows = cursor.fetchmany(size)
                    if not rows:
                        return
                    yield rows
            finally:
                with self._turn:
                    cursor.close()

    def interrupt(self) -> None:
        """Make the query that runs on this connection fail, from another thread."""
        self._connection.interrupt()

    def value(self, sql: str, values: Sequence[Any] = ()) -> Any:
        """Return the first column of the first row, or None."""
        with self._turn, said_as_store_error(self.file):
            row = self._connection.execute(sql, values).fetchone()
        return None if row is None else row[0]

    def close(self) -> None:
        """Close the connection, after what another thread reads from it just now."""
        with self._turn:
            self._connection.close()


@contextmanager
def said_as_store_error(file: Path) -> Iterator[None]:
    """Turn what SQLite or the disk says into one sentence about the study."""
    folder = str(file.parent)
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise StoreError(
            f"The database of {folder!r} says: {error}.", _advice(str(error))
        ) from error
    except OSError as error:
        why = error.strerror or str(error)
        raise StoreError(f"{folder!r} cannot be written: {why}.", _advice(why)) from error


def _advice(complaint: str) -> str:
    if "full" in complaint or "No space" in complaint or "quota" in complaint:
        return "try: free some disk space, then run the same command again; nothing is lost"
    if "locked" in complaint:
        return "try: again in a moment; another process is writing"
    if "no such table" in complaint:
        return "try: another folder; this study.db was not made by sitool"
    if "not a database" in complaint or "malformed" in complaint:
        return "try: restore study.db from a copy; the file is damaged"
    return "try: check that the folder is there and can be written"
