"""A policy small enough to write down: finitely many prompts, each with finitely many responses.

Here every quantity of the three papers has an exact value, so this is the
oracle of the tests, and a place to compute an example from a paper by hand.
This file holds the policy and what one reads off it: J, pass@k, coverage,
sharpenedness, entropy, KL and the sharpened policy. Reweighting and the gap
are in `reweighting.py`, best-of-N and its kin in `laws.py`, training in
`softmax.py`. Nothing here is estimated; `draw` is the one random function.

Symbols: X prompts, Y responses a prompt; mu [X]; pi and u [X, Y]. A response
that a prompt does not have gets probability 0. [A], [B] and [C] are the papers
that `sitool.lab` names.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sitool.errors import LabError
from sitool.lab.arguments import Floats, Mask, at_least, chance, positive, shaped, share, whole

SUM_TOLERANCE = 1e-9
"""How far probabilities may be from summing to 1: the rounding of a long sum, not of a table."""


@dataclass(frozen=True, eq=False)
class TabularPolicy:
    """What a model does on every prompt, and how good each response is.

    Attributes:
        prompt_weights: mu, the chance of each prompt, [X]; sums to 1.
        probabilities: pi, the chance of each response to its prompt, [X, Y]; rows sum to 1.
        utility: u, how good each response is, [X, Y], in [0, 1]; 1 is right, 0 is wrong.

    Raises:
        LabError: Shapes do not fit, or the numbers are not distributions.

    >>> policy = TabularPolicy([1.0], [[0.5, 0.3, 0.2]], [[0, 1, 1]])
    >>> float(accuracy(policy))
    0.5
    """

    prompt_weights: Floats
    probabilities: Floats
    utility: Floats

    def __init__(
        self, prompt_weights: ArrayLike, probabilities: ArrayLike, utility: ArrayLike
    ) -> None:
        table = distribution("A policy's probabilities", probabilities, axes=2)
        weights = distribution("The weights of the prompts", prompt_weights, axes=1)
        if len(weights) != len(table):
            raise LabError(
                f"There are {len(weights)} weights of prompts for {len(table)} rows of the policy.",
                "try: one weight for each row",
            )
        object.__setattr__(self, "prompt_weights", weights)
        object.__setattr__(self, "probabilities", table)
        known = share("Utility", shaped("Utility", utility, table.shape)).copy()
        known.flags.writeable = False
        object.__setattr__(self, "utility", known)

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of prompts and of responses, (X, Y)."""
        prompts, responses = self.probabilities.shape
        return prompts, responses

    def with_probabilities(self, probabilities: ArrayLike) -> "TabularPolicy":
        """Return another policy for the same prompts and the same truth."""
        return TabularPolicy(self.prompt_weights, probabilities, self.utility)

    def average(self, values: ArrayLike) -> Floats:
        """Average over prompts, values [..., X], weighted by mu."""
        return np.asarray(np.asarray(values, dtype=np.float64) @ self.prompt_weights)


def distribution(name: str, values: ArrayLike, axes: int) -> Floats:
    """Return a read-only copy whose rows are distributions, to the last bit that sums allow.

    Raises:
        LabError: Not `axes` axes, a negative number, or a sum that is not 1.
    """
    array = at_least(name, values, 0.0)
    if array.ndim != axes or not array.size:
        raise LabError(
            f"{name} must have {axes} axes and at least one entry, not the shape {array.shape}.",
            "try: prompts as rows, responses as columns",
        )
    sums = array.sum(axis=-1, keepdims=True)
    if np.any(np.abs(sums - 1) > SUM_TOLERANCE):
        worst = sums.flat[np.abs(sums - 1).argmax()]
        raise LabError(f"{name} must sum to 1, but there is a sum of {worst:g}.", "try: normalise")
    exact = np.asarray(array / sums)
    exact.flags.writeable = False
    return exact


def accuracy_by_prompt(policy: TabularPolicy) -> Floats:
    """Compute J(x) = E_{y~pi} u(x, y), [X]."""
    return np.asarray(np.clip((policy.probabilities * policy.utility).sum(axis=1), 0.0, 1.0))


def accuracy(policy: TabularPolicy) -> Floats:
    """Compute J = E_x E_{y~pi} u(x, y), the accuracy to expect of one sampled response ([B])."""
    return np.asarray(np.clip(policy.average(accuracy_by_prompt(policy)), 0.0, 1.0))


