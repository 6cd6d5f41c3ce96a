"""Lines of samples for a table: ids in order, a page by its ids, old studies brought up to date."""

import shutil
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from studies import first_sample, take

import sitool
from sitool.client import Study
from sitool.errors import StoreError
from sitool.records import Outcome, Sample
from sitool.store import SampleFilter, SampleOrder, Store
from sitool.store.schema import FORMAT

EVERY = SampleFilter(role=None)


@pytest.fixture(scope="module")
def store(two_rounds: Path) -> Store:
    return Store(two_rounds)


def value_of(sample: Sample) -> float:
    values = [score.value for score in sample.scores.values() if score.value is not None]
    return min(values, default=-1.0)


KEYS = {
    SampleOrder.DRAWN: lambda s: 0,
    SampleOrder.LEVEL: lambda s: s.problem.level,
    SampleOrder.LOGPROB: lambda s: s.completion.logprob,
    SampleOrder.LENGTH: lambda s: len(s.completion.token_ids),
    SampleOrder.SCORE: value_of,
}


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("order", SampleOrder)
def test_ids_come_in_the_order_that_is_asked_for(
    store: Store, order: SampleOrder, descending: bool
) -> None:
    where = SampleFilter(round=2)
    lists = list(store.samples.ids(where, order, descending=descending, sizes=[5, 50]))
    assert [len(ids) for ids in lists[:2]] == [5, 50]
    expected = sorted(
        store.samples.each(where), key=lambda s: (KEYS[order](s), s.id), reverse=descending
    )
    assert [i for ids in lists for i in ids] == [s.id for s in expected]


def test_ids_go_on_after_the_last_one_that_is_known(store: Store) -> None:
    whole = [i for ids in store.samples.ids(EVERY) for i in ids]
    rest = [i for ids in store.samples.ids(EVERY, after=whole[9]) for i in ids]
    assert rest == whole[10:]


@settings(deadline=None, max_examples=30)
@given(st.data())
def test_a_line_says_what_the_sample_says(store: Store, data: st.DataObject) -> None:
    every = {s.id: s for s in store.samples.each(EVERY)}
    ids = data.draw(st.lists(st.sampled_from(sorted(every)), max_size=20, unique=True))
    lines = store.samples.lines([*ids, 10**9])
    assert [line.id for line in lines] == ids
    for line, sample in ((line, every[line.id]) for line in lines):
        outcomes = [score.outcome for score in sample.scores.values()]
        known = outcomes and all(o is Outcome.SCORED for o in outcomes)
        assert line.passed == (value_of(sample) >= 1 if known else None)
        assert line.completion == sample.completion.text
        assert (line.prompt, line.truth) == (sample.problem.prompt, sample.problem.truth)
        assert (line.weight, line.rule) == (sample.weight, sample.rule)
        assert line.logprob == pytest.approx(sample.completion.logprob, abs=1e-4)


def test_long_texts_are_cut_where_they_are_read(study: Study) -> None:
    with sqlite3.connect(study.folder / "study.db") as connection:
        connection.execute("UPDATE samples SET text = ? WHERE id = 1", ("x" * 100_000,))
        connection.execute("UPDATE problems SET prompt = 'a' || ? || 'z'", ("y" * 100_000,))
    connection.close()
    (line,) = study._store.samples.lines([1])
    assert len(line.completion) == 400
    assert len(line.prompt) < 1000
    assert (line.prompt[0], line.prompt[-1]) == ("a", "z")


def test_rulings_and_notes_show_in_the_line(study: Study) -> None:
    one, other = (s.id for s in take(study.round(2).samples(), 2))
    study.accept(one, "lucky")
    study.note(one, "look again")
    study.reject(other)
    study.clear(other)
    first, second = study._store.samples.lines([one, other])
    assert first.ruling is not None
    assert (first.ruling.reason, first.notes) == ("lucky", 1)
    assert (second.ruling, second.notes) == (None, 0)


def test_a_problem_knows_its_samples_in_all_rounds_and_in_one(store: Store) -> None:
    sample = next(store.samples.each(SampleFilter(round=2, role="greedy")))
    every = store.samples.siblings(sample.problem_id)
    assert {s.round for s in store.samples.by_ids(every)} == {0, 1, 2}
    assert sample.id in store.samples.siblings(sample.problem_id, 2)
    assert len(every) == 3 * len(store.samples.siblings(sample.problem_id, 2))


def test_a_ruling_changes_the_stamp(study: Study) -> None:
    before = study._store.samples.stamp(2)
    assert study._store.samples.stamp(2) == before
    study.accept(first_sample(study, 2).id)
    assert study._store.samples.stamp(2) != before


def test_a_read_can_be_stopped_from_another_thread(store: Store) -> None:
    pages = store.samples.ids(EVERY, sizes=[1])
    next(pages)
    store.interrupt()
    with pytest.raises(StoreError, match="interrupted"):
        next(pages)
    assert store.samples.count(EVERY) > 0


def test_a_study_of_the_first_format_is_brought_up_to_date(
    two_rounds: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "study"
    shutil.copytree(two_rounds, folder)
    with sqlite3.connect(folder / "study.db") as connection:
        connection.execute("DROP INDEX samples_by_round")
        connection.execute("DROP INDEX samples_by_level")
        connection.execute("DROP TABLE pairs")
        connection.execute("DROP TABLE judges")
        connection.execute("UPDATE meta SET value = '1' WHERE key = 'format'")
    connection.close()
    study = sitool.open(folder)
    assert study._store.tree.meta("format") == str(FORMAT)
    assert study.round(2).summary().sampled
    study.close()
    connection = sqlite3.connect(folder / "study.db")
    plan = connection.execute(
        "EXPLAIN QUERY PLAN SELECT id FROM samples"
        " WHERE round = 1 AND role = 'train' AND id > 5 ORDER BY id"
    ).fetchall()
    connection.close()
    assert "samples_by_round" in plan[0][3]
    assert len(plan) == 1
