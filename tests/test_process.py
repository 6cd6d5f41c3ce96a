"""The engine as a process: started when needed, shared, stoppable, and gone when idle."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from patience import Stopwatch, wait_until
from studies import contents, differing, first_sample, made_in

import sitool
from sitool import events
from sitool.client import Study
from sitool.engine import EngineBusyError
from sitool.lock import LOCK, SIGN, Lock
from sitool.process import EngineDiedError, end_engine, engine_pid, ensure_engine
from sitool.records import Action, Phase


@pytest.fixture(autouse=True)
def _in_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITOOL_ENGINE", "process")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Study]]:
    """Return a function that makes studies, whose engines are ended afterwards."""
    with made_in(tmp_path) as make_study:
        yield make_study


@pytest.mark.skipif(not hasattr(os, "getpriority"), reason="no priorities on this system")
def test_an_engine_lets_front_ends_go_first(make: Callable[..., Study]) -> None:
    pid = make().warm_up()
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert own < os.getpriority(os.PRIO_PROCESS, pid) <= own + 10


def until_deep_in_work(study: Study, seconds: float = 0.5) -> None:
    """Wait until the engine has computed for a while, however long others let it wait."""
    clock = Path(f"/proc/{study.engine_pid}/stat")
    computed = os.sysconf("SC_CLK_TCK") * seconds

    def ticks() -> int:
        return sum(map(int, clock.read_text().rpartition(")")[2].split()[11:13]))

    before = ticks()
    wait_until(lambda: ticks() - before >= computed, 60.0)


def test_a_step_starts_an_engine_and_the_next_one_uses_it(make: Callable[..., Study]) -> None:
    study = make()
    assert study.engine_pid is None
    assert study.step().number == 1
    pid = study.engine_pid
    assert pid is not None
    assert pid != os.getpid()
    assert study.step().number == 2
    assert study.engine_pid == pid


def test_its_rounds_are_those_of_an_engine_in_the_asking_process(
    make: Callable[..., Study],
) -> None:
    apart, here = make(), make()
    apart.run(2)
    here.run(2, inline=True)
    assert differing(contents(apart.folder), contents(here.folder)) == []


def test_all_that_happens_is_followed_in_order(make: Callable[..., Study]) -> None:
    kinds = [event.kind for event in make().stream_rounds(1)]
    assert kinds[0] == "RoundStarted"
    assert kinds[-1] == "RoundFinished"
    assert kinds.count("PhaseFinished") == 1 + len(Phase)


def test_two_front_ends_see_the_same_and_each_others_decisions(
    make: Callable[..., Study],
) -> None:
    one = make()
    one.step(to="select")
    other = sitool.open(one.folder)
    assert other.summary() == one.summary()
    sample = first_sample(other, 1, accepted=True)
    other.reject(sample.id, reason="lucky")
    ruling = one.sample(sample.id).ruling
    assert ruling is not None
    assert (ruling.action, ruling.reason) == (Action.REJECT, "lucky")
    assert one.step().number == 1
    assert not other.sample(sample.id).accepted
    other.close()


def test_a_decision_during_a_round_does_not_wait_for_its_end(make: Callable[..., Study]) -> None:
    study = make("draw.problems=4000", "draw.samples=8")
    study.run(0)
    other = sitool.open(study.folder)
    for event in study.stream_rounds(1):
        if isinstance(event, events.SamplesScored):
            other.note(first_sample(other, 1).id, "while it runs")
            break
    assert other.summary().open == 1
    other.stop()
    other.close()


def test_a_second_engine_is_refused_with_the_pid_of_the_first(make: Callable[..., Study]) -> None:
    study = make()
    pid = ensure_engine(study.folder)
    with pytest.raises(EngineBusyError, match=f"Process {pid} is working"):
        study.step(inline=True)
    assert ensure_engine(study.folder) == pid


def test_a_lock_file_of_a_dead_process_is_taken_over(make: Callable[..., Study]) -> None:
    study = make()
    for name in (LOCK, SIGN):
        (study.folder / name).write_text("999999")
    assert study.engine_pid is None
    assert study.step().number == 1
    assert study.engine_pid != 999999


def test_an_engine_starts_once_a_change_in_passing_is_over(make: Callable[..., Study]) -> None:
    study = make()
    lock = Lock(study.folder)
    assert lock.take()
    threading.Timer(1.5, lock.free).start()
    assert study.step().number == 1


def test_what_an_engine_was_asked_in_its_last_moment_is_asked_of_the_next_one(
    make: Callable[..., Study], monkeypatch: pytest.MonkeyPatch
) -> None:
    study = make()
    first = study.warm_up()

    def ensure_and_lose(folder: Path) -> int:
        pid = ensure_engine(folder)
        if pid == first:
            end_engine(folder)
        return pid

    monkeypatch.setattr("sitool.commands.ensure_engine", ensure_and_lose)
    assert study.step().number == 1
    assert study.engine_pid not in (None, first)


@pytest.mark.slow
def test_stop_ends_a_long_chunk_within_a_second_and_keeps_what_is_done(
    make: Callable[..., Study],
) -> None:
    """Asked for in the middle of a chunk of several seconds, of which nothing is kept."""
    study = make(
        "draw.problems=512",
        "draw.samples=16",
        "sampler.chunk_rows=4096",
        "sampler.max_new_tokens=24",
        real=True,
    )
    study.run(0)
    other = sitool.open(study.folder)
    happened: list[events.Event] = []
    for event in study.stream_rounds(1):
        happened.append(event)
        if isinstance(event, events.PhaseStarted) and event.phase is Phase.SAMPLE:
            until_deep_in_work(study)
            stopwatch = Stopwatch(study.engine_pid or 0)
            other.stop()
        if isinstance(event, events.RoundStopped):
            assert stopwatch.seconds < 1.0
    assert stopwatch.seconds < 1.5
    assert happened[-1] == events.RoundStopped(1, Phase.SAMPLE)
    assert other.round(1).summary().sampled == 0
    other.close()


def test_stop_in_the_middle_of_many_rounds_ends_them_all(make: Callable[..., Study]) -> None:
    study = make("draw.problems=2000", "draw.samples=8")
    study.run(0)
    stopwatch = None
    for event in study.stream_rounds(3):
        if isinstance(event, events.SamplesScored) and stopwatch is None:
            stopwatch = Stopwatch(study.engine_pid or 0)
            study.stop()
    assert stopwatch is not None
    assert stopwatch.seconds < 1.5
    assert study.head is not None
    assert study.head.number == 0


@pytest.mark.parametrize("phase", list(Phase))
def test_a_killed_engine_is_told_and_the_next_step_goes_on(
    make: Callable[..., Study], phase: Phase
) -> None:
    study, whole = make("draw.problems=600"), make("draw.problems=600")
    study.run(0)
    with pytest.raises(EngineDiedError, match="what was committed is kept"):
        for event in study.stream_rounds(1):
            if isinstance(event, events.PhaseStarted) and event.phase is phase:
                os.kill(study.engine_pid or 0, signal.SIGKILL)
    assert study.step().number == 1
    whole.run(0)
    whole.run(1)
    assert differing(contents(study.folder), contents(whole.folder)) == []


def test_the_engine_outlives_the_front_end_that_started_it(make: Callable[..., Study]) -> None:
    study = make("draw.problems=400")
    front_end = subprocess.Popen(
        [sys.executable, "-m", "sitool", "run", str(study.folder), "-n", "2", "--plain"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert front_end.stdout is not None
    front_end.stdout.readline()
    front_end.kill()
    front_end.communicate()
    assert study.engine_pid is not None
    wait_until(lambda: study.head is not None and study.head.number == 2)


def test_an_idle_engine_ends_by_itself(make: Callable[..., Study]) -> None:
    study = make("engine.idle_seconds=0.3")
    study.step()
    wait_until(lambda: study.engine_pid is None, 5.0)


def test_an_engine_ends_when_its_study_is_deleted(make: Callable[..., Study]) -> None:
    study = make()
    pid = ensure_engine(study.folder)
    (study.folder / "study.db").unlink()
    wait_until(lambda: engine_pid(study.folder) != pid, 5.0)


def test_an_engine_that_cannot_start_says_why(make: Callable[..., Study]) -> None:
    study = make()
    (study.folder / "study.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(EngineDiedError, match=r"did not start: .*(malformed|not a database)"):
        ensure_engine(study.folder)


def test_a_failed_command_is_raised_as_the_error_that_it_was(make: Callable[..., Study]) -> None:
    study = make()
    study.step()
    with pytest.raises(sitool.errors.StudyError, match="There is no round 9"):
        study.evaluate(9)
    assert study.step().number == 2
