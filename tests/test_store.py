"""The study directory: all or nothing, in order, and a filter that means what it says."""

import random
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from studies import contents, create, differing, rows

import sitool
from sitool.client import Study
from sitool.errors import StoreError, StudyError
from sitool.records import Completion, Outcome, Problem, Sample, Score
from sitool.store import EMPTY_PLAN, Metric, Plan, SampleFilter, Store
from sitool.store import samples as samples_module
from sitool.store.schema import FORMAT, SAMPLE_INDICES, SAMPLES, TABLES

TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store.create(tmp_path / "study")
    made.tree.add_round(None, sitool.Settings(), EMPTY_PLAN)
    return made


def completion(text: str, *logprobs: float) -> Completion:
    return Completion(tuple(range(len(logprobs))), text, "stop", logprobs)


# Transactions.


def test_a_transaction_that_fails_leaves_nothing(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.transaction():
        store.tree.set_meta("a", "1")
        with store.transaction():
            store.tree.set_meta("b", "2")
        raise ZeroDivisionError
    assert store.tree.meta("a") == store.tree.meta("b") == ""


def test_an_inner_transaction_is_part_of_the_outer_one(store: Store) -> None:
    with store.transaction():
        with store.transaction():
            store.tree.set_meta("a", "1")
        assert rows(store.folder, "SELECT * FROM meta WHERE key = 'a'") == []
    assert store.tree.meta("a") == "1"


def test_a_transaction_that_fails_inside_one_takes_the_outer_one_along(store: Store) -> None:
    with pytest.raises(StudyError), store.transaction():
        store.tree.set_meta("a", "1")
        store.tree.move_head(7)
    assert store.tree.meta("a") == ""
    with store.transaction():
        store.tree.set_meta("a", "2")
    assert store.tree.meta("a") == "2"


def test_a_reader_sees_the_last_commit_while_another_writes(store: Store) -> None:
    reader = Store(store.folder)
    with store.transaction():
        store.tree.set_meta("a", "1")
        assert reader.tree.meta("a") == ""
    assert reader.tree.meta("a") == "1"


CLOSED_UNDER_READERS = """
import sys, threading, time
from pathlib import Path
from sitool.errors import StoreError
from sitool.store import SampleFilter, Store

def read(store, ended):
    try:
        while True:
            store.samples.stamp(1)
            list(store.samples.ids(SampleFilter(), sizes=[2, 2]))
    except StoreError as error:
        ended.append(str(error))

for _ in range(60):
    store, ended = Store(Path(sys.argv[1])), []
    readers = [threading.Thread(target=read, args=(store, ended)) for _ in range(3)]
    for reader in readers:
        reader.start()
    time.sleep(0.003)
    store.close()
    for reader in readers:
        reader.join()
    assert len(ended) == 3 and all("closed" in said for said in ended), ended
"""


def test_a_study_that_is_closed_while_threads_read_it_tells_them_and_crashes_nothing(
    two_rounds: Path,
) -> None:
    # In a process of its own: what is to be seen is that it does not crash.
    script = [sys.executable, "-c", CLOSED_UNDER_READERS, str(two_rounds)]
    ended = subprocess.run(script, capture_output=True, text=True, check=False, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_writer_that_waits_too_long_says_so(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sitool.store.database.BUSY_SECONDS", 0.05)
    other = Store(store.folder)
    with store.transaction():
        store.tree.set_meta("a", "1")
        with pytest.raises(StoreError, match="says: database is locked") as caught:
            other.tree.set_meta("b", "1")
    assert "another process is writing" in caught.value.hint


# Records come back as they went in.


@settings(deadline=None, max_examples=30)
@given(
    TEXTS,
    st.lists(st.floats(-50, 0, width=32), min_size=1, max_size=8),
    st.sampled_from([Score(Outcome.SCORED, 0.5, 1.0, "a", "b"), Score(Outcome.UNPARSED)]),
)
def test_a_sample_reads_back_as_it_was_written(
    text: str, logprobs: list[float], score: Score
) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        store = Store.create(Path(folder) / "study")
        store.tree.add_round(None, sitool.Settings(), EMPTY_PLAN)
        problem = Problem("t", 2, "p" + text, text, "id", {"edges": [[1, 2]], "é": None})
        store.samples.add_draw(0, "train", [problem])
        drawn = store.samples.draw(0, "train")
        written = completion(text, *logprobs)
        (made,) = store.samples.add_samples(0, "train", 0, drawn, [[written]])
        store.samples.add_scores("truth", [(made, score)])
        read = store.samples.sample(made)
        store.close()
    assert read.problem == problem
    assert read.problem.key == problem.key
    assert read.completion == written
    assert read.scores == {"truth": score}
    assert (read.weight, read.rule, read.ruling) == (None, "", None)


@given(
    st.dictionaries(st.integers(1, 30), st.floats(0, 1), max_size=5),
    st.dictionaries(st.integers(1, 30), st.integers(0, 9), max_size=5),
    st.dictionaries(TEXTS, st.integers() | TEXTS, max_size=3),
    TEXTS,
)
def test_a_plan_reads_back_as_it_was_written(
    weights: dict[int, float], counts: dict[int, int], state: dict[str, object], sentence: str
) -> None:
    plan = Plan(weights, counts, state, sentence)
    assert Plan.from_json(plan.to_json()) == plan


def test_equal_problems_are_kept_once(store: Store) -> None:
    one, twin = Problem("t", 1, "1+1=", "2"), Problem("t", 1, "1+1=", "2")
    store.samples.add_draw(0, "train", [one, twin, Problem("t", 1, "1+2=", "3")])
    assert [i for i, _ in store.samples.draw(0, "train")] == [1, 1, 2]


def test_metrics_of_a_name_come_by_level_and_are_replaced(store: Store) -> None:
    store.metrics.add(
        0, [Metric("a", 2, 0.5), Metric("a", 1, 0.25, 0.1, 0.4, 9), Metric("b", 0, 1)]
    )
    store.metrics.add(0, [Metric("a", 2, 0.75)])
    assert store.metrics.of(0, "a") == {
        1: Metric("a", 1, 0.25, 0.1, 0.4, 9),
        2: Metric("a", 2, 0.75),
    }
    assert list(store.metrics.by_name(0)) == ["a", "b"]
    store.metrics.drop(0, "a")
    assert store.metrics.of(0, "a") == {}


# Filters against an oracle of their own.


@pytest.fixture(scope="module")
def ruled(two_rounds: Path, tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A study in which people have said a good deal."""
    import shutil

    folder = tmp_path_factory.mktemp("ruled") / "study"
    shutil.copytree(two_rounds, folder)
    study = sitool.open(folder)
    source = random.Random(5)
    acts = [
        study.accept,
        study.reject,
        study.clear,
        lambda i: study.edit(i, "a1"),
        lambda i: study.note(i, "n"),
    ]
    for number in (1, 2):
        for sample in source.sample(list(study.round(number).samples()), 20):
            for _ in range(source.randrange(3)):
                source.choice(acts)(sample.id)
    return study


def fits(sample: Sample, where: SampleFilter) -> bool:
    """Say in Python what the SQL must say."""
    values = [score.value for score in sample.scores.values()]
    wanted = [
        (where.round, sample.round),
        (where.role, sample.role),
        (where.level, sample.problem.level),
        (where.problem_id, sample.problem_id),
        (where.accepted, bool(sample.weight)),
        (where.passed, any(v is not None and v >= 1 for v in values)),
        (where.overruled, sample.ruling is not None),
    ]
    return (
        all(asked is None or asked == found for asked, found in wanted)
        and (where.outcome is None or where.outcome in [s.outcome for s in sample.scores.values()])
        and (
            where.text is None
            or where.text in sample.completion.text
            or where.text in sample.problem.prompt
        )
        and (where.levels is None or where.levels[0] <= sample.problem.level <= where.levels[1])
        and (where.score is None or lies_in(where.score, values))
    )


def lies_in(ends: tuple[float, float], values: list[float | None]) -> bool:
    """Whether the lowest value that there is lies between two ends."""
    given = [value for value in values if value is not None]
    return bool(given) and ends[0] <= min(given) <= ends[1]


maybe = st.none() | st.booleans()
filters = st.builds(
    SampleFilter,
    round=st.none() | st.integers(0, 3),
    role=st.none() | st.sampled_from(["train", "greedy", "sampled"]),
    level=st.none() | st.integers(1, 8),
    accepted=maybe,
    passed=maybe,
    overruled=maybe,
    outcome=st.none() | st.sampled_from(Outcome),
    text=st.none() | st.sampled_from(["a", "?", "", "%", "_", "'", "b1", ">"]),
    problem_id=st.none() | st.integers(1, 60),
    levels=st.none() | st.tuples(st.integers(1, 4), st.integers(3, 8)),
    score=st.none() | st.sampled_from([(0.0, 0.5), (0.5, 1.0), (1.0, 1.0)]),
)


@settings(deadline=None, max_examples=80)
@given(where=filters)
def test_a_filter_finds_exactly_what_it_says(ruled: Study, where: SampleFilter) -> None:
    store = ruled._store
    every = list(store.samples.each(SampleFilter(role=None)))
    expected = [sample.id for sample in every if fits(sample, where)]
    assert [sample.id for sample in store.samples.each(where)] == expected
    assert store.samples.count(where) == len(expected)


def test_pages_join_without_gap_or_overlap(ruled: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = list(ruled._store.samples.each(SampleFilter(role=None)))
    monkeypatch.setattr(samples_module, "PAGE", 7)
    assert list(ruled._store.samples.each(SampleFilter(role=None))) == whole
    ids = [sample.id for sample in whole]
    assert [s.id for s in ruled._store.samples.by_ids(ids[::-1])] == sorted(ids)
    after, seen = 0, []
    while page := ruled._store.samples.page(SampleFilter(role=None), after=after, limit=11):
        seen += page
        after = page[-1].id
    assert seen == whole


def test_decisions_never_touch_a_score_or_a_weight(ruled: Study, two_rounds: Path) -> None:
    for table in ("scores", "selections", "samples", "metrics", "rounds"):
        sql = f"SELECT * FROM {table}"
        assert rows(ruled.folder, sql) == rows(two_rounds, sql)


# Files that are no study, or not ours to read.


def test_a_folder_without_a_study_says_so(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(
            StoreError, match=r"There is no study in .*: study\.db is missing"
        ) as caught:
            sitool.open(folder)
        assert repr(str(folder)) in caught.value.message
    assert not (tmp_path / "nowhere").exists()


def to_format_2(folder: Path) -> None:
    """Bring a study back to the tables it had before the base's samples were kept."""
    former = SAMPLES.replace("TABLE samples", "TABLE former").replace("'base', ", "")
    assert former.count("'train', 'greedy'") == 1
    connection = sqlite3.connect(folder / "study.db")
    connection.executescript(
        f"PRAGMA foreign_keys = OFF; {former}; INSERT INTO former SELECT * FROM samples;"
        " DROP TABLE samples; ALTER TABLE former RENAME TO samples;"
        f" {';'.join(SAMPLE_INDICES)}; DROP TABLE pairs; DROP TABLE judges;"
        " UPDATE meta SET value = '2' WHERE key = 'format'"
    )
    connection.close()


def test_a_study_of_format_2_keeps_everything_and_may_hold_the_bases_samples(study: Study) -> None:
    study.reject(next(iter(study.round(2).samples())).id)
    study.close()
    before = contents(study.folder)
    to_format_2(study.folder)
    store = Store(study.folder)
    after = contents(study.folder)
    assert after["meta"] == before["meta"]
    assert differing(before, after) == []
    assert rows(study.folder, "PRAGMA foreign_key_check") == []
    assert store._database.value("PRAGMA foreign_keys") == 1
    drawn = store.samples.draw(2, "train")[:1]
    store.samples.add_samples(2, "base", 0, drawn, [[completion("a", -1.0)]])
    with pytest.raises(StoreError, match="FOREIGN KEY"):
        store.samples.add_scores("truth", [(10**6, Score(Outcome.UNPARSED))])
    store.close()
    again = sitool.open(study.folder)
    assert again.step().number == 3
    again.close()


def test_a_study_of_a_newer_format_is_refused_and_stays_as_it_is(
    two_rounds: Path, tmp_path: Path
) -> None:
    import shutil

    shutil.copytree(two_rounds, tmp_path / "study")
    connection = sqlite3.connect(tmp_path / "study" / "study.db")
    connection.execute("UPDATE meta SET value = '99' WHERE key = 'format'")
    connection.commit()
    connection.close()
    before = (tmp_path / "study" / "study.db").read_bytes()
    with pytest.raises(
        StoreError, match=f"is a study of format 99; this sitool reads formats up to {FORMAT}"
    ):
        sitool.open(tmp_path / "study")
    assert (tmp_path / "study" / "study.db").read_bytes() == before


@pytest.mark.parametrize(
    "content", [b"", b"hello, I am no database" * 50, b"SQLite format 3\0" + b"x" * 5000]
)
def test_a_file_that_is_no_study_database_is_refused_in_a_sentence(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "study.db").write_bytes(content)
    with pytest.raises(StoreError) as caught:
        sitool.open(tmp_path)
    assert repr(str(tmp_path)) in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hint.startswith("try: ")
    assert (tmp_path / "study.db").read_bytes() == content


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "study.db")
    connection.execute("CREATE TABLE something (a)")
    connection.commit()
    connection.close()
    with pytest.raises(StoreError) as caught:
        sitool.open(tmp_path)
    assert repr(str(tmp_path)) in caught.value.message


def test_a_study_is_not_made_over_another_one(two_rounds: Path) -> None:
    before = (two_rounds / "study.db").read_bytes()
    with pytest.raises(StoreError, match="already holds a study"):
        create(two_rounds)
    assert (two_rounds / "study.db").read_bytes() == before


def test_the_schema_refuses_words_that_are_not_ours(store: Store) -> None:
    with pytest.raises(StoreError, match="CHECK constraint failed"):
        store.samples.add_draw(0, "exam", [Problem("t", 1, "p", "t")])


def test_every_table_is_one_that_the_docs_name() -> None:
    names = {line.split()[2] for line in TABLES.splitlines() if line.startswith("CREATE TABLE")}
    assert names == {
        "meta", "rounds", "problems", "draws", "samples", "scores", "selections", "decisions",
        "metrics", "events", "commands", "judges", "pairs",
    }  # fmt: skip


def test_a_full_disk_is_said_in_a_sentence_and_loses_nothing(store: Store) -> None:
    """`max_page_count` makes SQLite say what it says of a full disk."""
    pages = store._database.value("PRAGMA page_count")
    store._database.value(f"PRAGMA max_page_count = {pages}")
    with (
        pytest.raises(StoreError, match="says: database or disk is full") as caught,
        store.transaction(),
    ):
        store.tree.set_meta("first", "kept?")
        store.tree.set_meta("big", "x" * 1_000_000)
    assert "free some disk space" in caught.value.hint
    assert store.tree.meta("first") == ""
    store._database.value(f"PRAGMA max_page_count = {pages + 1000}")
    store.tree.set_meta("big", "x" * 1_000_000)
    assert len(store.tree.meta("big")) == 1_000_000
