"""The parts that one round works with, made from its settings.

Made late and only where work is done: loading a model imports torch.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sitool import registry
from sitool.config import Settings
from sitool.models.base import Model
from sitool.samplers.base import Sampler
from sitool.tasks.base import Task
from sitool.trainers.base import Trainer
from sitool.verifiers.guard import Guard, verifier_spec


def make_task(settings: Settings) -> Task:
    """Make the task; needs no model.

    Raises:
        TaskError: The task's own settings or its file are wrong.
    """
    options = settings.task.model_dump(exclude={"name"})
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
        verifiers: By name, in the order of the settings.
        evaluator: Draws the evaluation; the sampler itself, if that can sample a
            round's own adapter.
        truth: The verifier of the evaluation, whatever the round selects by.
    """

    task: Task
    model: Model
    sampler: Sampler
    evaluator: Sampler
    verifiers: Mapping[str, Guard]
    truth: Guard
    trainer: Trainer[Any]

    @classmethod
    def make(cls, settings: Settings) -> "Parts":
        """Load the model and make every part.

        Raises:
            SitoolError: A part cannot be made; says which setting to change.
        """
        from sitool.models.loading import load_model

        task = make_task(settings)
        model = load_model(settings)
        sampler = registry.load("sampler", settings.sampler.name)(model, settings)
        evaluator = sampler
        if evaluator_name(settings) != settings.sampler.name:
            evaluator = registry.load("sampler", evaluator_name(settings))(model, settings)
        trainer = registry.load("trainer", settings.trainer.name)
        limit = settings.verifier.time_limit_seconds
        guards = {name: Guard(verifier_spec(name, task), limit) for name in settings.verifier.names}
        return cls(
            task,
            model,
            sampler,
            evaluator,
            guards,
            guards.get("truth") or Guard(verifier_spec("truth", task), limit),
            trainer(model, settings.trainer),
        )

    @property
    def guards(self) -> list[Guard]:
        """Every verifier once."""
        return list({id(g): g for g in (*self.verifiers.values(), self.truth)}.values())

    def breathe_with(self, breathe: Callable[[], None]) -> None:
        """Let something be called several times a second while a part works.

        It may raise a `BaseException` to leave the work at once.
        """
        self.model.breathe_with(breathe)
        for guard in self.guards:
            guard.breathe = breathe

    def close(self) -> None:
        """End the verifiers' processes."""
        for guard in self.guards:
            guard.close()
