"""How a step is shown to whoever waits for it: in a notebook, on a terminal, or not at all.

Whatever is shown while a round runs makes way for a few plain lines at its end, so that
a saved notebook keeps them and a terminal scrolls on. What this leaves out: where the
round is (`progress.py`), and the displays of the command line and the panel.
"""

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from sitool import events
from sitool.events import Event
from sitool.html.markup import lines, tag
from sitool.progress import Progress
from sitool.records import Phase
from sitool.study.round_words import accuracy_line
from sitool.study.view import StudyView

DRAW_SECONDS = 0.15
"""A notebook's front end need not draw more often."""
GOES_ON = (
    "No longer watched; the engine goes on."
    " study.wait() watches again, study.stop() stops it; nothing is lost."
)
STOPPED_HERE = "Interrupted; what is committed is kept, and study.step() goes on from there."


class Meter:
    """Shows how a step goes; this one shows nothing."""

    def say(self, line: str) -> None:
        """Keep a line that is worth reading when all is over."""

    def show(self, progress: Progress) -> None:
        """Show where the round is now."""

    def close(self) -> None:
        """Leave what was said, and nothing else."""


class TerminalMeter(Meter):
    """A bar on the last line of a terminal."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as Bar

        words = TextColumn("{task.description}", markup=False)
        self._bar = Bar(BarColumn(24), words, transient=True)
        self._task = self._bar.add_task("starting", total=None)
        self._bar.start()

    def say(self, line: str) -> None:
        """Print a line above the bar."""
        self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def show(self, progress: Progress) -> None:
        """Move the bar."""
        total = progress.total or None
        self._bar.update(
            self._task, description=progress.line(), completed=progress.done, total=total
        )

    def close(self) -> None:
        """Take the bar away; what was said stays."""
        self._bar.stop()


class NotebookMeter(Meter):
    """A line of text in a notebook that changes in its place."""

    def __init__(self) -> None:
        self._said: list[str] = []
        self._drawn = 0.0
        self._handle: Any = None

    def say(self, line: str) -> None:
        """Keep a line above what changes."""
        self._said.append(line)

    def show(self, progress: Progress) -> None:
        """Draw again, unless that was done just now."""
        if time.monotonic() - self._drawn >= DRAW_SECONDS:
            self._drawn = time.monotonic()
            self._draw(progress)

    def close(self) -> None:
        """Put what was said in the place of all else."""
        if self._said or self._handle is not None:
            self._put({"text/plain": "\n".join(self._said)}, raw=True)

    def _draw(self, progress: Progress) -> None:
        words = [*self._said, phases_line(progress), progress.line()]
        self._put({"text/plain": "\n".join(words)}, raw=True)

    def _put(self, shown: Any, **options: Any) -> None:
        from IPython.display import display

        if self._handle is None:
            self._handle = display(shown, display_id=True, **options)
        else:
            self._handle.update(shown, **options)


class WidgetMeter(NotebookMeter):
    """A bar in a notebook that has widgets."""

    def __init__(self) -> None:
        import ipywidgets

        super().__init__()
        self._bar = ipywidgets.FloatProgress(max=1.0)
        self._words = ipywidgets.HTML()
        self._box = ipywidgets.VBox([self._words, self._bar])

    def close(self) -> None:
        """Put what was said in the place of the widgets."""
        super().close()
        bar, words, box = self._bar, self._words, self._box
        for widget in (
            bar.style,
            words.style,
            bar.layout,
            words.layout,
            box.layout,
            bar,
            words,
            box,
        ):
            widget.close()

    def _draw(self, progress: Progress) -> None:
        words = "\n".join([*self._said, phases_line(progress), progress.line()])
        self._words.value = tag("pre", lines(words))
        self._bar.value = progress.done / progress.total if progress.total else 0.0
        if self._handle is None:
            self._put(self._box)


def phases_line(progress: Progress) -> str:
    """Write the phases of the running round, each with how far it is.

    >>> phases_line(Progress(lambda number: {}))
    '· draw  · sample  · verify  · select  · train  · evaluate'
    """
    sign = dict.fromkeys(progress.done_phases, "✓")
    if progress.phase is not None:
        sign.setdefault(progress.phase, "▸")
    return "  ".join(f"{sign.get(phase, '·')} {phase}" for phase in Phase)


def lasting_line(study: StudyView, event: Event) -> str:
    """Say what is worth keeping of an event when the round is over; mostly nothing."""
    match event:
        case events.RoundFinished():
            return f"✓ {accuracy_line(study.round(event.round).summary())}"
        case events.RoundPaused():
            return f"‖ r{event.round:04d} waits before {event.before}."
        case events.RoundStopped():
            return f"‖ r{event.round:04d} was stopped; what is done is kept."
        case events.Warned():
            return f"! {event.message}"
    return ""


def meter_for(wanted: bool | None) -> Meter:
    """Choose how to show a step.

    Args:
        wanted: None shows it where a person waits: in a notebook's cell, or on a terminal.
    """
    if wanted is False:
        return Meter()
    elsewhere = threading.current_thread() is not threading.main_thread()
    if wanted is None and elsewhere:
        return Meter()
    if _in_notebook():
        with contextlib.suppress(ImportError):
            return WidgetMeter()
        return NotebookMeter()
    on_terminal = sys.stdout is not None and sys.stdout.isatty()
    return TerminalMeter() if wanted or on_terminal else Meter()


def _in_notebook() -> bool:
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return getattr(shell, "kernel", None) is not None


@contextlib.contextmanager
def watching(
    study: StudyView, wanted: bool | None, *, inline: bool = False
) -> Iterator[Callable[..., None]]:
    """Show what happens; yields a function that takes each event, and perhaps its time.

    Args:
        wanted: As `meter_for` has it.
        inline: The round runs in this process, so an interrupt ends it.

    Raises:
        KeyboardInterrupt: As it came, with a word on what goes on.
    """
    meter = meter_for(wanted)
    progress = Progress(lambda number: study.round(number).summary().seconds_by_phase)

    def follow(event: Event, at: float | None = None) -> None:
        progress.follow(event, at)
        line = lasting_line(study, event)
        if line:
            meter.say(line)
        meter.show(progress)

    try:
        yield follow
    except Exception:
        raise
    except BaseException as ended:
        # Interrupted, cancelled, or the whole process is about to exit.
        left = STOPPED_HERE if inline else GOES_ON
        meter.say(left)
        if isinstance(ended, KeyboardInterrupt):
            raise KeyboardInterrupt(left) from None
        raise
    finally:
        meter.close()
