"""Exact laws of selections that look at several draws: best-of-N, tournaments, adaptive stopping.

Each returns a whole distribution over responses, so that expected accuracy,
sharpenedness or a gap of the selected response are exact as well. What this
leaves out: how many draws the theorems of [C] ask for (`sharpening.py`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from sitool.errors import LabError
from sitool.lab.arguments import Floats, positive, shaped, share, whole
from sitool.lab.tabular import TabularPolicy


@dataclass(frozen=True, eq=False)
class AdaptiveLaw:
    """What adaptive best-of-N returns, and what it costs.

    Attributes:
        policy: The law of the returned response.
        expected_draws: E[N_mu] for each prompt, [X].
    """

    policy: TabularPolicy
    expected_draws: Floats


def best_of_n(policy: TabularPolicy, scores: ArrayLike, n: int) -> TabularPolicy:
    """Compute the law of the best-scored of n draws; of equal scores the first drawn wins.

    With mass L strictly below a score and M at it, the best of n has that score
    with probability (L + M)^n - L^n. Among its responses the first drawn is
    distributed as the policy restricted to them, whenever it comes, since draws
    are independent. So the same law holds for any tie rule that does not look
    at which response it is.

    Args:
        policy: What is drawn from.
        scores: r_self or u_hat, [X, Y].
        n: Draws a prompt.

    Raises:
        LabError: n < 1, or scores do not fit the policy.

    >>> coin = TabularPolicy([1.0], [[0.5, 0.5]], [[0, 1]])
    >>> best_of_n(coin, [[0, 1]], 3).probabilities.tolist()
    [[0.125, 0.875]]
    """
    draws = float(whole("n", n))
    table = shaped("Scores", scores, policy.shape)
    p = policy.probabilities
    at = ((table[:, None, :] == table[:, :, None]) * p[:, None, :]).sum(axis=2)  # M, [X, Y]
    below = ((table[:, None, :] < table[:, :, None]) * p[:, None, :]).sum(axis=2)  # L
    drawn = p > 0
    part = np.where(drawn, p / np.where(drawn, at, 1.0), 0.0)
    rows = part * chance_of_best(at, below, draws)
    return policy.with_probabilities(rows / rows.sum(axis=1, keepdims=True))


def chance_of_best(at: Floats, below: Floats, draws: float) -> Floats:
    """Compute (L + M)^n - L^n without losing digits where M is small."""
    top = at + below
    known = top > 0
    part = np.clip(np.where(known, at / np.where(known, top, 1.0), 0.0), 0.0, 1.0)
    with np.errstate(divide="ignore"):  # log1p(-1): all mass is at this score
        return np.asarray(top**draws * -np.expm1(draws * np.log1p(-part)))


def tournament(policy: TabularPolicy, wins: ArrayLike, rounds: int) -> TabularPolicy:
    """Compute the law of a survivor after some rounds of a single-elimination tournament.

    A survivor of round k is the winner of a block of 2^k draws of its own, and
    blocks share no draw and no comparison. So both sides of a match are
    independent with one law p, and the winner's is
    p(y) sum_y' p(y') [W(y, y') + 1 - W(y', y)]: a closed form for every judge,
    also for one that errs or goes in circles. Where the judge compares scores
    it is the law of best-of-2^k. A bracket with byes has no such law, since
    survivors then come from blocks of unequal size.

    Args:
        policy: What is drawn from.
        wins: W [X, Y, Y]: the chance that the first of a pair wins; its first place
            goes to the one that was drawn first.
        rounds: Rounds played, k; 0 is the policy itself.

    Raises:
        LabError: W is no chance or does not fit the policy, or rounds < 0.
    """
    prompts, responses = policy.shape
    judge = share("Wins", shaped("Wins", wins, (prompts, responses, responses)))
    both_places = judge + 1.0 - judge.transpose(0, 2, 1)
    p = policy.probabilities
    for _ in range(int(whole("rounds", rounds, least=0))):
        p = p * (both_places @ p[:, :, None])[:, :, 0]
        p = p / p.sum(axis=1, keepdims=True)
    return policy.with_probabilities(p)


def wins_by_score(scores: ArrayLike) -> Floats:
    """Make the judge that compares scores; of equal ones the first in the pair wins, [X, Y, Y].

    Raises:
        LabError: Scores are not a table.
    """
    table = np.asarray(scores, dtype=np.float64)
    if table.ndim != 2:
        raise LabError(
            f"Scores must be a table [prompts, responses], not of shape {table.shape}.",
            "try: one row for each prompt",
        )
    return np.asarray(table[:, :, None] >= table[:, None, :], dtype=np.float64)


def adaptive_best_of_n(policy: TabularPolicy, mu: float) -> AdaptiveLaw:
    """Compute what adaptive best-of-N returns, and E[N_mu], exactly ([C]).

    It stops at the first k with 1 / max_{j<=k} pi(y_j|x) <= k / mu and returns
    the likeliest draw. Call A_k the responses with pi(y|x) >= mu / k. A_k only
    grows, so "not stopped by k" is just "no draw so far lies in A_k": P(N > k) =
    (1 - pi(A_k))^k. A_k changes at most Y times, and between two changes all
    sums are geometric. So this is exact for any mu in O(Y^2) a prompt.

    Raises:
        LabError: mu is 0 or less.
    """
    threshold = float(positive("mu", mu))
    laws = [_adaptive_row(row, threshold) for row in policy.probabilities]
    rows = np.array([law for law, _ in laws])
    rows = rows / rows.sum(axis=1, keepdims=True)
    return AdaptiveLaw(policy.with_probabilities(rows), np.array([cost for _, cost in laws]))


def _adaptive_row(row: Floats, mu: float) -> tuple[Floats, float]:
    """Compute one prompt's law and expected draws.

    Walks over the changes of A_k. At a change, a draw made earlier may be in A_k
    for the first time, so the best of all k draws counts; between changes only
    the newest draw can end it.
    """
    levels = np.unique(row[row > 0])[::-1]  # likeliest first
    masses = np.array([row[row == level].sum() for level in levels])
    first = np.ceil(mu / levels)  # the k from which a level is in A_k
    outside = np.clip(1.0 - masses.cumsum(), 0.0, 1.0)  # mass less likely than each level
    outside[-1] = 0.0
    ends = np.zeros(len(levels))
    draws = float(first[0])  # the draws made before anything can end it
    left = 1.0  # mass outside of A_k before the change
    for k in np.unique(first):
        inside = int((first <= k).sum())
        known = int((first < k).sum())  # levels that were inside before
        ends[:known] += left ** (k - 1) * masses[:known]
        ends[known:inside] += chance_of_best(masses[known:inside], outside[known:inside], k)
        left = float(outside[inside - 1])
        later = float(first[inside]) if inside < len(first) else np.inf
        # Draws k+1 .. later-1 each happen, and end it, where all before lie outside of A_k.
        happens = (left**k - (left ** (later - 1) if left else 0.0)) / (1.0 - left)
        ends[:inside] += happens * masses[:inside]
        draws += happens + (left ** (later - 1) if left else 0.0)
    place = np.searchsorted(-levels, -row)
    known_place = np.minimum(place, len(levels) - 1)
    return np.where(row > 0, ends[known_place] * row / masses[known_place], 0.0), draws
