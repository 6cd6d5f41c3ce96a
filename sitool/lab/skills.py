"""Learners whose levels share skills: all of them one, or each as many as it is hard.

Both are one law with another table D [K, S]: a response of level k takes D_ks steps
of skill s. They differ in what transfers, so whoever shows one says which.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import comb

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike

from sitool.lab.arguments import Floats, chance, positive, require
from sitool.lab.learners import PRIOR, TRUTH, Verifier, checked_lengths, per_run
from sitool.lab.mixtures import Counts


@dataclass(frozen=True, eq=False)
class StepLearner:
    """A learner whose responses are steps, each right by chance.

    **Law.** A step of skill s is right with chance p_s, independently of all others,
    and a response of level k is right if all its D_ks steps are:
    s_k = prod_s p_s^{D_ks}. Of the n_k N responses of level k, the verifier keeps
    A_k ~ Bin(n_k N, s_k (1 - f_r)) right ones and W_k wrong ones, each wrong one
    with chance f_a. The likelihood of what was kept is
    prod_s p_s^{right_s} (1 - p_s)^{wrong_s}: right_s counts the right steps of s in
    kept responses, wrong_s the wrong ones. With m prior counts its maximum is

        p_s' = (right_s + m p_s0) / (right_s + wrong_s + m),

    p_s0 the skill that training starts from. A right response has no wrong step, so
    with f_a = 0 the plain maximum likelihood would be 1 after one accepted
    sample; the prior counts are what makes learning take data. A kept wrong response
    has the steps of one that is known to be wrong: at least one is.

    **Assumes** that steps are independent and equally hard, that every step of a kept
    response counts the same, and that m does not change.

    Attributes:
        initial: p_s at the start: one number, one a skill [S], or one a run and skill [R, S].
        lengths: L_k, the steps of a response of level k, [K].
        prior: m.
        verifier: Truth, perhaps with errors.

    Raises:
        LabError: An argument is out of range.
    """

    initial: ArrayLike
    lengths: Sequence[int]
    prior: float = PRIOR
    verifier: Verifier = TRUTH
    _steps: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        chance("The initial skill", self.initial)
        positive("The prior count", self.prior)
        object.__setattr__(self, "_steps", self.table(checked_lengths(self.lengths)))

    def table(self, lengths: Floats) -> Floats:
        """Return D, [K, S]."""
        raise NotImplementedError

    @property
    def levels(self) -> int:
        """K."""
        return len(self._steps)

    def start(self, runs: int) -> Floats:
        """Return the skills of the base, [R, S]."""
        return per_run("The initial skill", self.initial, runs, self._steps.shape[1])

    def success(self, state: Floats) -> Floats:
        """Return s_k = prod_s p_s^{D_ks}, [R, K]."""
        return np.asarray(np.exp(np.log(state) @ self._steps.T))

    def gap(self, state: Floats, responses: int) -> Floats:
        """Return P(right | kept) - s_k, [R, K]."""
        return self.verifier.gap(self.success(state))

    def coverage(self, state: Floats) -> Floats:
        """Return 1 / s_k, [R, K]; all prompts of a level are alike."""
        with np.errstate(over="ignore", divide="ignore"):  # Beyond all numbers is infinite.
            return np.asarray(1.0 / self.success(state))

    def skill(self, state: Floats) -> Floats:
        """Return p_s, [R, S]."""
        return state

    def learn(
        self, state: Floats, start: Floats, prompts: Counts, responses: int, rng: Generator
    ) -> tuple[Floats, Counts]:
        """Play one round; see `Learner.learn`."""
        success = self.success(state)
        kept_right = success * (1.0 - self.verifier.false_rejects)
        draws = prompts * responses
        accepted = rng.binomial(draws, kept_right)
        wrong = np.zeros_like(state)
        if self.verifier.false_accepts:
            errors = np.maximum(1.0 - success, 0.0) * self.verifier.false_accepts
            left = np.where(kept_right < 1.0, 1.0 - kept_right, 1.0)
            lucky = rng.binomial(draws - accepted, np.minimum(errors / left, 1.0))
            wrong = self._wrong_steps(state, lucky, rng)
            accepted = accepted + lucky
        total = accepted @ self._steps
        skills = (total - wrong + self.prior * start) / (total + self.prior)
        return skills, accepted

    def _wrong_steps(self, state: Floats, lucky: Counts, rng: Generator) -> Floats:
        """Draw how many steps of each skill are wrong in wrong responses, [R, S].

        Goes through a response skill by skill. `clean` responses have no wrong step
        yet, though one is sure to come: the first skill with one has it with
        chance (1 - p^D) / (1 - the product of what is left). Later steps are free.
        """
        wrong = np.zeros_like(state)
        for level, steps in enumerate(self._steps):
            clean, spoilt = lucky[:, level].copy(), np.zeros(len(state), dtype=np.int64)
            if not clean.any():
                continue
            logs = np.log(state) * steps
            left = np.cumsum(logs[:, ::-1], axis=1)[:, ::-1]  # of this skill and those after it
            for skill in np.flatnonzero(steps):
                miss, length = 1.0 - state[:, skill], int(steps[skill])
                sure, here = -np.expm1(left[:, skill]), -np.expm1(logs[:, skill])
                now = np.where(sure > 0, here / np.where(sure > 0, sure, 1.0), 1.0)
                hit = rng.binomial(clean, np.clip(now, 0.0, 1.0))
                wrong[:, skill] += errors_of(hit, length, miss, rng)
                wrong[:, skill] += rng.binomial(spoilt * length, miss)
                clean, spoilt = clean - hit, spoilt + hit
        return wrong


def errors_of(count: Counts, length: int, miss: Floats, rng: Generator) -> Counts:
    """Draw the sum of `count` binomials (length, miss), each known not to be 0, [R]."""
    if length == 1 or not count.any():
        return count
    sizes = np.arange(1, length + 1)
    ways = np.array([float(comb(length, int(size))) for size in sizes])
    inside = np.clip(miss, 1e-300, 1.0)[:, None]  # where nothing can be missed, nothing is drawn
    law = ways * inside ** (sizes - 1) * (1.0 - inside) ** (length - sizes)  # less a factor miss
    law = law / law.sum(axis=1, keepdims=True)
    return np.asarray(rng.multinomial(count, law) @ sizes)


class SharedSkill(StepLearner):
    """Level k takes L_k steps of one skill: what is learnt on any level helps on all.

    D_k = L_k, so that s_k = p^{L_k} and, with the true verifier,
    1 - p' = (1 - p_0) m / (sum_k L_k A_k + m). To first order a response of level k
    teaches L_k s_k = s_k ln(1/s_k) / ln(1/p), most at s_k = 1/e: the law of S5. With
    m <= c = 2 log(|Pi|/rho) and counts at their means it keeps S5's guarantee of a
    level, since 1 - p'^L <= L (1 - p') <= m / (n N p^L).

    >>> learner = SharedSkill(0.5, [1, 2, 4])
    >>> learner.success(learner.start(runs=1)).tolist()
    [[0.5, 0.25, 0.0625]]
    """

    def table(self, lengths: Floats) -> Floats:
        """Return D, [K, 1]."""
        return lengths[:, None]


class SkillChain(StepLearner):
    """Level k takes skills 1 to k: a level teaches what it shares with harder ones, and no more.

    Skill j is new at level j, where it takes L_j - L_{j-1} steps (L_0 = 0). So D_kj is
    that for j <= k and else 0, a response of level k has L_k steps as in
    `SharedSkill`, and with equal skills success is the same. But a skill is learnt only
    from accepted samples of its own level and harder ones:
    p_j' = (D_jj sum_{k>=j} A_k + m p_j0) / (D_jj sum_{k>=j} A_k + m) with the true
    verifier. The last skill has no easier level to be learnt on.

    >>> learner = SkillChain([0.9, 0.5, 0.5], [1, 2, 4])
    >>> learner.success(learner.start(runs=1)).round(4).tolist()
    [[0.9, 0.45, 0.1125]]
    """

    def table(self, lengths: Floats) -> Floats:
        """Return D, [K, K]."""
        new = np.diff(lengths, prepend=0.0)
        require(new >= 0, lengths, "Lengths must not fall from level to level")
        return np.asarray(np.tril(np.broadcast_to(new, (len(new), len(new)))))
