"""Tables for pandas: a row for each sample, or for each level of each round.

pandas is imported when a table is asked for. What this leaves out: figures of its own.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sitool.errors import MissingDependencyError
from sitool.measure import ALL_LEVELS
from sitool.records import Sample
from sitool.store import Metric
from sitool.study.sample_rows import COLUMNS, SAID, flat_row
from sitool.summary import RoundSummary, Summary

ROUND_COLUMNS = (
    "round", "parent", "status", "is_head", "level", "weight", "problems", "sampled", "accepted",
    "success", "accuracy", "low", "high", "n", "flexible", "seconds",
)  # fmt: skip
"""Of a table of rounds, before pass@k."""
WHOLE = ("parent", "problems", "sampled", "accepted", "n")
"""Numbers that are whole, and missing where nothing was measured."""


def samples_frame(samples: Iterable[Sample]) -> Any:
    """Lay samples out in a `pandas.DataFrame`, with four columns for each verifier.

    Raises:
        MissingDependencyError: pandas is not installed.
    """
    rows, verifiers = [], dict[str, None]()
    for sample in samples:
        rows.append(flat_row(sample))
        verifiers |= dict.fromkeys(sample.scores)
    said = [f"{word}_{name}" for name in verifiers for word in SAID]
    numbers = ["weight", "logprob", *(name for name in said if name.startswith(SAID[:2]))]
    kinds = dict.fromkeys(numbers, "float64") | {"passed": "boolean"}
    return _frame("A table of samples", rows, [*COLUMNS, *said], kinds)


def rounds_frame(summary: Summary) -> Any:
    """Lay rounds out in a `pandas.DataFrame`, with a row for each level; 0 is all levels.

    Raises:
        MissingDependencyError: pandas is not installed.
    """
    rows = [row for r in summary.rounds for row in _level_rows(r, r.round.id == summary.head)]
    passes = sorted({k for r in summary.rounds for k in r.pass_at_k})
    names = [*ROUND_COLUMNS, *(f"pass@{k}" for k in passes)]
    whole = dict.fromkeys(WHOLE, "Int64")
    texts = ("round", "status", "is_head", "level")
    kinds = {n: "float64" for n in names if n not in texts} | whole
    return _frame("A table of rounds", rows, names, kinds)


def _level_rows(r: RoundSummary, is_head: bool) -> Iterator[dict[str, Any]]:
    levels = {ALL_LEVELS, *r.accuracy, *r.levels, *r.accepted_by_level}
    for level in sorted(levels):
        of_all = level == ALL_LEVELS
        accepted, sampled = r.accepted_by_level.get(level, (None, None))
        accuracy = r.accuracy.get(level)
        yield {
            "round": r.round.id,
            "parent": r.round.parent,
            "status": r.round.status,
            "is_head": is_head,
            "level": level,
            "weight": None if of_all else r.round.plan.weights.get(level),
            "problems": sum(r.levels.values()) if of_all else r.levels.get(level, 0),
            "sampled": r.sampled if of_all else sampled,
            "accepted": r.accepted if of_all else accepted,
            "success": _value(r.success, level),
            "accuracy": None if accuracy is None else accuracy.value,
            "low": None if accuracy is None else accuracy.low,
            "high": None if accuracy is None else accuracy.high,
            "n": None if accuracy is None else accuracy.n,
            "flexible": _value(r.flexible, level),
            "seconds": r.round.seconds if of_all else None,
            **{f"pass@{k}": _value(by_level, level) for k, by_level in r.pass_at_k.items()},
        }


def _value(by_level: Mapping[int, Metric], level: int) -> float | None:
    return by_level[level].value if level in by_level else None


def _frame(
    what: str, rows: Sequence[Mapping[str, Any]], names: Sequence[str], kinds: Mapping[str, str]
) -> Any:
    try:
        import pandas
    except ImportError as error:
        raise MissingDependencyError(what, "pandas", "notebook") from error
    return pandas.DataFrame(rows, columns=list(names)).astype(dict(kinds))
