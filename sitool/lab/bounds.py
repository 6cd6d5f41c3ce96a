"""The sitool bound: what one round, or many, of reward-filtered maximum likelihood guarantee.

These are bounds of our own (S1 to S5), with the same ingredients as the theory
of easy-to-hard curricula and proofs short enough to stand here. They are never
"the theorem of" anyone else. All follow from one lemma (Wong & Shen 1995; van de
Geer 2000; Zhang 2006): if the target is in the class Pi and data are independent
draws from it, then with probability >= 1 - rho, maximum likelihood has
E_x[D_H^2] <= 2 log(|Pi|/rho) / n, D_H^2(P, Q) = sum (sqrt P - sqrt Q)^2.

Symbols: J_t the accuracy after round t, n the responses drawn in a round, N_t
those accepted, c = 2 log(|Pi|/rho). Everything broadcasts. A `Bound` carries its
assumptions, so that whoever prints the number can print them beside it. The
bounds compare guarantees and not outcomes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sitool.errors import LabError
from sitool.lab.arguments import Floats, at_least, chance, numbers, positive, require, share, whole
from sitool.lab.sharpening import log_class

SOURCE = "sitool bound"
REALISABLE = "The reward-filtered target is in the class |Pi|, and accepted samples are independent"
MEAN_COUNT = "the number of accepted samples is at its mean"
SHARED_SKILL = (
    "level k is L_k steps of one exactly shared skill, success is skill^L_k, nothing is forgotten"
)
BISECTIONS = 64
"""Halvings of [0, 1] until neighbouring floats are reached."""


@dataclass(frozen=True, eq=False)
class Bound:
    """A guarantee and what it rests on.

    Attributes:
        name: Which one, such as "S1, one round".
        value: The number, or many.
        probability: The chance with which each holds, at least.
        formula: The inequality, in the symbols of this module.
        assumptions: What has to be true for it, in one sentence.
        source: Where it comes from.
    """

    name: str
    value: Floats
    probability: Floats
    formula: str
    assumptions: str
    source: str = SOURCE


@dataclass(frozen=True, eq=False)
class Trajectory:
    """A guaranteed course over rounds (S5).

    Attributes:
        skill: The skill guaranteed before the first round and after each, [rounds + 1, ...].
        level: Which level each round trained on, as an index, [rounds, ...]; -1 for a mixture.
        bound: The last skill, with its assumptions.
    """

    skill: Floats
    level: NDArray[np.int64]
    bound: Bound

    def success(self, length: ArrayLike) -> Floats:
        """Compute the guaranteed success on a level of that many steps, skill^L."""
        return np.asarray(self.skill ** positive("The length", length))


def complexity(class_size: ArrayLike, rho: ArrayLike) -> Floats:
    """Compute c = 2 log(|Pi|/rho).

    Raises:
        LabError: |Pi| is below 1, or rho not in (0, 1].
    """
    return 2.0 * log_class(class_size, rho)


def one_round(class_size: ArrayLike, rho: ArrayLike, accepted: ArrayLike) -> Bound:
    """Bound the errors after one round on the prompts it was trained on (S1).

    The target pi+ gives no mass to r = 0, so its squared Hellinger distance to
    the learned policy is at least the mass that this gives to r = 0. The rate is
    1/N_t and not 1/sqrt(N_t), since the target is without noise in r. From 1 on
    the bound says nothing; with nothing accepted it is infinite.

    Raises:
        LabError: An argument is out of range.
    """
    kept = at_least("The number accepted", accepted, 0.0)
    with np.errstate(divide="ignore"):
        value = np.where(kept > 0, complexity(class_size, rho) / kept, np.inf)
    return Bound(
        "S1, one round",
        np.asarray(value),
        _confidence(rho),
        "E_{x~q_t}[1 - J_{t+1}(x)] <= 2 log(|Pi|/rho) / N_t",
        f"{REALISABLE}.",
    )


def never_much_worse(
    accuracy: ArrayLike, class_size: ArrayLike, rho: ArrayLike, accepted: ArrayLike
) -> Bound:
    """Bound the next accuracy from below, given how many samples were accepted (S2).

    By S1: J_{t+1} >= E_x[J_t(x) J_{t+1}(x)] = J_t E_{q_t}[J_{t+1}(x)].

    Raises:
        LabError: An argument is out of range.
    """
    errors = np.minimum(one_round(class_size, rho, accepted).value, 1.0)
    return Bound(
        "S2, never much worse",
        np.asarray(share("The accuracy", accuracy) * (1.0 - errors)),
        _confidence(rho),
        "J_{t+1} >= J_t (1 - 2 log(|Pi|/rho) / N_t)",
        f"{REALISABLE}.",
    )


def never_much_worse_beforehand(
    accuracy: ArrayLike, class_size: ArrayLike, rho: ArrayLike, draws: ArrayLike
) -> Bound:
    """Bound the next accuracy from below before anything is drawn (S2).

    N_t >= n J_t / 2 except with probability exp(-n J_t / 8), by Chernoff's bound.

    Raises:
        LabError: An argument is out of range.
    """
    current, n = share("The accuracy", accuracy), positive("The number of draws", draws)
    unlucky = np.exp(-n * current / 8.0)
    return Bound(
        "S2, never much worse (beforehand)",
        np.asarray(np.maximum(current - 2.0 * complexity(class_size, rho) / n, 0.0)),
        np.asarray(np.maximum(_confidence(rho) - unlucky, 0.0)),
        "J_{t+1} >= J_t - 4 log(|Pi|/rho) / n",
        f"{REALISABLE}; at least half of the accepted samples to expect come in.",
    )


def feedback_strength(
    class_size: ArrayLike, rho: ArrayLike, draws: ArrayLike, kappa: ArrayLike = 1.0
) -> Floats:
    """Compute b = c / (kappa n), the one number that the feedback loop depends on (S3).

    Raises:
        LabError: An argument is out of range; kappa is in (0, 1].
    """
    return complexity(class_size, rho) / (
        chance("kappa", kappa) * positive("The number of draws", draws)
    )


def next_accuracy(
    accuracy: ArrayLike,
    class_size: ArrayLike,
    rho: ArrayLike,
    draws: ArrayLike,
    kappa: ArrayLike = 1.0,
) -> Bound:
    """Bound the next accuracy by J_{t+1} >= F(J_t) = 1 - b / J_t, at least 0 (S3).

    More accuracy means more accepted samples and so more accuracy: the feedback
    loop. Its gain is bounded, and so it saturates (`fixed_points`).

    Raises:
        LabError: An argument is out of range.
    """
    current = share("The accuracy", accuracy)
    b = feedback_strength(class_size, rho, draws, kappa)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(current > 0, np.maximum(1.0 - b / current, 0.0), 0.0)
    return Bound(
        "S3, feedback",
        np.asarray(value),
        _confidence(rho),
        "J_{t+1} >= 1 - b / J_t, b = 2 log(|Pi|/rho) / (kappa n)",
        f"{REALISABLE}; J_t(x) >= kappa J_t for almost all prompts; {MEAN_COUNT}.",
    )


def fixed_points(b: ArrayLike) -> tuple[Floats, Floats]:
    """Compute J- and J+ = (1 -+ sqrt(1 - 4b)) / 2, NaN where b > 1/4 and there are none (S3).

    Starting above J- the guarantee climbs to J+, the ceiling for that n; starting
    below it the guarantee falls to nothing.

    Raises:
        LabError: b is below 0.

    >>> lower, upper = fixed_points(complexity(1e4, 0.1) / 200)
    >>> print(f"{lower:.3f} {upper:.3f}")
    0.133 0.867
    """
    strength = at_least("b", b, 0.0)
    exists = strength <= 0.25
    root = np.sqrt(np.where(exists, 1.0 - 4.0 * strength, 0.0))
    upper = np.where(exists, (1.0 + root) / 2.0, np.nan)
    return np.asarray(strength / upper), np.asarray(upper)  # J- J+ = b, without cancelling digits


def levels_without_transfer(
    success: ArrayLike,
    weights: ArrayLike,
    class_size: ArrayLike,
    rho: ArrayLike,
    draws: ArrayLike,
) -> Bound:
    """Bound each level's errors when a level learns from its own samples alone (S4).

    So a curriculum can help only through transfer between levels, and whoever
    shows one has to say which transfer it assumes (S5 does).

    Args:
        success: s_k, [..., K].
        weights: The mixture w over levels, [..., K]; sums to 1.
        class_size: |Pi|.
        rho: The chance of failure, for each level.
        draws: n of the round, over all levels.

    Raises:
        LabError: An argument is out of range.
    """
    accepted = positive("The number of draws", draws) * mixture(weights)
    accepted = accepted * share("Success", success)
    return Bound(
        "S4, levels without transfer",
        one_round(class_size, rho, accepted).value,
        _confidence(rho),
        "1 - s_k' <= 2 log(|Pi|/rho) / (n w_k s_k)",
        f"{REALISABLE}; no level learns from another; {MEAN_COUNT}.",
    )


def mixture(weights: ArrayLike) -> Floats:
    """Return weights over levels, [..., K]; a LabError where they are no distribution."""
    w = share("A weight of a level", weights)
    require(np.abs(w.sum(axis=-1) - 1.0) < 1e-9, w.sum(axis=-1), "Weights of levels must sum to 1")
    return w


def skill_after_mixture(
    skill: ArrayLike, lengths: ArrayLike, weights: ArrayLike, budget: ArrayLike
) -> Floats:
    """Compute the skill that one round on a mixture of levels guarantees (S5).

    It is the root in p' of sum_k w_k p^{L_k} (1 - p'^{L_k}) = c/n, whose left side
    falls in p', so that halving finds it to the last bit; 0 where there is none,
    since then nothing is guaranteed.

    Args:
        skill: p, any shape.
        lengths: L_k, [K].
        weights: w_k, [K] or [..., K].
        budget: c/n, as `complexity(...) / n`.

    Raises:
        LabError: An argument is out of range.
    """
    steps = positive("A length", lengths)
    p = share("The skill", skill)
    w = mixture(weights)
    if w.shape[-1:] != steps.shape[-1:]:
        raise LabError(
            f"There are {w.shape[-1:]} weights for {steps.shape[-1:]} levels.",
            "try: one weight for each level",
        )
    reach = w * p[..., None] ** steps  # w_k p^{L_k}
    p, error = np.broadcast_arrays(p, positive("c/n", budget))
    low, high = np.zeros(error.shape), np.ones(error.shape)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2.0
        below_root = (reach * (1.0 - middle[..., None] ** steps)).sum(axis=-1) > error
        low, high = np.where(below_root, middle, low), np.where(below_root, high, middle)
    return np.asarray(low)


def skill_after_level(skill: ArrayLike, lengths: ArrayLike, budget: ArrayLike) -> Floats:
    """Compute B_k(p) = (1 - c/(n p^{L_k}))^{1/L_k} for each level alone, [..., K] (S5).

    It is 0 where n p^{L_k} <= c, since then nothing is guaranteed.

    Raises:
        LabError: An argument is out of range.
    """
    steps = positive("A length", lengths)
    reach = share("The skill", skill)[..., None] ** steps
    error = positive("c/n", budget)[..., None]
    enough = reach > error
    value = np.where(enough, 1.0 - error / np.where(enough, reach, 1.0), 0.0)
    return np.asarray(value ** (1.0 / steps))


def best_length(skill: ArrayLike) -> Floats:
    """Compute L* = 1 / ln(1/p), the length of the level that teaches most, to first order (S5).

    There success is 1/e. It grows with the skill: easy to hard.

    Raises:
        LabError: The skill is not in (0, 1); at 1 there is nothing left to learn.
    """
    p = numbers("The skill", skill)
    require((p > 0) & (p < 1), p, "The skill must lie between 0 and 1")
    return np.asarray(-1.0 / np.log(p))


def easy_to_hard(
    skill: ArrayLike,
    lengths: ArrayLike,
    class_size: ArrayLike,
    rho: ArrayLike,
    draws: ArrayLike,
    rounds: int,
) -> Trajectory:
    """Follow the guarantee when every round trains on the level with the largest B_k (S5).

    The average of p^{L_k}(1 - p'^{L_k}) over levels is at most the largest of
    them, so in this bound no mixture is ever better.

    Args:
        skill: p at the start, any shape.
        lengths: L_k, [K].
        class_size: |Pi|.
        rho: The chance of failure of one round.
        draws: n of each round.
        rounds: How many.

    Raises:
        LabError: An argument is out of range.
    """
    p, budget = _start(skill, class_size, rho, draws)
    course, chosen = [p], []
    for _ in range(int(whole("The number of rounds", rounds))):
        after = skill_after_level(course[-1], lengths, budget)
        chosen.append(after.argmax(axis=-1))
        course.append(after.max(axis=-1))
    return _trajectory("easy to hard", course, np.array(chosen), rho)


def fixed_mixture(
    skill: ArrayLike,
    lengths: ArrayLike,
    weights: ArrayLike,
    class_size: ArrayLike,
    rho: ArrayLike,
    draws: ArrayLike,
    rounds: int,
) -> Trajectory:
    """Follow the guarantee when every round trains on one mixture of levels (S5).

    Arguments are those of `easy_to_hard`, and `weights` [K]. All weight on the last
    level is the curriculum "hard only".

    Raises:
        LabError: An argument is out of range.
    """
    p, budget = _start(skill, class_size, rho, draws)
    course = [p]
    for _ in range(int(whole("The number of rounds", rounds))):
        course.append(skill_after_mixture(course[-1], lengths, weights, budget))
    nothing = np.full((len(course) - 1, *p.shape), -1)
    return _trajectory("fixed mixture", course, nothing, rho)


def _start(
    skill: ArrayLike, class_size: ArrayLike, rho: ArrayLike, draws: ArrayLike
) -> tuple[Floats, Floats]:
    """Return p and c/n, in one shape."""
    budget = complexity(class_size, rho) / positive("The number of draws", draws)
    p, budget = np.broadcast_arrays(share("The skill", skill), budget)
    return p, budget


def _trajectory(
    name: str, course: list[Floats], level: NDArray[np.int64], rho: ArrayLike
) -> Trajectory:
    """Put a course together with what it rests on."""
    together = np.maximum(1.0 - (len(course) - 1) * chance("rho", rho), 0.0)
    bound = Bound(
        f"S5, shared skill, {name}",
        course[-1],
        np.asarray(np.broadcast_to(together, course[-1].shape)),
        "sum_k w_k p^{L_k} (1 - p'^{L_k}) = c/n, c = 2 log(|Pi|/rho)",
        f"{REALISABLE}; {SHARED_SKILL}; {MEAN_COUNT} in every round; constants are worst cases.",
    )
    return Trajectory(np.array(course), level, bound)


def _confidence(rho: ArrayLike) -> Floats:
    return np.asarray(1.0 - chance("rho", rho))
