"""The laboratory's skill learners as a plain Python loop: run by run, response by response.

It shares no code with `sitool.lab`, and draws the steps of every response, until the first
wrong one where a wrong response is dropped anyway. So it is the peer of the benchmark, and an
independent witness that the quick way has the same law.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass
class PlainLearner:
    """One run.

    Attributes:
        skills: p_s now.
        steps: D, one row a level.
        prior: m.
        false_accepts, false_rejects: The verifier's errors.
    """

    skills: list[float]
    steps: Sequence[Sequence[int]]
    prior: float
    rng: random.Random
    false_accepts: float = 0.0
    false_rejects: float = 0.0

    def respond(self, level: int) -> tuple[list[int], bool]:
        """Write a response; returns the right steps of each skill, and whether it is right."""
        right = [0] * len(self.skills)
        good = True
        for skill, steps in enumerate(self.steps[level]):
            for _ in range(steps):
                if self.rng.random() < self.skills[skill]:
                    right[skill] += 1
                else:
                    good = False
                    if not self.false_accepts:
                        return right, False
        return right, good

    def round(self, draws: Sequence[int], start: Sequence[float]) -> int:
        """Draw so many responses of each level, and learn; returns how many were accepted."""
        right = [0] * len(self.skills)
        total = [0] * len(self.skills)
        accepted = 0
        for level, count in enumerate(draws):
            for _ in range(count):
                steps, good = self.respond(level)
                if good:
                    kept = not self.false_rejects or self.rng.random() >= self.false_rejects
                else:
                    kept = self.false_accepts > 0 and self.rng.random() < self.false_accepts
                if kept:
                    accepted += 1
                    for skill, count_right in enumerate(steps):
                        right[skill] += count_right
                        total[skill] += self.steps[level][skill]
        self.skills = [
            (right[s] + self.prior * start[s]) / (total[s] + self.prior)
            for s in range(len(self.skills))
        ]
        return accepted


def play_plainly(
    learner: PlainLearner, draws: Sequence[int], rounds: int, from_base: bool = False
) -> list[int]:
    """Play one run under a fixed mixture; returns the accepted samples of each round."""
    base = list(learner.skills)
    return [
        learner.round(draws, base if from_base else list(learner.skills)) for _ in range(rounds)
    ]


def shared_steps(lengths: Sequence[int]) -> list[list[int]]:
    """Return D of one skill that all levels share."""
    return [[length] for length in lengths]


def chain_steps(lengths: Sequence[int]) -> list[list[int]]:
    """Return D of a chain, where skill j is new at level j."""
    new = [b - a for a, b in zip([0, *lengths], lengths, strict=False)]
    return [[*new[: k + 1], *[0] * (len(new) - k - 1)] for k in range(len(new))]
