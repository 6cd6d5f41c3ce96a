"""The table of samples itself: draws the rows that are in sight and moves a cursor.

Reads a page of lines by their ids when it comes into sight, and keeps a few pages.
What it leaves out: which samples there are (`sample_list.py`) and what is done with them.
"""

from collections import OrderedDict
from typing import ClassVar

from rich.cells import set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from sitool.errors import SitoolError
from sitool.front.listing import Listing
from sitool.store import SampleFilter, SampleLine, Store
from sitool.study.sample_columns import GAP, Place, lay_out
from sitool.tui.sizes import on_new_size

PAGE = 64
PAGES = 16
STRIPS = 512
HEADER = 1
POINTER = "›"


class SampleTable(ScrollView, can_focus=True):
    """Samples, one in a line, under a line of headings.

    Attributes:
        row: Of the cursor, from 0.
    """

    BINDINGS: ClassVar = [
        Binding("up", "move(-1)", "Up", show=False),
        Binding("down", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home", "row(0)", "First", show=False),
        Binding("end", "end", "Last", show=False),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "samples--head", "samples--cursor", "samples--right", "samples--wrong", "samples--quiet",
    }  # fmt: skip
    DEFAULT_CSS = """
    SampleTable { height: 1fr; overflow: hidden scroll; scrollbar-size-vertical: 1; }
    SampleTable > .samples--head { color: $text-muted; text-style: bold; }
    SampleTable > .samples--cursor {
        color: $block-cursor-blurred-foreground; background: $block-cursor-blurred-background;
        text-style: $block-cursor-blurred-text-style;
    }
    SampleTable:focus > .samples--cursor {
        color: $block-cursor-foreground; background: $block-cursor-background;
        text-style: $block-cursor-text-style;
    }
    SampleTable > .samples--right { color: $text-success; }
    SampleTable > .samples--wrong { color: $text-warning; }
    SampleTable > .samples--quiet { color: $text-muted; }
    """

    row: reactive[int] = reactive(0, repaint=False)

    class Moved(Message):
        """The cursor was put elsewhere, by a key or the mouse."""

    class Sized(Message):
        """Another number of rows fits."""

    class HeadingClicked(Message):
        """A heading was clicked.

        Attributes:
            name: The heading.
        """

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    class Chosen(Message):
        """The sample under the cursor is to be looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.listing = Listing(SampleFilter())
        self.failure = ""
        self._store: Store | None = None
        self._pages: OrderedDict[int, list[SampleLine]] = OrderedDict()
        self._places: list[Place] = []
        self._laid_out_for = -1
        self._styles: dict[str, Style] = {}
        self._strips: OrderedDict[tuple[int, bool], Strip] = OrderedDict()

    def read_from(self, store: Store) -> None:
        """Read the lines from a store that this thread may use."""
        self._store = store

    def show_listing(self, listing: Listing, row: int) -> None:
        """Draw another list, or the same one grown, with the cursor on a row."""
        moved = row != self.row or listing.question != self.listing.question
        if listing is not self.listing:
            self.forget_lines()
        self.listing = listing
        # A page that was not full when it was read has grown.
        self._pages = OrderedDict((n, p) for n, p in self._pages.items() if len(p) == PAGE)
        self.virtual_size = Size(0, len(listing.ids) + HEADER)
        self.row = max(0, min(row, len(listing.ids) - 1))
        if moved:
            self._bring_into_sight()
        self.refresh()

    def forget_lines(self) -> None:
        """Read every line again when it is drawn next."""
        self._pages.clear()
        self._strips.clear()
        self.refresh()

    @property
    def rows_in_sight(self) -> int:
        """Rows that fit below the headings."""
        return max(1, self.scrollable_content_region.height - HEADER)

    @property
    def first_in_sight(self) -> int:
        """The row below the headings."""
        return round(self.scroll_offset.y)

    @property
    def current(self) -> SampleLine | None:
        """The sample under the cursor."""
        return self._line(self.row)

    def _line(self, row: int) -> SampleLine | None:
        if self._store is None or not 0 <= row < len(self.listing.ids):
            return None
        number, place = divmod(row, PAGE)
        if number not in self._pages:
            self._pages[number] = self._read(self._store, number)
            if len(self._pages) > PAGES:
                self._pages.popitem(last=False)
        self._pages.move_to_end(number)
        page = self._pages[number]
        return page[place] if place < len(page) else None

    def _read(self, store: Store, number: int) -> list[SampleLine]:
        try:
            lines = store.samples.lines(self.listing.ids[number * PAGE : (number + 1) * PAGE])
        except SitoolError as error:
            self.failure = error.message
            return []
        self.failure = ""
        return lines

    # Drawing.

    def render_line(self, y: int) -> Strip:
        """Draw the headings or one row."""
        width = self.size.width
        if width != self._laid_out_for:
            self._lay_out(width)
        if y < HEADER:
            shown = self._places if self.listing.ids else []
            cells = [(place.column.name, place.width) for place in shown]
            return self._strip("  ", cells, self._style("head"), width)
        row = self.first_in_sight + y - HEADER
        key = (row, row == self.row)
        if key not in self._strips:
            line = self._line(row)
            if line is None:
                words = self.failure if y == HEADER else ""
                return self._strip("  ", [(words, width)], self._style(""), width)
            self._strips[key] = self._row_strip(line, row == self.row, width)
            if len(self._strips) > STRIPS:
                self._strips.popitem(last=False)
        return self._strips[key]

    def _lay_out(self, width: int) -> None:
        """Share a width out anew.

        By whoever draws, since rows are drawn in a new size before it is told of.
        """
        self._laid_out_for = width
        self._strips.clear()
        self._places = lay_out(self.scrollable_content_region.width - 2)

    def _row_strip(self, line: SampleLine, under_cursor: bool, width: int) -> Strip:
        cells = [(place.cell(line), place.width) for place in self._places]
        if under_cursor:
            return self._strip(f"{POINTER} ", cells, self._style("cursor"), width)
        base = self._style("")
        styles = [self._cell_style(place.column.name, line) for place in self._places]
        segments, words = list[Segment](), "  "
        for number, (style, (text, size)) in enumerate(zip(styles, cells, strict=True)):
            if number and style is not styles[number - 1]:
                segments.append(Segment(words, styles[number - 1]))
                words = ""
            words += set_cell_size(text, size) + " " * GAP
        segments.append(Segment(words, styles[-1] if styles else base))
        return Strip(segments).adjust_cell_length(width, base)

    def _strip(self, lead: str, cells: list[tuple[str, int]], style: Style, width: int) -> Strip:
        text = (" " * GAP).join(set_cell_size(text, size) for text, size in cells)
        return Strip([Segment(lead + text, style)]).adjust_cell_length(width, style)

    def _cell_style(self, name: str, line: SampleLine) -> Style:
        if name in ("", "score") and line.passed is not None:
            return self._style("right" if line.passed else "wrong")
        return self._style("quiet" if name in ("prompt", "truth", "lvl") else "")

    def _style(self, name: str) -> Style:
        """Return a component's style, or without a name the table's; both are slow to find."""
        if name not in self._styles:
            self._styles[name] = (
                self.get_component_rich_style(f"samples--{name}") if name else self.rich_style
            )
        return self._styles[name]

    def notify_style_update(self) -> None:
        """Look the colours up again: the theme or the focus changed."""
        self._styles.clear()
        self._strips.clear()
        super().notify_style_update()

    def on_mount(self) -> None:
        """Keep the cursor in sight in any size."""
        on_new_size(self, self._fit)

    def _fit(self) -> None:
        self._bring_into_sight()
        self.post_message(self.Sized())

    # Moving.

    def watch_row(self, before: int, after: int) -> None:
        """Draw the row that was left and the one that was come to."""
        if not self._bring_into_sight():
            for row in (before, after):
                self.refresh_line(row - self.first_in_sight + HEADER)

    def _bring_into_sight(self) -> bool:
        """Scroll as little as is needed; returns whether it was."""
        first, fit = self.first_in_sight, self.rows_in_sight
        wanted = min(max(first, self.row - fit + 1), self.row)
        if wanted == first:
            return False
        self.scroll_to(y=wanted, animate=False, immediate=True)
        return True

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Draw the rows that came into sight."""
        super().watch_scroll_y(old_value, new_value)
        self.refresh()

    def go_to(self, row: int) -> None:
        """Put the cursor on a row, or on the nearest there is."""
        self.row = max(0, min(row, len(self.listing.ids) - 1))
        self.post_message(self.Moved())

    def action_move(self, rows: int) -> None:
        """Move by some rows."""
        self.go_to(self.row + rows)

    def action_page(self, pages: int) -> None:
        """Move by a screenful."""
        self.go_to(self.row + pages * self.rows_in_sight)

    def action_row(self, row: int) -> None:
        """Go to a row."""
        self.go_to(row)

    def action_end(self) -> None:
        """Go to the last row there is."""
        self.go_to(len(self.listing.ids) - 1)

    def on_click(self, event: events.Click) -> None:
        """Put the cursor where the mouse is; two clicks look at the sample."""
        event.stop()
        if event.y < HEADER:
            self._click_heading(event.x)
            return
        row = self.first_in_sight + event.y - HEADER
        if row < len(self.listing.ids):
            self.go_to(row)
            if event.chain > 1:
                self.post_message(self.Chosen())

    def _click_heading(self, x: int) -> None:
        start = len(POINTER) + GAP
        for place in self._places if self.listing.ids else []:
            if start <= x < start + place.width:
                self.post_message(self.HeadingClicked(place.column.name))
            start += place.width + GAP
