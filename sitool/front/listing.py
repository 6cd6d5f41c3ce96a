"""The ids of the samples that a table shows, found in a thread of its own.

Ids only, eight bytes each: with them any row of a million is read by its key, at
once, whatever the filter and the order are. What this leaves out: the lines themselves.
"""

import contextlib
import logging
import threading
import time
from array import array
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sitool.errors import SitoolError
from sitool.store import SampleFilter, SampleOrder, Store

logger = logging.getLogger(__name__)

FIRST = (64, 192)
"""The first lists are short, so that the first screen is there at once."""
TELL_SECONDS = 0.1
REST = 4.0
"""Times as long as a search took, it is not made again."""


@dataclass(eq=False, slots=True)
class Listing:
    """What was found so far of one search.

    Ids come from the thread at any time. That nothing more comes is known only once it
    was told (`conclude`), so that who sees a listing done has seen the last of its ids.

    Attributes:
        done: Nothing more will come, unless samples are added.
        seconds: That the search took.
        ended: When it was told, in seconds of the monotonic clock.
        error: Why it could not be finished, in one sentence.
    """

    where: SampleFilter
    order: SampleOrder = SampleOrder.DRAWN
    descending: bool = False
    ids: "array[int]" = field(default_factory=lambda: array("q"))
    done: bool = False
    seconds: float = 0.0
    ended: float = 0.0
    error: str = ""

    @property
    def question(self) -> tuple[SampleFilter, SampleOrder, bool]:
        """Return what was searched for."""
        return (self.where, self.order, self.descending)

    @property
    def only_grows(self) -> bool:
        """Whether new samples go to its end and nothing else ever changes."""
        return self.where.only_grows and self.order is SampleOrder.DRAWN and not self.descending

    def conclude(self, seconds: float, error: str = "") -> None:
        """Take down that the search is over; on the thread that draws."""
        self.done, self.error = True, error
        self.seconds, self.ended = seconds, time.monotonic()

    def row_of(self, sample_id: int) -> int | None:
        """Return where a sample stands, None if it is not in the list."""
        if self.order is SampleOrder.DRAWN and not self.descending:
            place = bisect_left(self.ids, sample_id)
            return place if place < len(self.ids) and self.ids[place] == sample_id else None
        with contextlib.suppress(ValueError):
            return self.ids.index(sample_id)
        return None


@dataclass(frozen=True, slots=True)
class Found:
    """More of a search is there.

    Attributes:
        seconds: That the search took; None as long as it goes on.
        error: Why it ended before its time, in one sentence.
    """

    listing: Listing
    seconds: float | None = None
    error: str = ""


class Lister:
    """Searches, one search at a time; a new one ends the one before.

    Args:
        folder: The study.
        post: Takes what is found, in the lister's thread.
    """

    def __init__(self, folder: Path, post: Callable[[Found], object]) -> None:
        self._folder, self._post = folder, post
        self._changed = threading.Condition()
        self._wish: Listing | None = None
        self._store: Store | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="lister", daemon=True)

    def start(self) -> None:
        """Begin to wait for searches."""
        self._thread.start()

    def search(self, listing: Listing) -> None:
        """Fill a listing, from the sample after its last one on."""
        with self._changed:
            listing.done = False
            self._wish = listing
            self._interrupt()

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._closed = True
            self._interrupt()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def _interrupt(self) -> None:
        if self._store is not None:
            self._store.interrupt()
        self._changed.notify()

    def _work(self) -> None:
        while (listing := self._next()) is not None:
            try:
                self._fill(listing)
            except SitoolError as error:
                if self._left(listing):
                    continue
                if "interrupted" in error.message:
                    self._again(listing)
                    continue
                self._post(Found(listing, 0.0, error.message))
        with self._changed:
            store, self._store = self._store, None
        if store is not None:
            store.close()

    def _again(self, listing: Listing) -> None:
        """Start over: the interruption was meant for the search before and came too late."""
        with self._changed:
            self._wish = self._wish or listing

    def _next(self) -> Listing | None:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._wish is not None)
            listing, self._wish = self._wish, None
            return None if self._closed else listing

    def _left(self, listing: Listing) -> bool:
        """Whether something else is asked for by now."""
        return self._closed or self._wish is not None

    def _fill(self, listing: Listing) -> None:
        store = self._open()
        started, told = time.monotonic(), 0.0
        if not listing.only_grows:
            del listing.ids[:]
        after = listing.ids[-1] if listing.ids else 0
        found = store.samples.ids(
            listing.where,
            listing.order,
            descending=listing.descending,
            after=after,
            sizes=FIRST,
        )
        with contextlib.closing(found):
            for ids in found:
                if self._left(listing):
                    return
                listing.ids.extend(ids)
                if time.monotonic() - told > TELL_SECONDS:
                    told = time.monotonic()
                    self._post(Found(listing))
        self._post(Found(listing, time.monotonic() - started))

    def _open(self) -> Store:
        if self._store is None:
            store = Store(self._folder)
            with self._changed:
                self._store = store
        return self._store


class Search:
    """Keeps one search up to date while the study changes, and rests between long ones.

    Args:
        lister: Searches.
        later: Calls something after so many seconds, in the front end's thread.

    Attributes:
        coming: What was searched for last; more of it may come.
    """

    def __init__(
        self, lister: Lister, later: Callable[[float, Callable[[], None]], object]
    ) -> None:
        self._lister, self._later = lister, later
        self._stale = self._resting = False
        self.coming = Listing(SampleFilter())

    def begin(self, listing: Listing) -> None:
        """Search for something else."""
        self.coming, self._stale = listing, False
        self._lister.search(listing)

    def renew(self) -> None:
        """Look for samples that are new, or that fit only now."""
        self._stale = True
        self.catch_up()

    def catch_up(self) -> None:
        """Search again if something changed; called whenever a search is done, too."""
        coming = self.coming
        if not (self._stale and coming.done):
            return
        rest = coming.ended + REST * coming.seconds - time.monotonic()
        if rest > 0 and not coming.only_grows:
            if not self._resting:
                self._resting = True
                self._later(rest, self._wake)
            return
        self._stale = False
        if not coming.only_grows:
            self.coming = Listing(*coming.question)
        self._lister.search(self.coming)

    def _wake(self) -> None:
        self._resting = False
        self.catch_up()
