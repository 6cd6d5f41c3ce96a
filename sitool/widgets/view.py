"""What the parts of a notebook look at together: one study, one round, one level, one sample.

A view follows its study in a thread (`sitool/front/desk.py`), so that no cell waits and
the parts stay live while one runs. What is clicked goes through `View.do`, which
keeps the line of code that does the same. What this leaves out: drawing.
"""

import contextlib
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import traitlets

from sitool import events
from sitool.client import Study
from sitool.errors import SitoolError
from sitool.events import Event
from sitool.front.desk import Desk, Done, Failed, Happened, Look, Looked, Told
from sitool.front.findings.kept import Findings
from sitool.front.moves import result_words
from sitool.front.standing import Standing
from sitool.progress import Progress
from sitool.records import Phase

logger = logging.getLogger(__name__)

TICK_SECONDS = 0.2
"""Five updates a second are as many as a page needs."""
MOST_LINES = 200
"""Lines of code that are kept of what was clicked."""
OVERRULE = "Overrule what you like; Step trains on exactly that."
CLOSED = "This panel follows its study no longer: run its cell again."


class View(traitlets.HasTraits):
    """One study as the parts of a notebook see it; a part observes what it draws.

    Traits change in the thread that follows the study as well as in the kernel's own:
    whoever observes them draws, and waits for nothing.

    Attributes:
        look: The study as it was last seen; None before the first look.
        beat: Counts the events of the running round; `progress` has taken them in.
        scored: Counts how often finished rounds may have got other scores than before.
        shown: The number of the round that is looked at; new rounds are followed from the newest.
        level: The level that was picked in a chart; None is all.
        sample: The id of the sample that is looked at.
        said: What was done last, or why it could not be; one sentence and what to do.
        failed: Whether what is said is why something could not be done.
        waiting: How much of what was clicked is not carried out yet.
        lines: The code of what was clicked, oldest first.
    """

    look = traitlets.Instance(Look, allow_none=True)
    beat = traitlets.Int(0)
    scored = traitlets.Int(0)
    shown = traitlets.Int(None, allow_none=True)
    level = traitlets.Int(None, allow_none=True)
    sample = traitlets.Int(None, allow_none=True)
    said = traitlets.Unicode("")
    failed = traitlets.Bool(False)
    waiting = traitlets.Int(0)
    lines: "traitlets.List[str]" = traitlets.List(traitlets.Unicode())

    def __init__(self, study: Study) -> None:
        super().__init__()
        self.study = study
        self.folder = study.folder.resolve()
        self.standing = Standing()
        self.progress = Progress(self._seconds_by_phase)
        self.findings = Findings()
        self._parts: set[int] = set()
        self._first = threading.Event()
        self._lock = threading.RLock()
        self._desk = Desk(self.folder, self._take, TICK_SECONDS)
        self._desk.start()

    def do(
        self,
        line: str,
        work: Callable[[Study], Any],
        then: Callable[[Any], None] | None = None,
    ) -> None:
        """Carry out what was clicked, after everything clicked before; waits for nothing.

        Args:
            line: The code that does the same, such as `study.step()`; it is kept unless the
                work fails.
            work: Runs in the thread that follows the study; what goes wrong is `said`.
            then: Takes its result, in that thread.
        """
        if self.closed:
            self.say(CLOSED, failed=True)
            return
        self.note(line)
        with self._lock:
            self.waiting += 1
        self.say("")

        def carry_out(study: Study) -> Any:
            try:
                return work(study)
            except SitoolError:
                self.forget(line)
                raise
            finally:
                with self._lock:
                    self.waiting -= 1

        self._desk.ask(carry_out, then)

    def note(self, line: str) -> None:
        """Keep a line of code that does what was clicked, where nothing is to be carried out."""
        with self._lock:
            self.lines = [*self.lines, line][-MOST_LINES:]

    def ask(self, work: Callable[[Study], Any], then: Callable[[Any], None]) -> None:
        """Find something out in the thread that follows the study, and hand it to `then` there."""
        self._desk.ask(work, then)

    def forget(self, line: str) -> None:
        """Take back the newest line like this: what it says was not done."""
        with self._lock:
            kept = list(self.lines)
            if line in kept:
                del kept[len(kept) - 1 - kept[::-1].index(line)]
            self.lines = kept

    def say(self, words: str, *, failed: bool = False) -> None:
        """Say something in place of what was said before."""
        with self._lock:
            self.failed = failed
            self.said = words

    def show(self, number: int | None) -> None:
        """Look at a round."""
        with self._lock:
            self.standing.show(number)
            self.shown = number

    def settle(self, timeout_seconds: float = 5.0) -> bool:
        """Wait for the first look, for those who need something to draw; False if it is late."""
        return self._first.wait(timeout_seconds)

    def hold(self, part: object) -> None:
        """Let a part look on; the study is followed until the last one lets go."""
        self._parts.add(id(part))

    def let_go(self, part: object) -> None:
        """Let a part look on no longer."""
        self._parts.discard(id(part))
        if not self._parts:
            self.close()

    def close(self) -> None:
        """No longer follow the study."""
        self._desk.close()

    @property
    def closed(self) -> bool:
        """Whether the study is followed no longer, because it is gone or was closed."""
        return not self._desk.alive

    def _seconds_by_phase(self, number: int) -> Mapping[str, float]:
        rounds = () if self.look is None else self.look.summary.rounds
        return next((r.seconds_by_phase for r in rounds if r.round.id == number), {})

    def _take(self, told: Told) -> None:
        """Take what the desk tells, in its thread, which no part that cannot draw may end."""
        try:
            with self._lock:
                self._follow(told)
        except Exception as error:
            logger.exception("a part of the panel failed")
            with contextlib.suppress(Exception):
                self.say(f"That went wrong: {type(error).__name__}: {error}.", failed=True)
        if not isinstance(told, Happened):
            self._first.set()

    def _follow(self, told: Told) -> None:
        match told:
            case Looked(look):
                self.standing.see(look)
                self.look = look
                # After the look: it may be a round that the look before did not have.
                self.shown = self.standing.shown
            case Happened(happened, replayed):
                for at, event in happened:
                    self.progress.follow(event, at)
                self._tell([event for _, event in happened], replayed=replayed)
                self.beat += len(happened)
            case Failed(error):
                self.say(str(error), failed=True)
            case Done(then, result):
                then(result)

    def _tell(self, happened: Sequence[Event], *, replayed: bool) -> None:
        """Say what came of what was asked for; what is past was said then."""
        if self.findings.follow(happened):
            self.scored += 1
        for event in () if replayed else happened:
            match event:
                case events.Warned():
                    self.say(event.message)
                case events.CommandFailed():
                    self.say(f"{event.message}\n{event.hint}".strip(), failed=True)
                case events.RoundFinished() if self.look is not None:
                    self.say(result_words(event, self.look.summary))
                case events.RoundPaused() if event.before is Phase.TRAIN:
                    self.say(OVERRULE)


_views: dict[Path, tuple[int, View]] = {}
"""By folder: which database is there, and the view of it."""


def view_of(study: Study) -> View:
    """Return the view that all parts of one study share, whichever cell they are in."""
    folder = study.folder.resolve()
    database = folder / "study.db"
    birth = database.stat().st_ino if database.exists() else 0
    known, view = _views.get(folder, (0, None))
    if view is None or view.closed or known != birth:
        view = View(study)
        _views[folder] = birth, view
    return view
