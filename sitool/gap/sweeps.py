"""The gap over a whole range of thresholds and of shares, in one pass each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sitool.gap.figures import figure_json
from sitool.gap.filters import places_of, rank_in_problem
from sitool.gap.pool import Bools, Floats, Ints, Pool
from sitool.gap.resampling import Bootstrap
from sitool.metrics import Accuracy

GRID = 48
"""Most thresholds of a sweep: all distinct scores if they are no more, else quantiles of them."""

SHARES = 16
"""Most shares of a sweep."""


@dataclass(frozen=True, slots=True)
class SweepPoint:
    """One setting of a filter.

    Attributes:
        at: The threshold, or the share.
        kept: Share of the samples that survive.
        survivors: Problems with a survivor; the rest fall back to their unfiltered accuracy.
    """

    at: float
    kept: float
    survivors: int
    gap: Accuracy

    def to_json(self) -> dict[str, Any]:
        """Return it as `sitool gap --json` prints it."""
        return {
            "at": self.at,
            "kept": self.kept,
            "survivors": self.survivors,
            "gap": figure_json(self.gap),
        }


def thresholds_of(pool: Pool, verifier: str, grid: int = GRID) -> Floats:
    """Return the thresholds worth trying: every distinct score, or an even choice of them."""
    verdicts = pool.verdicts[verifier]
    distinct: Floats = np.unique(verdicts.value[verdicts.scored])
    if len(distinct) <= grid:
        return distinct
    chosen: Floats = distinct[np.linspace(0, len(distinct) - 1, grid).round().astype(int)]
    return chosen


def sweep_thresholds(
    pool: Pool, verifier: str, seen: Bools, bootstrap: Bootstrap, grid: int = GRID
) -> tuple[SweepPoint, ...]:
    """Measure the gap under a global threshold, for every threshold worth trying.

    A sample survives all thresholds up to its score, so counting samples by problem
    and by the last threshold that they survive, and summing from the top, gives all
    survivors at once: samples + problems x thresholds steps.
    """
    taus = thresholds_of(pool, verifier, grid)
    verdicts = pool.verdicts[verifier]
    reached = np.searchsorted(taus, np.where(verdicts.scored, verdicts.value, -1.0), side="right")
    width = len(taus) + 1

    def counted(weights: Floats | None) -> Floats:
        cells = np.bincount(pool.problem * width + reached, weights, pool.problems * width)
        from_top = np.cumsum(cells.reshape(pool.problems, width)[:, ::-1], axis=1)[:, ::-1]
        return from_top[:, 1:].astype(float)

    return _points(pool, taus, counted, seen, bootstrap)


def shares_of(pool: Pool) -> Floats:
    """Return the shares worth trying: each changes how many of a problem's samples are kept."""
    most = int(pool.counts.max())
    places = np.unique(np.linspace(1, most, min(most, SHARES)).round())
    return np.asarray(places / most, dtype=float)


def sweep_quantiles(
    pool: Pool, verifier: str, seen: Bools, bootstrap: Bootstrap
) -> tuple[SweepPoint, ...]:
    """Measure the gap of keeping the best share of each problem's samples, for many shares."""
    shares = shares_of(pool)
    verdicts = pool.verdicts[verifier]
    ranks = rank_in_problem(pool, np.where(verdicts.scored, verdicts.value, -np.inf))
    places: list[Ints] = [places_of(pool, share)[pool.problem] for share in shares]

    def counted(weights: Floats | None) -> Floats:
        count = np.ones(len(pool.problem)) if weights is None else weights
        return np.column_stack(
            [pool.sums(count * (verdicts.scored & (ranks < cut))) for cut in places]
        )

    return _points(pool, shares, counted, seen, bootstrap)


def _points(
    pool: Pool,
    settings: Floats,
    counted: Callable[[Floats | None], Floats],
    seen: Bools,
    bootstrap: Bootstrap,
) -> tuple[SweepPoint, ...]:
    """Make the points of a sweep from the survivors of each problem, [problems, settings]."""
    if not len(settings) or not seen.any():
        return ()
    survivors, right = counted(None), counted(pool.strict)
    before = pool.means(pool.strict)[:, None]
    gaps = np.where(survivors > 0, right / np.maximum(survivors, 1) - before, 0.0)
    gaps[~seen] = np.nan
    figures: Sequence[Accuracy | None] = bootstrap.figures(gaps, lowest=-1.0)
    kept = survivors[seen].sum(axis=0) / pool.counts[seen].sum()
    some = (survivors[seen] > 0).sum(axis=0)
    return tuple(
        SweepPoint(float(at), float(share), int(count), figure)
        for at, share, count, figure in zip(settings, kept, some, figures, strict=True)
        if figure is not None
    )


def best_point(points: Sequence[SweepPoint]) -> SweepPoint | None:
    """Return the point with the largest gap, the first of equals; it looks better than it is.

    Chosen on the very samples it is measured on, the best of many is partly luck.
    """
    return max(points, key=lambda point: point.gap.value, default=None)
