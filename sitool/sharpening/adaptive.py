"""Adaptive best-of-N: draw until the best so far is likely enough for the number drawn.

Stop at the first k with 1 / max_{j <= k} pi_base(y_j|x) <= k / mu, mu = ln(2 / delta):
a prompt whose best answer is likely stops early, one whose answers are all unlikely
goes on. On a pool the samples come in the order in which they were drawn, and the
pool's end stops what the rule did not.
"""

from dataclasses import dataclass

import numpy as np

from sitool.sharpening.pool import Bools, Floats, Ints


@dataclass(frozen=True, slots=True)
class Stops:
    """Where each problem stopped, and with which sample.

    Attributes:
        drawn: Samples until the stop, from 1, [P].
        chosen: Place of the likeliest of them, the first of equals, [P].
        stopped: Whether the rule stopped it, and not the pool's end, [P].
    """

    drawn: Ints
    chosen: Ints
    stopped: Bools


def stop_adaptively(likely: Floats, mu: float) -> Stops:
    """Run the rule over every problem of a pool.

    Args:
        likely: log pi_base of the samples in drawn order, -inf for one without, [P, N].
        mu: More than 0.
    """
    samples = likely.shape[1]
    best = np.maximum.accumulate(likely, axis=1)
    enough = -best <= np.log(np.arange(1, samples + 1) / mu)
    stopped: Bools = np.asarray(enough.any(axis=1), dtype=np.bool_)
    drawn = np.where(stopped, enough.argmax(axis=1) + 1, samples)
    within = np.arange(samples)[None, :] < drawn[:, None]
    chosen = np.where(within, likely, -np.inf).argmax(axis=1)
    return Stops(drawn.astype(np.int64), chosen.astype(np.int64), stopped)
