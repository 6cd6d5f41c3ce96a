"""A round's held-out samples as arrays: one row a problem, one column a sample, in drawn order.

What this leaves out: where they come from (`reading.py`).
"""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

NOT_READ = -1
"""In `answers`: no answer could be read."""


@dataclass(frozen=True, slots=True)
class Pool:
    """Samples of P problems, N of each, with one greedy answer to each problem.

    Attributes:
        levels: [P].
        right: 1 where the truth passed the sample, else 0, [P, N].
        logprobs: log pi_base(y|x), end token included, in nats; nan: not known, [P, N].
        lengths: In tokens, [P, N].
        ended: Whether a sample ended by itself; one that was cut off has no likelihood
            of its own and is chosen last, [P, N].
        answers: Equal numbers within a row are equal answers; or `NOT_READ`, [P, N].
        greedy_right: Of the greedy answers, [P].
        greedy_logprobs: log pi_base of the greedy answers; nan: not known, [P].
        greedy_own: Their log-probability under the round's own model; nan: not known, [P].
        best_logprobs: log pi_base of the answer that the base finds likeliest of all that
            were seen, in this round or when the base was measured; nan: none is known, [P].
        greedy_is_best: Whether the greedy answer is that answer, [P].
    """

    levels: Ints
    right: Floats
    logprobs: Floats
    lengths: Floats
    ended: Bools
    answers: Ints
    greedy_right: Floats
    greedy_logprobs: Floats
    greedy_own: Floats
    best_logprobs: Floats
    greedy_is_best: Bools

    @property
    def problems(self) -> int:
        """How many problems there are."""
        return len(self.levels)

    @property
    def samples(self) -> int:
        """How many samples each problem has."""
        return int(self.right.shape[1])

    def where(self, kept: Bools) -> Self:
        """Return the pool of these problems alone."""
        return type(self)(**{f.name: getattr(self, f.name)[kept] for f in fields(self)})

    @property
    def likely(self) -> Floats:
        """The self-reward log pi_base, least for what was cut off, [P, N]."""
        return np.where(self.ended, self.logprobs, -np.inf)

    @property
    def likely_per_token(self) -> Floats:
        """The self-reward log pi_base / |y|, least for what was cut off, [P, N]."""
        return np.where(self.ended, self.logprobs / np.maximum(self.lengths, 1), -np.inf)

    @property
    def has_logprobs(self) -> Bools:
        """Which problems have log pi_base of every sample, [P]."""
        return np.asarray(np.isfinite(self.logprobs).all(axis=1), dtype=np.bool_)
