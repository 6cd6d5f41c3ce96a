"""HTML in which every text is escaped and made visible, unless it is markup already.

Texts of models, people and files pass through here and nowhere else into the page:
signs that HTML reads are escaped, and control and bidirectional characters become
visible signs, as on every screen. What this leaves out: what the page says.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from html.parser import HTMLParser
from typing import Any

from sitool.visible import one_line

VOID = ("meta", "img", "br")
MOST_CHARACTERS = 6000
"""Of one text: a longer one is cut, and says by how much."""


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Child = str | int | None | Iterable["Child"]


def text(value: str) -> Markup:
    r"""Escape a text, on one line.

    >>> text("a<b\n")
    'a&lt;b⏎'
    """
    return Markup(escape(_cut(one_line(value)), quote=True))


def lines(value: str) -> Markup:
    r"""Escape a text and keep its line breaks, each with a sign.

    >>> lines("a\r\nb")
    'a␍⏎\nb'
    """
    shown = "⏎\n".join(one_line(line) for line in value.split("\n"))
    return Markup(escape(_cut(shown), quote=True))


def _cut(shown: str) -> str:
    over = len(shown) - MOST_CHARACTERS
    if over <= 0:
        return shown
    return f"{shown[:MOST_CHARACTERS]}… ({over:,} more characters)"


def join(children: Iterable[Child]) -> Markup:
    """Put children one after the other."""
    return Markup("".join(_piece(child) for child in children))


def _piece(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, Markup):
        return child
    if isinstance(child, str):
        return text(child)
    if isinstance(child, int):
        return f"{child:,}"
    return join(child)


def tag(name: str, /, *children: Child, **attributes: str | int | None) -> Markup:
    """Make an element; an attribute `class_` is `class`, one that is None is left out.

    >>> tag("p", "a < b", class_="x")
    '<p class="x">a &lt; b</p>'
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(one_line(str(value)))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in VOID:
        return Markup(f"<{name}{given}>")
    return Markup(f"<{name}{given}>{join(children)}</{name}>")


def table(
    heads: Sequence[Child],
    rows: Iterable[Sequence[Child]],
    *,
    numbers_from: int = 1,
    caption: str = "",
) -> Markup:
    """Make a table that scrolls by itself if it is too wide.

    Args:
        numbers_from: The first column that is aligned to the right.
    """

    def cells(kind: str, row: Sequence[Child]) -> Iterable[Markup]:
        for place, child in enumerate(row):
            yield tag(kind, child, class_="number" if place >= numbers_from else None)

    body = [tag("tr", cells("td", row)) for row in rows]
    head = tag("thead", tag("tr", cells("th", heads)))
    title = tag("caption", caption) if caption else None
    return tag("div", tag("table", title, head, tag("tbody", body)), class_="wide")


def bullets(items: Iterable[Child]) -> Markup:
    """Make a list."""
    return tag("ul", [tag("li", item) for item in items])


def folded(title: str, *children: Child) -> Markup:
    """Make a part that opens on a click."""
    return tag("details", tag("summary", title), *children)


def section(name: str, title: str, *children: Child) -> Markup:
    """Make a part of the page with a heading that can be linked to."""
    return tag("section", tag("h2", title), *children, id=name)


def data(name: str, value: Mapping[str, Any]) -> Markup:
    """Make a block of JSON that a script of the page reads; no text in it can end the block."""
    body = json.dumps(_visible(value), separators=(",", ":"), ensure_ascii=True)
    body = body.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return Markup(f'<script type="application/json" id="{text(name)}">{body}</script>')


def _visible(value: Any) -> Any:
    if isinstance(value, str):
        return one_line(value)
    if isinstance(value, Mapping):
        return {one_line(str(key)): _visible(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_visible(inner) for inner in value]
    return value


class _Words(HTMLParser):
    """Collects the words of a page, a line for each row or paragraph."""

    def __init__(self) -> None:
        super().__init__()
        self.words = ""

    def handle_data(self, data: str) -> None:
        self.words += data

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self.words += "  "
        elif tag in ("tr", "p", "h1", "h2", "h3", "li", "div", "caption"):
            self.words = self.words.rstrip(" ") + "\n" * (not self.words.endswith("\n"))


def plain(page: Markup) -> str:
    r"""Return the words of a page, for where no HTML is shown.

    >>> plain(tag("div", tag("p", "a < b"), table(("x", "y"), [("1", "2")])))
    'a < b\nx  y\n1  2'
    """
    parser = _Words()
    parser.feed(page)
    return parser.words.strip()
