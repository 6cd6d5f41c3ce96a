"""Which problems are drawn: new ones, from seeds, on the right side of the split.

Training draws only problems that are not held out and evaluation only those
that are, so the two can never meet, whatever the seeds.
"""

from collections.abc import Sequence

from sitool.config import Settings
from sitool.errors import TaskError
from sitool.records import Problem
from sitool.seeds import generator
from sitool.tasks.base import Task, draw_problem

TRIES_FOR_A_NEW_PROBLEM = 20


def draw_level(
    task: Task,
    level: int,
    count: int,
    path: Sequence[int | str],
    *,
    held_out: bool,
    repeat: bool,
) -> list[Problem]:
    """Draw problems of one level from a seed path, each only once while there are new ones.

    Args:
        repeat: Fill up with problems met before when the level has no more new
            ones; otherwise return fewer.
    """
    drawn: list[Problem] = []
    met: set[str] = set()
    for position in range(count):
        for attempt in range(TRIES_FOR_A_NEW_PROBLEM):
            rng = generator(*path, position, attempt)
            problem = draw_problem(task, level, rng, held_out=held_out)
            if problem.key not in met:
                break
        if problem.key not in met or repeat:
            drawn.append(problem)
        met.add(problem.key)
    return drawn


def evaluation_problems(task: Task, settings: Settings, count: int) -> list[Problem]:
    """Draw held-out problems of each level: the same in every round of the study, by their seeds.

    Raises:
        TaskError: No level has any.
    """
    highest = settings.evaluation.highest or task.levels[-1]
    problems: list[Problem] = []
    for level in range(task.levels[0], min(highest, task.levels[-1]) + 1):
        path = (settings.seed, "evaluation", level)
        try:
            problems += draw_level(task, level, count, path, held_out=True, repeat=False)
        except TaskError:
            continue  # A level of a data file may have no held-out row at all.
    if not problems:
        raise TaskError(
            f"The task {task.name!r} has no held-out problem at levels 1 to {highest}.",
            "try: more problems, or task.evaluation_path",
        )
    return problems
