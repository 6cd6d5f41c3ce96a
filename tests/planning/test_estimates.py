"""Whether it fits, what to lower, and the words for it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from studies import create

from sitool import events
from sitool.config import Settings
from sitool.parts import make_task
from sitool.planning import machines
from sitool.planning.estimates import Estimate, estimate, warning
from sitool.planning.situations import of_new_study
from sitool.presets import build_settings

pytestmark = pytest.mark.usefixtures("cache")

Limit = Callable[[int], None]


@pytest.fixture
def limit_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Limit:
    """Return a function that makes the machine one with so many bytes free."""

    def limit(free: int) -> None:
        monkeypatch.setattr(machines, "free_bytes", lambda own=None: free)

    return limit


def of(*assignments: str) -> tuple[Settings, Estimate]:
    settings = build_settings("path", assignments=["model.device=cpu", *assignments])
    return settings, estimate(settings, of_new_study(settings, make_task(settings)))


def test_plenty_fits(limit_memory: Limit) -> None:
    limit_memory(64 << 30)
    _, found = of()
    assert found.fits
    assert found.remedy is None
    assert found.sentence.endswith("free memory: it fits.")


def test_where_chunks_are_not_to_blame_fewer_processes_are_the_remedy(
    limit_memory: Limit,
) -> None:
    asked = ("engine.processes=3", "draw.problems=2000")
    _, whole = of(*asked)
    assert whole.total.helpers == 2
    limit_memory(int(0.5 * whole.bytes))
    _, found = of(*asked)
    assert found.fits is False
    assert found.remedy is not None
    assert found.remedy.assignment == "engine.processes=1"
    _, lowered = of(*asked, found.remedy.assignment)
    assert lowered.fits
    assert lowered.bytes == found.remedy.bytes
    assert lowered.total.helpers == 0


@pytest.mark.parametrize("share", [0.97, 0.9, 0.8])
def test_the_remedy_fits_and_is_the_mildest_of_its_kind(limit_memory: Limit, share: float) -> None:
    crowded = ("sampler.chunk_rows=4096", "sampler.max_new_tokens=200", "draw.problems=2000")
    _, whole = of(*crowded)
    free = int(share * whole.bytes)
    limit_memory(free)
    _, found = of(*crowded)
    assert found.fits is False
    assert found.remedy is not None
    assert found.remedy.assignment in found.sentence
    _, lowered = of(*crowded, *found.remedy.assignment.split())
    assert lowered.fits
    assert lowered.bytes == found.remedy.bytes
    name, _, value = found.remedy.assignment.partition("=")
    assert name == "sampler.chunk_rows", "which changes no sample"
    if int(value) < 2048:
        _, doubled = of(*crowded, f"{name}={2 * int(value)}")
        assert not doubled.fits


def test_where_nothing_helps_it_says_so(limit_memory: Limit) -> None:
    limit_memory(100_000_000)
    _, found = of()
    assert found.remedy is None
    assert found.sentence.endswith("No one setting makes it fit: a smaller base does.")


def test_what_is_not_known_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machines, "free_bytes", lambda own=None: None)
    settings, found = of()
    assert found.fits is None
    assert "what is free is not known here" in found.sentence
    assert not found.process_is_measured
    assert warning(settings, of_new_study(settings, make_task(settings))) == ""


def test_a_base_that_is_not_here_holds_nothing_up() -> None:
    settings = build_settings("path", assignments=["model.base=nobody/nothing"])
    assert warning(settings, of_new_study(settings, make_task(settings))) == ""


def test_the_engine_warns_before_a_round_that_does_not_fit(
    tmp_path: Path, limit_memory: Limit
) -> None:
    study = create(tmp_path / "study", real=True)
    limit_memory(300_000_000)
    happened: list[Any] = list(study.stream_rounds(0))
    warned = [event for event in happened if isinstance(event, events.Warned)]
    assert len(warned) == 1
    assert "does not fit" in warned[0].message
    started = next(i for i, e in enumerate(happened) if isinstance(e, events.RoundStarted))
    assert happened.index(warned[0]) < started
    assert isinstance(happened[-1], events.RoundFinished), "it is a warning and no refusal"


def test_a_round_that_fits_is_not_spoken_of(tmp_path: Path, limit_memory: Limit) -> None:
    study = create(tmp_path / "study", real=True)
    limit_memory(64 << 30)
    assert not any(isinstance(event, events.Warned) for event in study.stream_rounds(0))


def test_a_study_s_estimate_goes_by_its_own_rounds(tmp_path: Path) -> None:
    study = create(tmp_path / "study", real=True)
    study.run(1)
    found = study.estimate()
    assert found.pace.source == "1 earlier round"
    assert found.pace.total is not None
    more = study.estimate("draw.problems=120").pace.total
    assert more is not None
    assert more[1] > found.pace.total[1]
    assert found.short.startswith("about ")


def test_a_scripted_study_takes_time_and_no_memory_to_speak_of(study: Any) -> None:
    found = study.estimate()
    assert found.bytes == 0
    assert found.sentence == "The scripted base needs next to nothing."
    assert found.pace.total is not None
