"""How many prompts and samples the theorems would ask for, in this pool's terms.

The theorems hold up to a constant, which every function takes; with 1 the figures
are orders of magnitude and no promises. |Pi|, the number of models that there are
to learn, is a convention too.

Source: Huang et al., arXiv 2412.01951: best-of-N, SFT-sharpening, and its adaptive form.
"""

import math


def patience(delta: float) -> float:
    """Return mu = ln(2 / delta) of the adaptive rule.

    >>> round(patience(0.1), 3)
    2.996
    """
    return math.log(2 / delta)


def best_of_n_samples(probability: float, rho: float, constant: float = 1.0) -> float:
    """Return the N that meets an answer of this probability with probability 1 - rho.

    >>> round(best_of_n_samples(0.5, 0.1), 2)
    4.61
    """
    return constant * math.log(1 / rho) / probability


def sft_prompts(
    log_class_size: float, rho: float, delta: float, epsilon: float, constant: float = 1.0
) -> float:
    """Return n = c log(|Pi| / rho) / (delta epsilon), the prompts of SFT-sharpening.

    Args:
        log_class_size: ln |Pi|.
        rho: Chance of failure.
    """
    return constant * (log_class_size + math.log(1 / rho)) / (delta * epsilon)


def sft_samples(coverage: float, delta: float, epsilon: float, constant: float = 1.0) -> float:
    """Return N = c C_cov log(2 / delta) / epsilon, the samples of a prompt.

    Args:
        coverage: C_cov, or what stands for it.
    """
    return constant * coverage * math.log(2 / delta) / epsilon


def adaptive_samples(probability: float, mu: float, best: int = 1) -> float:
    """Return the bound (mu + 1 / |y*|) / P* on the expected samples of the adaptive rule.

    Args:
        probability: P* = max_y pi_base(y|x).
        best: |y*|, how many answers have it.
    """
    return (mu + 1 / best) / probability
