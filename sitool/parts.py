"""The parts that one round works with, made from its settings.

Made late and only where work is done: loading a model imports torch.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sitool import registry
from sitool.config import Settings
from sitool.draws import evaluation_problems
from sitool.models.base import Model
from sitool.records import TRUTH, Problem
from sitool.samplers.base import Sampler
from sitool.tasks.base import ForeignTask, Task
from sitool.trainers.base import Trainer
from sitool.verifiers.base import Court, Scorer
from sitool.verifiers.bench import Bench
from sitool.verifiers.guard import Guard, verifier_spec


def make_task(settings: Settings, folder: Path | None = None) -> Task:
    """Make the task; needs no model.

    Args:
        folder: The study's, in which it keeps a task file of its own; None: there is no
            study yet.

    Raises:
        TaskError: The task's own settings or its file are wrong, or its code may not run.
    """
    options = settings.task.model_dump(exclude={"name"})
    if settings.task.name == "python" and folder is not None:
        options["path"] = folder / options["path"]
    task: Task = registry.load("task", settings.task.name)(**options)
    return task


def evaluator_name(settings: Settings) -> str:
    """Return which sampler draws evaluations, the same in every round of a study.

    A server that only ever has the base cannot evaluate what a round has learnt;
    to compare like with like, the base is then not evaluated there either.
    """
    only_base = settings.sampler.name == "server" and settings.server.adapters != "vllm"
    return "native" if only_base else settings.sampler.name


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that a round needs besides the store.

    Attributes:
        evaluator: Draws the evaluation, and what judges write; the sampler itself, if
            that can sample a round's own adapter.
        truth: The verifier of the evaluation, whatever the round selects by.
        scorers: Verifiers that have been asked for.
        held_out: Held-out problems that have been asked for.
    """

    task: Task
    model: Model
    sampler: Sampler
    evaluator: Sampler
    truth: Guard
    trainer: Trainer[Any]
    scorers: dict[Hashable, Scorer] = field(default_factory=dict)
    breathing: list[Callable[[], None]] = field(default_factory=list)
    held_out: dict[Hashable, list[Problem]] = field(default_factory=dict)

    @classmethod
    def make(cls, settings: Settings, folder: Path | None = None) -> "Parts":
        """Load the model and make every part.

        Args:
            folder: The study's.

        Raises:
            SitoolError: A part cannot be made; says which setting to change.
        """
        from sitool.models.loading import load_model

        task = make_task(settings, folder)
        model = load_model(settings)
        sampler = registry.load("sampler", settings.sampler.name)(model, settings)
        evaluator = sampler
        if evaluator_name(settings) != settings.sampler.name:
            evaluator = registry.load("sampler", evaluator_name(settings))(model, settings)
        trainer = registry.load("trainer", settings.trainer.name)
        truth = Guard(verifier_spec(TRUTH, task), settings.verifier.time_limit_seconds)
        parts = cls(task, model, sampler, evaluator, truth, trainer(model, settings.trainer))
        for name in (*settings.verifier.names, *settings.verifier.measure):
            # A verifier that cannot be imported is said before anything is drawn.
            registry.load("verifier", registry.split_verifier(name)[0])
        return parts

    def evaluation_problems(self, settings: Settings, count: int) -> list[Problem]:
        """Return held-out problems of each level, drawn once for all rounds; see `draws.py`."""
        asked = (settings.seed, settings.evaluation.highest, count)
        if asked not in self.held_out:
            self.held_out[asked] = evaluation_problems(self.task, settings, count)
        return self.held_out[asked]

    def scorer(
        self, name: str, settings: Settings, number: int = 0, *, is_writer: bool = True
    ) -> Scorer:
        """Return a verifier, made when it is first asked for.

        Args:
            name: Such as `truth`, `mc` or `mc@base`.
            settings: How it judges.
            number: Of the round whose model judges.
            is_writer: Whether that model wrote the samples.
        """
        part = registry.load("verifier", registry.split_verifier(name)[0])
        if name == TRUTH:
            return self.truth
        if not hasattr(part, "judge"):
            return self._kept(name, lambda: self._guard(name, settings))
        known = (self.task, self.model, self.evaluator, settings, name, number, is_writer)
        court = Court(*known, self.breathe)
        chunk_rows = settings.sampler.chunk_rows
        key = (name, settings.judge, settings.cross, settings.seed, chunk_rows, number, is_writer)
        return self._kept(key, lambda: Bench(lambda: part(court), chunk_rows))

    def _kept(self, key: Hashable, make: Callable[[], Scorer]) -> Scorer:
        if key not in self.scorers:
            self.scorers[key] = make()
        return self.scorers[key]

    def _guard(self, name: str, settings: Settings) -> Guard:
        guard = Guard(verifier_spec(name, self.task), settings.verifier.time_limit_seconds)
        guard.breathe = self.breathe
        return guard

    @property
    def guards(self) -> list[Guard]:
        """Every verifier that may have a process of its own."""
        return [self.truth, *(s for s in self.scorers.values() if isinstance(s, Guard))]

    def breathe(self) -> None:
        """Do what `breathe_with` was given."""
        for breathe in self.breathing:
            breathe()

    def breathe_with(self, breathe: Callable[[], None]) -> None:
        """Let something be called several times a second while a part works.

        It may raise a `BaseException` to leave the work at once.
        """
        self.breathing[:] = [breathe]
        self.model.breathe_with(breathe)
        for guard in self.guards:
            guard.breathe = breathe
        if isinstance(self.task, ForeignTask):
            self.task.breathe = breathe

    def close(self) -> None:
        """End the processes of the model, of the verifiers and of the task."""
        self.model.close()
        if isinstance(self.task, ForeignTask):
            self.task.close()
        for guard in self.guards:
            guard.close()
