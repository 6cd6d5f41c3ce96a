"""Runs the studies of the experiments, and keeps what each came to as a line of JSON.

Three kinds of study serve six experiments:

* judged: rounds that learn from what the model itself calls right, beside rounds that
  learn from what is right (experiments a, b and c);
* pool: the base alone, with many samples of each held-out problem (d and f);
* sharpened: the base learns to give at once what it would choose of several (e).

Every seed is a study of its own: it draws other problems and other samples (levels 1
and 2 of `chain` have so few held-out problems that every seed meets them all). With one
seed the conditions of a kind meet the same held-out problems. What this leaves out:
tables, and intervals over seeds (`tables.py`).
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import sitool
from sitool.client import Study
from sitool.gap.report import RoundGap
from sitool.sharpening.report import Targets

JUDGES = ("mc", "majority", "likelihood_per_token")
ENSEMBLES = ("mc+likelihood_per_token", "mc+majority")
THRESHOLD = 0.6
"""Of `mc`: what the loop selects by is also what the gap is measured under."""

FILTERS = {
    "own": (
        f"mc=threshold:{THRESHOLD}",
        "majority=threshold:0.5",
        "likelihood_per_token=quantile:0.25",
    ),
    "half": ("quantile:0.5",),
}
"""Each judge's own filter; and the better half of each problem's samples under every judge."""

DELTAS = (0.3, 0.1, 0.03)
"""Of the adaptive rule; a smaller one draws longer."""

Round = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Size:
    """How large the studies are.

    Attributes:
        judged: Problems and samples a round.
        judged_rounds: How many.
        judged_held_out: Problems of each level, and samples of each.
        pool_held_out: The same; the samples are what N can be up to.
        sharpened: Problems a round; 16 samples of as many are drawn in all.
        sharpened_held_out: Problems of each level, and samples of each.
        levels: The hardest level of `path` and of `chain`.
    """

    judged: tuple[int, int] = (256, 8)
    judged_rounds: int = 4
    judged_held_out: tuple[int, int] = (24, 32)
    pool_held_out: tuple[int, int] = (64, 64)
    sharpened: int = 512
    sharpened_held_out: tuple[int, int] = (48, 16)
    levels: tuple[int, int] = (6, 4)


@dataclass(frozen=True, slots=True)
class Condition:
    """One way of running one kind of study.

    Attributes:
        options: Settings, as `a.b=value` texts.
    """

    kind: str
    name: str
    rounds: int
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """One study and what was measured of each of its rounds."""

    condition: Condition
    seed: int
    rounds: list[Round]
    seconds: float


def conditions(size: Size) -> list[Condition]:
    """Return everything that is run for one seed."""
    return [*_judged(size), *_pools(size), *_sharpened(size)]


def _judged(size: Size) -> Iterator[Condition]:
    """Yield a study that selects by the model's own verdict, and one that selects by truth."""
    problems, samples = size.judged
    common = (
        *_task("path", size.levels[0], size.judged_held_out),
        f"draw.problems={problems}",
        f"draw.samples={samples}",
        f"evaluation.verifiers={json.dumps(JUDGES)}",
    )
    by_mc = ('verifier.names=["mc"]', f"selection.threshold={THRESHOLD}")
    by_truth = ('verifier.names=["truth"]',)
    for name, options in (("mc", by_mc), ("truth", by_truth)):
        yield Condition("judged", name, size.judged_rounds, (*common, *options))


def _pools(size: Size) -> Iterator[Condition]:
    for task, highest in zip(("path", "chain"), size.levels, strict=True):
        yield Condition("pool", task, 0, _task(task, highest, size.pool_held_out))


def _sharpened(size: Size) -> Iterator[Condition]:
    """Yield three objectives, set as in their presets, with equal numbers of samples drawn."""
    common = (
        *_task("chain", size.levels[1], size.sharpened_held_out),
        'evaluation.verifiers=["likelihood_per_token@base"]',
        f"draw.problems={size.sharpened}",
    )
    best = ('verifier.names=["likelihood"]', "selection.rule=best_of_n", "trainer.epochs=2")
    anew = ("trainer.start_from=base", "trainer.optimizer_state=fresh")
    pairs = ("trainer.pairs_per_problem=2", "trainer.epochs=1")
    # A round of xpo draws as many samples of the base as of its own model.
    for name, rounds, samples, rate, options in (
        ("sft", 1, 16, "1e-3", (*best, *anew)),
        ("dpo", 4, 4, "3e-4", ("trainer.name=dpo", "trainer.beta=1.0", *pairs)),
        (
            "xpo",
            2,
            4,
            "1e-3",
            ("trainer.name=xpo", "trainer.alpha_xpo=0.01", "trainer.beta=0.5", *pairs),
        ),
    ):
        steps = (
            f"trainer.learning_rate={rate}",
            "trainer.schedule=linear",
            "trainer.batch_size=16",
        )
        draw = f"draw.samples={samples}"
        yield Condition("sharpened", name, rounds, (*common, *steps, draw, *options))


