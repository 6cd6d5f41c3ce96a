"""Puts the gap report together from the pools of some rounds; pure, and knows no store."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from sitool.gap.agreement import correlations
from sitool.gap.diversity import Diversity, diversity_figures, measure_diversity
from sitool.gap.filters import Ensemble, Filter, default_filter
from sitool.gap.judged import (
    FilterGap,
    after_filter,
    measure_ensemble,
    measure_judge,
    measure_pair,
)
from sitool.gap.pool import Floats, Pool
from sitool.gap.report import CrossTable, GapReport, RoundGap
from sitool.gap.resampling import Bootstrap
from sitool.gap.saturation import Trend, judge_saturation
from sitool.gap.updates import Update, UpdateFigures, measure_update, pair_problems
from sitool.metrics import Accuracy
from sitool.seeds import derive_seed
from sitool.store import round_label

TRUTH = "truth"


@dataclass(frozen=True, slots=True, eq=False)
class Generation:
    """One round's samples and where they stand in the tree."""

    round: int
    parent: int | None
    pool: Pool


@dataclass(frozen=True, slots=True)
class Question:
    """What the report is asked for.

    Attributes:
        verifiers: Names, or several joined by `+` (AND); empty: every judge there is.
        filters: By verifier; "" is the filter of all others. Where neither is given, the
            one that suits the verifier's scale.
        seed: Of the study; intervals follow from it.
    """

    verifiers: tuple[str, ...] = ()
    filters: Mapping[str, Filter] | None = None
    seed: int = 0

    def ensemble(self, name: str) -> Ensemble:
        """Return the verifiers of a name with their filters."""
        return Ensemble(tuple((part, self.filter_of(part)) for part in name.split("+")))

    def filter_of(self, verifier: str) -> Filter:
        """Return the filter of a verifier; `mc@3` has that of `mc` unless it has its own."""
        given = self.filters or {}
        own = given.get(verifier) or given.get(verifier.partition("@")[0]) or given.get("")
        return own or default_filter(verifier)

    def ensembles(self, pool: Pool) -> list[Ensemble]:
        """Return what is asked for of a pool, as far as it is there."""
        names = self.verifiers or judges_of(pool)
        asked = [self.ensemble(name) for name in dict.fromkeys(names)]
        return [one for one in asked if all(part in pool.verdicts for part in one.verifiers)]


def judges_of(pool: Pool) -> tuple[str, ...]:
    """Return the verifiers of a pool that are not the truth itself."""
    return tuple(name for name in sorted(pool.verdicts) if name != TRUTH)


def assemble(
    generations: Sequence[Generation], question: Question, notes: Iterable[str] = ()
) -> GapReport:
    """Make the report of some rounds, in order of rounds; at least one."""
    diversities = [measure_diversity(g.pool) for g in generations]
    rounds = tuple(
        report_round(g, d, question) for g, d in zip(generations, diversities, strict=True)
    )
    trend = measure_trend(generations, diversities, question.seed)
    saturation = []
    for name in dict.fromkeys(name for r in rounds for name in r.gaps):
        gaps = [(r.round, r.gaps[name].strict.gap) for r in rounds if name in r.gaps]
        saturation.append(judge_saturation(name, gaps, trend))
    return GapReport(
        rounds,
        updates=tuple(_updates(generations, rounds, question)),
        cross=tuple(cross_tables(rounds)),
        trend=trend,
        saturation=tuple(saturation),
        notes=tuple(notes),
    )


def report_round(generation: Generation, diversity: Diversity, question: Question) -> RoundGap:
    """Measure one round."""
    pool = generation.pool
    bootstrap = Bootstrap(pool.problems, derive_seed(question.seed, "gap", generation.round))
    asked = question.ensembles(pool)
    alone = [one for one in asked if len(one.parts) == 1]
    judges = {one.name: measure_judge(pool, one, bootstrap) for one in alone}
    together = {
        one.name: measure_ensemble(pool, one, bootstrap) for one in asked if len(one.parts) > 1
    }
    pairs = {
        pair.name: measure_pair(pool, pair, bootstrap)
        for first, second in combinations([one for one in alone if one.name != TRUTH], 2)
        for pair in (Ensemble(first.parts + second.parts),)
    }
    columns = np.column_stack((pool.means(pool.strict), pool.means(pool.flexible)))
    strict, flexible = bootstrap.figures(columns)
    pass_at_k, unique, entropy = diversity_figures(diversity, pool, bootstrap)
    return RoundGap(
        generation.round,
        generation.parent,
        problems=pool.problems,
        samples=len(pool.problem),
        unknown=pool.unknown,
        accuracy=_there(strict),
        flexible=_there(flexible),
        judges={name: judged for name, judged in judges.items() if judged},
        ensembles={name: gap for name, gap in together.items() if gap},
        pairs={name: pair for name, pair in pairs.items() if pair},
        correlations=correlations(pool, [TRUTH, *(one.name for one in alone if one.name != TRUTH)]),
        pass_at_k=pass_at_k,
        unique=_there(unique),
        entropy=entropy,
    )


