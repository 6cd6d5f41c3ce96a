"""What is reported of one verifier, or of several that must agree, in one round."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sitool.gap.agreement import CUT, Confusion, confusion
from sitool.gap.figures import Figures, figure_json, measure_filter, reweighted
from sitool.gap.filters import Ensemble, weights_of
from sitool.gap.pool import ERROR, UNPARSED, Floats, Pool
from sitool.gap.resampling import Bootstrap
from sitool.gap.sweeps import SweepPoint, sweep_quantiles, sweep_thresholds
from sitool.metrics import Accuracy


@dataclass(frozen=True, slots=True)
class FilterGap:
    """The gap under one filter, of one verifier or of several that must agree.

    Attributes:
        filter: As text, such as `threshold:0.5`.
        words: What survives it, in words.
        by_level: The strict gap of each level's problems.
        samples: Of the problems that the verifiers have seen.
        kept: Those of them that survive.
        empty: Problems without a survivor; each counts with its unfiltered accuracy.
        unparsed: Samples with a verdict that could not be parsed; they never survive.
        errors: Samples on which a verifier failed; they never survive either.
        unseen: Problems left out, since a verifier has not been at all of their samples.
    """

    filter: str
    words: str
    strict: Figures
    flexible: Figures
    by_level: Mapping[int, Accuracy]
    samples: int
    kept: int
    empty: int
    unparsed: int
    errors: int
    unseen: int

    def to_json(self) -> dict[str, Any]:
        """Return it as `sitool gap --json` prints it."""
        counts = ("samples", "kept", "empty", "unparsed", "errors", "unseen")
        return {
            "filter": self.filter,
            "words": self.words,
            "strict": self.strict.to_json(),
            "flexible": self.flexible.to_json(),
            "by_level": {str(level): figure_json(gap) for level, gap in self.by_level.items()},
            **{name: getattr(self, name) for name in counts},
        }


@dataclass(frozen=True, slots=True)
class Judged:
    """One verifier in one round: the gap under its filter, and what other filters would give.

    Attributes:
        thresholds: The gap over global thresholds.
        quantiles: The gap over shares of each problem's samples.
    """

    gap: FilterGap
    thresholds: tuple[SweepPoint, ...]
    quantiles: tuple[SweepPoint, ...]
    confusion: Confusion

    def to_json(self) -> dict[str, Any]:
        """Return it as `sitool gap --json` prints it."""
        return {
            **self.gap.to_json(),
            "thresholds": [point.to_json() for point in self.thresholds],
            "quantiles": [point.to_json() for point in self.quantiles],
            "confusion": self.confusion.to_json(),
        }


@dataclass(frozen=True, slots=True)
class Paired:
    """Two verifiers that must both agree, beside the better of them alone.

    Attributes:
        best: The part with the larger gap.
        over_best: The gap of both minus that of `best`, paired by problem.
    """

    gap: FilterGap
    best: str
    over_best: Accuracy

    def to_json(self) -> dict[str, Any]:
        """Return it as `sitool gap --json` prints it."""
        return {
            **self.gap.to_json(),
            "best": self.best,
            "over_best": figure_json(self.over_best),
        }


def measure_ensemble(pool: Pool, ensemble: Ensemble, bootstrap: Bootstrap) -> FilterGap | None:
    """Measure the gap under a filter; None if its verifiers have seen no whole problem."""
    seen, weights = pool.seen_by(ensemble.verifiers), weights_of(pool, ensemble)
    strict = measure_filter(pool, pool.strict, weights, seen, bootstrap)
    flexible = measure_filter(pool, pool.flexible, weights, seen, bootstrap)
    if strict is None or flexible is None:
        return None
    inside = seen[pool.problem]
    outcomes = [pool.verdicts[name].outcome for name in ensemble.verifiers]

    def having(code: int) -> int:
        return int((inside & np.logical_or.reduce([o == code for o in outcomes])).sum())

    return FilterGap(
        ensemble.filter,
        ensemble.words(),
        strict,
        flexible,
        gap_by_level(pool, gaps_of(pool, ensemble), bootstrap),
        samples=int(inside.sum()),
        kept=int((inside & (weights > 0)).sum()),
        empty=int((seen & (pool.sums(weights) == 0)).sum()),
        unparsed=having(UNPARSED),
        errors=having(ERROR),
        unseen=int((~seen).sum()),
    )


def after_filter(pool: Pool, ensemble: Ensemble, utility: Floats) -> Floats:
    """Return each problem's reweighted accuracy, [problems]; NaN where it was not seen."""
    after, _ = reweighted(pool, utility, weights_of(pool, ensemble))
    return np.where(pool.seen_by(ensemble.verifiers), after, np.nan)


def gaps_of(pool: Pool, ensemble: Ensemble) -> Floats:
    """Return each problem's strict gap, [problems]; NaN where it was not seen."""
    return after_filter(pool, ensemble, pool.strict) - pool.means(pool.strict)


def gap_by_level(pool: Pool, gaps: Floats, bootstrap: Bootstrap) -> dict[int, Accuracy]:
    """Return the mean gap of each level, over the draws of the whole pool."""
    levels = np.unique(pool.level)
    columns = np.where(pool.level[:, None] == levels, gaps[:, None], np.nan)
    found = zip(levels, bootstrap.figures(columns, lowest=-1.0), strict=True)
    return {int(level): figure for level, figure in found if figure is not None}


def measure_judge(pool: Pool, ensemble: Ensemble, bootstrap: Bootstrap) -> Judged | None:
    """Measure one verifier; None if it has seen no whole problem."""
    gap = measure_ensemble(pool, ensemble, bootstrap)
    if gap is None:
        return None
    ((verifier, kind),) = ensemble.parts
    cut = kind.amount if kind.rule == "threshold" else CUT
    seen = pool.seen_by(ensemble.verifiers)
    return Judged(
        gap,
        sweep_thresholds(pool, verifier, seen, bootstrap),
        sweep_quantiles(pool, verifier, seen, bootstrap),
        confusion(pool, verifier, cut),
    )


def measure_pair(pool: Pool, pair: Ensemble, bootstrap: Bootstrap) -> Paired | None:
    """Measure two verifiers together against the better of them, on problems both have seen."""
    gap = measure_ensemble(pool, pair, bootstrap)
    if gap is None:
        return None
    both = gaps_of(pool, pair)
    parts = {part[0]: gaps_of(pool, Ensemble((part,))) for part in pair.parts}
    seen = ~np.isnan(both)
    best = max(parts, key=lambda name: float(parts[name][seen].mean()))
    over = bootstrap.figure(both - parts[best], lowest=-1.0)
    return None if over is None else Paired(gap, best, over)
