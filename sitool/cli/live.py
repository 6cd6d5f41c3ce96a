"""A round as it runs: a live display on a terminal, plain lines elsewhere.

Ctrl-C asks the round to stop at its next chunk or step; a second Ctrl-C leaves
at once, which loses no more than that chunk.
"""

import contextlib
import itertools
import signal
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from sitool import events
from sitool.cli import tables
from sitool.client import Study
from sitool.errors import SitoolError
from sitool.events import Event
from sitool.progress import Progress
from sitool.records import Phase, Sample
from sitool.study.round_words import accuracy_line

SAMPLES_SHOWN = 6


def follow(study: Study, stream: Iterator[Event], console: Console, *, rich: bool) -> bool:
    """Show a stream of events to its end.

    Args:
        rich: Draw a live display; otherwise print a line for each phase.

    Returns:
        Whether it was stopped before its end.
    """
    with _stopping_on_interrupt(study, console):
        if rich and console.is_terminal:
            return _follow_live(study, stream, console)
        return _follow_plainly(study, stream, console)


def _follow_plainly(study: Study, stream: Iterator[Event], console: Console) -> bool:
    progress, stopped = Progress(_seconds_by_phase(study)), False
    for event in stream:
        progress.follow(event)
        line = _plain_line(study, progress, event)
        if line:
            console.print(line, highlight=False, soft_wrap=True, markup=False)
        stopped |= isinstance(event, events.RoundStopped)
    return stopped


def _plain_line(study: Study, progress: Progress, event: Event) -> str:
    match event:
        case events.RoundStarted():
            how = "goes on" if event.resumed else "starts"
            return f"r{event.round:04d} {how}. {event.sentence or 'It measures the base.'}"
        case events.PhaseFinished():
            extra = ""
            if event.phase is Phase.SELECT:
                extra = f", {progress.note}"
            if event.phase is Phase.TRAIN and progress.loss is not None:
                extra = f", last loss {progress.loss:.3f}"
            return f"  {event.phase:<9}{event.seconds:6.1f} s{extra}"
        case events.Warned():
            return f"  {event.message}"
        case events.RoundFinished():
            return "  " + accuracy_line(study.round(event.round).summary())
        case events.RoundPaused():
            return f"r{event.round:04d} waits before {event.before}."
    return ""


def _follow_live(study: Study, stream: Iterator[Event], console: Console) -> bool:
    progress, stopped = Progress(_seconds_by_phase(study)), False
    shown: list[Sample] = []
    with Live(console=console, refresh_per_second=8, transient=True) as live:
        for event in stream:
            progress.follow(event)
            if isinstance(event, events.SamplesScored | events.SamplesSelected):
                shown = _some_samples(study, event.round)
            if isinstance(event, events.RoundFinished):
                live.console.print(_finished_line(study, event.round))
            if isinstance(event, events.Warned):
                live.console.print(Text(f"! {event.message}"))
            if isinstance(event, events.RoundPaused):
                live.console.print(f"r{event.round:04d} waits before {event.before}.")
            stopped |= isinstance(event, events.RoundStopped)
            live.update(_frame(study, progress, shown))
    return stopped


def _seconds_by_phase(study: Study) -> Callable[[int], Mapping[str, float]]:
    return lambda number: study.round(number).summary().seconds_by_phase


def _finished_line(study: Study, number: int) -> Text:
    return Text.assemble(("✓ ", "bold"), accuracy_line(study.round(number).summary()))


def _some_samples(study: Study, number: int) -> list[Sample]:
    """Return a few passed and a few failed samples, first of the levels most drawn from."""
    round_ = study.round(number)
    weights = round_.summary().levels
    most_drawn = sorted(weights, key=lambda level: (weights[level], level), reverse=True)
    found: list[Sample] = []
    for passed in (True, False):
        each_first = (next(round_.samples(passed=passed, level=i), None) for i in most_drawn)
        scored = (sample for sample in each_first if sample is not None and sample.scores)
        found += itertools.islice(scored, SAMPLES_SHOWN // 2)
    return found


def _frame(study: Study, progress: Progress, shown: list[Sample]) -> Group:
    summary = study.summary()
    parts: list[Any] = [Text(progress.sentence, style="italic")] if progress.sentence else []
    parts += [_phase_bar(progress), Text(progress.line())]
    if progress.total:
        bar = Table.grid()
        bar.add_row(ProgressBar(total=progress.total, completed=progress.done, width=60))
        parts.append(bar)
    if any(r.accuracy for r in summary.rounds):
        parts += [Text(), tables.accuracy_table(summary)]
    if shown:
        parts += [Text(), tables.samples_table(shown)]
    return Group(*parts)


def _phase_bar(progress: Progress) -> Table:
    bar = Table.grid(padding=(0, 2))
    cells = []
    for phase in Phase:
        if phase in progress.done_phases:
            cells.append(Text(f"✓ {phase}", style="bold"))
        elif phase is progress.phase:
            cells.append(Text(f"▸ {phase}", style="reverse"))
        else:
            cells.append(Text(f"· {phase}", style="dim"))
    bar.add_row(*cells)
    return bar


class _stopping_on_interrupt:  # noqa: N801 - reads as a `with` phrase
    """Turn the first Ctrl-C into a request to stop, and say so."""

    def __init__(self, study: Study, console: Console) -> None:
        self._study, self._console = study, console
        self._former: Callable[[int, FrameType | None], Any] | int | None = None

    def __enter__(self) -> None:
        self._former = signal.signal(signal.SIGINT, self._interrupt)

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._former)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with contextlib.suppress(SitoolError):
            self._study.stop()
        self._console.print("Stopping at the next chunk; what is done is kept.", markup=False)
