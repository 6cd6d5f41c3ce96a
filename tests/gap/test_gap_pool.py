"""The pool that is made of rows: for any samples, it is what a loop over them says."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st
from pools import untimed

from sitool.gap.pool import CODES, SCORED, UNSEEN
from sitool.gap.sources import pool_of
from sitool.records import Outcome
from sitool.store import VerdictRows


@dataclass(frozen=True)
class Row:
    """What one verifier said of one sample."""

    verifier: str
    outcome: Outcome
    value: float | None
    answer: str | None


def said(verifier: str) -> st.SearchStrategy[Row]:
    scored = st.builds(
        Row,
        verifier=st.just(verifier),
        outcome=st.just(Outcome.SCORED),
        value=st.sampled_from([0.0, 0.5, 1.0]),
        answer=st.sampled_from([None, "a", "b"]),
    )
    other = st.builds(
        Row,
        verifier=st.just(verifier),
        outcome=st.sampled_from([Outcome.UNPARSED, Outcome.ERROR]),
        value=st.none(),
        answer=st.none(),
    )
    return scored | scored | other


sample = st.tuples(st.none() | said("truth"), st.none() | said("mc"), st.none() | said("cot"))
problems = st.lists(st.lists(sample, min_size=1, max_size=4), min_size=1, max_size=5)
Problems = Sequence[Sequence[tuple[Row | None, ...]]]


def rows_of(drawing: Problems) -> VerdictRows:
    """Write the rows as the store returns them; problem 7n stands at position n."""
    rows = []
    number = 0
    for position, problem in enumerate(drawing):
        for given_ in problem:
            number += 1
            place = (number, position, 7 * position, 1 + position % 3)
            found = [r for r in given_ if r is not None]
            rows += [(*place, r.verifier, r.outcome, r.value, r.value, r.answer) for r in found]
            if not found:
                rows.append((*place, None, None, None, None, None))
    return VerdictRows(*map(tuple, zip(*rows, strict=True)))


@untimed
@given(problems)
def test_a_pool_holds_the_samples_of_known_truth_as_they_were_said_to_be(
    drawing: Problems,
) -> None:
    pool = pool_of(rows_of(drawing))
    flat = [(n, given_) for n, problem in enumerate(drawing) for given_ in problem]
    known = [
        (number, position, given_)
        for number, (position, given_) in enumerate(flat, start=1)
        if given_[0] is not None and given_[0].outcome is not Outcome.ERROR
    ]
    kept = sorted({position for _, position, _ in known})
    assert pool.unknown == len(flat) - len(known)
    assert pool.sample.tolist() == [number for number, _, _ in known]
    assert pool.problem.tolist() == [kept.index(position) for _, position, _ in known]
    assert pool.problem_id.tolist() == [7 * position for position in kept]
    assert pool.level.tolist() == [1 + position % 3 for position in kept]
    assert pool.drawn.tolist() == [len(drawing[position]) for position in kept]
    truths = [given_[0] for _, _, given_ in known]
    assert pool.strict.tolist() == [float(t is not None and t.value == 1) for t in truths]
    assert pool.flexible.tolist() == pool.strict.tolist()
    assert pool.read.tolist() == [t is not None and t.outcome is Outcome.SCORED for t in truths]
    answers = [t.answer if t is not None else None for t in truths]
    for one, first in zip(pool.answer.tolist(), answers, strict=True):
        for other, second in zip(pool.answer.tolist(), answers, strict=True):
            assert (one == other) == (first == second)
        assert (one == -1) == (first is None)
    for place, name in enumerate(("truth", "mc", "cot")):
        column = [given_[place] for _, _, given_ in known]
        if name not in pool.verdicts:
            assert all(given_[place] is None for _, given_ in flat)
            continue
        verdicts = pool.verdicts[name]
        codes = [UNSEEN if r is None else CODES[r.outcome] for r in column]
        assert verdicts.outcome.tolist() == codes
        for value, row, code in zip(verdicts.value.tolist(), column, codes, strict=True):
            assert math.isnan(value) == (code != SCORED)
            assert code != SCORED or (row is not None and value == row.value)
