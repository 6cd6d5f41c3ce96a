"""Works on one study: takes commands, drives the loop, journals what happens.

Everything that changes a study goes through the command table, so that it does
not matter which process asks. The engine lives in a process of its own
(`process.py`), or inside the one that asks; while it works on a round it also
carries out what others ask for, several times a second.

Commands, with the fields of their bodies:

    step        {rounds, to}             run rounds, or go on with the open one; up to a phase if
                                         `to` is given; measures the base first if need be
    stop        {}                       stop the round that runs, keep what is done
    decide      {sample, action, text, reason}
    configure   {settings}               of the next round
    undo        {}                       step back: from the open round, or to the head's parent
    fork        {round, settings}        make a finished round the head; settings are optional
    redo        {round}                  select and train again on a round's samples
    evaluate    {round, problems_per_level, samples}   measure a finished round again
    measure     {round, verifiers, training}   let verifiers score a finished round's samples

A command that cannot be carried out becomes a `CommandFailed` event; the study
is then as it was before.
"""

import contextlib
import gc
import os
import shutil
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any

from sitool import events, loop, scoring
from sitool.agreements import Watch
from sitool.config import Settings
from sitool.continuity import changes_parts, check_same_adapter, check_same_study
from sitool.errors import SitoolError, StoreError, StudyError
from sitool.events import Event
from sitool.lock import Lock
from sitool.parts import Parts, make_task
from sitool.planning import estimates, situations
from sitool.presets import parse_settings
from sitool.records import RULED_ROLES, Action, Phase
from sitool.registry import check_verifiers
from sitool.store import Command, Round, Store
from sitool.store.journal import AT_ONCE, check_body
from sitool.tasks.base import ForeignTask, Task

BREATH_SECONDS = 0.1
"""How often a working engine looks up, at least."""


class EngineBusyError(StudyError):
    """Another process is working on this study."""


class StopWork(BaseException):
    """Raised inside a part's own work when somebody has asked to stop."""


