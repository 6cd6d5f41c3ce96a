"""The adaptive curriculum's choice of a level, for one study or for thousands at once.

One implementation serves the loop, which has one study, and the laboratory, which
has many simulated runs: a row is a run, and a column a place on the ladder of
levels, easiest first. What this leaves out: how the round is then shared between
the active level and its neighbours (`rules.py`).
"""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from sitool.config import CurriculumSettings

Floats = NDArray[np.float64]
Places = NDArray[np.int64]
Mask = NDArray[np.bool_]

Entry = TypeVar("Entry", bound=np.generic)

NOWHERE = -1
"""The place of a level that there is not."""


def next_places(settings: CurriculumSettings, success: Floats, active: Places) -> Places:
    """Choose the place on the ladder that each run works on next (sitool's own rule).

    1. Nothing measured: the active place stays; without one, the easiest.
    2. An active place inside [low, high] stays, whatever the others do: this
       is the hysteresis, so noise inside the band moves nothing.
    3. Above the band it is left for a harder level (`promoted`), below it for
       an easier one (`demoted`).
    4. Without an active place, or when it was not measured: the hardest level
       in the band; with none there, as if the easiest one had been active.

    Levels that are not measured are never chosen while others are: nothing
    could tell when to leave them.

    Args:
        success: By run and place, [R, K]; NaN where it was not measured.
        active: The place that each run works on, [R]; NOWHERE before it chose.

    Returns:
        A place for each run, [R].
    """
    known = ~np.isnan(success)
    inside = known & _in_band(settings, success)
    lost = (active == NOWHERE) | ~_at(known, active)
    frontier = _last(inside)
    here = np.where(lost, _first(known), active)
    value = _at(success, here)
    chosen = np.where(value > settings.high, promoted(settings, success, known, here), here)
    chosen = np.where(value < settings.low, demoted(settings, success, known, here), chosen)
    chosen = np.where(lost & (frontier != NOWHERE), frontier, chosen)
    return np.where(known.any(axis=1), chosen, np.maximum(active, 0))


def promoted(settings: CurriculumSettings, success: Floats, known: Mask, active: Places) -> Places:
    """Choose a place for an active one that lies above the band.

    The hardest of the harder levels that is in the band. With none there, the
    step after the levels above the band, unless it teaches clearly less than
    the last of them (a step too high would only be left again); with no step
    after them, the hardest.
    """
    places = np.arange(success.shape[1])
    beyond = known & (places > active[:, None])
    inside = _last(beyond & _in_band(settings, success))
    step = _first(beyond & (success < settings.low))
    passed = beyond & ((step == NOWHERE)[:, None] | (places < step[:, None]))
    last = np.maximum(_last(passed), active)
    enough = teaching_values(_at(success, step)) + 0.05 >= teaching_values(_at(success, last))
    frontier = np.where((step != NOWHERE) & enough, step, last)
    return np.where(inside != NOWHERE, inside, frontier)


def demoted(settings: CurriculumSettings, success: Floats, known: Mask, active: Places) -> Places:
    """Choose a place for an active one that lies below the band.

    The nearest easier level that is not below the band, if it is inside. One
    above the band is already passed: it, or the step after it, is taken up again
    only if it teaches more than twice as much and clearly so. The distance between this rule and
    that of `promoted` is there for noise: with 256 samples a level, two levels
    around the band change places at most once or twice in 40 rounds. If all
    easier levels are below the band too, the easiest.
    """
    places = np.arange(success.shape[1])
    easier = known & (places < active[:, None])
    nearest = _last(easier & (success >= settings.low))
    value = _at(success, nearest)
    much_more = 2 * teaching_values(_at(success, active)) + 0.15
    again = promoted(settings, success, easier, nearest)
    passed = np.where(teaching_values(value) <= much_more, active, again)
    found = np.where(value > settings.high, passed, nearest)
    return np.where(nearest == NOWHERE, _first(known), found)


def teaching_values(success: Floats) -> Floats:
    """Return s ln(1/s): how fast a round on a level of success s improves the model.

    A level of L steps of one skill p succeeds with s = p**L. Accepted samples
    come in proportion to s, and each bears on all L = ln s / ln p steps, so to
    first order the gain is proportional to s ln(1/s). It is largest at
    s = 1/e, about .37, which is why the target band lies around it.

    Source: sitool's own bound for levels that share a skill.

    >>> teaching_values(np.array([0.0, 1 / np.e, 1.0])).round(3).tolist()
    [0.0, 0.368, 0.0]
    """
    some = (success > 0) & (success < 1)
    return np.where(some, -success * np.log(np.where(some, success, 1.0)), 0.0)


def _in_band(settings: CurriculumSettings, success: Floats) -> Mask:
    return np.asarray((success >= settings.low) & (success <= settings.high))


def _at(table: NDArray[Entry], places: Places) -> NDArray[Entry]:
    """Return each run's entry at its place; of NOWHERE that of the last, which nobody then uses."""
    return table[np.arange(len(table)), places]


def _first(mask: Mask) -> Places:
    return np.where(mask.any(axis=1), mask.argmax(axis=1), NOWHERE)


def _last(mask: Mask) -> Places:
    return np.where(mask.any(axis=1), mask.shape[1] - 1 - mask[:, ::-1].argmax(axis=1), NOWHERE)
