"""The real loop's curricula, for many simulated runs at once.

The weights over levels, the split of a round's prompts and the adaptive choice of
a level are those of `sitool.curriculum`, called and not
copied: what helps here is what a study does. Only the adaptive rule depends on
the run, and there on the run's active level alone, so each of its mixtures is
split once and then looked up.
"""

import numpy as np
from numpy.typing import NDArray

from sitool import curriculum
from sitool.config import CurriculumSettings
from sitool.curriculum import adaptive
from sitool.errors import UnknownNameError
from sitool.lab.arguments import Floats

Counts = NDArray[np.int64]
Curriculum = CurriculumSettings | str
"""A curriculum as a study has it, or one of `CURRICULA`."""

CURRICULA = ("adaptive", "staged", "cosine", "gaussian", "uniform", "easiest", "hardest")
"""Curricula that have a name of their own; any other is a `CurriculumSettings`."""


def named_curriculum(name: str, levels: int, rounds: int) -> CurriculumSettings:
    """Make the settings of a curriculum over levels 1 to `levels` and so many rounds.

    `uniform`, `easiest` and `hardest` are fixed mixtures; the others are rules of
    the real loop with its defaults.

    Raises:
        UnknownNameError: There is no such curriculum.

    >>> named_curriculum("hardest", levels=3, rounds=5).weights
    {3: 1.0}
    """
    if name not in CURRICULA:
        raise UnknownNameError("curriculum", name, CURRICULA)
    weights = {"easiest": {1: 1.0}, "hardest": {levels: 1.0}}.get(name, {})
    rule = "fixed" if name in ("uniform", "easiest", "hardest") else name
    return CurriculumSettings.model_validate({"rule": rule, "weights": weights, "rounds": rounds})


def settings_of(curriculum: Curriculum, levels: int, rounds: int) -> CurriculumSettings:
    """Return a curriculum's settings, made from its name if that is all there is."""
    if isinstance(curriculum, str):
        return named_curriculum(curriculum, levels, rounds)
    return curriculum


class Mixtures:
    """How many prompts of each level every run draws, round by round.

    Args:
        settings: The curriculum, as a study has it.
        levels: K; level k of the ladder is 1 to K.
        prompts: n of each run, [R].

    Raises:
        StudyError: The settings leave no level, or no weight, on the ladder.
    """

    def __init__(self, settings: CurriculumSettings, levels: int, prompts: Counts) -> None:
        self._settings = settings
        self._levels = list(range(1, levels + 1))
        self._steps = curriculum.ladder(settings, self._levels)
        self._budgets, self._budget = np.unique(prompts, return_inverse=True)
        self._active = np.full(len(prompts), adaptive.NOWHERE)
        if settings.rule == "adaptive":
            self._around = [
                self._split(curriculum.adaptive_mixture(settings, self._steps, level))
                for level in self._steps
            ]

    def counts(self, taken: int, success: Floats) -> Counts:
        """Return the prompts that each run draws of each level, [R, K], and move its state on.

        Args:
            taken: Rounds already taken, from 0.
            success: What was measured of each run, [R, K].
        """
        if self._settings.rule != "adaptive":
            weights, _ = curriculum.next_mixture(
                self._settings, self._levels, taken, {}, curriculum.CurriculumState()
            )
            return self._split(weights)[self._budget]
        places = np.array(self._steps) - 1
        self._active = adaptive.next_places(self._settings, success[:, places], self._active)
        return np.asarray(np.stack(self._around)[self._active, self._budget])

    def _split(self, weights: dict[int, float]) -> Counts:
        """Split each budget by the loop's own largest remainders, [budgets, K]."""
        table = np.zeros((len(self._budgets), len(self._levels)), dtype=np.int64)
        for row, budget in enumerate(self._budgets):
            for level, count in curriculum.allocate(weights, int(budget)).items():
                table[row, level - 1] = count
        return table
