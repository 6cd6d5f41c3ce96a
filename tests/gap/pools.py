"""Pools written as plain lists, and plain loops that say what a figure must be."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from sitool.gap.pool import ERROR, SCORED, UNPARSED, UNSEEN, Pool, Verdicts

untimed = settings(deadline=None)
"""How long an example takes says nothing on a machine that others use too."""

Said = float | str | None
"""A value, or `unparsed`, `error`, or None: not seen."""

CODES = {"unparsed": UNPARSED, "error": ERROR, None: UNSEEN}


@dataclass(frozen=True)
class Drawn:
    """One sample: whether it is right, what verifiers said, and its answer."""

    right: bool
    said: Mapping[str, Said] = field(default_factory=dict)
    answer: int = 0
    flexible: bool | None = None


Drawing = Sequence[Sequence[Drawn]]


def make_pool(drawing: Drawing, levels: Sequence[int] | None = None, **changes: Any) -> Pool:
    """Make a pool of problems, each a list of samples; ids of samples count from 100."""
    flat = [sample for problem in drawing for sample in problem]
    counts = np.array([len(problem) for problem in drawing])
    strict = np.array([float(s.right) for s in flat])
    truth = {"truth": Verdicts(strict, np.full(len(flat), SCORED))}
    names = sorted({name for s in flat for name in s.said})
    facts: dict[str, Any] = {
        "problem": np.repeat(np.arange(len(drawing)), counts),
        "problem_id": np.arange(len(drawing)) + 1,
        "level": np.array(levels or [1] * len(drawing)),
        "drawn": counts,
        "sample": np.arange(len(flat)) + 100,
        "strict": strict,
        "flexible": np.array([float(s.right if s.flexible is None else s.flexible) for s in flat]),
        "read": np.array([s.answer >= 0 for s in flat]),
        "answer": np.array([s.answer for s in flat]),
        "verdicts": truth | {name: verdicts([s.said.get(name) for s in flat]) for name in names},
    }
    return Pool(**(facts | changes))


def verdicts(said: Sequence[Said]) -> Verdicts:
    """Make the verdicts of one verifier."""
    values = [one if isinstance(one, float | int) else math.nan for one in said]
    codes = [SCORED if isinstance(one, float | int) else CODES[one] for one in said]
    return Verdicts(np.array(values, dtype=float), np.array(codes))


def judged(*problems: Sequence[tuple[int, Said]]) -> list[list[Drawn]]:
    """Write problems of samples (right, what `mc` said)."""
    return [[Drawn(bool(right), {"mc": said}) for right, said in problem] for problem in problems]


values = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])
saids = values | values | values | st.sampled_from(["unparsed", "error"])
samples = st.builds(
    Drawn,
    right=st.booleans(),
    said=st.fixed_dictionaries({"mc": saids, "cot": saids}),
    answer=st.integers(-1, 2),
    flexible=st.booleans(),
)
drawings = st.lists(st.lists(samples, min_size=1, max_size=6), min_size=1, max_size=6)


def mean(numbers: Sequence[float]) -> float:
    return math.fsum(numbers) / len(numbers)


def accuracy(problem: Sequence[Drawn], weights: Sequence[float] | None = None) -> float:
    """Return a problem's accuracy, reweighted; its plain one where nothing survives."""
    given = weights if weights is not None and sum(weights) else [1.0] * len(problem)
    return math.fsum(w * s.right for w, s in zip(given, problem, strict=True)) / math.fsum(given)


def law_of_draws(
    law: Sequence[tuple[float, bool, float]], count: int
) -> tuple[list[list[Drawn]], list[float]]:
    """Return every way to draw samples of one problem from a finite law, and how likely it is.

    A pool of all of them turns an average over draws into a sum that is exact.

    Args:
        law: (probability, right, score of `mc`) of each response.
    """
    drawing, chances = [], []
    for places in itertools.product(range(len(law)), repeat=count):
        drawing.append([Drawn(law[p][1], {"mc": law[p][2]}, answer=p) for p in places])
        chances.append(math.prod(law[p][0] for p in places))
    return drawing, chances
