"""Best-of-N from one pool: what N samples chosen by a self-reward would have brought.

A smaller N is every subset of N of the pool's samples. For a reward that belongs to
a sample alone the mean over all of them has a closed form: sorted from the best
down, the j-th sample is the best of a subset with probability C(n-1-j, N-1) / C(n, N).
Majority counts within the subset, so there subsets are drawn (all of them where they
are few). Among equals the first seen wins, in both. What this leaves out: intervals
(`figures.py`).
"""

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from sitool.seeds import derive_seed
from sitool.sharpening.pool import NOT_READ, Bools, Floats, Ints

SUBSETS = 200
"""Subsets of a problem that majority looks at; their noise is below that of the problems."""

CELLS = 4_000_000
"""Numbers that majority holds at once, roughly."""


def sizes_up_to(samples: int) -> list[int]:
    """Return N = 1, 2, 4 ... and the whole pool.

    >>> sizes_up_to(6), sizes_up_to(8), sizes_up_to(1)
    ([1, 2, 4, 6], [1, 2, 4, 8], [1])
    """
    powers = [2**k for k in range(samples.bit_length()) if 2**k < samples]
    return [*powers, samples]


def chance_of_rank(samples: int, size: int) -> Floats:
    """Return the chance that each rank is the best of `size` out of `samples`, [samples].

    >>> chance_of_rank(3, 2).round(3).tolist()
    [0.667, 0.333, 0.0]
    """
    ranks = np.arange(samples - 1)
    ratios = np.maximum(samples - size - ranks, 0) / (samples - 1 - ranks)
    return np.asarray(size / samples * np.concatenate([[1.0], np.cumprod(ratios)]))


def best_of_n(rewards: Floats, values: Floats, sizes: Sequence[int]) -> Floats:
    """Return the expected value of the best of N by reward, exactly, [problems, sizes].

    Args:
        rewards: [problems, samples], in drawn order; -inf is chosen last.
        values: What a chosen sample is worth, [problems, samples].
        sizes: N, each from 1 to the number of samples.
    """
    order = np.argsort(-rewards, axis=1, kind="stable")
    samples = rewards.shape[1]
    chances = np.stack([chance_of_rank(samples, size) for size in sizes], axis=1)
    return np.asarray(np.take_along_axis(values, order, axis=1) @ chances)


def majority_of_n(
    answers: Ints, values: Sequence[Floats], sizes: Sequence[int], seed: int
) -> list[Floats]:
    """Return the expected value of the first sample with the commonest answer, [problems, sizes].

    An answer that could not be read has no vote; where none could, the first sample stands.

    Args:
        answers: [problems, samples], in drawn order.
        values: Several kinds of worth, each [problems, samples].
        seed: Of the subsets, which are other ones for each N.
    """
    found = [np.empty((len(answers), len(sizes))) for _ in values]
    for column, size in enumerate(sizes):
        rng = np.random.default_rng(derive_seed(seed, "majority", size))
        for rows, chosen in _chosen_by_majority(answers, size, rng):
            for kind, value in zip(found, values, strict=True):
                kind[rows, column] = np.take_along_axis(value[rows], chosen, axis=1).mean(axis=1)
    return found


def _chosen_by_majority(
    answers: Ints, size: int, rng: np.random.Generator
) -> list[tuple[slice, Ints]]:
    """Return, block by block of problems, which samples subsets choose, [problems, subsets]."""
    problems, samples = answers.shape
    every = _all_subsets(samples, size)
    block = max(1, CELLS // (SUBSETS * samples))
    chosen = []
    for first in range(0, problems, block):
        rows = slice(first, first + block)
        some = answers[rows]
        subsets = every if every is not None else _some_subsets(len(some), samples, size, rng)
        chosen.append((rows, majority_choice(some, subsets)))
    return chosen


def _all_subsets(samples: int, size: int) -> Bools | None:
    """Return every subset as a mask [1, subsets, samples]; None where they are many."""
    if math.comb(samples, size) > SUBSETS:
        return None
    listed = list(combinations(range(samples), size))
    masks = np.zeros((1, len(listed), samples), dtype=np.bool_)
    masks[0, np.arange(len(listed))[:, None], np.array(listed)] = True
    return masks


def _some_subsets(problems: int, samples: int, size: int, rng: np.random.Generator) -> Bools:
    """Draw subsets of each problem's samples as masks, [problems, subsets, samples]."""
    keys = rng.random((problems, SUBSETS, samples))
    last = np.partition(keys, size - 1, axis=2)[:, :, size - 1 : size]
    return np.asarray(keys <= last, dtype=np.bool_)


def majority_choice(answers: Ints, subsets: Bools) -> Ints:
    """Return the sample that each subset chooses: the first with its commonest answer.

    Args:
        answers: [problems, samples].
        subsets: [problems or 1, subsets, samples].

    Returns:
        Places of samples, [problems, subsets].
    """
    samples = answers.shape[1]
    read = answers != NOT_READ
    equal = (answers[:, :, None] == answers[:, None, :]) & (read[:, :, None] & read[:, None, :])
    # How many of the subset gave the answer of each sample, [problems, subsets, samples].
    votes = subsets.astype(np.float32) @ equal.astype(np.float32)
    # The earliest of equals: a place counts for less than any vote.
    ranked = votes - np.arange(samples, dtype=np.float32) / (2 * samples)
    return np.asarray(np.where(subsets, ranked, -np.inf).argmax(axis=2), dtype=np.int64)
