"""How many ways a model has left: pass@k, unique answers and their entropy.

Rounds of self-improvement sharpen a model: pass@k rises at small k, and at large k
it falls once answers are lost that the model used to find now and then.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sitool.gap.pool import Floats, Pool
from sitool.gap.resampling import Bootstrap
from sitool.metrics import Accuracy, pass_at_k_by_problem


@dataclass(frozen=True, slots=True, eq=False)
class Diversity:
    """One value a problem of each figure, [problems] each, for pairing rounds.

    Attributes:
        pass_at_k: By k = 1, 2, 4 ... up to the samples that every problem has.
        unique: Different answers among a problem's samples.
        entropy: Of a problem's answers, in nats; NaN where none was read.
    """

    pass_at_k: Mapping[int, Floats]
    unique: Floats
    entropy: Floats


def measure_diversity(pool: Pool) -> Diversity:
    """Measure every problem; the definitions are those of `metrics.py`."""
    passed = pool.sums(pool.strict)
    ks = powers_of_two(int(pool.counts.min()))
    unique, entropy = answers_by_problem(pool)
    return Diversity({k: pass_at_k_by_problem(pool.counts, passed, k) for k in ks}, unique, entropy)


def powers_of_two(most: int) -> list[int]:
    """Return 1, 2, 4 ... up to a number.

    >>> powers_of_two(9)
    [1, 2, 4, 8]
    """
    return [1 << power for power in range(most.bit_length())]


def answers_by_problem(pool: Pool) -> tuple[Floats, Floats]:
    """Return the unique answers of each problem, and their entropy in nats."""
    answered = pool.answer >= 0
    problem, answer = pool.problem[answered], pool.answer[answered]
    width = int(answer.max(initial=0)) + 1
    pairs, counts = np.unique(problem * width + answer, return_counts=True)
    owner = pairs // width
    unique = np.bincount(owner, minlength=pool.problems).astype(float)
    totals = np.bincount(owner, weights=counts, minlength=pool.problems)
    shares = counts / totals[owner]
    entropy = np.bincount(owner, weights=-shares * np.log(shares), minlength=pool.problems)
    return unique, np.where(totals > 0, np.maximum(entropy, 0.0), np.nan)


def diversity_figures(
    diversity: Diversity, pool: Pool, bootstrap: Bootstrap
) -> tuple[dict[int, Accuracy], Accuracy | None, Accuracy | None]:
    """Return pass@k by k, the mean of unique answers, and the mean entropy, with intervals."""
    ks = list(diversity.pass_at_k)
    columns = np.column_stack([diversity.pass_at_k[k] for k in ks])
    found = dict(zip(ks, bootstrap.figures(columns), strict=True))
    most = float(pool.counts.max())
    return (
        {k: figure for k, figure in found.items() if figure is not None},
        bootstrap.figure(diversity.unique, highest=most),
        bootstrap.figure(diversity.entropy, highest=float(np.log(most))),
    )
