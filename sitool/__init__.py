"""sitool: drive the self-improvement of a small language model, round by round.

    import sitool

    study = sitool.create("my-study", preset="path")
    study.run(rounds=5)
    study.round(3).samples(accepted=True, level=5)
    study.curriculum.harder()

Importing this loads next to nothing: what is named is loaded then, and no model with it. So
a process that only scores a person's own task is there in a tenth of a second.
"""

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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

_HOMES = {
    "client": ("Curriculum", "Study", "create"),
    "config": ("Settings",),
    "errors": ("SitoolError",),
    "own": ("OwnTask", "task"),
    "records": (
        "Action", "Completion", "Decision", "Outcome", "Phase", "Problem", "Sample", "Score",
    ),
    "shelf": ("open",),
    "study.queries": ("SampleQuery",),
    "study.rounds": ("RoundView",),
}  # fmt: skip


def __getattr__(name: str) -> ModuleType:
    """Load a name of `__all__`, or a part such as `sitool.widgets`, when it is asked for."""
    for home, names in _HOMES.items():
        if name in names:
            own_name = "open_any" if name == "open" else name
            globals()[name] = found = getattr(import_module(f"sitool.{home}"), own_name)
            return found  # type: ignore[no-any-return]
    if not name.startswith("_") and find_spec(f"sitool.{name}") is not None:
        return import_module(f"sitool.{name}")
    raise AttributeError(f"module 'sitool' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
