"""Samples whose log-probabilities a server did not give: nothing is made up for them."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sitool.cli.app import app
from sitool.client import Study
from sitool.measure import measure_round
from sitool.models.pieces import characters
from sitool.records import Completion
from sitool.store import SampleFilter, SampleOrder, Store
from sitool.study.export import export_samples
from sitool.tui.inspector_text import Ways, completion_text, likelihood_text
from sitool.tui.pairs import _ROWS
from sitool.tui.siblings import sample_option

HALF = "UPDATE samples SET token_logprobs = x'' WHERE id % 2 = 0 AND length > 0"


@pytest.fixture
def half(study: Study) -> Study:
    """A study in which every second sample has no log-probabilities."""
    with sqlite3.connect(study.folder / "study.db") as connection:
        connection.execute(HALF)
    connection.close()
    return study


@pytest.fixture
def store(half: Study) -> Iterator[Store]:
    opened = Store(half.folder)
    yield opened
    opened.close()


def test_a_completion_without_them_has_no_sum() -> None:
    assert Completion((5, 0), "a", "stop", ()).logprob is None
    assert Completion((5, 0), "a", "stop", (-0.5, -0.25)).logprob == -0.75
    assert Completion((), "", "length", ()).logprob == 0


def test_a_sample_and_its_line_have_none(store: Store) -> None:
    samples = list(store.samples.each(SampleFilter(round=1)))
    lines = store.samples.lines([sample.id for sample in samples])
    for sample, line in zip(samples, lines, strict=True):
        assert (sample.completion.logprob is None) == (sample.id % 2 == 0)
        assert (line.logprob is None) == (sample.id % 2 == 0)


def test_what_is_written_without_them_is_read_without_them(store: Store) -> None:
    drawn = store.samples.draw(1, "train")[:1]
    given, absent = (
        Completion((5, 0), "a", "stop", (-0.5, 0.0)),
        Completion((5, 0), "a", "stop", ()),
    )
    with store.transaction():
        ids = store.samples.add_samples(2, "train", 10_000, drawn, [[given, absent]])
    assert [store.samples.sample(i).completion for i in ids] == [given, absent]


@pytest.mark.parametrize("descending", [False, True])
def test_they_are_sorted_as_the_least_likely(store: Store, descending: bool) -> None:
    where = SampleFilter(round=1)
    lists = store.samples.ids(where, SampleOrder.LOGPROB, descending=descending)
    values = [line.logprob for ids in lists for line in store.samples.lines(ids)]
    given = [value for value in values if value is not None]
    none: list[float | None] = [None] * (len(values) - len(given))
    assert values == (given + none if descending else none + given)
    assert given == sorted(given, reverse=descending)
    assert none


def test_their_mean_is_over_those_that_are_given(half: Study, store: Store) -> None:
    found = {m.level: m for m in measure_round(store, store.tree.round(1)) if m.name == "logprob"}
    given = [
        s.completion.logprob
        for s in store.samples.each(SampleFilter(round=1))
        if s.completion.logprob is not None
    ]
    assert found[0].n == len(given)
    assert found[0].value == pytest.approx(sum(given) / len(given), abs=1e-4)
    with sqlite3.connect(half.folder / "study.db") as connection:
        connection.execute("UPDATE samples SET token_logprobs = x''")
    connection.close()
    assert not [m for m in measure_round(store, store.tree.round(1)) if m.name == "logprob"]


def absent_sample(store: Store) -> Any:
    samples = store.samples.each(SampleFilter(round=1))
    return next(s for s in samples if s.id % 2 == 0 and len(s.completion.token_ids) > 2)


def test_the_inspector_says_that_they_are_not_given(store: Store) -> None:
    sample = absent_sample(store)
    completion = sample.completion
    assert "log p       not given by the sampler" in likelihood_text(sample).plain
    pieces = characters(
        completion.text, len(completion.token_ids), ended=completion.finish == "stop"
    )
    for shown in (pieces, None):
        said = completion_text(sample, shown, Ways())
        assert said.plain.startswith(completion.text)
        assert "not given by the sampler" in said.plain
        assert not [span for span in said.spans if "reverse" in str(span.style)]
    table = completion_text(sample, pieces, Ways(table=True)).plain.splitlines()
    assert table[1].split()[-2:] == ["-", "-"]
    assert len(table) == 1 + len(completion.token_ids)
    (line,) = store.samples.lines([sample.id])
    assert "log p       -" in sample_option(line).plain


@pytest.mark.slow
def test_the_command_line_and_files_say_so_too(half: Study, store: Store, tmp_path: Path) -> None:
    sample = absent_sample(store)
    said = CliRunner().invoke(app, ["samples", str(half.folder), "--id", str(sample.id)])
    assert "not given by the sampler" in said.stdout
    for name in ("out.jsonl", "out.csv", "out.parquet"):
        if name.endswith("parquet"):
            pytest.importorskip("pyarrow")
        assert export_samples(store.samples.each(SampleFilter(round=1)), tmp_path / name)
    lines = (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()
    for row in map(json.loads, lines):
        assert (row["logprob"] is None) == (row["id"] % 2 == 0)


def test_a_pair_of_samples_is_shown_without_them(store: Store) -> None:
    words = dict(_ROWS)["log-probability"]
    assert words(absent_sample(store)) == "not given"
