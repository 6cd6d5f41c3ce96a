"""Help that teaches: what the panels of a screen show, in plain words, and their keys."""

from collections.abc import Iterable
from typing import Any, ClassVar

from rich.console import Group
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from sitool.tui.dialogs import Reading
from sitool.tui.footer import KeyFooter

INTRODUCTION = """\
A study improves a model on its own answers. Each round draws problems, lets the model answer each
of them several times, keeps the answers that a verifier passes, fine-tunes an adapter on those, and
measures the result on problems that training never sees. You step rounds, look at what was kept
and why, overrule it, make the problems easier or harder, go back, and fork.
"""

SOURCES = """\
Filtering by a verifier and maximising the likelihood of what is left, with easy problems first:
arXiv 2602.10014. What a model gains by judging its own answers (generation-verification gap):
arXiv 2412.02674. Making likely answers likelier without a verifier (sharpening): arXiv 2412.01951.
Intervals are Wilson's for one accuracy, a paired bootstrap for a difference; pass@k is the unbiased
estimate 1 - C(n-c, k) / C(n, k) of n samples of which c pass (arXiv 2107.03374).
"""


class HelpScreen(Reading[None]):
    """Explains what is on the screen below.

    Args:
        widgets: The panels that are shown there; each tells of itself in `help_text`.
        keys: The keys that work there: (key, what it does).
    """

    BINDINGS: ClassVar = [Binding("escape,question_mark,q", "dismiss", "Close")]

    def __init__(self, widgets: Iterable[Widget], keys: Iterable[tuple[str, str]]) -> None:
        super().__init__()
        self._parts = [
            (str(widget.border_title or type(widget).BORDER_TITLE or ""), help_text)
            for widget in widgets
            if (help_text := getattr(widget, "help_text", ""))
        ]
        self._keys = list(keys)

    def compose(self) -> ComposeResult:
        """Lay out the introduction, the keys, the panels and the sources."""
        with VerticalScroll():
            yield Static(self._content())
        yield KeyFooter()

    def _content(self) -> Group:
        keys = Table.grid(padding=(0, 2))
        for key, what in self._keys:
            keys.add_row(Text(key, style="bold"), what)
        parts: list[Text | Table] = [Text(_flowing(INTRODUCTION)), Text()]
        if self._keys:
            parts += [Text("Keys", style="bold underline"), keys, Text()]
        for title, text in self._parts:
            parts += [Text(title or "Also", style="bold underline"), Text(text), Text()]
        parts += [Text("Where it comes from", style="bold underline"), Text(_flowing(SOURCES))]
        return Group(*parts)


def show_help(screen: Screen[Any]) -> None:
    """Explain a screen: what it is for, its panels, and the keys that work there now."""
    keys = [
        (screen.app.get_key_display(active.binding), active.binding.description)
        for active in screen.active_bindings.values()
        if active.binding.key in _own_keys(active.node)
    ]
    screen.app.push_screen(HelpScreen([screen, *screen.query("*")], dict.fromkeys(keys)))


def _own_keys(node: object) -> set[str]:
    """Return the keys that our own classes bind: those of the toolkit say nothing here."""
    ours = [cls for cls in type(node).__mro__ if cls.__module__.startswith("sitool.tui")]
    bindings = [b for cls in ours for b in cls.__dict__.get("BINDINGS", ())]
    described = [b for b in bindings if isinstance(b, Binding) and b.description]
    return {key.strip() for b in described for key in b.key.split(",")}


def _flowing(text: str) -> str:
    """Undo the line breaks of the source, so that it fits any width."""
    return " ".join(text.split())
