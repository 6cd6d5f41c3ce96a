"""How many prompts and responses the theorems on sharpening ask for ([C]).

All functions take numbers or arrays and broadcast. Whole numbers (N, n) are
rounded up, and are returned as floats, since they may be larger than any
integer type holds.

[C] gives the orders of n, N and m and no constants, so **the constant c is a
choice**, an argument that is 1 by default: then only compare two settings with
each other. `SUFFICIENT_PROMPTS` and `SUFFICIENT_RESPONSES` are constants of our
own with which the guarantee holds in a finite class that contains the law of
best-of-N. Proof: with c = 2 in N, Markov's inequality leaves at most eps/2 of the
prompts with 1/pi_base(y*) > 2 C_cov/eps, and on the others best-of-N misses y* with
probability at most delta/2. Where the learned policy misses y* with more than
delta, its squared Hellinger distance to best-of-N is more than
(sqrt(delta) - sqrt(delta/2))^2 = delta (1 - 1/sqrt 2)^2. The lemma of maximum
likelihood (`bounds.py`) bounds the mean of that distance by 2 log(|Pi|/rho)/n, and
with c = 4/(1 - 1/sqrt 2)^2 in n Markov's inequality leaves eps/2 of such prompts.
"""

import numpy as np
from numpy.typing import ArrayLike

from sitool.lab.arguments import Floats, at_least, chance, positive, share, whole

SUFFICIENT_PROMPTS = 4.0 / (1.0 - 0.5**0.5) ** 2
"""A constant c for n that the proof above shows to be enough, about 46.6."""

SUFFICIENT_RESPONSES = 2.0
"""A constant c for N that the proof above shows to be enough."""


def responses_to_reach(mass: ArrayLike, rho: ArrayLike) -> Floats:
    """Compute N = log(1/rho) / pi_base(y*_gamma|x): best-of-N then fails with at most rho ([C]).

    Args:
        mass: pi_base(y*_gamma|x), of each prompt.
        rho: The chance of failure allowed.

    Raises:
        LabError: Not in (0, 1].

    >>> float(responses_to_reach(mass=0.1, rho=0.05))
    30.0
    """
    wanted = np.log(1.0 / chance("rho", rho)) / chance("mass", mass)
    return np.asarray(np.maximum(np.ceil(wanted), 1.0))


def sft_prompts(
    class_size: ArrayLike,
    rho: ArrayLike,
    delta: ArrayLike,
    epsilon: ArrayLike,
    constant: ArrayLike = 1.0,
) -> Floats:
    """Compute n = c log(|Pi|/rho) / (delta eps), the prompts that SFT-sharpening needs ([C]).

    Args:
        class_size: |Pi|, at least 1.
        rho: The chance that the whole guarantee fails.
        delta: The mass off y* allowed on a sharpened prompt.
        epsilon: The share of prompts that need not be sharpened.
        constant: c, a choice; see the module.

    Raises:
        LabError: An argument is out of range.
    """
    scale = positive("The constant", constant) / (
        chance("delta", delta) * chance("epsilon", epsilon)
    )
    return np.asarray(np.ceil(scale * log_class(class_size, rho)))


def sft_responses(
    coverage: ArrayLike, delta: ArrayLike, epsilon: ArrayLike, constant: ArrayLike = 1.0
) -> Floats:
    """Compute N = c C_cov log(2/delta) / eps, the responses a prompt of SFT-sharpening ([C]).

    Raises:
        LabError: An argument is out of range; C_cov is at least 1.
    """
    scale = positive("The constant", constant) * at_least("Coverage", coverage, 1.0)
    return np.asarray(np.ceil(scale * stopping_constant(delta) / chance("epsilon", epsilon)))


