"""Filters: which samples survive under a verifier, and with what weight w.

They are the rules of `selection.py` on arrays, so the report tells of the very
samples that the loop would keep (duplicates, caps and people's rulings aside).

A sample on which a verifier gave no value, because its verdict could not be
parsed or because it failed, does not survive any filter: nobody vouched for it.
It is not scored 0 either, which would let a badly written verdict count as a
verdict of "wrong", move quantiles, and hide that the judge cannot be read. Such
samples are counted and reported; they stay in the unfiltered accuracy J.

Where no sample of a problem survives, the weights are all 0, and the reweighted
accuracy of that problem is its unfiltered one (`figures.reweighted`).

Source: weights w(u_hat) of Song et al., "Mind the Gap", arXiv 2412.02674.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from sitool.errors import StudyError, UnknownNameError
from sitool.gap.pool import Bools, Floats, Ints, Pool

TINY = 1e-9
"""Scores are quotients such as 2 / 3: what is this close to a cut reaches it."""

DEFAULTS = {"threshold": 0.5, "quantile": 0.25, "exponential": 0.5, "best_of_n": 0, "tournament": 1}
RANGES: dict[str, tuple[float, float, str]] = {
    "threshold": (0.0, 1.0, "from 0 to 1"),
    "quantile": (TINY, 1.0, "above 0 and at most 1"),
    "exponential": (TINY, 100.0, "above 0 and at most 100"),
    "best_of_n": (0, 0, "left out"),
    "tournament": (1, 32, "a whole number from 1 to 32"),
}


@dataclass(frozen=True, slots=True)
class Filter:
    """A rule that turns scores into weights.

    Attributes:
        rule: `threshold`, `quantile`, `exponential`, `best_of_n` or `tournament`.
        amount: The least score, the best share of each problem's samples, beta, or
            the round of the tournament to survive; without meaning for `best_of_n`.
    """

    rule: str
    amount: float

    @classmethod
    def parse(cls, text: str) -> "Filter":
        """Read `RULE` or `RULE:AMOUNT`.

        Raises:
            StudyError: There is no such rule, or the amount is not allowed.

        >>> Filter.parse("quantile:.5"), str(Filter.parse("threshold"))
        (Filter(rule='quantile', amount=0.5), 'threshold:0.5')
        """
        rule, colon, written = text.strip().partition(":")
        if rule not in DEFAULTS:
            raise UnknownNameError("filter", rule, DEFAULTS, "try: --filter quantile:0.25")
        low, high, allowed = RANGES[rule]
        try:
            amount = float(written) if colon else float(DEFAULTS[rule])
        except ValueError:
            amount = math.nan
        whole = rule != "tournament" or amount.is_integer()
        if not (low <= amount <= high and whole) or (rule == "best_of_n" and colon):
            raise StudyError(
                f"The amount {written!r} of the filter {rule!r} must be {allowed}.",
                f"try: --filter {cls(rule, DEFAULTS[rule])}",
            )
        return cls(rule, amount)

    def __str__(self) -> str:
        return self.rule if self.rule == "best_of_n" else f"{self.rule}:{self.amount:g}"

    def words(self) -> str:
        """Say in a few words what survives."""
        amount = f"{self.amount:g}"
        return {
            "threshold": f"scores of at least {amount}",
            "quantile": f"the best {self.amount:.0%} of each problem's samples",
            "exponential": f"all, weighted by exp(score / {amount})",
            "best_of_n": "the one best sample of each problem",
            "tournament": f"survivors of round {amount} of the tournament",
        }[self.rule]


def default_filter(verifier: str) -> Filter:
    """Return the filter that suits the scale of a verifier's scores.

    Probabilities and shares are cut at one half. Likelihoods have no scale of their own,
    so the best of each problem are kept.
    """
    name = verifier.partition("@")[0]
    if name == "tournament":
        return Filter("tournament", 1)
    if name.startswith("likelihood"):
        return Filter("quantile", DEFAULTS["quantile"])
    return Filter("threshold", DEFAULTS["threshold"])


@dataclass(frozen=True, slots=True)
class Ensemble:
    """One verifier or several that must all agree (AND), each with its filter."""

    parts: tuple[tuple[str, Filter], ...]

    @property
    def name(self) -> str:
        """Its verifiers, joined by `+`."""
        return "+".join(name for name, _ in self.parts)

    @property
    def verifiers(self) -> tuple[str, ...]:
        """Its verifiers."""
        return tuple(name for name, _ in self.parts)

    @property
    def filter(self) -> str:
        """Its filter as text; each verifier's own where they differ."""
        kinds = {str(kind) for _, kind in self.parts}
        if len(kinds) == 1:
            return kinds.pop()
        return " and ".join(f"{name}={kind}" for name, kind in self.parts)

    def words(self) -> str:
        """Say in a few words what survives."""
        said = {kind.words() for _, kind in self.parts}
        if len(said) > 1:
            return "; ".join(f"under {name} {kind.words()}" for name, kind in self.parts)
        return f"{said.pop()}{' under each' if len(self.parts) > 1 else ''}"


