"""Pieces of a page that need no style sheet: for a notebook, and for what a code host keeps of it.

Every style is at its element, and colours are the page's own or half transparent, so that
all is readable on light and on dark. What this leaves out: what is said.
"""

import base64
from collections.abc import Iterable, Sequence

from sitool.errors import MissingDependencyError
from sitool.html.markup import Child, Markup, tag
from sitool.vega import Drawable, svg_of

LINE = "1px solid rgba(128,128,128,.35)"
BLUE, ORANGE, GREY = "#3a8dc4", "rgba(230,159,0,.8)", "rgba(128,128,128,.7)"
"""Told apart by colour-blind eyes, on light and on dark; words beside them say the same."""
FAINT = "opacity:.75"
TEXT = "margin:3px 0;line-height:1.4;white-space:pre-wrap"
"""Wide spaces between parts of a line stay wide."""
CELL = "padding:1px 8px 1px 0;border:none;white-space:nowrap;background:none"


def sheet(
    heads: Sequence[Child], rows: Iterable[Sequence[Child]], *, numbers_from: int = 1
) -> Markup:
    """Make a table.

    Args:
        numbers_from: The first column that is aligned to the right.
    """

    def cells(kind: str, row: Sequence[Child]) -> Iterable[Markup]:
        for place, child in enumerate(row):
            side = "right" if place >= numbers_from else "left"
            yield tag(kind, child, style=f"{CELL};text-align:{side}")

    body = [tag("tr", cells("td", row), style="background:none") for row in rows]
    head = tag("tr", cells("th", heads), style=f"border-bottom:{LINE}") if heads else None
    style = "border-collapse:collapse;border:none;margin:2px 0;font-size:inherit;line-height:1.5"
    table = tag("table", tag("thead", head) if heads else None, tag("tbody", body), style=style)
    return tag("div", table, style="overflow-x:auto")


def paragraph(*children: Child) -> Markup:
    """Make a paragraph close to its neighbours."""
    return tag("p", *children, style=TEXT)


def lead(words: str, *children: Child) -> Markup:
    """Make a paragraph that begins with strong words."""
    return paragraph(tag("b", words), *children)


def faint(*children: Child) -> Markup:
    """Make a paragraph that stands back."""
    return tag("p", *children, style=f"{TEXT};{FAINT}")


def fitted(*children: Child) -> Markup:
    """Make a part as wide as its place: however long it is a line wraps, and a table scrolls."""
    return tag("div", *children, style="contain:inline-size")


def bar(share: float, words: str, colour: str = BLUE) -> Markup:
    """Draw a share as a bar; `words` are read aloud in its place."""
    inner = tag("span", style=f"display:block;height:100%;background:{colour};"
                              f"width:{100 * min(max(share, 0.0), 1.0):.1f}%")  # fmt: skip
    outer = "display:inline-block;width:64px;height:9px;border:1px solid rgba(128,128,128,.35)"
    return tag("span", inner, style=outer, role="img", aria_label=words, title=words)


def parts(shares: Sequence[tuple[float, str, str]]) -> Markup:
    """Draw shares that belong together as one bar: share, colour, words."""
    inner = [
        tag("span", title=words,
            style=f"display:inline-block;height:100%;background:{colour};width:{100 * share:.2f}%")
        for share, colour, words in shares
    ]  # fmt: skip
    words = ", ".join(words for _, _, words in shares)
    style = (
        f"display:block;height:12px;max-width:300px;white-space:nowrap;border:{LINE};font-size:0"
    )
    return tag("span", inner, style=style, role="img", aria_label=words)


def drawing(plot: Drawable) -> Markup:
    """Draw a plot as a picture; where there is nothing to draw, say why."""
    if plot.empty:
        return faint(plot.empty)
    try:
        return image(svg_of(plot), plot.title)
    except MissingDependencyError as error:
        return faint(f"{error.message} {error.hint}")


def image(svg: str, words: str) -> Markup:
    """Put a picture on the page, on a light ground; `words` are read aloud in its place."""
    source = f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"
    style = "max-width:100%;height:auto;background:white;padding:4px;border-radius:3px"
    return tag("img", src=source, alt=words, style=style)
