"""sitool: drive the self-improvement of a small language model, round by round.

    import sitool

    study = sitool.create("my-study", preset="path")
    study.run(rounds=5)
    study.round(3).samples(accepted=True, level=5)
    study.curriculum.harder()

Importing this loads neither torch nor any model.
"""

from sitool.client import Curriculum, Study, create
from sitool.client import open_study as open  # noqa: A004 - reads as sitool.open(...)
from sitool.config import Settings
from sitool.errors import SitoolError
from sitool.own import OwnTask, task
from sitool.records import Action, Completion, Decision, Outcome, Phase, Problem, Sample, Score
from sitool.views import RoundView

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
    "Score",
    "Settings",
    "SitoolError",
    "Study",
    "create",
    "open",
    "task",
]
