"""The panel of samples: a table with a filter, and what a person says of a sample.

It reads the study through a store of its own and writes nothing: rulings go out as
messages. What it leaves out: one sample in full (`inspector.py`).
"""

from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.message import Message
from textual.widgets import Static

from sitool.errors import SitoolError
from sitool.front.desk import Look
from sitool.front.listing import Found, Lister, Listing, Search
from sitool.front.rulings import Ruling
from sitool.records import Sample
from sitool.store import SampleFilter, SampleLine, SampleOrder, Store
from sitool.study.filter_line import Query, sorted_by
from sitool.study.sample_words import BY_HEADING, ORDERS, subject
from sitool.tui.rulings import Ruled, Ruler
from sitool.tui.sample_filter import FilterBar
from sitool.tui.sample_table import SampleTable
from sitool.tui.sample_words import HELP, NOTHING_YET, extent, why_empty

RULING_ACTIONS = ("inspect", "rule", "note", "take_back", "siblings", "sibling")


class SamplesPanel(Ruler):
    """The samples of the shown round, filtered and sorted.

    Args:
        folder: The study.
    """

    BORDER_TITLE = "Samples"
    help_text: ClassVar[str] = HELP
    BINDINGS: ClassVar = [
        Binding("enter", "inspect", "Inspect"),
        Binding("a", "rule('accept')", "Accept"),
        Binding("x", "rule('reject')", "Reject"),
        Binding("delete,backspace", "rule('clear')", "Clear ruling", key_display="del", show=False),
        Binding("z", "take_back", "Take back", show=False),
        Binding("n", "note", "Note", show=False),
        Binding("slash", "filter", "Filter", key_display="/"),
        Binding("b", "sort", "Sort", show=False),
        Binding("B", "turn", "Turn the order round", show=False),
        Binding("v", "siblings", "Side by side", show=False),
        Binding("k", "sibling(1)", "Next of the problem", show=False),
        Binding("K", "sibling(-1)", "Previous of the problem", show=False),
        Binding("escape", "all", "Clear filter", show=False),
    ]
    DEFAULT_CSS = """
    SamplesPanel { border: round $panel-lighten-2; height: 1fr; }
    SamplesPanel:focus-within { border: round $accent; }
    SamplesPanel > .empty { display: none; height: auto; padding: 0 1; color: $text-muted; }
    SamplesPanel.-empty > .empty { display: block; }
    """

    class Opened(Message):
        """A sample is to be shown in full."""

        def __init__(self, sample_id: int) -> None:
            super().__init__()
            self.sample_id = sample_id

    class Listed(Message):
        """More of a search is there."""

        def __init__(self, found: Found) -> None:
            super().__init__()
            self.found = found

    class SiblingsWanted(Message):
        """All samples of a problem are to be shown side by side."""

        def __init__(self, problem_id: int, round_id: int) -> None:
            super().__init__()
            self.problem_id = problem_id
            self.round = round_id

    def __init__(self, folder: Path) -> None:
        super().__init__(id="samples")
        self._folder = folder
        self._store: Store | None = None
        self._lister = Lister(folder, lambda found: self.post_message(self.Listed(found)))
        self._search = Search(self._lister, self.set_timer)
        self._query = Query()
        self._look: Look | None = None
        self._shown: int | None = None
        self._stamp: object = None
        self._follow = False
        self._to_end = False
        self._had_rows = False
        self._title: list[str] = []

    def compose(self) -> ComposeResult:
        """Hold the bar, what is said where nothing is, and the table."""
        yield FilterBar()
        yield Static(classes="empty", markup=False)
        yield SampleTable()

    def on_mount(self) -> None:
        """Open the study for reading."""
        try:
            self._store = Store(self._folder)
        except SitoolError as error:
            self._say_empty(error.message)
            return
        self._lister.start()
        # Not by a message, so that the title is drawn together with the rows.
        self.watch(self._table, "scroll_y", self._retitle, init=False)
        self._table.read_from(self._store)
        self._update()

    def on_unmount(self) -> None:
        """Close what was opened."""
        self._lister.close()
        if self._store is not None:
            self._store.close()

    @property
    def _coming(self) -> Listing:
        return self._search.coming

    @property
    def _table(self) -> SampleTable:
        return self.query_one(SampleTable)

    @property
    def _listing(self) -> Listing:
        return self._table.listing

    @property
    def where(self) -> SampleFilter | None:
        """The samples that are shown, such as for an export; None before the first round."""
        if self._shown is None:
            return None
        return self._query.within(self._shown, self._usual_role)

    @property
    def current(self) -> SampleLine | None:
        """The sample under the cursor."""
        return self._table.current

    @property
    def _usual_role(self) -> str:
        """What of a round is looked at first: what it drew; of the base, its greedy answers."""
        rounds = self._look.summary.rounds if self._look else ()
        base = any(r.round.id == self._shown and r.round.parent is None for r in rounds)
        return "greedy" if base else "train"

    @property
    def settling(self) -> bool:
        """Whether the rows that were asked for last are still to come."""
        return self._store is not None and self._coming.question != self._listing.question

    def focus_table(self) -> None:
        """Give the table the keys."""
        self._table.focus()

    # What is shown.

    def look(self, look: Look, shown: int | None) -> None:
        """Draw the samples of the shown round as they are now."""
        if shown != self._shown:
            self._follow = look.working and shown == look.summary.open
        self._look, self._shown = look, shown
        if self._store is not None:
            self._update()

    def _update(self) -> None:
        where = self.where
        if where is None or self._store is None:
            self._say_empty(NOTHING_YET)
            return
        stamp = self._stamp_of(where)
        if (where, self._query.order, self._query.descending) != self._coming.question:
            self._begin(where)
        elif stamp != self._stamp:
            # Read the lines again, and look for samples that are new or fit only now.
            self._table.forget_lines()
            self._search.renew()
        self._stamp = stamp
        self._retitle()

    def _stamp_of(self, where: SampleFilter) -> object:
        """Return what differs when the list or its lines may have changed."""
        assert self._store is not None
        assert self._look is not None
        # Of a round that is done, nothing but these can change, whatever else is going on.
        version = self._look.version if self._look.summary.open == where.round else 0
        try:
            return (version, *self._store.samples.stamp(where.round or 0))
        except SitoolError:
            return None

    def _begin(self, where: SampleFilter) -> None:
        self._to_end = False
        # Only what grows is followed; a filter may ask for another round.
        self._follow &= self._look is not None and where.round == self._look.summary.open
        self._search.begin(Listing(where, self._query.order, self._query.descending))

    def on_samples_panel_listed(self, event: Listed) -> None:
        """Show more of what was searched for."""
        event.stop()
        found, listing = event.found, event.found.listing
        if listing is not self._coming:
            return
        if found.seconds is not None:
            listing.conclude(found.seconds, found.error)
        again = listing is not self._listing and listing.question == self._listing.question
        if again and not listing.done:
            return
        self._table.show_listing(listing, self._row_in(listing, again))
        self._empty_or_not(listing)
        self._retitle()
        if self._had_rows != bool(listing.ids):
            # Not every time: the footer is made anew by it.
            self._had_rows = bool(listing.ids)
            self.refresh_bindings()
        self._search.catch_up()

    def _row_in(self, listing: Listing, again: bool) -> int:
        """Return the row that the cursor is to have in a list that came or grew."""
        current = self.current
        if self._to_end or (self._follow and listing is self._listing):
            self._to_end = self._to_end and not listing.done
            return len(listing.ids) - 1
        if again and current is not None:
            row = listing.row_of(current.id)
            return self._table.row if row is None else row
        return self._table.row if listing is self._listing else 0

    def _empty_or_not(self, listing: Listing) -> None:
        if listing.error:
            self._say_empty(listing.error)
        elif listing.done and not listing.ids and self._look is not None:
            self._say_empty(why_empty(self._look, listing.where.round or 0, self._query))
        else:
            self.remove_class("-empty")

    def _say_empty(self, sentence: str) -> None:
        self.add_class("-empty")
        self.query_one(".empty", Static).update(sentence)

    def _retitle(self) -> None:
        where = self.where
        if where is None:
            return
        table = self._table
        rows = extent(self._coming, self._listing, table.first_in_sight, table.rows_in_sight)
        parts = [*subject(where, self._query), rows]
        # Every new title draws the whole panel again.
        if parts != self._title:
            self._title = parts
            self.border_title = Text(" · ".join(parts))

    def on_sample_table_moved(self, event: SampleTable.Moved) -> None:
        """Stay where we were put; at the end of a list that grows, stay at the end."""
        event.stop()
        at_end = self._table.row == len(self._listing.ids) - 1
        self._follow = at_end and bool(self._look and self._look.working)
        self._to_end = at_end and not self._listing.done

    def on_sample_table_heading_clicked(self, event: SampleTable.HeadingClicked) -> None:
        """Sort by a column; clicked again, the other way round."""
        event.stop()
        order = BY_HEADING.get(event.name)
        if order is None:
            self.app.notify("Click on lvl, completion or score to sort; b goes through the orders.")
            return
        again = order is self._query.order
        self._sort(order, descending=again and not self._query.descending)

    def on_sample_table_sized(self, event: SampleTable.Sized) -> None:
        """Say how many rows fit now."""
        event.stop()
        self._retitle()

    # Filters and order.

    def action_filter(self) -> None:
        """Open the filter bar."""
        self.query_one(FilterBar).open(self._query.words)

    def action_all(self) -> None:
        """Show all samples again, in the order in which they were drawn."""
        self.query_one(FilterBar).action_clear()
        self.ask(Query())

    def on_filter_bar_asked(self, event: FilterBar.Asked) -> None:
        """Search for what was typed, in the present order unless the words name one."""
        event.stop()
        self.ask(event.query)

    def on_filter_bar_left(self, event: FilterBar.Left) -> None:
        """Give the table the keys back."""
        event.stop()
        self._table.focus()

    def ask(self, query: Query) -> None:
        """Show the samples that a query asks for."""
        self._query = query
        self._update()

    def action_sort(self) -> None:
        """Sort by the next thing."""
        orders = list(ORDERS)
        following = orders[(orders.index(self._query.order) + 1) % len(orders)]
        self._sort(following, descending=False)

    def action_turn(self) -> None:
        """Turn the order round."""
        self._sort(self._query.order, descending=not self._query.descending)

    def _sort(self, order: SampleOrder, *, descending: bool) -> None:
        self.ask(sorted_by(self._query, order, descending=descending))

    # One sample.

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Dim what needs a sample where there is none."""
        if action in RULING_ACTIONS and self.is_mounted and not self._listing.ids:
            return None
        return True

    def on_sample_table_chosen(self, event: SampleTable.Chosen) -> None:
        """Look at a sample that was clicked twice."""
        event.stop()
        self.action_inspect()

    def action_inspect(self) -> None:
        """Ask for the sample under the cursor in full."""
        if self.current is not None:
            self.post_message(self.Opened(self.current.id))

    def action_siblings(self) -> None:
        """Ask for all samples of the problem under the cursor."""
        if self.current is not None:
            self.post_message(self.SiblingsWanted(self.current.problem_id, self.current.round))

    def action_sibling(self, step: int) -> None:
        """Go to the next or previous sample of the same problem that is in the list."""
        current = self.current
        if current is None or self._store is None:
            return
        ids = self._store.samples.siblings(current.problem_id)
        ids = ids[ids.index(current.id) + 1 :] if step > 0 else ids[: ids.index(current.id)][::-1]
        rows = (self._listing.row_of(i) for i in ids)
        row = next((row for row in rows if row is not None), None)
        if row is None:
            word = "further" if step > 0 else "earlier"
            self.app.notify(f"No {word} sample of this problem is in the list; v shows all.")
        else:
            self._table.go_to(row)

    def neighbour(self, sample_id: int, step: int) -> int | None:
        """Move the cursor from a sample to the next or previous in the table; returns its id."""
        row = self._listing.row_of(sample_id)
        row = self._table.row if row is None else row + step
        if not 0 <= row < len(self._listing.ids):
            return None
        self._table.go_to(row)
        return self._listing.ids[row]

    def ruled_sample(self) -> Sample | None:
        """Return the sample under the cursor."""
        if self.current is None or self._store is None:
            return None
        return self._store.samples.sample(self.current.id)

    def send(self, ruling: Ruling) -> None:
        """Leave it to the screen to carry a ruling out."""
        self.post_message(Ruled(ruling))
