"""Which samples of a study a report shows: fifty at most, by a rule that it states.

The rule is deterministic: the same study shows the same samples. What this leaves
out: how a sample is drawn (`cards.py`).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, zip_longest
from typing import TypeVar

from sitool.records import RULED_ROLES, Sample
from sitool.store import Round, SampleFilter, SampleOrder, Store
from sitool.summary import Comparison

T = TypeVar("T")
MOST = 50
NEWLY_SOLVED, LOST, OVERRULED, EXTREMES = 10, 6, 10, 3
RULE = (
    f"Fifty samples at most, in this order, none twice: {NEWLY_SOLVED} held-out problems that the"
    f" round solves and the base did not, {LOST} the other way round, the {OVERRULED} latest that"
    f" people overruled in any round, the {EXTREMES} with the highest and the {EXTREMES} with the"
    " lowest score of the round's own samples, and then accepted and rejected ones of every level"
    " in turn. Where there are more than these, levels take turns and the first drawn come first."
)


@dataclass(frozen=True, slots=True)
class Chosen:
    """A sample and why it is shown.

    Attributes:
        before: What the base answered to the same problem, for those newly solved or lost.
    """

    sample: Sample
    why: str
    before: Sample | None = None


def choose(store: Store, since: Comparison | None, shown: Round, most: int = MOST) -> list[Chosen]:
    """Choose the samples to show of a round.

    Args:
        since: The round beside the base; None for the base itself.
    """
    found: dict[int, Chosen] = {}
    quotas = (
        (_turned(store, since.gained if since else (), "newly solved"), NEWLY_SOLVED),
        (_turned(store, since.lost if since else (), "lost: the base had it right"), LOST),
        (_overruled(store), OVERRULED),
        (_extremes(store, shown, highest=True), EXTREMES),
        (_extremes(store, shown, highest=False), EXTREMES),
        (_of_levels(store, shown), most),
    )
    for candidates, quota in quotas:
        new = (one for one in candidates if one.sample.id not in found)
        for one in islice(new, min(quota, most - len(found))):
            found[one.sample.id] = one
    return list(found.values())


def _turned(store: Store, pairs: Sequence[tuple[int, int]], why: str) -> Iterator[Chosen]:
    """Yield greedy answers whose problem turned right, or wrong, since the base."""
    before = {second: first for first, second in pairs}
    by_level: dict[int, list[Sample]] = {}
    for sample in store.samples.by_ids(list(before)):
        by_level.setdefault(sample.problem.level, []).append(sample)
    for sample in in_turn([by_level[level] for level in sorted(by_level)]):
        (first,) = store.samples.by_ids([before[sample.id]])
        yield Chosen(sample, why, first)


def _overruled(store: Store) -> Iterator[Chosen]:
    filters = [SampleFilter(role=role, overruled=True) for role in RULED_ROLES]
    ruled = [sample for where in filters for sample in store.samples.each(where)]
    latest = sorted(ruled, key=lambda s: s.ruling.id if s.ruling else 0, reverse=True)
    return (Chosen(sample, "overruled by a person") for sample in latest)


def _extremes(store: Store, shown: Round, *, highest: bool) -> Iterator[Chosen]:
    """Yield samples by their lowest verdict; those without a score are not among them."""
    where = SampleFilter(round=shown.id, score=(0.0, 1.0))
    ids = store.samples.ids(where, SampleOrder.SCORE, descending=highest, sizes=[4 * EXTREMES])
    word = "highest score" if highest else "lowest score"
    first = next(ids, [])
    by_id = {sample.id: sample for sample in store.samples.by_ids(first)}
    return (Chosen(by_id[i], word) for i in first)


def _of_levels(store: Store, shown: Round) -> Iterator[Chosen]:
    """Yield an accepted sample of every level, a rejected one of every level, and so on."""
    kinds = ((True, "accepted"), (False, "rejected"))
    columns: list[Sequence[Chosen]] = []
    for level in sorted(shown.plan.problems):
        for accepted, word in kinds:
            where = SampleFilter(round=shown.id, level=level, accepted=accepted)
            page = store.samples.page(where, limit=MOST)
            why = f"{word}, level {level}"
            columns.append([Chosen(sample, why) for sample in page])
    return in_turn(columns)


def in_turn(columns: Sequence[Iterable[T]]) -> Iterator[T]:
    """Yield the first of every column, then the second, and so on.

    >>> list(in_turn(["ab", "c", "de"]))
    ['a', 'c', 'd', 'b', 'e']
    """
    nothing = object()
    rows = chain.from_iterable(zip_longest(*columns, fillvalue=nothing))
    return (one for one in rows if one is not nothing)  # type: ignore[misc]
