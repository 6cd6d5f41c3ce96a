"""What to make of a level, and of a whole task: one sentence each."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sitool.config import CurriculumSettings

if TYPE_CHECKING:
    from sitool.validation.findings import Attempts, LevelCheck

BAND = CurriculumSettings()
"""Its `low` and `high` are the success between which the adaptive curriculum keeps a level."""


def of_level(check: "LevelCheck") -> str:
    """Say what to make of one level."""
    if check.soundness.faults:
        return f"mend this first: {check.soundness.faults[0]}"
    if check.attempts is None:
        return "sound; no base was asked"
    if check.attempts.sampled is None:
        return "no answer could be scored: see the examples"
    return _of_success(check.attempts, check.attempts.sampled.value)


def _of_success(found: "Attempts", success: float) -> str:
    """Say what a level's success is good for."""
    of = f"{found.passed} of {found.samples}"
    if found.passed == 0:
        unread = found.unparsed > found.samples / 2
        return f"{of}: no signal; " + (
            f"no answer could be read in {found.unparsed} of them, so look at the format first"
            if unread
            else "begin with an easier level, or take another base"
        )
    if success < BAND.low:
        return f"{of}: now and then right; worth more samples a problem, after easier levels"
    if success <= BAND.high:
        return f"{of}: right often enough to learn from; a level to begin with"
    if found.passed < found.samples:
        return f"{of}: mostly right; good to begin with, and little is left to learn"
    return f"{of}: nothing left to learn here; it needs a harder level"


def of_task(levels: "Sequence[LevelCheck]") -> str:
    """Say what to do next with the whole task."""
    faulty = [check.level for check in levels if not check.ok]
    if faulty:
        return f"Mend {numbers(faulty)} first."
    asked = [check for check in levels if check.attempts and check.attempts.sampled]
    if not asked:
        return "Sound; no base was asked whether it succeeds." if levels else "No level yet."
    signal = [check.level for check in asked if check.attempts and check.attempts.passed]
    open_ = [c.level for c in asked if c.attempts and c.attempts.passed < c.attempts.samples]
    if not signal:
        return "No level has a signal: add easier ones, or take another base."
    if not open_:
        return "The base solves all of it: add harder levels."
    return (
        f"The base succeeds sometimes at {numbers(signal)}: begin there, and let the curriculum"
        " move up."
    )


def numbers(levels: Sequence[int]) -> str:
    """Name levels, runs of them as from-to.

    >>> numbers([2]), numbers([1, 2, 3]), numbers([1, 3])
    ('level 2', 'levels 1 to 3', 'levels 1 and 3')
    """
    if len(levels) == 1:
        return f"level {levels[0]}"
    if len(levels) > 2 and list(levels) == list(range(levels[0], levels[-1] + 1)):
        return f"levels {levels[0]} to {levels[-1]}"
    words = [str(level) for level in levels]
    return f"levels {', '.join(words[:-1])} and {words[-1]}"
