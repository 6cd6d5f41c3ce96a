"""Curricula that follow the clock: shares over levels as a function of progress.

They read the progress t / T, with t the rounds already taken and T the rounds
of the schedule, and look at no measurement. K is the number of levels.
"""

import math
from collections.abc import Sequence


def staged_shares(count: int, progress_round: int, rounds: int) -> list[float]:
    """Put everything on one level at a time: number min(floor(t K / T), K - 1).

    Source: the classic staged curriculum (Bengio et al., "Curriculum
    Learning", ICML 2009).
    """
    active = min(max(progress_round, 0) * count // rounds, count - 1)
    return [float(index == active) for index in range(count)]


def cosine_shares(count: int, progress: float) -> list[float]:
    """Swing from a ramp that favours easy levels to one that favours hard ones.

    With i from 0 and a = (1 + cos(pi t / T)) / 2, the share is
    a (K - i) / S + (1 - a) (i + 1) / S, where S = K (K + 1) / 2.

    Source: the cosine schedule of E2H Reasoner (Parashar et al., arXiv 2506.06632).
    """
    easy = 0.5 * (1 + math.cos(math.pi * progress))
    total = count * (count + 1) / 2
    return [(easy * (count - index) + (1 - easy) * (index + 1)) / total for index in range(count)]


def gaussian_shares(
    count: int, progress: float, mu_exp: float, sigma: float, p_min: float
) -> list[float]:
    """Move a bell over the levels.

    With i from 0, the centre is (t / T)**mu_exp (K - 1); q is proportional to
    exp(-(i - centre)**2 / (2 sigma**2)), and the share is
    p_min + (1 - K p_min) q. A `p_min` above 1 / K counts as 1 / K.

    Source: the gaussian schedule of E2H Reasoner (Parashar et al., arXiv 2506.06632).
    """
    centre = progress**mu_exp * (count - 1)
    exponents = [-0.5 * ((index - centre) / max(sigma, 1e-6)) ** 2 for index in range(count)]
    # From the largest exponent down, so that a narrow bell cannot underflow everywhere.
    largest = max(exponents)
    bell = normalised([math.exp(exponent - largest) for exponent in exponents])
    least = min(p_min, 1 / count)
    return [least + (1 - count * least) * share for share in bell]


def normalised(weights: Sequence[float]) -> list[float]:
    """Scale weights to sum to 1."""
    largest = max(weights)
    scaled = [weight / largest for weight in weights]
    return [weight / math.fsum(scaled) for weight in scaled]
