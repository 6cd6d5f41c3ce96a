"""What may not reach a terminal, whoever wrote it and however it came onto the screen.

Texts of models are made visible where they are drawn (`sitool.visible`), so that a
reader sees what is in them. This is the last line behind that: file names, notes and
whatever else is drawn without a thought. It changes nothing that takes up room.
"""

import re

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

ACTS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Control characters, and marks that turn the direction of writing."""


class Sieve(LineFilter):
    """Takes out of every line what a terminal would act on."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments without it; the usual ones as they are."""
        if not any(ACTS.search(text) for text, _, control in segments if not control):
            return segments
        return [
            segment if segment.control else Segment(ACTS.sub("", segment.text), segment.style)
            for segment in segments
        ]
