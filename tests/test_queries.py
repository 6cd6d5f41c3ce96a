"""Samples are asked for, counted, indexed and tabulated as the list of all of them would be."""

import math
import sqlite3
import sys
from collections.abc import Callable
from itertools import islice

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from studies import rows

import sitool
from sitool.client import Study
from sitool.errors import MissingDependencyError, StoreError, UnknownNameError
from sitool.html.figures import figure
from sitool.records import Outcome, Sample, passed
from sitool.store import SampleFilter

PLAIN = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.parametrize(
    ("asked", "fits"),
    [
        ({}, lambda s: True),
        ({"accepted": True}, lambda s: s.accepted),
        ({"accepted": False, "level": 5}, lambda s: not s.accepted and s.problem.level == 5),
        ({"passed": True}, lambda s: passed(s.scores) is True),
        ({"levels": (2, 4)}, lambda s: 2 <= s.problem.level <= 4),
        ({"outcome": Outcome.UNPARSED},
         lambda s: any(c.outcome is Outcome.UNPARSED for c in s.scores.values())),
    ],
)  # fmt: skip
def test_a_query_is_the_list_of_what_fits(
    study: Study, asked: dict[str, object], fits: Callable[[Sample], bool]
) -> None:
    for number in (1, 2):
        round_ = study.round(number)
        wanted = [s for s in round_.samples() if fits(s)]
        query = round_.samples(**asked)  # type: ignore[arg-type]
        assert list(query) == wanted
        assert len(query) == len(wanted)
        assert bool(query) == bool(wanted)
    of_all = study.samples(**asked)  # type: ignore[arg-type]
    assert [s.id for s in of_all] == [
        s.id
        for n in (1, 2)
        for s in study.round(n).samples(**asked)  # type: ignore[arg-type]
    ]


def test_a_filter_that_is_written_already_stands_in_place_of_the_others(study: Study) -> None:
    where = SampleFilter(level=2, round=2)
    assert list(study.samples(where)) == list(study.round(2).samples(level=2))
    assert list(study.round(1).samples(where)) == list(study.round(1).samples(level=2))


@PLAIN
@given(st.slices(96), st.integers(-100, 100), st.integers(0, 100))
def test_it_is_indexed_as_the_list_is(study: Study, cut: slice, place: int, count: int) -> None:
    query = study.round(1).samples()
    whole = list(query)
    assert query[cut] == whole[cut]
    assert query.first(count) == whole[:count]
    if -len(whole) <= place < len(whole):
        assert query[place] == whole[place]
    else:
        with pytest.raises(IndexError, match=f"no sample {place} among {len(whole)}"):
            query[place]


def test_looping_begins_anew_and_next_goes_on(study: Study) -> None:
    query = study.round(1).samples(passed=True)
    first, second = next(query), next(query)
    assert [first, second] == list(islice(query, 2)) == list(islice(query, 2))
    with pytest.raises(StopIteration):
        next(study.round(1).samples(text="no such text"))


def test_asking_reads_nothing(study: Study) -> None:
    query = study.round(1).samples()
    study.close()
    assert query.where == SampleFilter(round=1)
    with pytest.raises(StoreError):
        len(query)


def test_it_grows_with_its_round(study: Study) -> None:
    query = study.step(to="draw").samples()
    assert (len(query), list(query)) == (0, [])
    study.step(to="sample")
    drawn = len(query)
    assert drawn == study.settings.draw.problems * study.settings.draw.samples
    accepted = study.round(3).samples(accepted=True)
    assert len(accepted) == 0
    study.step()
    assert len(accepted) == study.round(3).summary().accepted > 0


def test_a_role_that_no_sample_has_is_refused(study: Study) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'greedy'"):
        study.round(1).samples(role="gredy")
    with pytest.raises(UnknownNameError, match="Known: base, greedy, sampled, train"):
        study.samples(role="evaluation")


def test_it_says_what_it_holds(study: Study) -> None:
    asked = study.round(2).samples(accepted=True, levels=(2, 4), text="a")
    assert (
        repr(asked) == f"<{len(list(asked))} samples of r0002: accepted, levels 2 to 4, with 'a'>"
    )
    one = study.samples(SampleFilter(problem_id=study.round(1).samples()[0].problem_id, role=None))
    assert " of the study: of every role, problem " in repr(one)


# Tables.


def test_a_table_has_a_row_for_each_sample(study: Study) -> None:
    ruled = next(study.round(2).samples(passed=False))
    study.edit(ruled.id, "my own words", "because")
    table = study.samples().to_pandas()
    samples = list(study.samples())
    assert list(table.id) == [s.id for s in samples]
    by_id = table.set_index("id")
    for s in samples:
        row = by_id.loc[s.id]
        assert (row["round"], row.level, row.problem) == (s.round, s.problem.level, s.problem_id)
        assert (row.prompt, row.completion) == (s.problem.prompt, s.completion.text)
        assert (row.truth, row.tokens) == (s.problem.truth, len(s.completion.token_ids))
        assert row.accepted == s.accepted
        assert row.weight == s.weight
        assert row.logprob == s.completion.logprob
        truth = s.scores["truth"]
        assert row.outcome_truth == truth.outcome.value
        assert row.explanation_truth == truth.explanation
        # What could not be read is a gap, and never a 0.
        assert (
            math.isnan(row.score_truth) if truth.value is None else row.score_truth == truth.value
        )
    assert table.score_truth.isna().sum() == sum(table.outcome_truth == "unparsed") > 0
    assert list(by_id.loc[ruled.id][["ruling", "reason", "edited"]]) == [
        "edit", "because", "my own words",
    ]  # fmt: skip
    assert set(table.ruling.dropna()) == {"edit"}