class Engine:
    """Carries out the waiting commands of a study, one after the other.

    Use it as a context manager: it holds the study's lock inside.

    Args:
        in_passing: Only for a change that takes no time: nobody else is to leave commands here.

    Raises:
        EngineBusyError: Another process is working on this study.
    """

    def __init__(self, store: Store, *, in_passing: bool = False) -> None:
        self._store = store
        self._in_passing = in_passing
        self._lock = Lock(store.folder)
        self._watch = Watch(store.folder)
        self._parts: tuple[Settings, Parts, str] | None = None
        self._task: tuple[Any, Task] | None = None
        self._stop_asked = False
        self._running = False
        self._last_breath = 0.0

    def __enter__(self) -> "Engine":
        if not self._lock.take():
            raise EngineBusyError(
                f"Process {self._lock.holder() or 'unknown'} is working on this study.",
                f"try: sitool status {self._store.folder}, or sitool stop {self._store.folder}",
            )
        self._store.journal.drop_orphans()
        self._remove_drafts()
        if not self._in_passing:
            self._lock.announce()
        return self

    def _remove_drafts(self) -> None:
        """Remove adapters that a killed engine had half written; their phase runs again."""
        for draft in self._store.folder.glob("adapters/.*"):
            shutil.rmtree(draft, ignore_errors=True)

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the lock and end the verifiers' processes."""
        self._drop_parts()
        self._lock.free()

    def stop(self) -> None:
        """Stop the round that runs at its next event; may be called from a signal handler."""
        self._stop_asked = True

    def retire(self) -> bool:
        """Take no more commands; False, and it takes them still, if one has just come in."""
        self._lock.conceal()
        if self._store.journal.waiting():
            self._lock.announce()
            return False
        return True

    def work(self) -> Generator[Event]:
        """Carry out all waiting commands and yield what happens, journaled."""
        kinds = AT_ONCE if self._in_passing else ()
        while (command := self._store.journal.next_command(kinds)) is not None:
            self._stop_asked = False
            for event in self._carry_out(command):
                self._store.journal.write(event)
                yield event

    def _carry_out(self, command: Command) -> Iterator[Event]:
        status, complaint = "stopped", ""
        try:
            handler = self._handler(command.kind)
            check_body(command.kind, command.body)
            yield from handler(command.body, command)
            status = "stopped" if self._stop_asked else "done"
        except SitoolError as error:
            status, complaint = "failed", str(error)
            open_round = self._store.tree.open_round()
            number = open_round.id if open_round else events.CommandFailed.NO_ROUND
            yield events.CommandFailed(
                number, command.kind, type(error).__name__, error.message, error.hint, command.id
            )
        finally:
            # On a full disk this fails too; the next engine marks what it finds running.
            with contextlib.suppress(StoreError):
                self._store.journal.mark(command.id, status, complaint)

    def _handler(self, kind: str) -> Callable[[Mapping[str, Any], Command], Iterator[Event]]:
        handlers = {
            "step": self._step,
            "evaluate": self._evaluate,
            "measure": self._measure,
            **{kind: self._at_once(change) for kind, change in self._changes.items()},
        }
        if kind not in handlers:
            raise StudyError(f"No command is named {kind!r}; known: {', '.join(sorted(handlers))}.")
        return handlers[kind]

    def _at_once(
        self, change: Callable[[Mapping[str, Any], Command], None]
    ) -> Callable[[Mapping[str, Any], Command], Iterator[Event]]:
        def carry_out(body: Mapping[str, Any], command: Command) -> Iterator[Event]:
            with self._store.transaction():
                change(body, command)
            yield from ()

        return carry_out

    def _step(self, body: Mapping[str, Any], command: Command) -> Iterator[Event]:
        until = Phase(body["to"]) if body.get("to") else None
        left = int(body.get("rounds", 1))
        while (left > 0 or self._store.tree.head is None) and not self._stop_asked:
            upcoming = self._next_settings()
            self._watch.check(upcoming)  # Sooner than the base is read: no round is opened.
            round_ = loop.open_round(self._store, self.task(upcoming))
            yield from self._forewarn(round_)
            only_base = round_.parent is None
            run = loop.run_round(
                self._store, self.parts(round_.settings), round_, None if only_base else until
            )
            yield from self._until_stopped(run, round_)
            left -= not only_base
            if self._stop_asked and left > 0 and self._store.tree.open_round() is None:
                yield events.RoundStopped(round_.id, None)

    def _forewarn(self, round_: Round) -> Iterator[Event]:
        """Say before the model is loaded that the round will not fit into memory."""
        settings, task = round_.settings, self.task(round_.settings)
        known = (self._store, round_.parent, settings, task, round_.plan.problems, os.getpid())
        sentence = estimates.warning(settings, situations.of_round(*known))
        if sentence:
            yield events.Warned(round_.id, sentence)

    def _until_stopped(self, run: Generator[Event, None, None], round_: Round) -> Iterator[Event]:
        """Pass events on; between two of them do what others ask, and stop if asked to."""
        self._running = True
        try:
            for event in run:
                yield event
                yield from self._serve_others()
                if self._stop_asked:
                    break
        except StopWork:
            pass  # The chunk or step in flight is not committed; it comes again.
        finally:
            self._running = False
            run.close()
        phase = self._store.tree.round(round_.id).phase
        if self._stop_asked and phase is not None:
            yield events.RoundStopped(round_.id, phase)

    def serve(self) -> None:
        """Carry out what the process that drives this engine asks for between two events."""
        for event in self._serve_others():
            self._store.journal.write(event)

    def _breathe(self) -> None:
        """Look up from a long chunk or step: do what others ask, and stop if asked to.

        Parts call it often, outside of any transaction.

        Raises:
            StopWork: To leave the part's work at once.
        """
        now = time.monotonic()
        if not self._running or now - self._last_breath < BREATH_SECONDS:
            return
        self._last_breath = now
        self.serve()
        if self._stop_asked:
            raise StopWork

    def _serve_others(self) -> Iterator[Event]:
        """Carry out the commands that need no round of their own."""
        while (command := self._store.journal.next_command(AT_ONCE)) is not None:
            yield from self._carry_out(command)

    @property
    def _changes(self) -> dict[str, Callable[[Mapping[str, Any], Command], None]]:
        return {
            "stop": self._ask_to_stop,
            "decide": self._decide,
            "configure": self._configure,
            "undo": self._undo,
            "fork": self._fork,
            "redo": self._redo,
        }

    def _ask_to_stop(self, body: Mapping[str, Any], command: Command) -> None:
        if not self._running:
            raise StudyError("Nothing is running in this study.", "try: sitool step DIR")
        self._stop_asked = True

    def _decide(self, body: Mapping[str, Any], command: Command) -> None:
        samples = self._store.samples
        sample = samples.sample(body["sample"])
        if sample.role not in RULED_ROLES:
            raise StudyError(
                f"Sample {sample.id} belongs to the evaluation, which nobody overrules.",
                f"try: sitool samples {self._store.folder}",
            )
        if body["action"] == Action.EDIT and body.get("text") is None:
            raise StudyError(f"The edit of sample {sample.id} has no text to train on instead.")
        samples.decide(
            sample.id,
            Action(body["action"]),
            text=body.get("text"),
            reason=body.get("reason", ""),
            author=command.author,
        )
        round_ = self._store.tree.round(sample.round)
        if not round_.finished and round_.phase is Phase.TRAIN and not self._running:
            # Nothing has been learnt from the selection yet: it is made again.
            self._store.tree.set_phase(round_.id, Phase.SELECT)

    def _configure(self, body: Mapping[str, Any], command: Command) -> None:
        settings = parse_settings(body["settings"])
        self._check_fits(settings)
        self._store.tree.set_next_settings(settings)
        open_round = self._store.tree.open_round()
        if open_round is not None and open_round.settings.server != settings.server:
            # A round is what it is wherever its samples come from, and a server may move.
            self._store.tree.set_server(open_round.id, settings.server)

    def _check_fits(self, settings: Settings) -> None:
        """Refuse what the rounds that there are could not be compared or continued with."""
        check_same_study(self._store.tree.next_settings, settings)
        if self._store.tree.head is None:
            return
        head = self._store.tree.round(self._store.tree.head)
        loop.plan_round(self._store, self.task(settings), settings, head)
        if head.id and settings.trainer.start_from == "parent":
            check_same_adapter(head.settings, settings)

    def _refuse_while_running(self) -> None:
        if self._running:
            raise StudyError(
                "A round is running, and the head cannot move under it.",
                f"try: sitool stop {self._store.folder}",
            )

    def _undo(self, body: Mapping[str, Any], command: Command) -> None:
        self._refuse_while_running()
        tree = self._store.tree
        open_round = tree.open_round()
        if open_round is not None and open_round.parent is not None:
            tree.move_head(open_round.parent)
            return
        parent = tree.round(tree.head).parent if tree.head is not None else None
        if parent is None:
            raise StudyError("There is nothing to undo: no round has been taken yet.")
        tree.move_head(parent)

    def _fork(self, body: Mapping[str, Any], command: Command) -> None:
        self._refuse_while_running()
        self._store.tree.move_head(body["round"])
        if body.get("settings") is not None:
            self._configure(body, command)

    def _redo(self, body: Mapping[str, Any], command: Command) -> None:
        self._refuse_while_running()
        tree = self._store.tree
        former = tree.round(body["round"])
        if former.parent is None or not former.finished:
            raise StudyError(
                f"{former.label} cannot be trained again: "
                + (
                    "it only evaluates the base."
                    if former.parent is None
                    else "it is not finished."
                ),
                "try: sitool rounds, and choose a finished round above 0",
            )
        tree.move_head(former.parent)
        twin = tree.add_round(former.parent, former.settings, former.plan, redo_of=former.id)
        self._store.samples.copy_samples(former.id, twin.id)

    def _finished(self, number: int) -> Round:
        round_ = self._store.tree.round(number)
        if not round_.finished:
            raise StudyError(f"{round_.label} is not finished.", "try: sitool step DIR")
        return round_

    def _measure(self, body: Mapping[str, Any], command: Command) -> Iterator[Event]:
        """Let verifiers judge as the next round's settings say; the rest is the round's own."""
        round_ = self._finished(body["round"])
        names = check_verifiers(body["verifiers"])
        upcoming = self._store.tree.next_settings
        settings = round_.settings.model_copy(
            update={"judge": upcoming.judge, "cross": upcoming.cross}
        )
        self._watch.check(settings)
        parts, training = self.parts(round_.settings), bool(body.get("training"))
        run = scoring.measure_round_again(
            self._store, parts, round_, names, settings, training=training
        )
        yield from self._until_stopped(run, round_)

    def _evaluate(self, body: Mapping[str, Any], command: Command) -> Iterator[Event]:
        round_ = self._finished(body["round"])
        parts = self.parts(round_.settings)
        size = (body["problems_per_level"], body["samples"])
        yield from self._until_stopped(
            loop.evaluate_again(self._store, parts, round_, *size), round_
        )

    def _next_settings(self) -> Settings:
        open_round = self._store.tree.open_round()
        return open_round.settings if open_round else self._store.tree.next_settings

    def task(self, settings: Settings) -> Task:
        """Return the task, made once as long as its settings stay."""
        if self._task is None or self._task[0] != settings.task:
            self._task = (settings.task, make_task(settings, self._store.folder))
        return _checked(self._task[1])

    def parts(self, settings: Settings) -> Parts:
        """Return the parts, made again only when the settings or the code of one have changed."""
        code, known = self._watch.check(settings), self._parts
        if known is None or known[2] != code or changes_parts(known[0], settings):
            if known is not None:
                self._drop_parts()
                gc.collect()
            known = self._parts = (settings, Parts.make(settings, self._store.folder), code)
            known[1].breathe_with(self._breathe)
            # A model is some 400,000 objects that stay: to look for garbage among them took a
            # third of a second a round.
            gc.freeze()
        _checked(known[1].task)
        return known[1]

    def _drop_parts(self) -> None:
        if self._parts is not None:
            self._parts[1].close()
            self._parts = None
            gc.unfreeze()


def _checked(task: Task) -> Task:
    """Return a task whose code, if it is a person's own, may run still."""
    if isinstance(task, ForeignTask):
        task.check_code()
    return task
