"""Learners that know each prompt by itself: no level helps another, and no prompt either.

A response is of one of C kinds, such as right or wrong, and the policy is the chance
of each kind at each prompt. Responses of a kind are treated alike by the verifier, so
the sums over kinds follow exactly the law of the full table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike

from sitool.lab.arguments import Floats, at_least, chance, share, whole
from sitool.lab.learners import PRIOR, TRUTH, Verifier, checked_lengths, per_run
from sitool.lab.mixtures import Counts


@dataclass(frozen=True, eq=False)
class TableLearner:
    """A learner with a table of its own for every prompt.

    **Law.** Each level has X prompts. The n_k prompts of a round fall on them evenly and
    independently; a prompt that comes c times gives c N responses. A response of kind i
    is kept with chance a_i, so that of kind i A_i are kept:
    (A_1, ..., A_C, dropped) ~ Multinomial(c N, (q_1 a_1, ..., q_C a_C, the rest)). The
    maximum likelihood with m prior counts is, prompt by prompt,

        q_i' = (A_i + m q_i0) / (sum_j A_j + m),

    q_0 the table that training starts from; a prompt without kept responses stays there.

    **Assumes** that nothing is shared: no other prompt and no other level learns
    anything (S4). A level of L_k steps starts with success initial^{L_k}, so that the
    start is that of the skill learners, and each prompt of a level starts alike.

    Attributes:
        initial: p, one number or one a run [R, 1].
        lengths: L_k, [K].
        prompts: X, for each level.
        prior: m; 0 is plain maximum likelihood.

    Raises:
        LabError: An argument is out of range.
    """

    initial: ArrayLike
    lengths: Sequence[int]
    prompts: int = 16
    prior: float = PRIOR

    def __post_init__(self) -> None:
        chance("The initial skill", self.initial)
        checked_lengths(self.lengths)
        whole("The number of prompts", self.prompts)
        at_least("The prior count", self.prior, 0.0)

    def keep_chances(self) -> Floats:
        """Return a, [C]: the chance that a response of each kind is kept."""
        raise NotImplementedError

    def right_kinds(self) -> Floats:
        """Return 1 for kinds that are right and 0 for others, [C]."""
        raise NotImplementedError

    def shares(self, success: Floats) -> Floats:
        """Return the shares of the kinds where success is that, [..., C]."""
        raise NotImplementedError

    @property
    def levels(self) -> int:
        """K."""
        return len(self.lengths)

    def start(self, runs: int) -> Floats:
        """Return the base's tables, [R, K, X, C].

        In memory each kind lies by itself, and numpy keeps it so: a round goes kind by
        kind, and strided as the axes are named it takes half as long again.
        """
        first = per_run("The initial skill", self.initial, runs, 1)
        kinds = np.moveaxis(self.shares(first ** checked_lengths(self.lengths)), -1, 0)
        tables = np.repeat(kinds[..., None], self.prompts, axis=-1)  # [C, R, K, X]
        return np.moveaxis(tables, 0, -1)

    def success(self, state: Floats) -> Floats:
        """Return the mass of right kinds, averaged over a level's prompts, [R, K]."""
        return np.asarray(self._right(state).mean(axis=2))

    def gap(self, state: Floats, responses: int) -> Floats:
        """Return E_x[P(right | kept) - P(right)] by level; where nothing is kept it stays."""
        right, keep = self.right_kinds(), self.keep_chances()
        kept = state @ keep
        better = (state @ (keep * right)) / np.where(kept > 0, kept, 1.0)
        success = self._right(state)
        return np.asarray((np.where(kept > 0, better, success) - success).mean(axis=2))

    def coverage(self, state: Floats) -> Floats:
        """Return E_x[1 / success(x)] by level, [R, K]; infinite where a prompt has lost it."""
        with np.errstate(divide="ignore"):
            return np.asarray((1.0 / self._right(state)).mean(axis=2))

    def skill(self, state: Floats) -> Floats:
        """Return the accuracy over all prompts of all levels, [R, 1]."""
        return np.asarray(self.success(state).mean(axis=1, keepdims=True))

    def learn(
        self, state: Floats, start: Floats, prompts: Counts, responses: int, rng: Generator
    ) -> tuple[Floats, Counts]:
        """Play one round; see `Learner.learn`."""
        drawn = self._of_single if responses == 1 else self._of_several
        kept = drawn(state, prompts, responses, rng)
        total = np.asarray(sum(kept.values()), dtype=np.int64)
        weight = np.asarray(total + self.prior, dtype=np.float64)
        return self._fitted(start, kept, weight), total.sum(axis=2)

    def _of_several(
        self, state: Floats, prompts: Counts, responses: int, rng: np.random.Generator
    ) -> dict[int, Counts]:
        """Return what is kept of each kind that can be, [R, K, X], prompts drawn first."""
        fallen = rng.multinomial(prompts, np.full(self.prompts, 1.0 / self.prompts))  # [R, K, X]
        left, mass = fallen * responses, np.ones(())
        keep = self.keep_chances()
        kept = {}
        for kind in np.flatnonzero(keep).tolist():
            law = state[..., kind] * keep[kind]
            kept[kind] = rng.binomial(left, np.clip(law / np.where(mass > 0, mass, 1.0), 0.0, 1.0))
            left, mass = left - kept[kind], np.maximum(mass - law, 0.0)
        return kept

    def _of_single(
        self, state: Floats, prompts: Counts, responses: int, rng: np.random.Generator
    ) -> dict[int, Counts]:
        """Return the same for one response a prompt.

        Then a draw of a level has one outcome, a prompt with a kind that is kept or none, and
        one multinomial law has it all with about half the draws.
        """
        keep = self.keep_chances()
        kinds = np.flatnonzero(keep)
        cells = state[..., kinds] * (keep[kinds] / self.prompts)  # [R, K, X, kept kinds]
        masses = cells.reshape(*prompts.shape, -1)
        rest = np.maximum(1.0 - masses.sum(axis=-1, keepdims=True), 0.0)
        drawn = rng.multinomial(prompts, np.concatenate([masses, rest], axis=-1))[..., :-1]
        of_kinds = np.moveaxis(drawn.reshape(cells.shape), -1, 0)
        return dict(zip(kinds.tolist(), of_kinds, strict=True))

    def _fitted(self, start: Floats, kept: Mapping[int, Counts], weight: Floats) -> Floats:
        """Return the tables of most likelihood, from what was kept of each kind, [R, K, X].

        `weight` is sum_j A_j + m. Kind by kind, as the tables lie in memory.
        """
        learnt = np.empty_like(start)
        settled = weight > 0  # All of them, unless there is no prior.
        over = np.where(settled, weight, 1.0)
        for kind in range(start.shape[-1]):
            first = start[..., kind]
            counts = kept.get(kind, 0) + self.prior * first
            learnt[..., kind] = np.where(settled, counts / over, first)
        return learnt

    def _right(self, state: Floats) -> Floats:
        """Return the mass of right kinds of each prompt, [R, K, X]."""
        first, *others = np.flatnonzero(self.right_kinds())
        return np.asarray(sum((state[..., kind] for kind in others), state[..., first]))


