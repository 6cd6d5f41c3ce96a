"""A study of a million samples within a minute, without a model: rows as rounds would leave them.

python -m benchmarks.many_samples /tmp/million --samples 1000000
"""

import argparse
import random
from array import array
from collections.abc import Iterator
from pathlib import Path

from sitool.measure import ALL_LEVELS
from sitool.presets import build_settings
from sitool.store import EMPTY_PLAN, Metric, Store
from sitool.store.database import Database
from sitool.store.rows import INSERT
from sitool.tasks.path import PathTask

SAMPLES_PER_PROBLEM = 16
PATTERNS = 800
RULED = 500
"""A person has ruled on this many."""

METRICS = [
    Metric(name, level, 0.5, 0.4, 0.6, 100)
    for name in ("accuracy", "success")
    for level in (ALL_LEVELS, *range(1, 9))
]


def make_study(folder: Path, samples: int, rounds: int = 1, seed: int = 7) -> Path:
    """Write a study whose rounds hold this many training samples together."""
    database = Database.create(folder / "study.db")
    store, source = Store(folder, database), random.Random(seed)
    settings = build_settings("path")
    store.tree.set_next_settings(settings)
    with store.transaction():
        levels = _add_problems(database, samples // SAMPLES_PER_PROBLEM, source)
        for number in range(rounds + 1):
            parent = number - 1 if number else None
            round_ = store.tree.add_round(parent, settings, EMPTY_PLAN)
            if number:
                each = samples // rounds
                _add_samples(database, number, (number - 1) * each, each, levels, source)
            store.metrics.add(number, METRICS)
            store.tree.finish_round(round_.id)
        _add_decisions(database, samples, source)
    store.close()
    return folder


def _add_problems(database: Database, count: int, source: random.Random) -> list[int]:
    """Write problems like a few hundred real ones; returns the level of each."""
    task = PathTask()
    patterns = [task.problem(1 + n % 8, source) for n in range(PATTERNS)]
    problems = [patterns[n % PATTERNS] for n in range(count)]
    database.execute_many(
        "INSERT INTO problems (id, task, level, prompt, truth, identity, facts)"
        " VALUES (?, 'path', ?, ?, ?, '', '{}')",
        [(n + 1, p.level, f"{n:x}:{p.prompt}", p.truth) for n, p in enumerate(problems)],
    )
    return [p.level for p in problems]


def _add_samples(
    database: Database, number: int, first: int, count: int, levels: list[int], r: random.Random
) -> None:
    """Write a round's samples, scores and selection, one statement for each table."""
    ids = range(first + 1, first + count + 1)
    answers = {i: _answer(r) for i in ids}
    rows = _sample_rows(number, first, answers, levels, r)
    database.execute_many(INSERT, rows)  # type: ignore[arg-type]
    passed = {i: r.random() < 0.4 for i in ids}
    database.execute_many(
        "INSERT INTO scores VALUES (?, 'truth', ?, ?, ?, ?, ?)",
        [_score_row(i, answers[i], passed[i], r) for i in ids],
    )
    database.execute_many(
        "INSERT INTO selections VALUES (?, ?, ?, ?)",
        [
            (number, i, float(p), "score 1.00 >= 1.00" if p else "below the threshold")
            for i, p in passed.items()
        ],
    )


def _answer(r: random.Random) -> str:
    return "".join(r.choices("abcdefghij", k=r.randint(2, 10)))


def _sample_rows(
    number: int, first: int, answers: dict[int, str], levels: list[int], r: random.Random
) -> Iterator[tuple[object, ...]]:
    for place, text in enumerate(answers.values()):
        problem = (first + place) // SAMPLES_PER_PROBLEM
        tokens = [ord(letter) - 29 for letter in text] + [1]
        logprobs = [-r.expovariate(3) for _ in tokens]
        yield (
            first + place + 1, number, "train",
            place // SAMPLES_PER_PROBLEM, place % SAMPLES_PER_PROBLEM,
            problem % len(levels) + 1, levels[problem % len(levels)], text, "stop",
            array("i", tokens).tobytes(), array("f", logprobs).tobytes(), sum(logprobs),
            len(tokens),
        )  # fmt: skip


def _score_row(sample: int, text: str, passed: bool, r: random.Random) -> tuple[object, ...]:
    if not passed and r.random() < 0.02:
        return (sample, "unparsed", None, None, None, "no path could be read")
    value, why = (1.0, "a path from start to target") if passed else (0.0, "there is no such edge")
    return (sample, "scored", value, value, text, why)


def _add_decisions(database: Database, samples: int, r: random.Random) -> None:
    chosen = r.sample(range(1, samples + 1), min(RULED, samples))
    database.execute_many(
        "INSERT INTO decisions (sample, action, text, reason, author, time)"
        " VALUES (?, ?, NULL, 'by hand', 'jo', 1.0)",
        [(sample, r.choice(("accept", "reject"))) for sample in chosen],
    )


def main() -> None:
    """Write a study."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--samples", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    print(make_study(options.folder, options.samples, options.rounds))


if __name__ == "__main__":
    main()
