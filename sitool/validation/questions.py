"""Asks for a check of a task, in a process of its own or in this one.

The base's libraries are loaded in that process, so a front end that asks needs none.
"""

from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from multiprocessing.connection import Connection

from sitool import errors
from sitool.config import Settings
from sitool.errors import SitoolError, TaskError
from sitool.models.builtin import check_base
from sitool.models.loading import check_scripted, load_model
from sitool.parts import make_task
from sitool.records import TRUTH
from sitool.tasks.base import ForeignTask, Task
from sitool.tasks.python import PythonTask
from sitool.validation.attempts import attempt
from sitool.validation.findings import LevelCheck
from sitool.validation.soundness import Bench, look_at
from sitool.verifiers.guard import Guard, verifier_spec
from sitool.workers import StalledError, Worker, end_with

PATIENCE_SECONDS = 7 * 24 * 3600.0
"""A large base may take as long as it wants: whoever waits can stop it."""


@dataclass(frozen=True)
class Questions:
    """What to check of a task.

    Attributes:
        settings: The task, the base, and how it is sampled.
        source: Code of a task of one's own, which its user runs here and now; or nothing.
        problems: Of each level that the base answers; 0: it is not asked.
        samples: Of each problem.
        levels: Only these; empty: all.
    """

    settings: Settings
    source: str = ""
    problems: int = 0
    samples: int = 0
    levels: tuple[int, ...] = ()

    def make_task(self) -> Task:
        """Make the task.

        Raises:
            TaskError: Its file does not run, or is malformed.
        """
        own = self.settings.task
        if own.name == "python" and self.source:
            return PythonTask.of_source(
                self.source, own.path.rpartition("/")[2], own.max_level, own.time_limit_seconds
            )
        return make_task(self.settings)

    def answers(self, *, inline: bool) -> Iterator[LevelCheck]:
        """Yield what is found, level by level.

        Raises:
            SitoolError: The task cannot be made, or the base not be loaded.
        """
        if self.problems < 0 or self.samples < 0 or bool(self.problems) != bool(self.samples):
            raise TaskError(
                f"problems is {self.problems} and samples is {self.samples};"
                " both are at least 1, or both 0 to ask no base."
            )
        check_scripted(self.settings)
        check_base(self.settings.model)
        return check_levels(self) if inline else self._elsewhere()

    def _elsewhere(self) -> Generator[LevelCheck, None, None]:
        worker = Worker("sitool.validation.questions", "check")
        try:
            worker.send(self)
            while (found := worker.answer(PATIENCE_SECONDS)) is not None:
                if not isinstance(found, LevelCheck):
                    raise _again(*found)
                yield found
        except StalledError as error:
            raise TaskError(
                "The process that checks the task died.",
                "try: inline=True, which shows why",
            ) from error
        finally:
            worker.kill()


def check_levels(questions: Questions) -> Iterator[LevelCheck]:
    """Check a task here, level by level.

    Raises:
        SitoolError: The task cannot be made, or the base not be loaded.
    """
    settings = questions.settings
    task, twin = questions.make_task(), questions.make_task()
    unknown = [level for level in questions.levels if level not in task.levels]
    if unknown:
        raise TaskError(f"The task has no level {unknown[0]}: it offers 1 to {task.levels[-1]}.")
    model = load_model(settings) if questions.problems else None
    guard = Guard(verifier_spec(TRUTH, task), settings.verifier.time_limit_seconds)
    with ExitStack() as stack:
        stack.enter_context(guard)
        for made in (task, twin):
            if isinstance(made, ForeignTask):
                stack.enter_context(closing(made))
        bench = Bench(task, twin, guard, model, settings)
        for level in questions.levels or task.levels:
            sound, problems = look_at(bench, level)
            attempts = None
            if model is not None and sound.answerable:
                known = problems[: questions.problems]
                attempts = attempt(bench, model, known, questions.samples)
            yield LevelCheck(level, sound, attempts)


def serve(descriptor: int, parent: int) -> None:
    """Carry out the questions that are sent, and send what is found; None at the end."""
    end_with(parent)
    with Connection(descriptor) as pipe:
        questions: Questions = pipe.recv()
        try:
            for found in check_levels(questions):
                pipe.send(found)
        except SitoolError as error:
            pipe.send((type(error).__name__, error.message, error.hint))
        pipe.send(None)


def _again(kind: str, message: str, hint: str) -> SitoolError:
    """Make an error again that was raised in another process."""
    error: SitoolError = SitoolError.__new__(getattr(errors, kind, SitoolError))
    SitoolError.__init__(error, message, hint)
    return error
