"""What the parts of a notebook look at together: one study, one round, one level, one sample.

A view follows its study in a thread (`sitool/desk.py`), so that no cell waits and
the parts stay live while one runs. What is clicked goes through `View.do`, which
keeps the line of code that does the same. What this leaves out: drawing.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import traitlets

from sitool.client import Study
from sitool.desk import Desk, Done, Failed, Happened, Look, Looked, Told
from sitool.progress import Progress
from sitool.standing import Standing

MOST_LINES = 200
"""Lines of code that are kept of what was clicked."""


class View(traitlets.HasTraits):
    """One study as the parts of a notebook see it; a part observes what it draws.

    Traits change in the thread that follows the study as well as in the kernel's own:
    whoever observes them draws, and waits for nothing.

    Attributes:
        look: The study as it was last seen; None before the first look.
        beat: Counts the events of the running round; `progress` has taken them in.
        shown: The number of the round that is looked at; new rounds are followed from the newest.
        level: The level that was picked in a chart; None is all.
        sample: The id of the sample that is looked at.
        said: What was done last, or why it could not be; one sentence and what to do.
        lines: The code of what was clicked, oldest first.
    """

    look = traitlets.Instance(Look, allow_none=True)
    beat = traitlets.Int(0)
    shown = traitlets.Int(None, allow_none=True)
    level = traitlets.Int(None, allow_none=True)
    sample = traitlets.Int(None, allow_none=True)
    said = traitlets.Unicode("")
    lines: "traitlets.List[str]" = traitlets.List(traitlets.Unicode())

    def __init__(self, study: Study) -> None:
        super().__init__()
        self.study = study
        self.standing = Standing()
        self.progress = Progress(self._seconds_by_phase)
        self._desk = Desk(study.folder, self._take)
        self._desk.start()

    def do(
        self,
        line: str,
        work: Callable[[Study], Any],
        then: Callable[[Any], None] | None = None,
    ) -> None:
        """Carry out what was clicked, after everything clicked before; waits for nothing.

        Args:
            line: The code that does the same, such as `study.step()`.
            work: Runs in the thread that follows the study; what goes wrong is `said`.
            then: Takes its result, in that thread.
        """
        self.lines = [*self.lines, line][-MOST_LINES:]
        self.said = ""
        self._desk.ask(work, then)

    def show(self, number: int | None) -> None:
        """Look at a round."""
        self.standing.show(number)
        self.shown = number

    def close(self) -> None:
        """No longer follow the study."""
        self._desk.close()

    @property
    def closed(self) -> bool:
        """Whether the study is followed no longer, because it is gone or was closed."""
        return not self._desk.alive

    def _seconds_by_phase(self, number: int) -> Mapping[str, float]:
        return {} if self.look is None else self.look.summary.round(number).seconds_by_phase

    def _take(self, told: Told) -> None:
        match told:
            case Looked(look):
                self.standing.see(look)
                self.look = look
                self.shown = self.standing.shown
            case Happened(happened, _):
                for at, event in happened:
                    self.progress.follow(event, at)
                self.beat += len(happened)
            case Failed(error):
                self.said = str(error)
            case Done(then, result):
                then(result)


_views: dict[Path, View] = {}


def view_of(study: Study) -> View:
    """Return the view that all parts of one study share, whichever cell they are in."""
    view = _views.get(study.folder)
    if view is None or view.closed:
        view = _views[study.folder] = View(study)
    return view