def test_every_verifier_has_columns_of_its_own(judged_rounds: object) -> None:
    study = sitool.open(str(judged_rounds))
    query = study.round(1).samples(role="sampled")
    table = query.to_pandas()
    names = sorted(query[0].scores)
    assert len(names) >= 5
    for name in names:
        values = [s.scores[name].value for s in query]
        column = table[f"score_{name}"]
        assert column.dtype == "float64"
        assert [None if math.isnan(v) else v for v in column] == values
    study.close()


def test_an_empty_table_has_the_columns_of_a_full_one(study: Study) -> None:
    empty = study.round(1).samples(text="no such text").to_pandas()
    full = study.round(1).samples().to_pandas()
    assert len(empty) == 0
    common = list(empty.columns)
    assert common == list(full.columns)[: len(common)]
    assert {"id", "prompt", "completion", "weight"} <= set(common)
    assert empty.weight.dtype == full.weight.dtype == "float64"
    assert empty.passed.dtype == full.passed.dtype == "boolean"


def test_rounds_are_a_table_by_level(study: Study) -> None:
    study.step(to="select")
    table = study.to_pandas()
    for number in (0, 1, 2):
        here = study.round(number).summary()
        mine = table[table["round"] == number].set_index("level")
        assert list(mine.index) == sorted(here.accuracy)
        for level, metric in here.accuracy.items():
            got = mine.loc[level]
            measured = (metric.value, metric.low, metric.high, metric.n)
            assert (got.accuracy, got.low, got.high, got.n) == measured
            for k, by_level in here.pass_at_k.items():
                assert got[f"pass@{k}"] == by_level[level].value
        assert (mine.loc[0].sampled, mine.loc[0].accepted) == (here.sampled, here.accepted)
    assert list(table[table.is_head]["round"].unique()) == [2]
    open_round = table[table["round"] == 3]
    assert open_round.accuracy.isna().all()
    assert set(open_round.status) == {"open"}
    assert open_round.set_index("level").loc[0].sampled == len(study.round(3).samples())


def test_tables_without_pandas_name_the_extra(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    for ask in (study.to_pandas, study.samples().to_pandas):
        with pytest.raises(MissingDependencyError, match="pandas") as caught:
            ask()
        assert "sitool[notebook]" in caught.value.hint


# As notebooks show them.


def test_a_notebook_shows_the_first_rows_and_the_count(study: Study) -> None:
    query = study.round(1).samples()
    html = query._repr_html_()
    assert html.count("<tr>") == 1 + 10
    assert f"<b>{len(query)} samples of r0001</b>; the first 10" in html
    few = study.round(1).samples(level=1)
    assert few._repr_html_().count("<tr>") == 1 + len(few) <= 10
    assert "the first" not in few._repr_html_()


def test_what_a_model_wrote_is_text_in_a_notebook(study: Study) -> None:
    evil = "<img src=x onerror=alert(1)>\n\x1b[31m"
    chosen = study.round(1).samples()[0]
    with sqlite3.connect(study.folder / "study.db") as connection:
        connection.execute("UPDATE samples SET text = ? WHERE id = ?", (evil, chosen.id))
    connection.close()
    assert rows(study.folder, f"SELECT text FROM samples WHERE id = {chosen.id}") == [(evil,)]
    html = study.round(1).samples()._repr_html_()
    assert "&lt;img src=x" in html
    assert "<img" not in html
    assert "\x1b" not in html
    assert "<script>" not in study.round(1).samples(text="<script>")._repr_html_()


def test_a_round_shows_every_level_with_interval_and_n(study: Study) -> None:
    for round_ in study.rounds():
        html, here = round_._repr_html_(), round_.summary()
        assert html.count("<tr>") == 1 + len(here.accuracy)
        for metric in here.accuracy.values():
            assert figure(metric) in html
        if here.sampled:
            assert f"{here.accepted:,} of {here.sampled:,}" in html
    unfinished = study.step(to="draw")
    assert "open" in unfinished._repr_html_()


def test_a_study_is_one_line_and_its_tree_is_text(study: Study) -> None:
    assert repr(study) == (
        f"<Study {str(study.folder)!r}: path on scripted, seed 0; 3 rounds, head r0002>"
    )
    study.fork(1)
    study.step(inline=True)
    lines = str(study.tree).splitlines()
    assert repr(study.tree) == str(study.tree)
    assert [line.split("r0")[1][:3] for line in lines] == ["000", "001", "002", "003"]
    assert [line for line in lines if "●" in line] == [lines[3]]
    assert lines[2].startswith("├ ")
    assert lines[0].endswith("base")
    study.close()
    assert repr(study) == f"<Study {str(study.folder)!r}: closed, or not to be read>"