def pass_at_k(policy: TabularPolicy, k: ArrayLike) -> Floats:
    """Compute the chance that one of k samples is right, E_x[1 - (1 - J(x))^k], for each k.

    Raises:
        LabError: A utility is neither 0 nor 1, so that "right" says nothing; or k < 1.
    """
    if not np.isin(policy.utility, (0.0, 1.0)).all():
        raise LabError(
            "pass@k needs each response to be right or wrong, but a utility lies between 0 and 1.",
            "try: a utility of 0s and 1s",
        )
    draws = whole("k", k)[..., None]
    wrong = 1.0 - accuracy_by_prompt(policy)
    return policy.average(1.0 - wrong**draws)


def entropy(policy: TabularPolicy) -> Floats:
    """Compute E_x of the entropy of pi(.|x), in nats."""
    return policy.average(-(policy.probabilities * log_of(policy.probabilities)).sum(axis=1))


def kl(policy: TabularPolicy, other: TabularPolicy) -> Floats:
    """Compute E_x KL(pi(.|x) || other(.|x)), in nats; infinite where `other` lacks a response.

    Raises:
        LabError: The two have not the same shape.
    """
    p, q = policy.probabilities, shaped("The other policy", other.probabilities, policy.shape)
    missing = (p > 0) & (q <= 0)
    terms = np.where(p > 0, p * (log_of(p) - log_of(q)), 0.0)
    return policy.average(np.where(missing.any(axis=1), np.inf, terms.sum(axis=1)))


def log_of(probabilities: Floats) -> Floats:
    """Take logs, with 0 for the log of 0: it is always multiplied by a probability of 0."""
    return np.log(np.where(probabilities > 0, probabilities, 1.0))


def sharpened(policy: TabularPolicy, beta: float) -> TabularPolicy:
    """Compute pi^(1 + 1/beta), normalised for each prompt: the optimum of RLHF-sharpening ([C]).

    It maximises E[log pi_base(y|x)] - beta KL(pi || pi_base).

    Raises:
        LabError: beta is 0 or less.
    """
    power = 1.0 + 1.0 / float(positive("beta", beta))
    relative = policy.probabilities / policy.probabilities.max(axis=1, keepdims=True)
    raised = relative**power
    return policy.with_probabilities(raised / raised.sum(axis=1, keepdims=True))


def modes(policy: TabularPolicy, gamma: ArrayLike = 0.0) -> Mask:
    """Mark y*_gamma(x) = { y : pi(y|x) >= (1 - gamma) max pi }, [X, Y] ([C]).

    With gamma 0 these are the likeliest responses, all of them where several are equal.

    Raises:
        LabError: gamma lies outside [0, 1]. At 1, all that can be drawn are modes.
    """
    floor = (1.0 - share("gamma", gamma)) * policy.probabilities.max(axis=1, keepdims=True)
    return np.asarray((policy.probabilities >= floor) & (policy.probabilities > 0))


def mode_mass(
    policy: TabularPolicy, base: TabularPolicy | None = None, gamma: ArrayLike = 0.0
) -> Floats:
    """Compute pi(y*_gamma(x)|x), [X], where `base` (or the policy itself) says what y* is."""
    known = modes(base or policy, gamma)
    return np.asarray(np.clip((policy.probabilities * known).sum(axis=1), 0.0, 1.0))


def coverage(policy: TabularPolicy, gamma: ArrayLike = 0.0) -> Floats:
    """Compute C_cov = E_x[1 / pi(y*_gamma(x)|x)], the mass of the whole set y* ([C])."""
    return np.maximum(policy.average(1.0 / mode_mass(policy, gamma=gamma)), 1.0)


def modal_coverage(policy: TabularPolicy) -> Floats:
    """Compute C_bar_cov = E_x[1 / max_y pi(y|x)], the mass of one likeliest response ([C])."""
    return np.maximum(policy.average(1.0 / policy.probabilities.max(axis=1)), 1.0)


def sharpenedness(
    policy: TabularPolicy, base: TabularPolicy, delta: ArrayLike, gamma: ArrayLike = 0.0
) -> Floats:
    """Compute P_x[pi(y*|x) >= 1 - delta], for each delta, where y* is the mode of `base` ([C]).

    A policy is (eps, delta)-sharpened where this is at least 1 - eps.

    Raises:
        LabError: delta is not in (0, 1].
    """
    enough = 1.0 - chance("delta", delta)[..., None]
    return policy.average(mode_mass(policy, base, gamma) >= enough)


def draw(
    policy: TabularPolicy, prompts: ArrayLike, draws: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw responses to the given prompts (indices, [P]), as indices [P, draws]."""
    rows = policy.probabilities[np.asarray(prompts, dtype=np.int64)].cumsum(axis=1)
    uniform = rng.random((len(rows), draws)) * rows[:, -1:]
    return np.asarray((uniform[:, :, None] >= rows[:, None, :]).sum(axis=2), dtype=np.int64)
