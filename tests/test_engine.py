"""The engine: one at a time, deaf to nonsense, and open to others while it runs."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from patience import Stopwatch, wait_until
from studies import create, first_sample, folder_state, round_contents, rows

import sitool
from sitool import events
from sitool.client import Study
from sitool.engine import BREATH_SECONDS, Engine, EngineBusyError
from sitool.errors import StudyError, TrainerError
from sitool.lock import SIGN, Lock
from sitool.records import Phase

SITOOL = (sys.executable, "-c", "from sitool.__main__ import main; main()")


def carry_out(study: Study, kind: str, **body: Any) -> list[events.Event]:
    """Write a command as any front end could, and let an engine work."""
    with Engine(study._store) as engine:
        study._store.journal.ask(kind, body, "a test")
        return list(engine.work())


def last_command(study: Study) -> tuple[str, str]:
    found = rows(study.folder, "SELECT status, error FROM commands ORDER BY id DESC LIMIT 1")[0]
    return found[0], found[1]


@contextmanager
def running_elsewhere(folder: Path, rounds: int = 1000) -> Iterator[subprocess.Popen[str]]:
    """Run rounds in another process, from its first finished round on."""
    process = subprocess.Popen(
        [*SITOOL, "run", str(folder), "-n", str(rounds), "--plain"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "accuracy" in line:
            break
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_lock_is_held_by_one_and_freed_by_its_end(tmp_path: Path) -> None:
    one, other = Lock(tmp_path), Lock(tmp_path)
    assert one.take()
    assert not other.take()
    assert other.holder() is None, "it takes no commands yet"
    one.announce()
    assert other.holder() == os.getpid()
    one.conceal()
    assert other.holder() is None, "it takes none any more"
    assert not other.take()
    one.free()
    assert other.holder() is None
    assert other.take()
    other.free()


def test_the_pid_of_the_holder_before_is_never_taken_for_that_of_the_next(tmp_path: Path) -> None:
    (tmp_path / SIGN).write_text("999999")
    one, other = Lock(tmp_path), Lock(tmp_path)
    assert one.take()
    assert other.holder() is None
    one.announce()
    assert other.holder() == os.getpid()
    one.free()
    assert (tmp_path / SIGN).read_text() == str(os.getpid())
    assert other.take()
    assert one.holder() is None
    other.free()


def test_a_change_in_passing_begins_no_round_that_somebody_else_asks_for(study: Study) -> None:
    journal = study._store.journal
    with Engine(study._store, in_passing=True) as engine:
        assert study.engine_pid is None, "nobody else leaves commands for it"
        step = journal.ask("step", {"rounds": 1, "to": None}, "somebody")
        fork = journal.ask("fork", {"round": 0, "settings": None}, "somebody")
        assert list(engine.work()) == []
    assert journal.command(step).status == "waiting"
    assert journal.command(fork).status == "done"


def test_a_command_is_taken_back_only_before_it_is_begun(study: Study) -> None:
    journal = study._store.journal
    begun = journal.ask("step", {"rounds": 1, "to": None}, "somebody")
    assert journal.next_command() is not None
    left = journal.ask("step", {"rounds": 1, "to": None}, "somebody")
    dropped = journal.ask("step", {"rounds": 1, "to": None}, "somebody")
    assert not journal.withdraw(begun)
    assert journal.withdraw(left)
    journal.drop_orphans()
    assert journal.withdraw(dropped), "nobody has begun it"
    assert not journal.withdraw(begun)


def test_an_engine_that_retires_looks_once_more(study: Study) -> None:
    with Engine(study._store) as engine:
        study._store.journal.ask("fork", {"round": 0, "settings": None}, "somebody")
        assert not engine.retire()
        assert study.engine_pid == os.getpid()
        assert list(engine.work()) == []
        assert engine.retire()
        assert study.engine_pid is None
        with pytest.raises(EngineBusyError), Engine(study._store):
            pass


def test_a_second_engine_is_refused_with_the_pid_of_the_first(study: Study) -> None:
    before = rows(study.folder, "SELECT * FROM commands")
    with Engine(study._store), pytest.raises(EngineBusyError) as caught:
        study.step()
    assert f"Process {os.getpid()} is working on this study." in caught.value.message
    assert rows(study.folder, "SELECT * FROM commands") == before


def test_a_second_process_is_refused_while_a_round_runs(tmp_path: Path) -> None:
    study = create(tmp_path / "study")
    with running_elsewhere(study.folder) as process:
        with pytest.raises(EngineBusyError, match=f"Process {process.pid} is working"):
            study.step()
        with pytest.raises(EngineBusyError, match=str(process.pid)):
            study.evaluate(0)
        assert process.poll() is None


def test_a_decision_from_another_process_is_carried_out_by_the_running_engine(
    tmp_path: Path,
) -> None:
    study = create(tmp_path / "study")
    with running_elsewhere(study.folder) as process:
        wait_until(lambda: len(study.rounds()) > 2)
        sample = first_sample(study, 1, accepted=True)
        study.reject(sample.id, "seen from elsewhere")
        assert process.poll() is None
        ruling = study.sample(sample.id).ruling
        assert ruling is not None
        assert (ruling.action, ruling.reason) == ("reject", "seen from elsewhere")
        here = len(study.rounds())
        wait_until(lambda: len(study.rounds()) > here)  # It went on as if nothing had been.


def test_a_command_that_fails_elsewhere_does_not_end_the_round_that_runs(tmp_path: Path) -> None:
    """Nobody's undo or bad sample number may take down another person's run."""
    study = create(tmp_path / "study")
    with running_elsewhere(study.folder) as process:
        for ask in (study.undo, lambda: study.fork(0), lambda: study.accept(10**9)):
            with pytest.raises(StudyError):
                ask()
        here = len(study.rounds())
        wait_until(lambda: len(study.rounds()) > here + 1)
        assert process.poll() is None
    failed = rows(study.folder, "SELECT body FROM events WHERE kind = 'CommandFailed'")
    assert len(failed) == 3


def test_the_head_does_not_move_under_a_running_round(tmp_path: Path) -> None:
    study = create(tmp_path / "study")
    with running_elsewhere(study.folder):
        with pytest.raises(StudyError, match="A round is running, and the head cannot move"):
            study.undo()
        with pytest.raises(StudyError, match="A round is running"):
            study.redo(1) if len(study.rounds()) > 2 else study.fork(0)


def test_stop_from_another_process_takes_effect_and_keeps_what_is_done(tmp_path: Path) -> None:
    study = create(tmp_path / "study")
    with running_elsewhere(study.folder) as process:
        study.stop()
        said, _ = process.communicate(timeout=20)
        assert process.returncode == 130
        assert "Stopped; everything done is kept." in said
    kinds = [k for (k,) in rows(study.folder, "SELECT kind FROM events ORDER BY id")]
    assert kinds[-1] in ("RoundStopped", "RoundFinished")
    study.step()


def test_settings_for_the_next_round_can_be_changed_while_one_runs(tmp_path: Path) -> None:
    study = create(tmp_path / "study")
    with running_elsewhere(study.folder):
        study.configure("draw.samples=2")
        wait_until(lambda: study.rounds()[-1].settings.draw.samples == 2)
    assert study.rounds()[0].settings.draw.samples == 4


def test_a_stop_with_nothing_running_says_so(study: Study) -> None:
    with pytest.raises(StudyError, match="Nothing is running in this study"):
        study.stop()


def test_whoever_follows_a_round_may_rule_on_it_at_once(study: Study) -> None:
    """The same process, between two events of its own stream: no waiting for itself."""
    stopwatch = Stopwatch()
    for event in study.stream_rounds(1):
        if isinstance(event, events.PhaseFinished) and event.phase is Phase.VERIFY:
            passed = first_sample(study, event.round, passed=True)
            study.reject(passed.id, "not this one")
            with pytest.raises(StudyError, match="A round is running"):
                study.undo()
    assert stopwatch.seconds < 10
    assert study.sample(passed.id).weight == 0
    assert study.sample(passed.id).rule == "you rejected it"


def test_a_ruling_just_after_the_selection_still_counts(study: Study) -> None:
    chosen = 0
    for event in study.stream_rounds(1):
        if isinstance(event, events.SamplesSelected) and not chosen:
            chosen = first_sample(study, event.round, accepted=True).id
            study.reject(chosen)
    assert study.sample(chosen).weight == 0


def test_a_ruling_in_the_middle_of_training_is_late_and_joins_the_next_round(study: Study) -> None:
    chosen = 0
    for event in study.stream_rounds(1):
        if isinstance(event, events.StepTrained) and not chosen:
            chosen = first_sample(study, event.round, accepted=False, passed=False).id
            study.accept(chosen)
    assert study.head is not None
    assert not study.sample(chosen).accepted
    following = study.step()
    trained = [s.id for s, _ in study._store.samples.selected(following.number)]
    assert chosen in trained


@pytest.mark.parametrize(
    ("kind", "body", "sentence"),
    [
        ("frobnicate", {}, "No command is named 'frobnicate'; known: "),
        ("decide", {"sample": 10**9, "action": "accept"}, "There is no sample 1000000000."),
        ("fork", {"round": 99}, "There is no round 99; known: 0 to 2."),
        ("redo", {"round": 0}, "r0000 cannot be trained again: it only evaluates the base."),
        ("evaluate", {"round": 7, "problems_per_level": 1, "samples": 0}, "There is no round 7"),
        ("configure", {"settings": {"draw": {"problems": 0}}}, "draw.problems is 0: "),
        ("stop", {}, "Nothing is running in this study."),
    ],
)
def test_a_bad_command_is_an_event_and_the_engine_goes_on(
    study: Study, kind: str, body: dict[str, Any], sentence: str
) -> None:
    before = folder_state(study.folder)
    happened = carry_out(study, kind, **body)
    assert [type(event) for event in happened] == [events.CommandFailed]
    assert isinstance(happened[0], events.CommandFailed)
    assert happened[0].command == kind
    assert sentence in happened[0].message
    assert last_command(study)[0] == "failed"
    assert sentence in last_command(study)[1]
    assert folder_state(study.folder) == before
    assert study.step().number == 3


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("decide", {}),
        ("decide", {"sample": "x", "action": "accept"}),
        ("decide", {"sample": 200, "action": "burn"}),
        ("decide", {"sample": 200, "action": "edit"}),
        ("fork", {}),
        ("fork", {"round": None}),
        ("redo", {"round": "one"}),
        ("configure", {}),
        ("configure", {"settings": 5}),
        ("step", {"to": "nowhere"}),
        ("step", {"rounds": "many"}),
        ("evaluate", {"round": 1}),
    ],
)
def test_a_malformed_command_is_an_event_and_never_a_dead_engine(
    study: Study, kind: str, body: dict[str, Any]
) -> None:
    before = folder_state(study.folder)
    happened = carry_out(study, kind, **body)
    assert [type(event) for event in happened] == [events.CommandFailed]
    assert last_command(study)[0] == "failed"
    assert folder_state(study.folder) == before


def test_good_commands_after_a_bad_one_are_carried_out(study: Study) -> None:
    journal = study._store.journal
    with Engine(study._store) as engine:
        journal.ask("fork", {"round": 99}, "a test")
        journal.ask("undo", {}, "a test")
        journal.ask("step", {"rounds": 1}, "a test")
        happened = list(engine.work())
    assert isinstance(happened[0], events.CommandFailed)
    assert isinstance(happened[-1], events.RoundFinished)
    assert study.round(3).record.parent == 1


def test_a_bad_command_that_waits_does_not_fail_the_next_ones_author(study: Study) -> None:
    study._store.journal.ask("fork", {"round": 99}, "somebody")
    study.accept(first_sample(study, 2, accepted=False).id)
    study._store.journal.ask("fork", {"round": 99}, "somebody")
    assert study.step().number == 3


def test_what_a_dead_engine_was_asked_to_run_is_not_run_by_the_next_one(study: Study) -> None:
    journal = study._store.journal
    left = journal.ask("step", {"rounds": 1000}, "the dead")
    running = journal.ask("step", {"rounds": 1000}, "the dead")
    journal.mark(running, "running")
    ruled = journal.ask(
        "decide", {"sample": first_sample(study, 2).id, "action": "note", "reason": "n"}, "the dead"
    )
    assert study.step().number == 3
    assert journal.command(left).status == journal.command(running).status == "stopped"
    assert journal.command(ruled).status == "done"


def test_a_part_that_gives_up_fails_the_command_and_keeps_what_is_done(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sitool.trainers.scripted import ScriptedTrainer

    def fail(*_: Any, **__: Any) -> Any:
        raise TrainerError("The loss is not finite.", "try: a lower trainer.learning_rate")

    with monkeypatch.context() as patch:
        patch.setattr(ScriptedTrainer, "train", fail)
        with pytest.raises(TrainerError, match="The loss is not finite") as caught:
            study.step()
    assert caught.value.hint == "try: a lower trainer.learning_rate"
    assert study.round(3).record.phase is Phase.TRAIN
    drawn = round_contents(study.folder, 3)["samples"]
    assert study.step().number == 3
    assert [s for s in round_contents(study.folder, 3)["samples"] if s[2] == "train"] == drawn


def test_a_bug_keeps_its_traceback_and_frees_the_lock(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sitool.trainers.scripted import ScriptedTrainer

    def crash(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr(ScriptedTrainer, "train", crash)
        with pytest.raises(ZeroDivisionError):
            study.step()
    assert last_command(study)[0] == "stopped"
    assert study.step().number == 3


def test_no_verifier_process_outlives_its_engine(tmp_path: Path) -> None:
    study = create(tmp_path / "study", 'verifier.names=["scripted"]')
    study.step()
    wait_until(lambda: children_of(os.getpid(), "sitool.verifiers.worker") == [], 5)


def test_no_verifier_process_outlives_an_engine_that_is_killed(tmp_path: Path) -> None:
    study = create(tmp_path / "study", 'verifier.names=["scripted"]')
    with running_elsewhere(study.folder) as process:
        workers: list[int] = []

        def found() -> bool:
            workers[:] = children_of(process.pid, "sitool.verifiers.worker")
            return bool(workers)

        wait_until(found)
        process.send_signal(signal.SIGKILL)
        process.wait()
        wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), 10)


def children_of(parent: int, word: str) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            stat = (entry / "stat").read_text().rpartition(")")[2].split()
            command = (entry / "cmdline").read_text()
        except OSError:
            continue
        if int(stat[1]) == parent and word in command:
            found.append(int(entry.name))
    return found


def test_parts_are_made_again_only_when_their_settings_change(study: Study) -> None:
    with Engine(study._store) as engine:
        first = engine.parts(study.settings)
        study._store.journal.ask("configure", {"settings": _with(study, draw={"samples": 2})}, "t")
        list(engine.work())
        assert engine.parts(study.settings) is first
        study._store.journal.ask(
            "configure", {"settings": _with(study, trainer={"epochs": 1})}, "t"
        )
        list(engine.work())
        assert engine.parts(study.settings) is not first


def _with(study: Study, **groups: dict[str, Any]) -> dict[str, Any]:
    table = study.settings.model_dump(mode="json")
    return {name: v | groups[name] if name in groups else v for name, v in table.items()}


def test_two_studies_can_be_worked_on_at_once(tmp_path: Path) -> None:
    one, other = create(tmp_path / "one"), create(tmp_path / "other", "seed=1")
    streams = [one.stream_rounds(1), other.stream_rounds(1)]
    for _ in range(100):
        for stream in streams:
            next(stream, None)
    assert [s.head.number for s in (one, other) if s.head] == [1, 1]
    assert sitool.open(one.folder).settings.seed == 0


def test_after_a_stop_no_layer_begins_later_than_a_breath(tmp_path: Path) -> None:
    """Whatever else the machine does: at most one more, let through just before."""
    size = ("draw.problems=128", "draw.samples=16", "sampler.chunk_rows=2048")
    study = create(tmp_path / "study", *size, real=True)
    study.run(0)
    other = sitool.open(study.folder)
    begun: list[float] = []
    asked: list[float] = []

    def note(*_: Any) -> None:
        begun.append(time.monotonic())
        if len(begun) == 3:
            other._store.journal.ask("stop", {}, "a test")
            asked.append(time.monotonic())

    happened: list[events.Event] = []
    with Engine(study._store) as engine:
        study._store.journal.ask("step", {"rounds": 1}, "a test")
        for event in engine.work():
            happened.append(event)
            if isinstance(event, events.PhaseStarted) and event.phase is Phase.SAMPLE:
                assert engine._parts is not None
                causal_lm = engine._parts[1].model.causal_lm  # type: ignore[attr-defined]
                for layer in causal_lm.model.layers:
                    layer.register_forward_pre_hook(note)
    assert happened[-1] == events.RoundStopped(1, Phase.SAMPLE)
    assert study.round(1).summary().sampled == 0
    late = [moment for moment in begun if moment >= asked[0] + BREATH_SECONDS]
    assert len(late) <= 1
    other.close()
    study.close()
