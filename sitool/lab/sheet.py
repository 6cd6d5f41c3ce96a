"""Every guarantee of one situation on one sheet: the sitool bound, and the counts of [C].

Each line is a `Bound`, so that its assumptions stand beside its number. Numbers of [C]
leave out the constants that its theorems do not name; they tell how counts scale.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sitool.lab.arguments import Floats
from sitool.lab.bounds import (
    Bound,
    easy_to_hard,
    feedback_strength,
    fixed_mixture,
    fixed_points,
    levels_without_transfer,
    never_much_worse_beforehand,
    next_accuracy,
    one_round,
)
from sitool.lab.learners import checked_lengths
from sitool.lab.sharpening import (
    adaptive_draws_bound,
    adaptive_samples,
    responses_to_reach,
    samples_lower_bound,
    sft_prompts,
    sft_responses,
    sft_samples,
    stopping_constant,
)

SHARPENING = "arXiv 2412.01951"
SCALE = "Constants that the theorem does not name are 1: read how it scales, not the count"


@dataclass(frozen=True)
class Situation:
    """What the guarantees are asked about.

    Attributes:
        initial: The skill at the start; success on level k is initial^{L_k}.
        lengths: L_k.
        draws: n N, the responses drawn in a round, spread evenly over levels.
        rounds: T.
        class_size: |Pi|.
        rho: The chance of failure: of one round in S1 to S4, of all rounds in S5.
        coverage: C_cov of the base, for sharpening.
        epsilon, delta: How sharp it is to become.
    """

    initial: float = 0.6
    lengths: Sequence[int] = (1, 2, 4, 8, 16)
    draws: int = 200
    rounds: int = 12
    class_size: float = 1e4
    rho: float = 0.1
    coverage: float = 4.0
    epsilon: float = 0.1
    delta: float = 0.1


def guarantees(at: Situation) -> list[Bound]:
    """Return S1 to S5 of the sitool bound for a situation.

    Raises:
        LabError: A number is out of range.
    """
    steps = checked_lengths(at.lengths)
    success = at.initial**steps
    mean, count = float(success.mean()), len(steps)
    even = [1.0 / count] * count
    strength = feedback_strength(at.class_size, at.rho, at.draws)
    feedback = next_accuracy(mean, at.class_size, at.rho, at.draws)
    feedback = replace(feedback, name="S3, feedback, if kappa = 1")
    lower, upper = fixed_points(strength)
    ends = Bound(
        "S3, where it ends if kappa = 1: J- and J+",
        np.stack([lower, upper]),
        feedback.probability,
        "J+- = (1 +- sqrt(1 - 4b)) / 2, if b <= 1/4",
        feedback.assumptions,
    )
    return [
        one_round(at.class_size, at.rho, at.draws * mean),
        never_much_worse_beforehand(mean, at.class_size, at.rho, at.draws),
        feedback,
        ends,
        levels_without_transfer(success, even, at.class_size, at.rho, at.draws),
        *_curricula(at, steps),
    ]


def _curricula(at: Situation, steps: Floats) -> Iterator[Bound]:
    """Yield S5's success on the hardest level, by curriculum."""
    count, course = len(steps), (at.class_size, at.rho / at.rounds, at.draws, at.rounds)
    even, last = [1.0 / count] * count, [*[0.0] * (count - 1), 1.0]
    for name, path in (
        ("easy to hard", easy_to_hard(at.initial, steps, *course)),
        ("uniform mixture", fixed_mixture(at.initial, steps, even, *course)),
        ("hard only", fixed_mixture(at.initial, steps, last, *course)),
    ):
        yield Bound(
            f"S5, hardest level after {at.rounds} rounds, {name}",
            path.success(float(steps[-1]))[-1],
            path.bound.probability,
            path.bound.formula,
            path.bound.assumptions,
        )


def sharpening_counts(at: Situation) -> list[Bound]:
    """Return how many prompts and responses the theorems on sharpening ask for.

    Raises:
        LabError: A number is out of range.
    """
    cover, size, rho, delta, eps = at.coverage, at.class_size, at.rho, at.delta, at.epsilon
    mu = stopping_constant(delta)
    realisable = "Pi holds the best-of-N policy of the base"
    rows = [
        ("best-of-N: responses to meet y*", responses_to_reach(1.0 / cover, rho),
         "N >= log(1/rho) / pi_base(y*|x)", "pi_base(y*|x) is 1 / coverage at every prompt"),
        ("SFT: prompts", sft_prompts(size, rho, delta, eps),
         "n = log(|Pi|/rho) / (delta eps)", f"{realisable}. {SCALE}"),
        ("SFT: responses a prompt", sft_responses(cover, delta, eps),
         "N = C_cov log(2/delta) / eps", f"{realisable}. {SCALE}"),
        ("SFT: samples in all", sft_samples(cover, size, rho, delta, eps),
         "m = n N", f"{realisable}. {SCALE}"),
        ("adaptive: expected responses a prompt", adaptive_draws_bound(mu, 1.0 / cover),
         "E[N_mu] <= (mu + 1) / P*, mu = log(2/delta)", "max_y pi_base(y|x) is 1 / coverage"),
        ("adaptive: samples in all", adaptive_samples(cover, size, rho, delta, eps),
         "m = n (mu + 1) C_bar", f"{realisable}. {SCALE}"),
        ("lower bound on samples", samples_lower_bound(cover, size, eps),
         "m >= C log|Pi| / (eps^2 (1 + log(C/eps)))", f"For the worst base of that C. {SCALE}"),
    ]  # fmt: skip
    unsure = (
        "adaptive: expected",
        "lower bound",
    )  # a mean and a worst case: no chance belongs to them
    return [
        Bound(
            name,
            value,
            np.asarray(np.nan if name.startswith(unsure) else 1.0 - rho),
            formula,
            f"{assumed}.",
            SHARPENING,
        )
        for name, value, formula, assumed in rows
    ]
