"""Small studies to test with, and what of a study has to come out equal.

Imports no torch: whoever wants the real base starts `engine_driver.py`.
"""

import hashlib
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import sitool
from sitool.client import Study
from sitool.process import end_engine

PARTS = ("model.base=scripted", "sampler.name=scripted", "trainer.name=scripted")
SMALL = (
    "draw.problems=24",
    "draw.samples=4",
    "sampler.chunk_rows=32",
    "trainer.batch_size=8",
    "evaluation.problems_per_level=6",
    "evaluation.samples=2",
)
REAL = (
    "model.base=tiny",
    "model.device=cpu",
    "model.threads=1",
    "draw.problems=12",
    "draw.samples=3",
    "curriculum.rule=fixed",
    "curriculum.highest=2",
    "sampler.chunk_rows=12",
    "sampler.max_new_tokens=12",
    "selection.threshold=0",  # However good the base is, there is something to train on.
    "trainer.batch_size=8",
    "trainer.rank=4",
    "evaluation.problems_per_level=4",
    "evaluation.samples=2",
    "evaluation.highest=2",
)

COMPARED = {
    "rounds": "SELECT id, parent, status, phase, settings, curriculum, redo_of FROM rounds",
    "problems": "SELECT * FROM problems",
    "draws": "SELECT * FROM draws",
    "samples": "SELECT * FROM samples",
    "scores": "SELECT * FROM scores",
    "judges": "SELECT * FROM judges",
    "selections": "SELECT * FROM selections",
    "decisions": "SELECT id, sample, action, text, reason, author FROM decisions",
    "metrics": "SELECT * FROM metrics WHERE name NOT LIKE 'seconds_%'",
    "names of metrics": "SELECT round, name, level FROM metrics",
    "meta": "SELECT * FROM meta",
}
"""What hangs on nothing but the settings: all but the clock."""

OF_ONE_ROUND = {
    "rounds": "SELECT * FROM rounds WHERE id = :round",
    "draws": "SELECT d.*, p.* FROM draws d JOIN problems p ON p.id = d.problem"
    " WHERE round = :round",
    "samples": "SELECT * FROM samples WHERE round = :round",
    "scores": "SELECT * FROM scores WHERE sample IN (SELECT id FROM samples WHERE round = :round)",
    "selections": "SELECT * FROM selections WHERE round = :round",
    "metrics": "SELECT * FROM metrics WHERE round = :round",
}


def create(folder: Path, *assignments: str, real: bool = False) -> Study:
    """Make a small study on the scripted base, or on the real one."""
    parts = REAL if real else (*PARTS, *SMALL)
    return sitool.create(folder, assignments=[*parts, *assignments])


@contextmanager
def copied(folder: Path, to: Path) -> Iterator[Study]:
    """Open a copy of a study, and close it at the end."""
    shutil.copytree(folder, to)
    with closing(sitool.open(to)) as opened:
        yield opened


@contextmanager
def made_in(folder: Path) -> Iterator[Callable[..., Study]]:
    """Give what makes small studies like `create`; their engines are ended at the end."""
    made: list[Study] = []

    def make(*assignments: str, real: bool = False) -> Study:
        made.append(create(folder / f"study-{len(made)}", *assignments, real=real))
        return made[-1]

    yield make
    for study in made:
        end_engine(study.folder)
        study.close()


def run_with_stops(study: Study, number: int, every: int) -> None:
    """Run up to a round the polite way of a script: seen enough, each time at another event."""
    turns = 0
    while study.head is None or study.head.number < number:
        turns += 1
        stream = study.stream_rounds(1)
        for seen, _ in enumerate(stream):
            if seen == 2 + turns % every:
                break
        stream.close()  # type: ignore[attr-defined]
    assert turns > 5


def rows(folder: Path, sql: str, **values: Any) -> list[tuple[Any, ...]]:
    """Ask a study's database, past sitool."""
    with closing(sqlite3.connect(folder / "study.db")) as connection:
        return connection.execute(sql, values).fetchall()


def contents(folder: Path) -> dict[str, Any]:
    """Return everything in a study that a repetition must bring back."""
    found: dict[str, Any] = {
        name: sorted(rows(folder, sql), key=repr) for name, sql in COMPARED.items()
    }
    return found | {"adapters": adapters(folder)}


def adapters(folder: Path) -> dict[str, str]:
    """Return a hash of every file under `adapters/`, hidden ones included."""
    files = sorted(p for p in (folder / "adapters").rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def round_contents(folder: Path, number: int) -> dict[str, Any]:
    """Return every row and file of one round, clocks included."""
    found: dict[str, Any] = {
        name: sorted(rows(folder, sql, round=number), key=repr)
        for name, sql in OF_ONE_ROUND.items()
    }
    own = f"adapters/r{number:04d}/"
    files = {name: h for name, h in adapters(folder).items() if name.startswith(own)}
    return found | {"adapter": files}


def differing(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """Name the tables in which two studies differ."""
    return [name for name in one if one[name] != other[name]]


def folder_state(folder: Path) -> dict[str, Any]:
    """Return the study's tables and files as they are, to see that nothing was touched.

    The journal of commands and events may grow: it tells what was tried.
    """
    tables = {
        name: rows(folder, f"SELECT * FROM {name}")
        for name in ("meta", "rounds", "problems", "draws", "samples", "scores", "selections",
                     "decisions", "metrics")
    }  # fmt: skip
    return tables | {"adapters": adapters(folder)}


def first_sample(study: Study, number: int, **filters: Any) -> Any:
    """Return the first sample of a round that fits."""
    return next(iter(study.round(number).samples(**filters)))


def take(items: Iterator[Any], count: int) -> list[Any]:
    """Return the first few."""
    return [item for item, _ in zip(items, range(count), strict=False)]
