"""Pictures of screens as text files: what stands where, and how it looks.

An SVG of a screen of 120x40 takes 100 to 200 kB and draws every word by its place in
pixels, so that a difference can be seen but not read. A picture here is three blocks of
lines: the characters; the styles, each named by a letter; and which style holds for how
many cells of which row. It holds all that an SVG shows in a twentieth of the room, and
a difference between two of them says which row and which colour. That the export as SVG
works is tested beside it.

`SITOOL_UPDATE_SNAPSHOTS=1` writes the pictures anew instead of comparing them.
"""

import difflib
import io
import os
import string
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.cells import cell_len
from rich.color import Color
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual.app import App

SNAPSHOTS = Path(__file__).parent / "snapshots"
UPDATE = "SITOOL_UPDATE_SNAPSHOTS"
NAMES = string.ascii_letters + string.digits
RULE = "-" * 40
SHOWN_LINES = 40


def picture_of(app: App[Any]) -> str:
    """Return the screen as text: characters, styles, and where each style holds."""
    rows = rows_of(app)
    names: dict[str, str] = {}
    runs = []
    for number, row in enumerate(rows):
        parts = []
        for style, segments in groupby(row, key=lambda s: _words(s.style)):
            name = names.setdefault(style, NAMES[len(names)])
            parts.append(f"{name}{sum(cell_len(s.text) for s in segments)}")
        runs.append(f"{number:2} {' '.join(parts)}")
    text = ["".join(segment.text for segment in row).rstrip() for row in rows]
    styles = [f"{name} {style}" for style, name in names.items()]
    return "\n".join([*text, RULE, *styles, RULE, *runs, ""])


def rows_of(app: App[Any]) -> list[list[Segment]]:
    """Draw the whole screen afresh, as `App.export_screenshot` does."""
    width, height = app.size
    console = Console(
        width=width, height=height, file=io.StringIO(), force_terminal=True,
        color_system="truecolor", legacy_windows=False,
    )  # fmt: skip
    update = app.screen._compositor.render_update(
        full=True, screen_stack=app._background_screens, simplify=True
    )
    assert update is not None
    shown = Segment.split_lines(s for s in console.render(update) if not s.control)
    return [[segment for segment in row if segment.text] for row in shown][:height]


def _words(style: Style | None) -> str:
    style = style or Style.null()
    looks = ("bold", "dim", "italic", "underline", "reverse", "strike", "blink")
    marks = [look for look in looks if getattr(style, look)]
    return " ".join([_hex(style.color), "on", _hex(style.bgcolor), *marks])


def _hex(color: Color | None) -> str:
    return "default" if color is None else color.get_truecolor().hex


def check(app: App[Any], name: str, aside: Path, masked: Mapping[str, str]) -> None:
    """Compare the screen with its picture; on a difference write it beside, to look at.

    Args:
        name: Of the screen; its picture is `snapshots/NAME.txt`.
        aside: Where the new picture and its SVG go if they differ.
        masked: What is another at every time, such as a folder, and what to write for it.
    """
    kept, drawn = SNAPSHOTS / f"{name}.txt", picture_of(app)
    for word, mask in masked.items():
        assert len(word) == len(mask), "what is masked must not move what stands beside it"
        drawn = drawn.replace(word, mask)
    if os.environ.get(UPDATE):
        SNAPSHOTS.mkdir(exist_ok=True)
        kept.write_text(drawn, encoding="utf-8")
        return
    before = kept.read_text(encoding="utf-8") if kept.exists() else ""
    if drawn == before:
        return
    new = aside / kept.name
    new.write_text(drawn, encoding="utf-8")
    new.with_suffix(".svg").write_text(app.export_screenshot(), encoding="utf-8")
    changes = difflib.unified_diff(before.splitlines(), drawn.splitlines(), lineterm="", n=0)
    lines = [line for line in changes if not line.startswith(("---", "+++", "@@"))]
    raise AssertionError(
        f"The screen {name} is not as in {kept}: {len(lines)} lines differ.\n"
        f"The new one is {new}, as a picture {new.with_suffix('.svg')}.\n"
        f"If it is right: {UPDATE}=1 pytest tests/tui/test_screens.py\n"
        + "\n".join(lines[:SHOWN_LINES])
    )
