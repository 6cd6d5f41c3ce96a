"""Is a task of one's own sound, and does a base succeed at it sometimes? Level by level.

`soundness.py` looks at the task alone, `attempts.py` lets the base answer, `advice.py`
makes a sentence of both, `display.py` draws them, and `questions.py` asks for all of it
in a process of its own. What this leaves out: making the task (`own.py`).
"""

from sitool.validation.display import live_display
from sitool.validation.findings import Attempts, Example, LevelCheck, Soundness, TaskReport
from sitool.validation.questions import Questions

__all__ = [
    "Attempts", "Example", "LevelCheck", "Questions", "Soundness", "TaskReport", "live_display",
]  # fmt: skip
