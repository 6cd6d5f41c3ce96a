"""What a simulated learner is: a state for many runs at once, and a law that moves it.

Every learner goes through the same round: of the n_k prompts of level k it draws N
responses each, a verifier keeps some, and the next policy is the maximum
likelihood of those kept. The laws are in `skills.py` (one skill, or a chain of
them), `tables.py` (prompts that share nothing; a learner that verifies itself)
and `sharpener.py`; `simulation.py` plays them.

All of them estimate with *prior counts*: a maximum likelihood over the kept data
and m pseudo-observations that are distributed as the start (the parent, or the
base). So the estimate is (count + m start) / (total + m), the exact minimum of
-sum_kept log pi + m KL(start || pi): fine-tuning that has to be pulled away from
where it begins. Without data it stays there; as m goes to 0 it becomes the
plain maximum likelihood.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike

from sitool.errors import LabError
from sitool.lab.arguments import Floats, at_least, numbers, share, whole
from sitool.lab.mixtures import Counts

PRIOR = 20.0
"""Prior counts, if nothing else is said: about c = 2 log(|Pi|/rho) of the bound's usual example."""


class Learner(Protocol):
    """A law of learning. R is the number of runs, K of levels; a state's first axis is R."""

    @property
    def levels(self) -> int:
        """K."""
        ...

    def start(self, runs: int) -> Floats:
        """Return the base's state for so many runs."""
        ...

    def learn(
        self, state: Floats, start: Floats, prompts: Counts, responses: int, rng: Generator
    ) -> tuple[Floats, Counts]:
        """Play one round.

        Args:
            state: What is sampled from.
            start: What training starts from: `state`, or the base's.
            prompts: n_k of each run, [R, K].
            responses: N.
            rng: Where all randomness comes from.

        Returns:
            The next state, and the accepted samples by level, [R, K].
        """
        ...

    def success(self, state: Floats) -> Floats:
        """Return the chance that a response is right, by level, [R, K]."""
        ...

    def gap(self, state: Floats, responses: int) -> Floats:
        """Return the success of what the verifier keeps, less the success, [R, K]."""
        ...

    def coverage(self, state: Floats) -> Floats:
        """Return E_x[1 / pi(y*(x)|x)] by level, [R, K]: the draws to expect for one y*."""
        ...

    def skill(self, state: Floats) -> Floats:
        """Return what the learner estimates, [R, S]; the learner's class says what S counts."""
        ...


@dataclass(frozen=True)
class Verifier:
    """One that knows the truth, and errs by chance.

    Attributes:
        false_accepts: The chance that it keeps a wrong response.
        false_rejects: The chance that it drops a right one.

    Raises:
        LabError: A rate lies outside of [0, 1].
    """

    false_accepts: float = 0.0
    false_rejects: float = 0.0

    def __post_init__(self) -> None:
        share("The rate of false accepts", self.false_accepts)
        share("The rate of false rejects", self.false_rejects)

    def gap(self, success: Floats) -> Floats:
        """Return P(right | kept) - P(right); 0 where nothing can be kept."""
        kept_right = success * (1.0 - self.false_rejects)
        kept = kept_right + (1.0 - success) * self.false_accepts
        return np.where(kept > 0, kept_right / np.where(kept > 0, kept, 1.0) - success, 0.0)


TRUTH = Verifier()
"""The verifier that never errs."""


def ladder_of_lengths(levels: int, spread: float) -> list[int]:
    """Return difficulties L_k in whole steps, from 1 to `spread`, by equal factors.

    Raises:
        LabError: There is no level, or the spread is below 1.

    >>> ladder_of_lengths(5, 16), ladder_of_lengths(4, 1)
    ([1, 2, 4, 8, 16], [1, 1, 1, 1])
    """
    count = int(whole("The number of levels", levels))
    at_least("The spread", spread, 1.0)
    exponents = np.linspace(0.0, 1.0, count)
    return [int(length) for length in np.rint(float(spread) ** exponents)]


def checked_lengths(lengths: Sequence[int]) -> Floats:
    """Return L_k, [K]; a LabError where it is no list of whole steps from 1 up."""
    steps = whole("A length", lengths)
    if steps.ndim != 1 or not len(steps):
        raise LabError(
            f"Lengths must be a list of one number a level, not of shape {steps.shape}.",
            "try: lengths=[1, 2, 4, 8, 16]",
        )
    return steps


def per_run(name: str, value: ArrayLike, runs: int, columns: int) -> Floats:
    """Spread a number, a row [S] or a table [R, S] out to [R, S].

    Raises:
        LabError: It does not fit.
    """
    array = numbers(name, value)
    try:
        return np.array(np.broadcast_to(array, (runs, columns)))
    except ValueError as error:
        raise LabError(
            f"{name} has the shape {array.shape}, which does not fit {(runs, columns)}.",
            "try: one number",
        ) from error
