"""Reads the pool of a round from its study: held-out samples, and what the base makes of them.

The base's own samples carry their log-probabilities; those of later rounds have them
from the verifiers `likelihood@base` and `likelihood_per_token@base`. That the base
once wrote the same answer is not enough: problems where it did are the easy ones, and
a mean over them would say nothing of the others. What this leaves out: every number
made of a pool.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sitool.errors import StudyError
from sitool.sharpening.pool import NOT_READ, Pool
from sitool.store import Answer, Round, Store

BASE = 0
"""The round that measured the base."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A round's pool, and how many of its problems are not in it.

    Attributes:
        left_out: Problems by why they are left out.
    """

    pool: Pool
    left_out: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Case:
    """One problem with everything that was answered to it.

    Attributes:
        told: log pi_base of this round's answers, by token ids, where it was told.
        best: log pi_base of the likeliest answer of this round and of the base's own
            that ended by itself; None: there is none.
        best_tokens: That answer.
    """

    samples: Sequence[Answer]
    greedy: Answer
    told: Mapping[bytes, float]
    best: float | None
    best_tokens: bytes


def read_pool(store: Store, round_: Round, level: int | None = None) -> Reading:
    """Read the pool of a round.

    Args:
        level: Problems of this level alone; None: all.

    Raises:
        StudyError: The round is not evaluated yet, or drew no held-out samples.
    """
    if not round_.finished:
        raise StudyError(f"{round_.label} is not evaluated yet.", "try: sitool step DIR")
    cases, left_out = _cases(store, round_, level)
    if not cases:
        raise StudyError(
            f"{round_.label} has no problem with held-out samples"
            f"{'' if level is None else f' on level {level}'}.",
            "try: evaluation.samples of 1 or more, such as 16, for the rounds to come",
        )
    return Reading(_pool(cases), left_out)


def _cases(store: Store, round_: Round, level: int | None) -> tuple[list[Case], dict[str, int]]:
    sampled = _by_problem(store.answers.of(round_.id, "sampled"), level)
    greedy = _by_problem(store.answers.of(round_.id, "greedy"), level)
    by_base = _by_problem(
        [a for role in ("sampled", "greedy") for a in store.answers.of(BASE, role)], level
    )
    most = max(map(len, sampled.values()), default=0)
    left_out: Counter[str] = Counter()
    cases = []
    for problem, samples in sampled.items():
        answers = [*samples, *greedy.get(problem, ())]
        if len(answers) != most + 1:
            left_out["fewer answers than to the others"] += 1
        elif any(answer.passed is None for answer in answers):
            left_out["an answer of which the truth could not be told"] += 1
        else:
            ours = by_base.get(problem, ())
            cases.append(_case(samples, answers[-1], ours, is_base=round_.id == BASE))
    return cases, dict(left_out)


def _by_problem(answers: Sequence[Answer], level: int | None) -> dict[int, list[Answer]]:
    groups: dict[int, list[Answer]] = {}
    for answer in answers:
        if level is None or answer.level == level:
            groups.setdefault(answer.problem, []).append(answer)
    return groups


def _case(
    samples: Sequence[Answer], greedy: Answer, by_base: Sequence[Answer], *, is_base: bool
) -> Case:
    ours = (*samples, greedy)
    own = {a.tokens: a.logprob for a in by_base if a.logprob is not None}
    told = {a.tokens: a.base_logprob for a in ours if a.base_logprob is not None}
    known = told | own
    whole = {a.tokens for a in (*ours, *by_base) if a.ended}
    best = max((t for t in known if t in whole), key=known.__getitem__, default=b"")
    return Case(samples, greedy, known if is_base else told, known.get(best), best)


def _pool(cases: Sequence[Case]) -> Pool:
    nan = float("nan")
    greedy = [case.greedy for case in cases]
    return Pool(
        levels=np.array([answer.level for answer in greedy]),
        right=np.array([[float(bool(a.passed)) for a in case.samples] for case in cases]),
        logprobs=np.array([[case.told.get(a.tokens, nan) for a in case.samples] for case in cases]),
        lengths=np.array([[float(a.length) for a in case.samples] for case in cases]),
        ended=np.array([[a.ended for a in case.samples] for case in cases]),
        answers=np.array([_numbered(case.samples) for case in cases]),
        greedy_right=np.array([float(bool(answer.passed)) for answer in greedy]),
        greedy_logprobs=np.array([case.told.get(case.greedy.tokens, nan) for case in cases]),
        greedy_own=np.array([nan if a.logprob is None else a.logprob for a in greedy]),
        best_logprobs=np.array([nan if case.best is None else case.best for case in cases]),
        greedy_is_best=np.array([case.greedy.tokens == case.best_tokens for case in cases]),
    )


def _numbered(samples: Sequence[Answer]) -> list[int]:
    """Number the answers that could be read, equal ones alike."""
    numbers: dict[str, int] = {}
    return [
        NOT_READ if a.read is None else numbers.setdefault(a.read, len(numbers)) for a in samples
    ]
