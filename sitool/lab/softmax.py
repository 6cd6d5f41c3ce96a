"""Training on a tabular policy: maximum likelihood, and the two losses of RLHF-sharpening ([C]).

A softmax policy is a table of logits [X, Y]. Both losses return their value and
their gradient in the logits, in float64, so that they can be run to
convergence, and so that a trainer's loss can be compared with them. Pairs of
responses are weights W [X, Y, Y]: counts over their number, or exact
probabilities. What this leaves out: sampling noise beyond those counts.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sitool.errors import LabError
from sitool.lab.arguments import Floats, at_least, positive, require, shaped, whole
from sitool.lab.tabular import TabularPolicy, draw

Loss = Callable[[Floats], tuple[float, Floats]]
"""From logits [X, Y] to the loss and its gradient, [X, Y]."""

ARMIJO = 1e-4
"""Share of the promised decrease that a step has to bring (Nocedal & Wright, section 3.1)."""


@dataclass(frozen=True, eq=False)
class Minimum:
    """Where a minimisation ended.

    Attributes:
        logits: The point, [X, Y].
        loss: Its loss.
        steepness: The largest entry of the gradient there, without its sign.
        steps: Steps taken.
        converged: Whether the gradient got as small as was asked.
    """

    logits: Floats
    loss: float
    steepness: float
    steps: int
    converged: bool


def log_softmax(logits: ArrayLike) -> Floats:
    """Compute log pi from logits, along the last axis, without overflow."""
    table = np.asarray(logits, dtype=np.float64)
    shifted = table - table.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


def softmax(logits: ArrayLike) -> Floats:
    """Compute pi from logits, along the last axis."""
    return np.asarray(np.exp(log_softmax(logits)))


def logits_of(policy: TabularPolicy) -> Floats:
    """Return logits whose softmax is the policy.

    Raises:
        LabError: A response has probability 0, which no softmax gives.
    """
    p = policy.probabilities
    require(p > 0, p, "Every probability of a softmax policy must be above 0")
    return np.asarray(np.log(p))


def pair_weights(left: TabularPolicy, right: TabularPolicy) -> Floats:
    """Compute W = mu(x) left(y|x) right(y'|x): the law of a pair whose sides are drawn apart."""
    first, second = left.probabilities, right.probabilities
    return np.asarray(left.prompt_weights[:, None, None] * first[:, :, None] * second[:, None, :])


def sampled_pairs(
    left: TabularPolicy, right: TabularPolicy, pairs: int, rng: np.random.Generator
) -> Floats:
    """Draw pairs as a trainer does, and return the share that each one has, [X, Y, Y].

    Raises:
        LabError: `pairs` is below 1.
    """
    number = int(whole("pairs", pairs))
    counts = np.zeros((*left.shape, left.shape[1]))
    prompts = rng.choice(left.shape[0], size=number, p=left.prompt_weights)
    first, second = (draw(side, prompts, 1, rng)[:, 0] for side in (left, right))
    np.add.at(counts, (prompts, first, second), 1.0)
    return counts / number


def dpo_regression_loss(
    logits: Floats, base: TabularPolicy, pairs: Floats, beta: float
) -> tuple[float, Floats]:
    """Compute the DPO-style regression of [C] and its gradient.

    The loss is sum W(y, y') (beta Delta log[pi/pi_base] - Delta log pi_base)^2, with
    Delta = value(y) - value(y'). Where pairs connect all responses of a prompt
    it is 0 at pi_base^(1 + 1/beta) and nowhere else.

    Args:
        logits: Of pi, [X, Y].
        base: pi_base, with no probability 0.
        pairs: W [X, Y, Y], from `pair_weights` or `sampled_pairs`.
        beta: Weight of the KL term.

    Raises:
        LabError: beta is not above 0, or something does not fit.
    """
    reference = logits_of(base)
    weight = float(positive("beta", beta))
    w = at_least("Pairs", shaped("Pairs", pairs, (*base.shape, base.shape[1])), 0.0)
    residual = weight * (log_softmax(logits) - reference) - reference
    error = residual[:, :, None] - residual[:, None, :]
    # The softmax's own normaliser cancels in every difference.
    slope = 2.0 * weight * ((w + w.transpose(0, 2, 1)) * error).sum(axis=2)
    return float((w * error**2).sum()), np.asarray(slope)


def xpo_loss(
    logits: Floats, base: TabularPolicy, pairs: Floats, beta: float, alpha: float
) -> tuple[float, Floats]:
    """Compute the loss of XPO ([C]) and its gradient.

    Pairs are on-policy: y ~ pi_t is the first of a pair, and y' ~ pi_base the
    second. The loss is alpha sum W log pi(y'|x) *plus* the squared term of
    `dpo_regression_loss`. Up to a constant the first term is -alpha KL(pi_base || pi):
    where pairs leave it open, pi moves away from the base, which is optimism.
    With the sign of a printed version (a minus) the loss would have no minimum.

    Args:
        logits: Of pi, [X, Y].
        base: pi_base, with no probability 0.
        pairs: W [X, Y, Y], all the pairs so far.
        beta: Weight of the KL term.
        alpha: Weight of optimism; with 0 this is the regression on on-policy pairs.

    Raises:
        LabError: beta is not above 0, alpha is below 0, or something does not fit.
    """
    loss, slope = dpo_regression_loss(logits, base, pairs, beta)
    optimism = float(at_least("alpha", alpha, 0.0))
    seen = np.asarray(pairs).sum(axis=1)  # weight of each y', [X, Y]
    log_pi = log_softmax(logits)
    slope = slope + optimism * (seen - seen.sum(axis=1, keepdims=True) * np.exp(log_pi))
    return loss + optimism * float((seen * log_pi).sum()), slope


def xpo(base: TabularPolicy, beta: float, alpha: float, rounds: int) -> TabularPolicy:
    """Run XPO with exact expectations in place of samples, and return its last policy.

    Each round minimises the loss over the pairs of all rounds so far, on their
    average, which has the same minimum as their sum. Optimism is a bias of
    order alpha; the theory lets alpha fall with the number of rounds.

    Raises:
        LabError: An argument is out of range, or a round's minimum was not reached.
    """
    policy, logits = base, logits_of(base)
    pairs = np.zeros((*base.shape, base.shape[1]))
    for done in range(int(whole("rounds", rounds))):
        pairs = (pairs * done + pair_weights(policy, base)) / (done + 1)

        def loss(point: Floats, seen: Floats = pairs) -> tuple[float, Floats]:
            return xpo_loss(point, base, seen, beta, alpha)

        found = minimise(loss, logits)
        if not found.converged:
            raise LabError(
                f"Round {done + 1} of XPO stopped with a gradient of {found.steepness:.1e}.",
                "try: a base whose probabilities are less far apart, or a larger beta",
            )
        logits = found.logits
        policy = base.with_probabilities(softmax(logits))
    return policy


def minimise(
    loss: Loss, start: ArrayLike, tolerance: float = 1e-10, max_steps: int = 2_000
) -> Minimum:
    """Minimise a smooth loss by BFGS with backtracking (Nocedal & Wright, algorithm 6.1).

    Meant for tables of up to a few hundred entries: it keeps a square matrix of
    them. It ends where no entry of the gradient exceeds `tolerance`, or where no
    step brings the loss down any more; look at `converged`.
    """
    point = np.array(start, dtype=np.float64)
    value, slope = loss(point)
    inverse = np.eye(point.size)
    steps = 0
    while steps < max_steps and np.abs(slope).max() > tolerance:
        direction = -(inverse @ slope.ravel()).reshape(point.shape)
        found = _backtrack(loss, point, value, slope, direction)
        if found is None:
            if np.array_equal(inverse, np.eye(point.size)):
                break
            inverse = np.eye(point.size)  # Curvature is worn out by rounding: begin afresh.
            continue
        moved, value, new_slope = found
        inverse = _bfgs(inverse, (moved - point).ravel(), (new_slope - slope).ravel(), not steps)
        point, slope, steps = moved, new_slope, steps + 1
    steepness = float(np.abs(slope).max())
    return Minimum(point, value, steepness, steps, steepness <= tolerance)


def _backtrack(
    loss: Loss, point: Floats, value: float, slope: Floats, direction: Floats
) -> tuple[Floats, float, Floats] | None:
    """Halve the step until it brings enough; None where even the smallest does not."""
    promised = float((slope * direction).sum())
    length = 1.0
    while promised < 0 and length > 1e-12:
        moved = point + length * direction
        new_value, new_slope = loss(moved)
        if np.isfinite(new_value) and new_value <= value + ARMIJO * length * promised:
            return moved, new_value, new_slope
        length /= 2
    return None


def _bfgs(inverse: Floats, step: Floats, change: Floats, first: bool) -> Floats:
    """Update the inverse Hessian; a step without positive curvature leaves it."""
    curvature = float(step @ change)
    if curvature <= 1e-300:
        return inverse
    if first:  # The scale of the problem, which the identity does not know.
        inverse = inverse * (curvature / float(change @ change))
    shift = np.eye(len(step)) - np.outer(step, change) / curvature
    return np.asarray(shift @ inverse @ shift.T + np.outer(step, step) / curvature)


def log_likelihood(candidates: ArrayLike, counts: ArrayLike) -> Floats:
    """Compute sum counts(x, y) log pi(y|x) of each candidate, [P]; -inf where one lacks a response.

    Args:
        candidates: Policies, [P, X, Y].
        counts: How often each response was seen, [X, Y], or weights.

    Raises:
        LabError: Counts do not fit the candidates, or one is below 0.
    """
    tables = np.asarray(candidates, dtype=np.float64)
    if tables.ndim != 3:
        raise LabError(
            f"Candidates must be tables [policies, prompts, responses], not {tables.shape}.",
            "try: numpy.stack of the policies' probabilities",
        )
    seen = at_least("Counts", shaped("Counts", counts, tables.shape[1:]), 0.0)
    asked = np.broadcast_to(seen > 0, tables.shape)
    logs = np.log(tables, out=np.full(tables.shape, -np.inf), where=tables > 0)
    terms = np.multiply(seen, logs, out=np.zeros(tables.shape), where=asked)
    return np.asarray(terms.sum(axis=(1, 2)))


def maximum_likelihood(candidates: ArrayLike, counts: ArrayLike) -> int:
    """Return the place of the candidate with the largest likelihood, the first of equals.

    Raises:
        LabError: Counts do not fit, or no candidate can give all that was seen.
    """
    likelihoods = log_likelihood(candidates, counts)
    best = int(likelihoods.argmax())
    if np.isneginf(likelihoods[best]):
        raise LabError(
            f"None of the {len(likelihoods)} candidates can give every response that was seen.",
            "try: a candidate without a probability of 0",
        )
    return best


def count_responses(
    prompts: NDArray[np.int64], responses: NDArray[np.int64], shape: tuple[int, int]
) -> Floats:
    """Count how often each response to each prompt was seen, [X, Y]."""
    counts = np.zeros(shape)
    np.add.at(counts, (prompts, responses), 1.0)
    return counts