@dataclass(frozen=True, eq=False)
class Tabular(TableLearner):
    """Finite prompts and finite answers, one of them right, and a verifier that knows the truth.

    Two kinds: right (kept with chance 1 - f_r) and wrong (f_a). With `prior` = 0 and no
    false accepts it is maximum likelihood over the finite class of all tables that give
    each prompt one of Y answers, a tie keeping the start: then one accepted sample settles
    a prompt, and log|Pi| = K X log Y is set by X. With a prior it is a smoothed table.

    Attributes:
        verifier: Truth, perhaps with errors.
        answers: Y, which only `log_class` looks at: wrong answers are all alike.
    """

    verifier: Verifier = TRUTH
    answers: int = 10

    @property
    def log_class(self) -> float:
        """Return log|Pi| = K X log Y."""
        return self.levels * self.prompts * log(self.answers)

    def keep_chances(self) -> Floats:
        """Return a: right, wrong."""
        return np.array([1.0 - self.verifier.false_rejects, self.verifier.false_accepts])

    def right_kinds(self) -> Floats:
        """Return which kinds are right."""
        return np.array([1.0, 0.0])

    def shares(self, success: Floats) -> Floats:
        """Return s and 1 - s."""
        return np.stack([success, 1.0 - success], axis=-1)


@dataclass(frozen=True, eq=False)
class SelfVerified(TableLearner):
    """A learner that believes its own verdicts, which correlate with the truth.

    At the start a verdict copies the truth with chance r, and else is a coin that accepts
    as often as responses are right. So its correlation with the truth is exactly r,
    P(right | kept) = s + r (1 - s), and the gap is r (1 - s). The verdict then stays with the
    response: there are four kinds, right or wrong and kept or dropped, with masses
    s (s + r (1 - s)), s (1 - s) (1 - r), (1 - s) s (1 - r) and the rest.

    Training moves all mass to what is kept, wrong or right. At each prompt the share of right
    ones among the kept is a martingale (of what is sampled, the shares are those of the table),
    so success climbs to s + r (1 - s) in the mean and no further, and the gap decays to 0:
    what the verdicts know is used up, and their errors have been learnt.

    Attributes:
        correlation: r in [0, 1], Pearson's, at the start.
    """

    correlation: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        share("The correlation", self.correlation)

    def keep_chances(self) -> Floats:
        """Return a: right kept, right dropped, wrong kept, wrong dropped."""
        return np.array([1.0, 0.0, 1.0, 0.0])

    def right_kinds(self) -> Floats:
        """Return which kinds are right."""
        return np.array([1.0, 1.0, 0.0, 0.0])

    def shares(self, success: Floats) -> Floats:
        """Return the masses of the four kinds."""
        doubt = success * (1.0 - success) * (1.0 - self.correlation)
        return np.stack([success - doubt, doubt, doubt, 1.0 - success - doubt], axis=-1)

    def ceiling(self) -> Floats:
        """Return s + r (1 - s) at the start, by level, [..., K]: where the mean success ends."""
        success = np.asarray(self.initial) ** checked_lengths(self.lengths)
        return np.asarray(success + self.correlation * (1.0 - success))
