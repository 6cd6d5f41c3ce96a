"""The table of samples of a notebook: filtered, sorted, and read a page at a time.

The page asks for the pages of rows that come into sight, by number, in a synced trait,
and the answer is one too: whatever is lost is asked for again, and a page that is loaded
anew has its last rows at once. What this leaves out: one sample in full (`inspector.py`).
"""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from sitool.client import Study
from sitool.errors import SitoolError
from sitool.front.listing import Found, Lister, Listing, Search
from sitool.front.rulings import Ruling, why_idle, why_not
from sitool.html.markup import Markup, join
from sitool.records import Action
from sitool.store import SampleFilter, SampleLine, Store, round_label
from sitool.study.filter_line import FilterError, Query, parse_query, sorted_by, with_level
from sitool.study.pieces import lead, paragraph, sheet
from sitool.study.sample_columns import COLUMNS
from sitool.study.sample_words import BY_HEADING, subject
from sitool.visible import one_line
from sitool.widgets.part import Part
from sitool.widgets.view import View

PAGE = 100
"""Rows that are read, and sent, together."""
MOST_PAGES = 4
"""That are answered at once."""
WIDEST = 160
"""Characters of a cell that reach the page."""
STILL_ROWS, STILL_WIDTH = 12, 40
FLAGS = ("accepted", "rejected", "failed", "unparsed", "overridden")
"""Words of a filter that have a button."""
NOTHING_YET = "No samples yet: step once. The base is measured first."


class SampleTable(anywidget.AnyWidget):
    """The table on the page: scrolls through any number of rows and has those in sight.

    Attributes:
        words: The filter as it is typed.
        mistake: What is wrong with it.
        title: Which samples these are.
        empty: Why there is none.
        total, done: Rows found so far, and whether more may come.
        question: Differs for another list; the page goes to its top.
        version: Differs when rows may read otherwise; the page asks for them again.
        wanted: What the page asks for: `n`, `question` and `pages`.
        answer: What it gets: `n`, `question`, and of the moment `version`, `total`, `rows` by page.
        sample: The chosen one's id.
        row: To be brought into sight, for its sample was chosen elsewhere; -1 is none.
    """

    _esm = "".join(
        Path(__file__).with_name(name).read_text(encoding="utf-8")
        for name in ("pages.js", "samples.js")
    )
    _css = Path(__file__).with_name("samples.css")

    words = traitlets.Unicode("").tag(sync=True)
    mistake = traitlets.Unicode("").tag(sync=True)
    title = traitlets.Unicode("").tag(sync=True)
    empty = traitlets.Unicode("").tag(sync=True)
    total = traitlets.Int(0).tag(sync=True)
    done = traitlets.Bool(False).tag(sync=True)
    question = traitlets.Int(0).tag(sync=True)
    version = traitlets.Int(0).tag(sync=True)
    order = traitlets.Unicode("").tag(sync=True)
    descending = traitlets.Bool(False).tag(sync=True)
    wanted: "traitlets.Dict[str, Any]" = traitlets.Dict().tag(sync=True)
    answer: "traitlets.Dict[str, Any]" = traitlets.Dict().tag(sync=True)
    sample = traitlets.Int(None, allow_none=True).tag(sync=True)
    row = traitlets.Int(-1).tag(sync=True)
    columns: "traitlets.List[Any]" = traitlets.List(
        [[column.name, str(BY_HEADING.get(column.name, ""))] for column in COLUMNS]
    ).tag(sync=True)
    flags: "traitlets.List[str]" = traitlets.List(list(FLAGS)).tag(sync=True)
    page_rows = traitlets.Int(PAGE).tag(sync=True)