def weights_of(pool: Pool, ensemble: Ensemble) -> Floats:
    """Return the weight of every sample, [n]; 0 does not survive.

    Verifiers under the same filter are judged together, as the loop's selection
    does. Of different filters the weights multiply.
    """
    together: dict[Filter, list[str]] = {}
    for name, kind in ensemble.parts:
        together.setdefault(kind, []).append(name)
    product = np.ones(len(pool.problem))
    for kind, verifiers in together.items():
        product = product * weigh(pool, verifiers, kind)
    return product


def weigh(pool: Pool, verifiers: Sequence[str], kind: Filter) -> Floats:
    """Return the weight of every sample under verifiers that share one filter, [n]."""
    scored = pool.scored_by(verifiers)
    columns = [np.where(scored, pool.verdicts[name].value, -np.inf) for name in verifiers]
    return RULES[kind.rule](pool, scored, columns, kind.amount)


Columns = Sequence[Floats]


def threshold(pool: Pool, scored: Bools, columns: Columns, amount: float) -> Floats:
    """Keep what every verifier gives at least the threshold."""
    kept: Bools = scored & (np.minimum.reduce(columns) >= amount)
    return kept.astype(float)


def quantile(pool: Pool, scored: Bools, columns: Columns, amount: float) -> Floats:
    """Keep the best share of each problem's samples under every verifier; ties stay.

    The share is of all samples, unparsed ones too, as in `selection.quantile`.
    """
    places = places_of(pool, amount)[pool.problem]
    high = [rank_in_problem(pool, column) < places for column in columns]
    kept: Bools = scored & np.logical_and.reduce(high)
    return kept.astype(float)


def places_of(pool: Pool, share: float) -> Ints:
    """Return how many samples of each problem a share of them is, [problems]; at least 1."""
    places: Floats = np.maximum(1, np.ceil(share * pool.counts - TINY))
    return places.astype(np.int64)


def rank_in_problem(pool: Pool, values: Floats) -> Ints:
    """Count for each sample how many of its problem have a greater value, [n].

    Equal values have equal ranks, so `rank < places` keeps `places` samples and their ties.
    """
    order = np.lexsort((-values, pool.problem))
    problem, value = pool.problem[order], values[order]
    place = np.arange(len(order))
    new_problem = np.diff(problem, prepend=-1) != 0
    new_value = new_problem | (value != np.concatenate(([np.nan], value[:-1])))
    first_of_problem = np.maximum.accumulate(np.where(new_problem, place, 0))
    first_of_value = np.maximum.accumulate(np.where(new_value, place, 0))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = first_of_value - first_of_problem
    return rank


def exponential(pool: Pool, scored: Bools, columns: Columns, amount: float) -> Floats:
    """Weigh by exp(sum of scores / beta), counted down from the problem's best.

    Only ratios within a problem matter, and so a small beta cannot overflow.
    """
    totals = np.add.reduce(columns)
    starts = np.flatnonzero(np.diff(pool.problem, prepend=-1))
    best = np.maximum.reduceat(totals, starts)
    best = np.where(np.isfinite(best), best, 0.0)[pool.problem]
    weights: Floats = np.exp((totals - best) / amount)
    return weights


def best_of_n(pool: Pool, scored: Bools, columns: Columns, amount: float) -> Floats:
    """Keep the one best sample of a problem, the first seen among equals.

    Under several verifiers the best is the one whose lowest score is highest.
    """
    lowest = np.minimum.reduce(columns)
    order = np.lexsort((-lowest, pool.problem))
    firsts = order[np.diff(pool.problem[order], prepend=-1) != 0]
    kept = np.zeros(len(order))
    kept[firsts] = 1
    return kept * scored


def tournament(pool: Pool, scored: Bools, columns: Columns, amount: float) -> Floats:
    """Keep what won at least this many rounds, or all there are, under every verifier.

    A score is matches won in a row / rounds of the bracket, so a problem of N samples has
    ceil(log2 N) rounds, and about N / 2^k of its samples survive round k.
    """
    rounds = np.ceil(np.log2(pool.drawn))[pool.problem]
    won = np.where(scored, np.minimum.reduce(columns), 0.0) * rounds
    kept: Bools = scored & (won >= np.minimum(amount, rounds) - TINY)
    return kept.astype(float)


RULES: dict[str, Callable[[Pool, Bools, Columns, float], Floats]] = {
    "threshold": threshold,
    "quantile": quantile,
    "exponential": exponential,
    "best_of_n": best_of_n,
    "tournament": tournament,
}
