"""A rectangle of terminal cells to draw on, each two dots wide and four dots high.

Holds dots (braille), signs over and under them, and which style each cell has.
Everything is an array, so that a whole chart is put together in a few
milliseconds. What this leaves out: what the dots mean (`drawing.py`).
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

Dots = NDArray[np.bool_]

BRAILLE = 0x2800
BITS = np.array([[1, 8], [2, 16], [4, 32], [64, 128]], np.uint32)
"""What each dot of a cell adds to the code of its sign."""
SPACE = ord(" ")
EIGHTHS = " ▁▂▃▄▅▆▇█"


class Raster:
    """A rectangle of cells.

    Attributes:
        dots: Which dots are set; shape (4 * height, 2 * width).
    """

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = max(width, 1), max(height, 1)
        cells = (self.height, self.width)
        self.dots: Dots = np.zeros((4 * self.height, 2 * self.width), np.bool_)
        self._dot_styles = np.zeros(cells, np.intp)
        self._over = np.zeros(cells, np.uint32)
        self._under = np.full(cells, SPACE, np.uint32)
        self._over_styles = np.zeros(cells, np.intp)
        self._under_styles = np.zeros(cells, np.intp)

    def put(self, dots: Dots, style: int, *, behind: bool = False) -> None:
        """Set dots; a cell has one style, the last one's, or the first one's if `behind`."""
        touched = _cells_with(dots)
        if behind:
            touched &= ~_cells_with(self.dots)
        self.dots |= dots
        self._dot_styles[touched] = style

    def write(self, row: int, column: int, text: str, style: int) -> None:
        """Write text over everything; what does not fit is cut off."""
        self._write(self._over, self._over_styles, row, column, text, style)

    def write_under(self, row: int, column: int, text: str, style: int) -> None:
        """Write text that shows where nothing else is."""
        self._write(self._under, self._under_styles, row, column, text, style)

    def _write(
        self,
        signs: NDArray[np.uint32],
        styles: NDArray[np.intp],
        row: int,
        column: int,
        text: str,
        style: int,
    ) -> None:
        text = text[max(-column, 0) : max(self.width - column, 0)]
        column = max(column, 0)
        if text and 0 <= row < self.height:
            signs[row, column : column + len(text)] = [ord(sign) for sign in text]
            styles[row, column : column + len(text)] = style

    def bar(
        self, left: int, width: int, bottom: int, eighths: int, style: int, sign: str = "█"
    ) -> None:
        """Draw an upright bar from the lower edge of a row, its height in eighths of a cell.

        Args:
            sign: Fills the cells that are full.
        """
        full, rest = divmod(max(eighths, 0), 8)
        for row in range(full):
            self.write(bottom - row, left, sign * width, style)
        if rest:
            self.write(bottom - full, left, EIGHTHS[rest] * width, style)

    def _cells(self) -> tuple[NDArray[np.uint32], NDArray[np.intp]]:
        """Return each cell's sign and style: over all, the dots, what is under them."""
        bits = np.zeros((self.height, self.width), np.uint32)
        for (row, column), value in np.ndenumerate(BITS):
            bits += self.dots[row::4, column::2] * value
        signs = np.where(bits > 0, bits + BRAILLE, self._under)
        styles = np.where(bits > 0, self._dot_styles, self._under_styles)
        over = self._over > 0
        return (
            np.where(over, self._over, signs).astype("<u4"),
            np.where(over, self._over_styles, styles),
        )

    def lines(self) -> list[str]:
        """Return the cells as text, a line for each row."""
        signs, _ = self._cells()
        return [_text(row) for row in signs]

    def strips(self, styles: Sequence[Style]) -> list[Strip]:
        """Return the cells for Textual, each in its style."""
        signs, chosen = self._cells()
        return [
            Strip(_segments(_text(row), kinds, styles), self.width)
            for row, kinds in zip(signs, chosen, strict=True)
        ]


def _cells_with(dots: Dots) -> Dots:
    """Return which cells have a dot."""
    rows = dots[0::4] | dots[1::4] | dots[2::4] | dots[3::4]
    return np.asarray(rows[:, 0::2] | rows[:, 1::2])


def _text(signs: NDArray[np.uint32]) -> str:
    return str(np.ascontiguousarray(signs).view(f"<U{len(signs)}")[0])


def _segments(text: str, kinds: NDArray[np.intp], styles: Sequence[Style]) -> list[Segment]:
    """Cut a row where its style changes."""
    cuts = [0, *(int(i) + 1 for i in np.flatnonzero(np.diff(kinds))), len(text)]
    return [Segment(text[start:end], styles[int(kinds[start])]) for start, end in pairwise(cuts)]
