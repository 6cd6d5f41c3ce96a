"""A learner that sharpens: trained on its likeliest responses, without truth ([C])."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from sitool.errors import LabError
from sitool.lab.arguments import Floats, at_least, chance, shaped, whole
from sitool.lab.learners import PRIOR, checked_lengths
from sitool.lab.mixtures import Counts
from sitool.lab.tabular import TabularPolicy, modes


@dataclass(frozen=True, eq=False)
class Sharpener:
    """SFT-sharpening on a tabular base, round by round.

    **Law.** The n_k prompts of level k fall on its prompts by the base's prompt weights.
    At each, the best of N responses by log pi_base is selected. Its law under the policy
    sampled from is exact, (L + M)^N - L^N by score (see `laws.best_of_n`), so selected
    responses are drawn from it and the N themselves never are. With m prior counts

        pi'(y|x) = (selected(x, y) + m pi_0(y|x)) / (selected(x) + m),

    pi_0 the policy that training starts from.

    **Assumes** that prompts share nothing, and that the score is always the base's
    likelihood, as in [C], also in later rounds. Truth is never looked at: success climbs
    where the base's likeliest response is right, and falls where it is wrong.

    Attributes:
        base: Prompts [X], responses [Y], and which are right.
        level_of: The level of each prompt, 1 to K, [X].
        prior: m.
    """

    base: TabularPolicy
    level_of: NDArray[np.int64]
    prior: float = PRIOR

    def __post_init__(self) -> None:
        whole("A level", shaped("Levels", self.level_of, (self.base.shape[0],)))
        at_least("The prior count", self.prior, 0.0)
        missing = sorted(set(range(1, self.levels + 1)) - {int(k) for k in self.level_of})
        if missing:
            raise LabError(f"Level {missing[0]} has no prompt.", "try: number levels from 1 up")

    @property
    def levels(self) -> int:
        """K."""
        return int(np.max(self.level_of))

    @property
    def weights(self) -> Floats:
        """Return each prompt's share of each level, [K, X]."""
        here = np.asarray(self.level_of) == np.arange(1, self.levels + 1)[:, None]
        mass = here * self.base.prompt_weights
        return np.asarray(mass / mass.sum(axis=1, keepdims=True))

    def start(self, runs: int) -> Floats:
        """Return the base's table for each run, [R, X, Y]."""
        return np.repeat(self.base.probabilities[None], runs, axis=0)

    def success(self, state: Floats) -> Floats:
        """Return the expected utility by level, [R, K]."""
        return np.asarray((state * self.base.utility).sum(axis=2) @ self.weights.T)

    def best(self, state: Floats, responses: int) -> Floats:
        """Return the law of the best of N, [R, X, Y]."""
        score = self.base.probabilities
        at = np.einsum("rxj,xyj->rxy", state, (score[:, None] == score[:, :, None]).astype(float))
        below = np.einsum("rxj,xyj->rxy", state, (score[:, None] < score[:, :, None]).astype(float))
        chosen = np.maximum((at + below) ** responses - below**responses, 0.0)
        law = np.where(at > 0, state / np.where(at > 0, at, 1.0), 0.0) * chosen
        return np.asarray(law / law.sum(axis=2, keepdims=True))

    def gap(self, state: Floats, responses: int) -> Floats:
        """Return the success of the best of N, less the success, [R, K]."""
        return self.success(self.best(state, responses)) - self.success(state)

    def coverage(self, state: Floats) -> Floats:
        """Return C_cov = E_x[1 / pi(y*(x)|x)] by level, [R, K], y* the base's modes."""
        with np.errstate(divide="ignore"):
            return np.asarray((1.0 / self._mode_mass(state)) @ self.weights.T)

    def skill(self, state: Floats) -> Floats:
        """Return E_x[pi(y*(x)|x)] over all prompts, [R, 1]."""
        return np.asarray(self._mode_mass(state) @ self.base.prompt_weights)[:, None]

    def learn(
        self, state: Floats, start: Floats, prompts: Counts, responses: int, rng: Generator
    ) -> tuple[Floats, Counts]:
        """Play one round; see `Learner.learn`."""
        fallen = rng.multinomial(prompts, self.weights).sum(axis=1)  # [R, X]; levels are apart
        selected = rng.multinomial(fallen, self.best(state, responses))
        weight = (fallen + self.prior)[:, :, None]
        learnt = (selected + self.prior * start) / np.where(weight > 0, weight, 1.0)
        return np.where(weight > 0, learnt, start), prompts

    def _mode_mass(self, state: Floats) -> Floats:
        return np.asarray((state * modes(self.base)).sum(axis=2))


def sharpening_base(
    initial: float,
    lengths: Any,
    prompts: int = 16,
    answers: int = 8,
    seed: int = 0,
) -> tuple[TabularPolicy, NDArray[np.int64]]:
    """Make a base whose right answer has the chance initial^{L_k} at every prompt of level k.

    The rest is split among the wrong answers by a flat Dirichlet, drawn once, so that at some
    prompts the likeliest answer is wrong: the more, the harder the level.

    Returns:
        The policy, and the level of each prompt.

    Raises:
        LabError: An argument is out of range.
    """
    first = float(chance("The initial skill", initial))
    success = np.repeat(first ** checked_lengths(lengths), int(whole("The prompts", prompts)))
    wrong = int(whole("The number of answers", answers, least=2)) - 1
    rest = np.random.default_rng(seed).dirichlet(np.ones(wrong), len(success))
    table = np.concatenate([success[:, None], (1.0 - success)[:, None] * rest], axis=1)
    policy = TabularPolicy(
        np.full(len(success), 1.0 / len(success)),
        table / table.sum(axis=1, keepdims=True),
        np.eye(answers)[np.zeros(len(success), dtype=np.int64)],
    )
    return policy, np.repeat(np.arange(1, len(lengths) + 1), prompts)