def sft_samples(
    coverage: ArrayLike,
    class_size: ArrayLike,
    rho: ArrayLike,
    delta: ArrayLike,
    epsilon: ArrayLike,
    constant: ArrayLike = 1.0,
) -> Floats:
    """Compute m = c C_cov log(|Pi|/rho) log(1/delta) / (delta eps^2), all samples together ([C]).

    It is the order of n N as [C] states it; the product of `sft_prompts` and
    `sft_responses` has log(2/delta), and is what a run pays.

    Raises:
        LabError: An argument is out of range.
    """
    small, few = chance("delta", delta), chance("epsilon", epsilon)
    scale = positive("The constant", constant) * at_least("Coverage", coverage, 1.0)
    return np.asarray(scale * log_class(class_size, rho) * np.log(1.0 / small) / (small * few**2))


def samples_lower_bound(
    coverage: ArrayLike, class_size: ArrayLike, epsilon: ArrayLike, constant: ArrayLike = 1.0
) -> Floats:
    """Compute c C log|Pi| / (eps^2 (1 + log(C/eps))): no method does with fewer, in order ([C]).

    Raises:
        LabError: An argument is out of range.
    """
    covered, few = at_least("Coverage", coverage, 1.0), chance("epsilon", epsilon)
    hard = np.log(at_least("The class", class_size, 1.0))
    scale = positive("The constant", constant) * covered
    return np.asarray(scale * hard / (few**2 * (1.0 + np.log(covered / few))))


def stopping_constant(delta: ArrayLike) -> Floats:
    """Compute mu = ln(2/delta): adaptive best-of-N then misses y* with at most delta/2 ([C])."""
    return np.asarray(np.log(2.0 / chance("delta", delta)))


def adaptive_draws_bound(mu: ArrayLike, mode: ArrayLike, modes: ArrayLike = 1) -> Floats:
    """Compute E[N_mu] <= (mu + 1/|y*|) / P*, the expected draws of adaptive best-of-N ([C]).

    Proof: from k0 = ceil(mu/P*) on, not to have stopped means that no draw lies in
    y*. So E[N] <= k0 + sum_{k >= k0} q^k = k0 + q^k0 / (|y*| P*), with
    q = 1 - |y*| P*; and k0 <= mu/P* + 1, q^k0 <= q.

    Args:
        mu: The stopping constant.
        mode: P* = max_y pi_base(y|x).
        modes: |y*|, how many responses have that probability.

    Raises:
        LabError: An argument is out of range.
    """
    extra = 1.0 / whole("The number of modes", modes)
    return np.asarray((positive("mu", mu) + extra) / chance("mode", mode))


def adaptive_samples(
    modal_coverage: ArrayLike,
    class_size: ArrayLike,
    rho: ArrayLike,
    delta: ArrayLike,
    epsilon: ArrayLike,
    constant: ArrayLike = 1.0,
) -> Floats:
    """Compute n (mu + 1) C_bar_cov, the samples that adaptive SFT-sharpening expects to draw ([C]).

    It is n times the bound of `adaptive_draws_bound`, averaged over prompts. So
    the cost goes with 1/eps, where a fixed N makes it 1/eps^2.

    Raises:
        LabError: An argument is out of range.
    """
    prompts = sft_prompts(class_size, rho, delta, epsilon, constant)
    draws = (stopping_constant(delta) + 1.0) * at_least("Coverage", modal_coverage, 1.0)
    return np.asarray(prompts * draws)


def greedy_is_sharp(mode_mass: ArrayLike) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Tell where pi(y*|x) > 1/2, so that greedy decoding surely returns y* ([C]).

    At most one response has more than half of the mass, and every beginning of it
    has at least as much, so that no token of another response can be likelier.

    Raises:
        LabError: Not in [0, 1].
    """
    return np.asarray(share("The mass", mode_mass) > 0.5)


def log_class(class_size: ArrayLike, rho: ArrayLike) -> Floats:
    """Compute log(|Pi|/rho), the price of choosing among |Pi| policies with confidence 1 - rho.

    Raises:
        LabError: |Pi| is below 1, or rho not in (0, 1].
    """
    return np.asarray(np.log(at_least("The class", class_size, 1.0) / chance("rho", rho)))
