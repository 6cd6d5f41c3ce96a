"""The gap report of a round: 10,000 held-out samples, 4 verifiers, beside a plain loop.

    python -m benchmarks.gap
    python -m benchmarks.gap --whole --runs 1     # some minutes

Ours reads the study and makes the whole report, some 400 figures with intervals.
The peer is loops over lists, given the samples in memory. It makes the same filters, sweeps,
pairs and tables, but intervals for J, the gap and the relative gap of each verifier alone;
with --whole for sweeps, pairs and pass@k too. Both must come to the same gaps.
"""

import math
import random
import statistics
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from benchmarks.harness import Comparison, arguments, compare, show
from sitool.gap import GapReport, report_gap
from sitool.gap.pool import Pool
from sitool.gap.sources import read_pool
from sitool.metrics import RESAMPLES
from sitool.presets import build_settings
from sitool.records import Completion, Outcome, Problem, Score
from sitool.store import EMPTY_PLAN, Store

SAMPLES, EACH = 10_000, 16
JUDGES = ("cot_score", "likelihood", "majority", "mc")


def make_study(folder: Path, samples: int = SAMPLES, each: int = EACH, seed: int = 7) -> Path:
    """Write a study whose round 0 has so many held-out samples, scored by truth and judges."""
    source, store = random.Random(seed), Store.create(folder)
    settings = build_settings("path")
    problems = [Problem("path", 1 + n % 8, f"problem {n}", str(n)) for n in range(samples // each)]
    with store.transaction():
        store.tree.set_next_settings(settings)
        round_ = store.tree.add_round(None, settings, EMPTY_PLAN)
        store.samples.add_draw(round_.id, "evaluation", problems)
        drawn = store.samples.draw(round_.id, "evaluation")
        completion = Completion((1, 2, 3), "abc", "stop", (-0.1, -0.2, -0.3))
        rows = [[completion] * each for _ in problems]
        ids = store.samples.add_samples(round_.id, "sampled", 0, drawn, rows)
        for name, scores in _scores(len(problems), each, source).items():
            store.samples.add_scores(name, zip(ids, scores, strict=True))
        store.tree.finish_round(round_.id)
    store.close()
    return folder


def _scores(problems: int, each: int, source: random.Random) -> dict[str, list[Score]]:
    """Draw verdicts that know a little of the truth."""
    found: dict[str, list[Score]] = defaultdict(list)
    for _ in range(problems):
        skill = source.betavariate(1, 1)
        for _ in range(each):
            right = source.random() < skill
            found["truth"].append(
                _score(float(right), "yes" if right else f"no {source.randrange(5)}")
            )
            hint = 0.2 * right
            found["mc"].append(_score(min(1.0, source.random() * 0.8 + hint)))
            found["cot_score"].append(_score(source.randint(1, 8 + 2 * right) / 10))
            found["majority"].append(_score(source.randint(1, each) / each))
            found["likelihood"].append(_score(source.random() ** 3))
            if source.random() < 0.05:
                found["cot_score"][-1] = Score(Outcome.UNPARSED)
    return found


def _score(value: float, answer: str | None = None) -> Score:
    return Score(Outcome.SCORED, value, value, answer)


Groups = list[list[int]]


def plain_report(pool: dict[str, Any], *, whole: bool, seed: int = 0) -> dict[str, float]:
    """Make the report with lists and loops; returns the gap by verifier."""
    groups: Groups = pool["groups"]
    right: list[float] = pool["right"]
    source = random.Random(seed)
    gaps: dict[str, float] = {}
    kept = {name: _survivors(pool, name) for name in JUDGES}
    for first, second in combinations(JUDGES, 2):
        both = [a and b for a, b in zip(kept[first], kept[second], strict=True)]
        together = _gaps(groups, right, both)
        gaps[f"{first}+{second}"] = statistics.fmean(together)
        if whole:
            _interval(together, source)
        _pearson(pool["values"][first], pool["values"][second])
    for name in JUDGES:
        by_problem = _gaps(groups, right, kept[name])
        gaps[name] = statistics.fmean(by_problem)
        before = [statistics.fmean(right[i] for i in group) for group in groups]
        relative = [g / (1 - j) for g, j in zip(by_problem, before, strict=True) if j < 1]
        for values in (before, by_problem, relative):
            _interval(values, source)
        for by_problem in _sweep(pool, name):
            if whole:
                _interval(by_problem, source)
        Counter(zip(right, (v is not None and v >= 0.5 for v in pool["values"][name]), strict=True))
    for k in (1, 2, 4, 8, 16):
        passes = [_pass_at_k([right[i] for i in group], k) for group in groups]
        if whole:
            _interval(passes, source)
    statistics.fmean(_entropy(pool["answers"][i] for i in group) for group in groups)
    return gaps


def _survivors(pool: dict[str, Any], name: str) -> list[bool]:
    values = pool["values"][name]
    if name != "likelihood":
        return [value is not None and value >= 0.5 for value in values]
    return _best(pool, name, 0.25)


def _best(pool: dict[str, Any], name: str, share: float) -> list[bool]:
    values, kept = pool["values"][name], [False] * len(pool["right"])
    for group in pool["groups"]:
        scored = sorted((values[i] for i in group if values[i] is not None), reverse=True)
        if scored:
            cut = scored[: max(1, math.ceil(share * len(group) - 1e-9))][-1]
            for i in group:
                kept[i] = values[i] is not None and values[i] >= cut
    return kept


def _gaps(groups: Groups, right: Sequence[float], kept: Sequence[bool]) -> list[float]:
    gaps = []
    for group in groups:
        before = sum(right[i] for i in group) / len(group)
        survivors = [right[i] for i in group if kept[i]]
        gaps.append(sum(survivors) / len(survivors) - before if survivors else 0.0)
    return gaps


def _sweep(pool: dict[str, Any], name: str) -> Iterator[list[float]]:
    values = pool["values"][name]
    distinct = sorted({value for value in values if value is not None})
    step = max(1, len(distinct) // 48)
    for tau in distinct[::step][:48]:
        kept = [value is not None and value >= tau for value in values]
        yield _gaps(pool["groups"], pool["right"], kept)
    for places in range(1, 17):
        kept = _best(pool, name, places / 16)
        yield _gaps(pool["groups"], pool["right"], kept)


def _interval(values: Sequence[float], source: random.Random) -> tuple[float, float]:
    means = sorted(
        sum(source.choices(values, k=len(values))) / len(values) for _ in range(RESAMPLES)
    )
    return means[RESAMPLES // 40], means[-RESAMPLES // 40]


def _pearson(x: Sequence[float | None], y: Sequence[float | None]) -> float:
    pairs = [(a, b) for a, b in zip(x, y, strict=True) if a is not None and b is not None]
    return statistics.correlation(*zip(*pairs, strict=True))


def _pass_at_k(right: Sequence[float], k: int) -> float:
    wrong = len(right) - int(sum(right))
    return 1 - math.comb(wrong, k) / math.comb(len(right), k)


def _entropy(answers: Iterable[int]) -> float:
    counts = Counter(answers)
    return sum(c / counts.total() * math.log(counts.total() / c) for c in counts.values())


def as_lists(pool: Pool) -> dict[str, Any]:
    """Return the same samples as lists."""
    groups: dict[int, list[int]] = defaultdict(list)
    for place, problem in enumerate(pool.problem.tolist()):
        groups[problem].append(place)
    values = {
        name: [
            v if s else None for v, s in zip(said.value.tolist(), said.scored.tolist(), strict=True)
        ]
        for name, said in pool.verdicts.items()
    }
    return {
        "groups": list(groups.values()),
        "right": pool.strict.tolist(),
        "answers": pool.answer.tolist(),
        "values": values,
    }


def check(report: GapReport, plain: dict[str, float]) -> None:
    """Refuse to compare two ways that do not come to the same figures."""
    last = report.rounds[-1]
    ours = {name: gap.strict.gap.value for name, gap in last.gaps.items()}
    ours |= {name: pair.gap.strict.gap.value for name, pair in last.pairs.items()}
    off = [name for name in plain if abs(ours[name] - plain[name]) > 1e-9]
    if off or set(ours) != set(plain):
        raise SystemExit(f"the two reports differ: {off or set(ours) ^ set(plain)}")


def main() -> None:
    """Measure and print."""
    options = arguments(__doc__ or "", "--whole")
    with tempfile.TemporaryDirectory() as name:
        store = Store(make_study(Path(name) / "study"))
        lists = as_lists(read_pool(store, store.tree.round(0)))

        def ours() -> float:
            return len(report_gap(store).rounds)

        def peer() -> float:
            return bool(plain_report(lists, whole=options.whole))

        check(report_gap(store), plain_report(lists, whole=False))
        found: Comparison = compare(
            "gap report, 10,000 samples x 4 verifiers", ours, peer, "reports/s", options.runs
        )
        spent = [time.process_time()]
        read_pool(store, store.tree.round(0))
        spent.append(time.process_time())
        report_gap(store)
        spent.append(time.process_time())
        store.close()
    note = (
        f"one report: {1 / found.ours:.2f} s, or {spent[2] - spent[1]:.2f} s of a core, of which"
        f" {spent[1] - spent[0]:.2f} s read the study"
    )
    show([found], options.json, note)


if __name__ == "__main__":
    main()
