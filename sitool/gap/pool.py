"""The samples of one round as arrays: what the gap report computes on.

A pool is a round's held-out samples with what the truth and every verifier said
of them, in order of problem, so that every figure is one `bincount` or `reduceat`
over 10,000 samples. What this leaves out: reading it from a study (`sources.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sitool.records import Outcome

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

SCORED, UNPARSED, ERROR, UNSEEN = range(4)
"""What became of a sample under a verifier; `UNSEEN` is not there yet."""

CODES = {Outcome.SCORED: SCORED, Outcome.UNPARSED: UNPARSED, Outcome.ERROR: ERROR}


@dataclass(frozen=True, slots=True, eq=False)
class Verdicts:
    """What one verifier said of every sample of a pool.

    Attributes:
        value: [n], in [0, 1]; NaN wherever the outcome is not `SCORED`.
        outcome: [n], one of `SCORED`, `UNPARSED`, `ERROR`, `UNSEEN`.
    """

    value: Floats
    outcome: Ints

    @property
    def scored(self) -> Bools:
        """Where there is a value."""
        scored: Bools = self.outcome == SCORED
        return scored


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """The samples of one round whose truth is known, in order of problem.

    The utility u of a sample is 1 if the truth lets it pass and else 0. An answer
    that the truth could not read is a wrong answer, so its u is 0; where the truth
    itself failed nothing is known, and the sample is not in the pool.

    Attributes:
        problem: [n], from 0, never falling.
        problem_id: [problems], the problem's number in the study: pairs rounds.
        level: [problems].
        drawn: [problems], samples drawn of it, those of unknown truth included.
        sample: [n], the sample's number in the study.
        strict: [n], u by format and answer, 0 or 1.
        flexible: [n], u by the answer found anywhere, 0 or 1.
        read: [n], whether the truth could read an answer.
        answer: [n], equal numbers for equal answers; -1 where none was read.
        verdicts: By verifier, the truth among them.
        unknown: Samples left out because the truth failed on them or has not seen them.
    """

    problem: Ints
    problem_id: Ints
    level: Ints
    drawn: Ints
    sample: Ints
    strict: Floats
    flexible: Floats
    read: Bools
    answer: Ints
    verdicts: Mapping[str, Verdicts]
    unknown: int = 0

    @property
    def problems(self) -> int:
        """How many problems there are."""
        return len(self.problem_id)

    @property
    def counts(self) -> Ints:
        """[problems], the samples of each in the pool; at least 1."""
        return np.bincount(self.problem, minlength=self.problems)

    def sums(self, values: Floats | Bools) -> Floats:
        """Add values of samples up by problem: [n] to [problems]."""
        sums = np.bincount(self.problem, weights=values, minlength=self.problems)
        return np.asarray(sums, dtype=np.float64)

    def means(self, values: Floats | Bools) -> Floats:
        """Average values of samples by problem: [n] to [problems]."""
        return self.sums(values) / self.counts

    def scored_by(self, verifiers: Sequence[str]) -> Bools:
        """[n], whether every one of these verifiers gave a value."""
        scored: Bools = np.logical_and.reduce([self.verdicts[name].scored for name in verifiers])
        return scored

    def seen_by(self, verifiers: Sequence[str]) -> Bools:
        """[problems], whether all of these verifiers have been at all of its samples."""
        unseen = np.logical_or.reduce([self.verdicts[name].outcome == UNSEEN for name in verifiers])
        seen: Bools = self.sums(unseen) == 0
        return seen
