"""The pages of the bounds: what each says in plain words, on what it rests, and what to try."""

from dataclasses import replace
from typing import ClassVar

from rich.console import Group
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from sitool.errors import SitoolError
from sitool.front.pages import PAGES, bounds_of, value_words
from sitool.front.workbench import Knobs
from sitool.tui.dialogs import Reading
from sitool.tui.footer import KeyFooter


class PagesScreen(Reading[Knobs | None]):
    """One page at a time; it answers with the knobs to try, or with nothing.

    Args:
        knobs: At which the bounds are computed.
        page: The place of the first page to show.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,b,a", "dismiss(None)", "Close"),
        Binding("left,p", "page(-1)", "Page before", key_display="←"),
        Binding("right,n", "page(1)", "Next page", key_display="→"),
        Binding("enter", "try_this", "Try this", key_display="⏎"),
    ]

    def __init__(self, knobs: Knobs, page: int = 0) -> None:
        super().__init__()
        self._knobs, self.page = knobs, page

    def compose(self) -> ComposeResult:
        """Hold the page."""
        with VerticalScroll():
            yield Static(id="page")
        yield KeyFooter(show_command_palette=False)

    def on_mount(self) -> None:
        """Show the first one."""
        self._show()

    def _show(self) -> None:
        self.query_one("#page", Static).update(page_words(self.page, self._knobs))
        self.query_one(VerticalScroll).scroll_home(animate=False)

    def action_page(self, places: int) -> None:
        """Turn pages."""
        self.page = (self.page + places) % len(PAGES)
        self._show()

    def action_try_this(self) -> None:
        """Answer with what the page says to try."""
        self.dismiss(PAGES[self.page].turn(replace(self._knobs)))


def page_words(place: int, knobs: Knobs) -> Group:
    """Lay out a page at some knobs."""
    page = PAGES[place]
    parts = [
        Text(f"{page.title}   {place + 1} of {len(PAGES)}", style="bold underline"),
        Text(page.words),
        Text(),
    ]
    try:
        bounds = bounds_of(page, knobs)
    except SitoolError as error:
        return Group(*parts, Text(error.message))
    for place_of_bound, bound in enumerate(bounds):
        parts.append(Text.assemble((bound.name, "bold"), f" = {value_words(bound)}"))
        following = bounds[place_of_bound + 1 : place_of_bound + 2]
        if not following or following[0].formula != bound.formula:  # one formula, said once
            parts.append(Text(f"  {bound.formula}"))
    said = dict.fromkeys((bound.assumptions, bound.source) for bound in bounds)
    parts.append(Text())
    for assumptions, source in said:
        mine = f"{source}, no theorem of a paper" if source == "sitool bound" else source
        parts.append(Text.assemble(("Assumes: ", "bold"), assumptions, f" ({mine})"))
    parts += [Text(), Text.assemble(("Enter, try this: ", "bold"), page.suggestion)]
    return Group(*parts)