class Samples(Part):
    """The samples of the shown round, or those that a filter asks for.

    The filter's words are the app's: `accepted`, `rejected`, `failed`, `unparsed`,
    `overridden`, `level:5-7`, `score:0-.5`, `role:greedy`, `round:3`, or text to find.
    A click, or Enter, chooses the sample that the inspector shows.

    Args:
        study: The study, or a view of it.
        words: The filter to begin with.
    """

    def __init__(self, study: Study | View, words: str = "") -> None:
        self.table = SampleTable()
        super().__init__(study, (self.table,))
        self._changing = threading.RLock()
        self._store = Store(self.view.study.folder)
        self._lister = Lister(self.view.study.folder, self._listed)
        self._search = Search(self._lister, _later)
        self._listing = self._search.coming
        self._query = Query()
        self._stamp: object = None
        self._lister.start()
        self.table.observe(self._type, "words")
        self.table.observe(self._answer, "wanted")
        self.table.observe(self._choose, "sample")
        self.table.on_msg(self._hear)
        self.watch(self._update, "look", "shown")
        self.watch(self._follow_level, "level")
        self.watch(self._follow_sample, "sample")
        self.table.words = words or with_level("", self.view.level)
        self._update()

    def close(self) -> None:
        """Take the table off the page, and close what was opened."""
        super().close()
        self._lister.close()
        self._store.close()

    @property
    def where(self) -> SampleFilter | None:
        """The samples that are shown, such as for an export; None before the first round."""
        shown = self.view.shown
        return None if shown is None else self._query.within(shown, self._usual_role)

    @property
    def _usual_role(self) -> str:
        """What of a round is looked at first: what it drew; of the base, its greedy answers."""
        rounds = self.view.look.summary.rounds if self.view.look else ()
        base = any(r.round.id == self.view.shown and r.round.parent is None for r in rounds)
        return "greedy" if base else "train"

    # The list.

    def _update(self, change: Any = None) -> None:
        with self._changing:
            where = self.where
            if where is None:
                self.table.empty = NOTHING_YET
                return
            stamp = self._stamp_of(where)
            if (where, self._query.order, self._query.descending) != self._search.coming.question:
                self._search.begin(Listing(where, self._query.order, self._query.descending))
            elif stamp != self._stamp:
                self.table.version += 1
                self._search.renew()
            self._stamp = stamp
            self._write(where)

    def _write(self, where: SampleFilter) -> None:
        self.table.title = " · ".join(subject(where, self._query))
        self.table.order, self.table.descending = str(self._query.order), self._query.descending

    def _stamp_of(self, where: SampleFilter) -> object:
        """Return what differs when the list or its lines may have changed."""
        look = self.view.look
        # Of a round that is done, nothing but these can change, whatever else is going on.
        version = look.version if look and look.summary.open == where.round else 0
        try:
            return (version, *self._store.samples.stamp(where.round or 0))
        except SitoolError:
            return None

    def _listed(self, found: Found) -> None:
        """Show more of what was searched for; in the lister's thread."""
        listing = found.listing
        with self._changing:
            if found.seconds is not None:
                listing.conclude(found.seconds, found.error)
            if listing is not self._search.coming:
                return
            again = listing is not self._listing and listing.question == self._listing.question
            if again and not listing.done:
                return
            self._take(listing, again=again)
            self._search.catch_up()

    def _take(self, listing: Listing, *, again: bool) -> None:
        other, self._listing = listing is not self._listing, listing
        with self.table.hold_sync():
            if again:
                self.table.version += 1
            elif other:
                self.table.question += 1
            self.table.total, self.table.done = len(listing.ids), listing.done
            self.table.empty = self._why_empty(listing)

    def _why_empty(self, listing: Listing) -> str:
        if listing.error or listing.ids or not listing.done:
            return listing.error
        look, number = self.view.look, listing.where.round or 0
        if self._query.words:
            words = one_line(self._query.words, 60)
            return f"No sample fits {words!r}. Change the filter, or clear it."
        if look is not None and look.summary.open == number:
            goes_on = "They come as they are drawn." if look.working else "Step to go on."
            return f"{round_label(number)} has drawn no samples yet. {goes_on}"
        return f"{round_label(number)} drew no samples. Choose another round."

    # Rows.

    def _answer(self, change: Any) -> None:
        wanted = self.table.wanted
        with self._changing:
            if wanted.get("question") != self.table.question:
                return
            ids, version, total = self._listing.ids, self.table.version, self.table.total
            pages = [int(page) for page in wanted.get("pages", ())][:MOST_PAGES]
            chosen = {page: ids[page * PAGE : (page + 1) * PAGE] for page in pages}
        try:
            found = {page: self._store.samples.lines(part) for page, part in chosen.items()}
        except SitoolError as error:
            self.table.empty = error.message
            return
        rows = {str(page): [row_of(line) for line in lines] for page, lines in found.items()}
        self.table.answer = {
            "n": wanted.get("n", 0),
            "question": wanted.get("question"),
            "version": version,
            "total": total,
            "rows": rows,
        }

    # Filters and order.

    def _type(self, change: Any) -> None:
        try:
            query = parse_query(self.table.words)
        except FilterError as error:
            self.table.mistake = f"{error.message} {error.hint}"
            return
        self.table.mistake = ""
        if query != self._query:
            self._query = query
            self.view.level = query.where.level
            self._update()

    def _follow_level(self, change: Any) -> None:
        if self._query.where.level != self.view.level:
            self.table.words = with_level(self.table.words, self.view.level)

    def _sort(self, heading: str) -> None:
        order = BY_HEADING.get(heading)
        if order is not None:
            again = order is self._query.order
            descending = again and not self._query.descending
            self.table.words = sorted_by(self._query, order, descending=descending).words

    # One sample.

    def _choose(self, change: Any) -> None:
        self.view.sample = self.table.sample

    def _follow_sample(self, change: Any) -> None:
        """Bring a sample that was chosen elsewhere into sight.

        One that was chosen in the table is there already, and whoever chose it may have
        moved on by now.
        """
        with self._changing:
            sample = self.view.sample
            if sample == self.table.sample:
                self.table.row = -1
                return
            row = None if sample is None else self._listing.row_of(sample)
            self.table.sample, self.table.row = sample, -1 if row is None else row

    def _hear(self, _: Any, content: Mapping[str, Any], buffers: Any) -> None:
        match content:
            case {"sort": str(heading)}:
                self._sort(heading)
            case {"rule": str(action)} if action in ("accept", "reject", "clear"):
                self._rule(Action(action))

    def _rule(self, action: Action) -> None:
        if self.table.sample is None:
            return
        sample = self._store.samples.sample(self.table.sample)
        idle = why_not(sample.role) or why_idle(sample.ruling, action, "Delete clears that")
        if idle:
            self.view.say(idle)
        else:
            ruling = Ruling(sample.id, action)
            self.view.do(ruling.code, ruling.carry_out)

    # Without a kernel.

    def page(self) -> Markup:
        """Return the first rows, and how many there are."""
        where = self.where
        if where is None:
            return paragraph(NOTHING_YET)
        samples = self._store.samples
        found = samples.ids(
            where, self._query.order, descending=self._query.descending, sizes=[STILL_ROWS]
        )
        lines = samples.lines(next(found, []))
        found.close()
        count = samples.count(where)
        title = [*subject(where, self._query), f"{len(lines):,} of {count:,}"]
        heads = [column.name for column in COLUMNS]
        rows = [[cell[:STILL_WIDTH] for cell in row_of(line)[1:]] for line in lines]
        return join([lead(" · ".join(title)), sheet(heads, rows, numbers_from=len(heads))])


def row_of(line: SampleLine) -> list[Any]:
    """Return a sample's id and its cells, safe to show and cut to what a page has room for."""
    cells = (column.cut(column.text(line), WIDEST).strip() for column in COLUMNS)
    return [line.id, *cells]


def _later(seconds: float, call: Callable[[], None]) -> None:
    timer = threading.Timer(seconds, call)
    timer.daemon = True
    timer.start()
