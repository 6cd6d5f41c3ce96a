"""What is measured of a round once its samples are scored.

Reads the bare scores of one round from the store and returns the numbers that
are kept with it. The statistics themselves are in `metrics.py`.
"""

from collections.abc import Iterator, Mapping, Sequence

from sitool import metrics
from sitool.config import Settings
from sitool.metrics import Accuracy
from sitool.records import TRUTH, Outcome, Score
from sitool.seeds import derive_seed
from sitool.store import Metric, Round, Store
from sitool.store.marks import Mark

ALL_LEVELS = 0
Groups = Mapping[int, Sequence[Mark]]


def measure_round(store: Store, round_: Round) -> list[Metric]:
    """Measure a round: accuracy, pass@k, and how its own samples came out."""
    greedy = by_level(store.samples.marks(round_.id, "greedy", "truth"))
    sampled = by_level(store.samples.marks(round_.id, "sampled", "truth"))
    drawn = by_level(store.samples.marks(round_.id, "train", yardstick(round_.settings)))
    return [
        *measure_greedy(greedy, round_.settings.seed),
        *measure_pass_at_k(sampled, round_.settings.seed),
        *measure_samples(drawn, round_.settings.seed),
    ]


def yardstick(settings: Settings) -> str:
    """Return the verifier that a round's own samples are measured by: the truth if it can be."""
    known = (*settings.verifier.names, *settings.verifier.measure)
    return TRUTH if TRUTH in known else known[0]


def by_level(marks: Sequence[Mark]) -> Groups:
    """Group scores by level; all of them stand under level 0 as well."""
    groups: dict[int, list[Mark]] = {ALL_LEVELS: list(marks)} if marks else {}
    for mark in marks:
        groups.setdefault(mark.level, []).append(mark)
    return groups


def measure_greedy(groups: Groups, seed: int) -> Iterator[Metric]:
    """Measure greedy accuracy by level: strict (format and answer) and flexible.

    One answer a problem, so the interval is exact and needs no `seed`.
    """
    for level, all_marks in groups.items():
        marks = known(all_marks)
        if not marks:
            continue
        strict = sum(mark.score.passed for mark in marks)
        flexible = sum((mark.flexible or 0) >= 1 for mark in marks)
        yield _metric("accuracy", level, metrics.wilson(strict, len(marks)))
        yield _metric("accuracy_flexible", level, metrics.wilson(flexible, len(marks)))


def measure_pass_at_k(groups: Groups, seed: int) -> Iterator[Metric]:
    """Measure sampled pass@k for k = 1, 2, 4 ... up to the samples there are."""
    for level, marks in groups.items():
        problems = problems_of(known(marks))
        samples = [len(problem) for problem in problems]
        passed = [sum(score.passed for score in problem) for problem in problems]
        for k in _powers_of_two(min(samples, default=0)):
            figure = metrics.mean_pass_at_k(
                samples, passed, k, derive_seed(seed, "bootstrap", level, k)
            )
            yield _metric(f"pass@{k}", level, figure)


def known(marks: Sequence[Mark]) -> list[Mark]:
    """Leave out the samples that the verifier failed on: nothing is known of them."""
    return [mark for mark in marks if mark.outcome is not Outcome.ERROR]


def measure_samples(groups: Groups, seed: int) -> Iterator[Metric]:
    """Measure the round's own samples: success, acceptance, signal and diversity."""
    for level, marks in groups.items():
        problems, judged = problems_of(marks), problems_of(known(marks))
        count = len(marks)
        samples = [len(problem) for problem in judged]
        passed = [sum(score.passed for score in problem) for problem in judged]
        accepted = sum(mark.weight > 0 for mark in marks)
        yield Metric("sampled", level, count, n=count)
        yield Metric("accepted", level, accepted, n=count)
        if judged:
            success = derive_seed(seed, "success", level)
            yield _metric("success", level, metrics.mean_pass_at_k(samples, passed, 1, success))
        given = [mark.logprob for mark in marks if mark.logprob is not None]
        if given:
            yield Metric("logprob", level, sum(given) / len(given), n=len(given))
        yield Metric("length", level, sum(m.length for m in marks) / count, n=count)
        shares = metrics.signal_shares(problems)
        for name in ("all_wrong", "mixed", "all_right", "unparsed"):
            yield Metric(f"share_{name}", level, getattr(shares, name), n=shares.n)
        for name, value in (
            ("entropy", metrics.answer_entropy(problems)),
            ("unique", metrics.unique_answers(problems)),
        ):
            if value is not None:
                yield Metric(name, level, value, n=len(problems))


def problems_of(marks: Sequence[Mark]) -> list[list[Score]]:
    """Group the scores of the samples of each problem."""
    groups: dict[int, list[Score]] = {}
    for mark in marks:
        groups.setdefault(mark.position, []).append(mark.score)
    return list(groups.values())


def _powers_of_two(most: int) -> Iterator[int]:
    k = 1
    while k <= most:
        yield k
        k *= 2


def _metric(name: str, level: int, figure: Accuracy) -> Metric:
    return Metric(name, level, figure.value, figure.low, figure.high, figure.n)
