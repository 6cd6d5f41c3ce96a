"""Which levels a round's problems come from, and how that moves from round to round.

`rules.py` goes from settings and a small state to weights over levels, `schedules.py` has
the formulas of the rules that follow the clock, and `adaptive.py` the adaptive rule's choice of
a level. All are pure functions: drawing the problems is the loop's.
"""

from sitool.curriculum.rules import (
    CurriculumState,
    adaptive_mixture,
    allocate,
    describe,
    easier,
    harder,
    ladder,
    moved_by,
    next_mixture,
    scheduled_shares,
    span,
)

__all__ = [
    "CurriculumState",
    "adaptive_mixture",
    "allocate",
    "describe",
    "easier",
    "harder",
    "ladder",
    "moved_by",
    "next_mixture",
    "scheduled_shares",
    "span",
]