def _task(name: str, highest: int, held_out: tuple[int, int]) -> tuple[str, ...]:
    problems, samples = held_out
    return (
        f"task.name={name}",
        "model.base=tiny",
        "model.threads=1",
        "curriculum.rule=fixed",
        f"curriculum.highest={highest}",
        "sampler.max_new_tokens=16",
        f"evaluation.problems_per_level={problems}",
        f"evaluation.highest={highest}",
        f"evaluation.samples={samples}",
    )


def run_study(condition: Condition, seed: int) -> Run:
    """Run one study in a folder that is thrown away."""
    started = time.perf_counter()
    assignments = (*condition.options, f"seed={seed}")
    with tempfile.TemporaryDirectory() as folder:
        study = sitool.create(Path(folder) / "study", assignments=assignments)
        study.run(condition.rounds, inline=True)
        rounds = [MEASURES[condition.kind](study, r.number) for r in study.rounds()]
        study.close()
    return Run(condition, seed, rounds, round(time.perf_counter() - started, 1))


def measure_judged(study: Study, number: int) -> Round:
    """Take the gap under every judge, and pass@k, from the gap report of one round."""
    asked = (*JUDGES, *ENSEMBLES)
    reports = {
        name: study.gap([number], asked, filters).rounds[0] for name, filters in FILTERS.items()
    }
    report = reports["own"]
    return {
        "accepted": study.round(number).summary().accepted,
        "accuracy": report.accuracy.value,
        "pass_at_k": {str(k): figure.value for k, figure in report.pass_at_k.items()},
        "unique": report.unique.value,
        "gaps": {name: _gaps(under) for name, under in reports.items()},
        "correlations": {f"{one.first}, {one.second}": one.r for one in report.correlations},
    }


def _gaps(report: RoundGap) -> dict[str, dict[str, float]]:
    """Return the gap by judge, with its interval over the problems of this seed."""
    return {
        name: {
            "value": gap.strict.gap.value,
            "low": gap.strict.gap.low,
            "high": gap.strict.gap.high,
            "kept": gap.kept / gap.samples,
            "empty": gap.empty / report.problems,
        }
        for name, gap in report.gaps.items()
    }


def measure_pool(study: Study, number: int) -> Round:
    """Take best-of-N curves, and the adaptive rule at several deltas, of one round."""
    report = study.sharpening(number)
    curves = {
        reward: {
            str(p.n): {"accuracy": p.accuracy.value, "logprob": p.logprob and p.logprob.value}
            for p in points
        }
        for reward, points in report.best_of_n.items()
    }
    return {
        "greedy_accuracy": report.greedy_accuracy.value,
        "greedy_logprob": report.greedy_logprob and report.greedy_logprob.value,
        "best_of_n": curves,
        "pass_at_k": {str(k): figure.value for k, figure in report.pass_at_k.items()},
        "sharpened": report.sharpened and report.sharpened.value,
        "adaptive": {str(delta): _adaptive(study, number, delta) for delta in DELTAS},
    }


def _adaptive(study: Study, number: int, delta: float) -> dict[str, float] | None:
    found = study.sharpening(number, targets=Targets(delta=delta)).adaptive
    if found is None:
        return None
    return {
        "drawn": found.drawn.value,
        "accuracy": found.accuracy.value,
        "logprob": found.logprob.value,
        "stopped": found.stopped,
        "equal_n": found.equal_n,
        "saved": found.saved,
    }


MEASURES: dict[str, Callable[[Study, int], Round]] = {
    "judged": measure_judged,
    "pool": measure_pool,
    "sharpened": measure_pool,
}


def run_all(wanted: Sequence[Condition], seeds: Sequence[int], file: Path) -> None:
    """Run what the file does not hold yet, and add each run to it as it ends."""
    _drop_unfinished_line(file)
    done = {(r.condition, r.seed) for r in read_runs(file)}
    left = [(c, seed) for seed in seeds for c in wanted if (c, seed) not in done]
    for number, (condition, seed) in enumerate(left, 1):
        run = run_study(condition, seed)
        with file.open("a", encoding="utf-8") as out:
            out.write(json.dumps(asdict(run)) + "\n")
        print(
            f"{number}/{len(left)} {condition.kind} {condition.name}, seed {seed}:"
            f" {run.seconds:.0f} s",
            file=sys.stderr,
            flush=True,
        )


def _drop_unfinished_line(file: Path) -> None:
    """Cut off what a run that was killed in writing has left, so that no line goes on from it."""
    if file.exists():
        text = file.read_text(encoding="utf-8")
        whole = text[: text.rfind("\n") + 1]
        if whole != text:
            file.write_text(whole, encoding="utf-8")


def read_runs(file: Path) -> list[Run]:
    """Read the runs of a file; an unfinished last line is left out."""
    if not file.exists():
        return []
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    return [_read_run(line) for line in lines if line.endswith("\n")]


def _read_run(line: str) -> Run:
    body = json.loads(line)
    c = body.pop("condition")
    condition = Condition(c["kind"], c["name"], c["rounds"], tuple(c["options"]))
    return Run(condition, **body)