def _there(figure: Accuracy | None) -> Accuracy:
    """Take a figure that every pool has; an empty pool is refused where it is read."""
    if figure is None:
        raise ValueError("a pool without problems has no figures")
    return figure


def _updates(
    generations: Sequence[Generation], rounds: Sequence[RoundGap], question: Question
) -> Iterable[Update]:
    """Yield every round with its child under each verifier that has judged the parent."""
    by_round = {g.round: g for g in generations}
    reported = {r.round: r for r in rounds}
    for child in generations:
        parent = by_round.get(-1 if child.parent is None else child.parent)
        if parent is None:
            continue
        for name in reported[parent.round].gaps:
            after = reported[child.round].gaps.get(name)
            update = _update(parent, child, question.ensemble(name), after, question.seed)
            if update is not None:
                yield update


def _update(
    parent: Generation,
    child: Generation,
    ensemble: Ensemble,
    after: FilterGap | None,
    seed: int,
) -> Update | None:
    here, there = pair_problems(parent.pool.problem_id, child.pool.problem_id)
    if not len(here):
        return None
    path = derive_seed(seed, "update", parent.round, child.round)

    def figures(before: Floats, after: Floats) -> UpdateFigures | None:
        promised = after_filter(parent.pool, ensemble, before)[here]
        return measure_update(
            parent.pool.means(before)[here], promised, child.pool.means(after)[there], path
        )

    strict = figures(parent.pool.strict, child.pool.strict)
    flexible = figures(parent.pool.flexible, child.pool.flexible)
    if strict is None or flexible is None:
        return None
    return Update(
        parent.round,
        child.round,
        ensemble.name,
        strict,
        flexible,
        after.strict.gap if after else None,
        left_out=parent.pool.problems - strict.missed.n,
    )


def measure_trend(
    generations: Sequence[Generation], diversities: Sequence[Diversity], seed: int
) -> Trend | None:
    """Compare the last round with the one before and with the first, problem by problem."""
    if len(generations) < 2:
        return None
    last, first = generations[-1], generations[0]
    before = next(
        (g for g in generations if g.round == last.parent),
        generations[-2],
    )
    of = dict(zip((g.round for g in generations), diversities, strict=True))
    most = min(max(of[g.round].pass_at_k) for g in (first, last))

    def difference(earlier: Generation, k: int) -> Accuracy | None:
        now, then = of[last.round].pass_at_k[k], of[earlier.round].pass_at_k[k]
        return _difference(earlier, last, then, now, -1.0, 1.0, seed)

    pass_at_1, pass_at_most = difference(before, 1), difference(first, most)
    if pass_at_1 is None or pass_at_most is None:
        return None
    ceiling = float(np.log(max(g.pool.counts.max() for g in (first, last))))
    entropies = [of[g.round].entropy for g in (first, last)]
    fallen = _difference(first, last, entropies[0], entropies[1], -ceiling, ceiling, seed)
    means = None
    if fallen is not None:
        means = (float(np.nanmean(entropies[0])), float(np.nanmean(entropies[1])))
    return Trend(
        last.round, before.round, first.round, pass_at_1, most, pass_at_most, fallen, means
    )


def _difference(
    first: Generation,
    second: Generation,
    before: Floats,
    after: Floats,
    lowest: float,
    highest: float,
    seed: int,
) -> Accuracy | None:
    """Return the mean of after - before over the problems of both rounds."""
    here, there = pair_problems(first.pool.problem_id, second.pool.problem_id)
    if not len(here):
        return None
    bootstrap = Bootstrap(len(here), derive_seed(seed, "trend", first.round, second.round))
    return bootstrap.figure(after[there] - before[here], lowest, highest)


def cross_tables(rounds: Sequence[RoundGap]) -> list[CrossTable]:
    """Return a table of every judge that more than one model has played.

    A verifier's name says which model judged: `mc@base`, `mc@3`, and plain `mc` for the
    model that wrote the samples.
    """
    cells: dict[str, dict[tuple[int, str], Accuracy]] = {}
    for r in rounds:
        for name, judged in r.judges.items():
            judge, at, model = name.partition("@")
            cell = (r.round, model_label(model if at else str(r.round)))
            cells.setdefault(judge, {}).setdefault(cell, judged.gap.strict.gap)
    foreign = {name.partition("@")[0] for r in rounds for name in r.judges if "@" in name}
    return [
        CrossTable(
            judge,
            tuple(sorted({generator for generator, _ in found})),
            tuple(sorted({model for _, model in found}, key=lambda m: (m != "base", m))),
            found,
        )
        for judge, found in cells.items()
        if judge in foreign
    ]


def model_label(model: str) -> str:
    """Name the model of a round; round 0 is the base.

    >>> model_label("3"), model_label("0"), model_label("other")
    ('r0003', 'base', 'other')
    """
    if model in ("0", "base"):
        return "base"
    return round_label(int(model)) if model.isdigit() else model
