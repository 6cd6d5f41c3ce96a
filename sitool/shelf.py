"""Whole studies on this machine: a card of each, copying one, deleting one.

A card has what a list of studies shows, and no more: it is read in a few
milliseconds however large the study is. What it leaves out: the numbers of a
round (`summary.py`) and which studies there are (`sitool.front.recent`).
"""

import contextlib
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from sitool.client import Study, create, open_study
from sitool.errors import SitoolError, StoreError, StudyError
from sitool.lock import LOCK, SIGN, Lock
from sitool.measure import ALL_LEVELS
from sitool.process import engine_pid
from sitool.store import Metric, SampleFilter, Store
from sitool.store.database import said_as_store_error
from sitool.study.founding import free_name

DATABASE = "study.db"
OURS = (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", f"{DATABASE}-journal")
OURS_BESIDE = (LOCK, SIGN, "engine.log", "engine.log.old")
ADAPTERS = "adapters"

DEMO_FOLDER, DEMO_PRESET, DEMO_SEED = "demo-study", "path", 7
DEMO = "demo"
"""What asks for the demo study, wherever it is."""
FOLDERS_LOOKED_AT = 2000


@dataclass(frozen=True, slots=True)
class Card:
    """A study as a list shows it.

    Attributes:
        rounds: Beyond round 0, left ones included.
        head: Name of the round that the next one starts from; empty before the base is measured.
        open: Name of the round under way, or empty.
        accuracy: Of the head, over all levels.
        branch: Accuracy from round 0 down to the head.
        touched: When anything in it last changed, in seconds since 1970.
        engine: Process id of its engine, or None.
        working: Whether a round or an evaluation is being worked on.
        died: Whether an engine ended in the middle of its work.
        error: Why it cannot be read; everything else is empty then.
    """

    folder: Path
    task: str = ""
    base: str = ""
    seed: int = 0
    preset: str = ""
    rounds: int = 0
    head: str = ""
    open: str = ""
    accuracy: Metric | None = None
    branch: tuple[float, ...] = ()
    touched: float = 0.0
    engine: int | None = None
    working: bool = False
    died: bool = False
    error: str = ""

    @property
    def missing(self) -> bool:
        """Whether there is no study in the folder any more."""
        return bool(self.error) and not holds_study(self.folder)


@dataclass(frozen=True, slots=True)
class Contents:
    """What is lost with a study: how many of each, and bytes on disk."""

    rounds: int
    samples: int
    rulings: int
    size: int


def holds_study(folder: Path) -> bool:
    """Say whether there is a study in a folder."""
    try:
        return (folder / DATABASE).is_file()
    except (OSError, ValueError):
        return False


def studies_in(folder: Path) -> list[Path]:
    """Return the studies right inside a folder, by name, and the folder itself if it is one."""
    found = [folder] if holds_study(folder) else []
    with contextlib.suppress(OSError):
        inside = islice(folder.iterdir(), FOLDERS_LOOKED_AT)
        found += sorted(place for place in inside if holds_study(place))
    return found


def read_card(folder: Path) -> Card:
    """Look at a study; what is wrong with it becomes the card's error."""
    try:
        with _opened(folder) as store:
            return _card(store)
    except SitoolError as error:
        return Card(folder, touched=_modified(folder), error=error.message)
    except Exception as error:
        # A study.db of somebody else's can hold anything.
        said = f"{type(error).__name__}: {error}"
        return Card(folder, touched=_modified(folder), error=f"It cannot be read ({said}).")


def read_contents(folder: Path) -> Contents:
    """Count what is in a study; where it cannot be read, only its bytes."""
    size = sum(_bytes(place) for place in _own_parts(folder))
    try:
        with _opened(folder) as store:
            every = SampleFilter(role=None)
            return Contents(
                rounds=sum(r.parent is not None for r in store.tree.rounds()),
                samples=store.samples.count(every),
                rulings=store.samples.count(SampleFilter(role=None, overruled=True)),
                size=size,
            )
    except (SitoolError, ValueError, KeyError):
        return Contents(0, 0, 0, size)


def open_any(folder: str | Path) -> Study:
    """Open the study in a folder; `"demo"` is the demo study, made if it is not there yet.

    The demo study is in `demo-study` in the present folder, where the app and `sitool demo`
    make it too. A folder of your own that is called `demo` and holds a study comes first.

    Raises:
        StoreError: There is no study, or it is of a newer format.

    >>> sitool.open("demo")
    <Study 'demo-study': path on tiny, seed 7; not measured yet>
    """
    place = Path(folder).expanduser()
    if str(folder) != DEMO or holds_study(place):
        return open_study(place)
    demo = Path(DEMO_FOLDER)
    return open_study(demo) if holds_study(demo) else _found_demo(demo)


def _found_demo(folder: Path) -> Study:
    return create(folder, DEMO_PRESET, assignments=[f"seed={DEMO_SEED}"])


def make_demo(beside: Path) -> Path:
    """Make the demo study in a folder, under its own name or a free one, and return where.

    Raises:
        SitoolError: It cannot be written there.
    """
    folder = free_name(beside / DEMO_FOLDER)
    _found_demo(folder).close()
    return folder


def duplicate(folder: Path) -> Path:
    """Copy a study to a free name beside it and return where the copy is.

    Raises:
        StudyError: An engine is working on it.
        StoreError: It cannot be read, or the copy cannot be written; no copy is left then.
    """
    target = free_name(folder.with_name(f"{folder.name}-copy"))
    with _at_rest(folder):
        try:
            with said_as_store_error(target / DATABASE):
                target.mkdir()
                _copy_database(folder / DATABASE, target / DATABASE)
                if (folder / ADAPTERS).is_dir():
                    shutil.copytree(folder / ADAPTERS, target / ADAPTERS)
        except BaseException:
            shutil.rmtree(target, ignore_errors=True)
            raise
    return target


def delete(folder: Path) -> bool:
    """Delete a study; returns whether its folder is gone too.

    Only what sitool made is removed, so a folder that holds anything else stays.

    Raises:
        StudyError: There is no study in the folder, or an engine is working on it.
        StoreError: It cannot be removed.
    """
    if not holds_study(folder):
        raise StudyError(f"There is no study in {str(folder)!r}: {DATABASE} is missing.")
    with _at_rest(folder), said_as_store_error(folder / DATABASE):
        for place in _own_parts(folder):
            if place.is_dir() and not place.is_symlink():
                shutil.rmtree(place)
            else:
                place.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        folder.rmdir()
    return not folder.exists()


@contextlib.contextmanager
def _at_rest(folder: Path) -> Iterator[None]:
    """Keep engines from starting on a study meanwhile.

    An engine that only waits for work is left alone: it writes nothing, and it ends
    by itself once its study is gone.

    Raises:
        StudyError: An engine is working on it.
    """
    pid, lock = engine_pid(folder), Lock(folder)
    waits = pid is not None and not _is_working(folder)
    if not waits and not lock.take():
        raise StudyError(
            f"An engine (process {pid or 'unknown'}) is working on {str(folder)!r}.",
            f"try: sitool stop {folder}, or wait for the end of the round",
        )
    try:
        yield
    finally:
        lock.free()


def _is_working(folder: Path) -> bool:
    """Say whether anything is being worked on; not known counts as yes."""
    try:
        with _opened(folder) as store:
            return store.journal.undecided()
    except SitoolError:
        return True


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[Store]:
    with contextlib.closing(Store(folder)) as store:
        yield store


def _card(store: Store) -> Card:
    tree, folder = store.tree, store.folder
    settings, head, open_round = tree.next_settings, tree.head, tree.open_round()
    branch = [store.metrics.of(r.id, "accuracy").get(ALL_LEVELS) for r in tree.branch(head)]
    busy, engine = store.journal.undecided(), engine_pid(folder)
    busy = busy and (engine is not None or store.journal.undecided())  # As the desk does.
    return Card(
        folder=folder,
        task=settings.task.name,
        base=settings.model.base,
        seed=settings.seed,
        preset=tree.meta("preset"),
        rounds=sum(r.parent is not None for r in tree.rounds()),
        head="" if head is None else tree.round(head).label,
        open="" if open_round is None else open_round.label,
        accuracy=branch[-1] if branch else None,
        branch=tuple(m.value for m in branch if m is not None),
        touched=_modified(folder),
        engine=engine,
        working=busy and engine is not None,
        died=busy and engine is None,
    )


def _modified(folder: Path) -> float:
    """Return when the database, or what is not yet moved into it, was last written.

    Whoever only reads leaves an empty log behind for a moment; that is no change.
    """
    times = [0.0]
    for name in OURS[:2]:
        with contextlib.suppress(OSError, ValueError):
            found = (folder / name).stat()
            times += [found.st_mtime] * (found.st_size > 0)
    return max(times)


def signature(folder: Path) -> tuple[float, int | None]:
    """Return what changes whenever a card would; costs a look at three files."""
    engine: int | None = None
    with contextlib.suppress(StoreError, ValueError):
        engine = engine_pid(folder)
    return _modified(folder), engine


def _own_parts(folder: Path) -> list[Path]:
    # The database goes first: from then on it is no study, whatever happens.
    places = [folder / name for name in (*OURS, ADAPTERS, *OURS_BESIDE)]
    return [place for place in places if place.exists() or place.is_symlink()]


def _bytes(place: Path) -> int:
    files = place.rglob("*") if place.is_dir() and not place.is_symlink() else [place]
    return sum(file.lstat().st_size for file in files if file.is_file())


def _copy_database(source: Path, target: Path) -> None:
    """Copy what is committed, wherever SQLite keeps it at the moment."""
    with (
        contextlib.closing(sqlite3.connect(source)) as old,
        contextlib.closing(sqlite3.connect(target)) as new,
    ):
        old.backup(new)
        new.execute("PRAGMA journal_mode = WAL")
