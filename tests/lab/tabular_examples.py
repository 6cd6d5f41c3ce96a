"""Random tabular policies, and the selections of `sitool.lab.laws` by enumeration."""

from itertools import product

import numpy as np
from numpy.typing import NDArray

from sitool.lab import TabularPolicy

Floats = NDArray[np.float64]


def random_policy(
    rng: np.random.Generator, prompts: int = 3, responses: int = 4, tied: bool = False
) -> TabularPolicy:
    """Draw a policy with random truth; with `tied` some responses are equally likely."""
    table = rng.integers(1, 4, (prompts, responses)) if tied else rng.random((prompts, responses))
    table = table + 0.05 * (not tied)
    return TabularPolicy(
        rng.dirichlet(np.ones(prompts)),
        table / table.sum(axis=1, keepdims=True),
        rng.integers(0, 2, (prompts, responses)),
    )


def best_of_n_by_enumeration(row: Floats, scores: Floats, n: int) -> Floats:
    """Go through all ways to draw n responses; `max` returns the first of equals."""
    law = np.zeros(len(row))
    for drawn in product(range(len(row)), repeat=n):
        law[max(drawn, key=lambda y: scores[y])] += np.prod(row[list(drawn)])
    return law


def tournament_by_enumeration(row: Floats, wins: Floats, rounds: int) -> Floats:
    """Go through all brackets of 2^rounds draws, and through all outcomes of their matches."""
    law = np.zeros(len(row))
    for drawn in product(range(len(row)), repeat=2**rounds):
        law += np.prod(row[list(drawn)]) * winner_of(drawn, wins)
    return law


def winner_of(bracket: tuple[int, ...], wins: Floats) -> Floats:
    """Compute the law of a bracket's winner by playing its two halves."""
    if len(bracket) == 1:
        return np.eye(len(wins))[bracket[0]]
    half = len(bracket) // 2
    left, right = winner_of(bracket[:half], wins), winner_of(bracket[half:], wins)
    law = np.zeros(len(wins))
    for a, b in product(range(len(wins)), repeat=2):
        law[a] += left[a] * right[b] * wins[a, b]
        law[b] += left[a] * right[b] * (1 - wins[a, b])
    return law


def adaptive_by_steps(row: Floats, mu: float) -> tuple[Floats, float]:
    """Follow the chance of each best-so-far from draw to draw until nothing is left."""
    law, expected, k = np.zeros(len(row)), 0.0, 0
    best_so_far: dict[int | None, float] = {None: 1.0}
    while best_so_far:
        k += 1
        after: dict[int | None, float] = {}
        for best, chance in best_so_far.items():
            expected += chance
            for y in np.flatnonzero(row):
                newest = int(y)
                winner = newest if best is None or row[newest] > row[best] else best
                if k >= mu / row[winner]:
                    law[winner] += chance * row[newest]
                else:
                    after[winner] = after.get(winner, 0.0) + chance * row[newest]
        best_so_far = after
    return law, expected
