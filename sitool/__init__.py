"""sitool: drive the self-improvement of a small language model, round by round.

    import sitool

    study = sitool.create("my-study", preset="path")
    study.run(rounds=5)
    study.round(3).samples(accepted=True, level=5)
    study.curriculum.harder()

Importing this loads neither torch nor any model.
"""

from importlib import import_module
from types import ModuleType

from sitool.client import Curriculum, Study, create
from sitool.config import Settings
from sitool.errors import SitoolError
from sitool.own import OwnTask, task
from sitool.records import Action, Completion, Decision, Outcome, Phase, Problem, Sample, Score
from sitool.shelf import open_any as open  # noqa: A004 - reads as sitool.open(...)
from sitool.study.queries import SampleQuery
from sitool.study.rounds import RoundView

__version__ = "0.1.0"

__all__ = [
    "Action",
    "Completion",
    "Curriculum",
    "Decision",
    "Outcome",
    "OwnTask",
    "Phase",
    "Problem",
    "RoundView",
    "Sample",
    "SampleQuery",
    "Score",
    "Settings",
    "SitoolError",
    "Study",
    "create",
    "open",
    "task",
]

_LATE = ("charts", "lab", "widgets")


def __getattr__(name: str) -> ModuleType:
    """Load a part that only some sessions need, such as `sitool.widgets`, when it is named."""
    if name in _LATE:
        return import_module(f"sitool.{name}")
    raise AttributeError(f"module 'sitool' has no attribute {name!r}")
