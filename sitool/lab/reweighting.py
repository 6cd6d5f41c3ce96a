"""Reweighting a policy by a verifier's scores, and what that gains: the gap, reward filtering.

Scores are a table u_hat [X, Y] from any verifier. Weights are made from scores
by a rule (threshold, quantile, exponential), and `reweight` turns a policy f
and weights w into f[w], so that any other rule fits in as well. Best-of-N and
tournaments depend on a number of draws, so they are laws and not weights.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from sitool.errors import LabError
from sitool.lab.arguments import Floats, Mask, at_least, chance, positive, shaped
from sitool.lab.tabular import TabularPolicy, accuracy, accuracy_by_prompt

TIE_TOLERANCE = 1e-12
"""Cumulated mass may miss a share such as 0.3 by a rounding; that is not one response fewer."""


@dataclass(frozen=True, eq=False)
class Reweighted:
    """A policy reweighted by a verifier.

    Attributes:
        policy: f[w], with the policy's own row where nothing survived.
        empty: Prompts without a survivor, [X].
    """

    policy: TabularPolicy
    empty: Mask

    @property
    def without_survivor(self) -> int:
        """How many prompts had no survivor; report it beside any figure made from `policy`."""
        return int(self.empty.sum())


@dataclass(frozen=True)
class RelativeGap:
    """The relative gap, averaged over the prompts that have one.

    Attributes:
        value: The average, weighted by mu among the prompts kept; NaN where none was.
        by_prompt: Each prompt's own, [X], NaN where it was dropped.
        dropped: How many prompts had nothing to gain (E_f u = U_max, 0/0).
    """

    value: float
    by_prompt: Floats
    dropped: int


@dataclass(frozen=True, eq=False)
class RewardFiltered:
    """What one round of reward-filtered maximum likelihood trains on, and what it aims at.

    Attributes:
        joint: D_t(x, y) = mu(x) pi(y|x) r(x, y) / J, [X, Y]; sums to 1.
        prompts: q_t(x) = mu(x) J(x) / J, [X]: it leans to prompts already solved.
        target: pi+(y|x) = pi(y|x) r(x, y) / J(x), the maximiser of the likelihood; a
            prompt that is never solved is not in the data, and keeps its row.
        kappa: The largest kappa with J(x) >= kappa J for all x that mu draws (S3 asks for it).
    """

    joint: Floats
    prompts: Floats
    target: TabularPolicy
    kappa: float


def threshold_weights(scores: ArrayLike, threshold: ArrayLike) -> Floats:
    """Keep what scores at least `threshold`, one for all prompts: w = 1[u_hat >= tau] ([B])."""
    return np.asarray(np.asarray(scores) >= np.asarray(threshold), dtype=np.float64)


def quantile_weights(policy: TabularPolicy, scores: ArrayLike, top: float) -> Floats:
    """Keep each prompt's best `top` share of mass, and all that ties with the last one kept ([B]).

    Scores of whole numbers tie, so that more than `top` may survive. At least
    one response always does.

    Raises:
        LabError: `top` is not in (0, 1], or scores do not fit the policy.
    """
    wanted = float(chance("top", top))
    table = shaped("Scores", scores, policy.shape)
    at_or_above = table[:, None, :] >= table[:, :, None]  # [X, Y, Y]
    mass = (at_or_above * policy.probabilities[:, None, :]).sum(axis=2)
    enough = (mass >= wanted - TIE_TOLERANCE) & (policy.probabilities > 0)
    threshold = np.where(enough, table, -np.inf).max(axis=1, keepdims=True)
    return threshold_weights(table, threshold)


def exponential_weights(scores: ArrayLike, beta: float) -> Floats:
    """Weigh by exp(u_hat / beta), the KL-regularised optimum ([B]).

    Scaled for each prompt so that the largest weight is 1, which changes no
    reweighted policy and overflows for no beta.

    Raises:
        LabError: beta is 0 or less.
    """
    table = np.asarray(scores, dtype=np.float64)
    return np.asarray(np.exp((table - table.max(axis=-1, keepdims=True)) / positive("beta", beta)))


def reweight(policy: TabularPolicy, weights: ArrayLike) -> Reweighted:
    """Compute f[w](y|x) = f(y|x) w(x, y) / E_f[w]; where nothing survives the prompt keeps f ([B]).

    Several filters together (AND) are the product of their weights.

    Raises:
        LabError: A weight is negative, or weights do not fit the policy.
    """
    table = at_least("Weights", shaped("Weights", weights, policy.shape), 0.0)
    kept = policy.probabilities * table
    mass = kept.sum(axis=1, keepdims=True)
    empty = mass <= 0
    rows = np.where(empty, policy.probabilities, kept / np.where(empty, 1.0, mass))
    return Reweighted(policy.with_probabilities(rows), np.asarray(empty[:, 0]))


def gap(policy: TabularPolicy, weights: ArrayLike) -> float:
    """Compute J(f[w(u_hat_g)]) - J(f), what verifying with g gains (Definition 2.1 of [B])."""
    return float(accuracy(reweight(policy, weights).policy) - accuracy(policy))


def relative_gap(
    policy: TabularPolicy, weights: ArrayLike, ceiling: ArrayLike | None = None
) -> RelativeGap:
    """Compute E_x[(E_{f[w]} u - E_f u) / (U_max(x) - E_f u)] (Definition 2.2 of [B]).

    It is an average of ratios and not the ratio gap / (1 - J): the two differ
    even in sign.

    Args:
        policy: The policy f.
        weights: w [X, Y].
        ceiling: U_max [X] or one number; the best response in each row of the table if left out.

    Raises:
        LabError: The ceiling does not fit, or is below what the policy reaches.
    """
    prompts, _ = policy.shape
    best = policy.utility.max(axis=1) if ceiling is None else ceiling
    before = accuracy_by_prompt(policy)
    room = shaped("The ceiling", best, (prompts,)) - before
    if np.any(room < -TIE_TOLERANCE):
        raise LabError(
            f"The ceiling lies {-room.min():g} below an accuracy of the policy.",
            "try: the utility of the best response",
        )
    kept = room > TIE_TOLERANCE
    gained = accuracy_by_prompt(reweight(policy, weights).policy) - before
    by_prompt = np.where(kept, gained / np.where(kept, room, 1.0), np.nan)
    weight = policy.prompt_weights[kept]
    total = float(weight.sum())
    value = float(by_prompt[kept] @ weight) / total if total else float("nan")
    return RelativeGap(value, by_prompt, int((~kept).sum()))


def reward_filtered(policy: TabularPolicy, reward: ArrayLike | None = None) -> RewardFiltered:
    """Compute the data of one round of reward-filtered maximum likelihood, and its target ([A]).

    Args:
        policy: The policy that samples.
        reward: r [X, Y], 0 or 1 (or chances of being accepted); the utility if left out.

    Raises:
        LabError: Nothing is ever accepted, or the reward does not fit.
    """
    r = at_least("The reward", shaped("The reward", policy.utility if reward is None else reward,
                                      policy.shape), 0.0)  # fmt: skip
    solved = (policy.probabilities * r).sum(axis=1)
    accepted = float(policy.average(solved))
    if accepted <= 0:
        raise LabError(
            "The reward accepts no response that the policy gives, so there is nothing to learn.",
            "try: a policy that solves at least one prompt",
        )
    weights = policy.prompt_weights
    joint = weights[:, None] * policy.probabilities * r / accepted
    kappa = float(solved[weights > 0].min()) / accepted
    return RewardFiltered(joint, joint.sum(axis=1), reweight(policy, r).policy, kappa)
