"""What the next round of a study starts from: its problems and what came before."""

from collections.abc import Mapping
from dataclasses import dataclass

from sitool.config import Settings
from sitool.curriculum import rules as curriculum
from sitool.planning.past import Past, past_rounds
from sitool.store import Store
from sitool.tasks.base import Task


@dataclass(frozen=True, slots=True)
class Situation:
    """What an estimate is made from, beside the settings.

    Attributes:
        problems: By level, that the round draws; empty in the one that measures the base.
        past: Earlier rounds alike, the newest first.
        engine: Process whose memory counts as free, since it does the round.
    """

    task: Task
    problems: Mapping[int, int]
    past: tuple[Past, ...] = ()
    engine: int | None = None


def of_new_study(settings: Settings, task: Task) -> Situation:
    """Return the situation of a study that is yet to be made: its first round that draws.

    Raises:
        StudyError: The curriculum's bounds leave no level of the task.
    """
    state = curriculum.CurriculumState()
    weights, _ = curriculum.next_mixture(settings.curriculum, task.levels, 0, {}, state)
    return Situation(task, curriculum.allocate(weights, settings.draw.problems))


def of_round(
    store: Store,
    parent: int | None,
    settings: Settings,
    task: Task,
    problems: Mapping[int, int],
    engine: int | None,
) -> Situation:
    """Return the situation of a round that starts from a parent."""
    return Situation(task, problems, tuple(past_rounds(store, parent, settings)), engine)
