import json
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from studies import create, rows

from sitool import events
from sitool.events import Event, read_event
from sitool.records import Phase

KINDS = list(events._KINDS.values())
by_annotation: dict[Any, Any] = {
    int: st.integers(-1, 2**62),
    float: st.floats(allow_nan=False, allow_infinity=False),
    str: st.text(max_size=20),
    bool: st.booleans(),
    Phase: st.sampled_from(Phase),
}


def values_of(annotation: Any) -> Any:
    if annotation in by_annotation:
        return by_annotation[annotation]
    if type(None) in get_args(annotation):
        inner = next(a for a in get_args(annotation) if a is not type(None))
        return st.none() | values_of(inner)
    number = st.one_of(st.none(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5))
    return st.lists(st.lists(number, max_size=6), max_size=3)


def examples_of(kind: type[Event]) -> Any:
    return st.builds(kind, **{field.name: values_of(field.type) for field in fields(kind)})


any_event = st.one_of(*map(examples_of, KINDS))


@given(any_event)
def test_every_event_reads_back_from_the_journal_as_it_was(event: Event) -> None:
    assert read_event(event.kind, event.to_json()) == event


@given(any_event)
def test_an_event_is_one_line_of_json(event: Event) -> None:
    assert "\n" not in event.to_json()
    assert json.loads(event.to_json())["round"] == event.round


def test_no_two_kinds_share_a_name() -> None:
    """A class made with slots leaves its former self among the subclasses: not a second kind."""
    assert {kind.__name__ for kind in KINDS} == {kind.__name__ for kind in Event.__subclasses__()}
    assert len(KINDS) >= 14


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_says_what_it_means(kind: type[Event]) -> None:
    assert kind.__doc__
    assert kind.__doc__ != Event.__doc__


def test_the_journal_gives_back_in_order_what_a_round_said(tmp_path: Path) -> None:
    study = create(tmp_path / "study")
    seen = list(study.stream_rounds(1))
    journal = study._store.journal
    pages, after = [], 0
    while page := journal.events(after, limit=7):
        pages += [event for _, _, event in page]
        after = page[-1][0]
    assert pages == seen


def test_the_events_of_a_round_tell_its_story(tmp_path: Path) -> None:
    study = create(tmp_path / "study")
    study.run(0)
    seen = list(study.stream_rounds(1))
    assert isinstance(seen[0], events.RoundStarted)
    assert isinstance(seen[-1], events.RoundFinished)
    started = [e.phase for e in seen if isinstance(e, events.PhaseStarted)]
    finished = [e.phase for e in seen if isinstance(e, events.PhaseFinished)]
    assert started == finished == list(Phase)
    for kind in (events.SamplesDrawn, events.SamplesScored):
        last = [e for e in seen if isinstance(e, kind)][-1]
        assert last.done == last.total > 0
    steps = [e for e in seen if isinstance(e, events.StepTrained)]
    assert [e.step for e in steps] == list(range(1, steps[0].steps + 1))


@pytest.mark.parametrize("phase", list(Phase))
def test_what_an_event_tells_of_is_committed_before(tmp_path: Path, phase: Phase) -> None:
    """Whoever reads the journal finds it: here through a connection of its own."""
    study = create(tmp_path / "study")
    study.run(0)
    for event in study.stream_rounds(1):
        if isinstance(event, events.SamplesDrawn) and event.role == "train":
            assert rows(study.folder, "SELECT count(*) FROM samples WHERE round = 1") == [
                (event.done,)
            ]
        if isinstance(event, events.PhaseFinished) and event.phase is phase:
            now = rows(study.folder, "SELECT phase, status FROM rounds WHERE id = 1")[0]
            after = list(Phase)[list(Phase).index(phase) + 1 :]
            assert now == ((after[0], "open") if after else (None, "finished"))
            names = rows(study.folder, "SELECT name FROM metrics WHERE round = 1")
            assert (f"seconds_{phase}",) in names
