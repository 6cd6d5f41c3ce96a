"""The laboratory under knobs: which there are, what a study sets them to, what a scene says."""

from collections.abc import Mapping, Sequence

from sitool.client import Study
from sitool.config import Settings
from sitool.errors import SitoolError
from sitool.front.workbench import Knobs, Scene, make_scene, reading
from sitool.lab import CURRICULA, MODELS
from sitool.overlay import Overlay
from sitool.theory import reading_of_coverage, reading_of_fit

CHANCES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5)
BUDGETS = (4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
KNOBS: Mapping[str, tuple[str, Sequence[float | str]]] = {
    "initial": ("skill at the start", tuple(step / 100 for step in range(5, 100))),
    "spread": ("steps, hardest level", (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)),
    "prompts": ("prompts a round, n", BUDGETS),
    "rule": ("schedule", CURRICULA),
    "false_accepts": ("wrong, but accepted", CHANCES),
    "false_rejects": ("right, but rejected", CHANCES),
    "learner": ("learner", MODELS),
}
"""What may be turned: name -> its words, and the values to choose from, in order."""

Loaded = tuple[Overlay, Settings] | SitoolError


def caught_scene(knobs: Knobs) -> Scene | SitoolError:
    """Make a scene, or return why there is none."""
    try:
        return make_scene(knobs)
    except SitoolError as error:
        return error


def load(study: Study, tip: int | None) -> Loaded:
    """Lay the theory over a study's branch, or return why not."""
    try:
        return study.theory(tip), study.settings
    except SitoolError as error:
        return error


def own_study(scene: Scene | None, found: Overlay | None) -> Overlay | None:
    """Return the study to draw over a scene, as long as the levels are still its own."""
    return found if scene is not None and scene.knobs.own_lengths else None


def words_on(scene: Scene, kind: str, level: int, found: Overlay | None) -> str:
    """Say what a scene comes to, and how a study's own rounds fit it."""
    if found is not None and kind == "next":
        fit = reading_of_fit(found.rounds[-1], found.lens.model)
        return f"{fit}\n{reading_of_coverage(found)}"
    words = reading(scene, level)
    own = own_study(scene, found)
    if own is not None:
        words += "\n" + reading_of_fit(own.rounds[0], own.lens.model)
    return words
