"""The terminal app: how soon it is there and how soon it answers, with a million samples.

    python -m benchmarks.tui --samples 1000000

Keys are timed in a terminal of our own, from the key to the cursor at its new place:
in the whole app while its engine is idle and while it runs rounds, and in the
samples panel alone. A study that is given is added to; let it be a copy.
"""

import argparse
import asyncio
import contextlib
import gc
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from textual.app import App, ComposeResult
from textual.pilot import Pilot

from benchmarks.many_samples import make_study
from benchmarks.terminal import Terminal
from sitool.client import Study, open_study
from sitool.front.desk import Look
from sitool.tui.sample_table import SampleTable
from sitool.tui.samples import SamplesPanel

SIZE = (120, 40)
ROUND = 1
KEYS = {"down": b"\x1b[B", "page down": b"\x1b[6~"}
CURSOR = "›".encode()
FRAMES = {"first frame": rb"Opening", "panels": rb"Rounds", "first rows": rb"1-\d+ of [1-9]"}
"""What tells that each is drawn."""
FILTERS = (
    "accepted", "failed", "unparsed", "overridden", "level:6", "level:5-7", "score:0-.5", "abc",
    "sort:logprob", "sort:-score",
)  # fmt: skip
IDLE_SHARE = 0.05
"""Of a core: what an engine without work stays below."""


class Alone(App[None]):
    """The samples panel and nothing else."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def compose(self) -> ComposeResult:
        yield SamplesPanel(self.folder)

    def on_mount(self) -> None:
        with_study = open_study(self.folder)
        look = Look(with_study.summary(), None, None, False, False, None, 1)
        with_study.close()
        panel = self.query_one(SamplesPanel)
        panel.look(look, ROUND)
        panel.focus_table()


def table(app: App[None]) -> SampleTable:
    """Return the table."""
    return app.query_one(SampleTable)


async def until(pilot: Pilot[None], there: Callable[[], bool]) -> float:
    """Wait and return the seconds it took."""
    started = time.perf_counter()
    while not there():
        if time.perf_counter() - started > 60:
            raise TimeoutError("nothing came within a minute")
        await asyncio.sleep(0.002)
    await pilot._wait_for_screen()
    return time.perf_counter() - started


def p95(milliseconds: list[float]) -> float:
    """Return the time that 95 % stay below."""
    return round(statistics.quantiles(milliseconds, n=20)[-1], 1)


def measure_app(folder: Path) -> dict[str, object]:
    """Time the app as a person starts it; milliseconds, and MB of memory."""
    found: dict[str, object] = {}
    started = time.perf_counter()
    with (
        Terminal(["-m", "sitool", "open", str(folder)], SIZE) as terminal,
        contextlib.closing(open_study(folder)) as study,
    ):
        for name, pattern in FRAMES.items():
            terminal.read_until(pattern)
            found[f"command to {name}, ms"] = round(1000 * (time.perf_counter() - started))
        _until_idle(study)
        found |= _press_all(terminal, "engine idle: ")
        study.fork(0)
        study.ask("step", {"rounds": 20})
        # The table goes to the new round; back to the one with all the samples.
        terminal.read_until(rb"under way")
        terminal.press(b"/")
        for letter in f"round:{ROUND}\r":
            terminal.press(letter.encode())
        terminal.read_until(rb"of [\d,]{7,} \xe2\x94\x80")
        found |= _press_all(terminal, "engine at work: ")
        found["the engine was at work until the last key"] = study.busy
        study.stop()
        study.end_engine()
        found["peak memory of the app, MB"] = terminal.end(b"\x11")
    return found


def _until_idle(study: Study) -> None:
    """Wait until the study's engine has loaded its model, and only looks for work now and then."""
    spent, before = 0.0, 0.0
    while not before or spent - before > IDLE_SHARE:
        time.sleep(1.0)
        before, spent = spent, _cpu_seconds(study.engine_pid)


def _cpu_seconds(pid: int | None) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() if pid else ["0"] * 13
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _press_all(terminal: Terminal, when: str) -> dict[str, float]:
    return {
        f"{when}{name}, p95 ms": p95([terminal.press(key, CURSOR) for _ in range(100)])
        for name, key in KEYS.items()
    }


def measure_panel(folder: Path) -> dict[str, object]:
    """Time the samples panel alone; milliseconds, and MB of memory."""
    started = time.perf_counter()
    with Terminal(["-m", "benchmarks.tui", "--show", str(folder)], SIZE) as terminal:
        found: dict[str, object] = {}
        terminal.read_until(rb"1-\d+ of [1-9]")
        found["command to first rows, ms"] = round(1000 * (time.perf_counter() - started))
        terminal.read_until(rb"of [\d,]+ \xe2\x94\x80")
        found["command to whole list, ms"] = round(1000 * (time.perf_counter() - started))
        found |= _press_all(terminal, "")
        terminal.press(b"\x1b[H")
        found["jump to the end, ms"] = round(terminal.press(b"\x1b[F", CURSOR), 1)
        found["page up from there, p95 ms"] = p95(
            [terminal.press(b"\x1b[5~", CURSOR) for _ in range(100)]
        )
        found["peak memory of the panel, MB"] = terminal.end(b"\x11")
    return found


async def measure_filters(folder: Path) -> dict[str, str]:
    """Time filters and orders from being asked for to the first rows and to all."""
    app = Alone(folder)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: table(app).listing.done)
        return {words: await _filter(app, pilot, words) for words in FILTERS}


async def _filter(app: Alone, pilot: Pilot[None], words: str) -> str:
    from sitool.study.filter_line import parse_query

    before = table(app).listing
    started = time.perf_counter()
    app.query_one(SamplesPanel).ask(parse_query(words))
    await until(pilot, lambda: table(app).listing is not before)
    first = time.perf_counter() - started
    await until(pilot, lambda: table(app).listing.done)
    whole = time.perf_counter() - started
    rows = len(table(app).listing.ids)
    return f"first rows after {1000 * first:.0f} ms, all {rows:,} after {1000 * whole:.0f} ms"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=1_000_000)
    parser.add_argument("--study", type=Path, help="a study made by many_samples; rounds are added")
    parser.add_argument("--show", type=Path, help="only show the samples of a study")
    options = parser.parse_args()
    if options.show:
        gc.freeze()  # As the whole app does.
        Alone(options.show).run()
        return
    with tempfile.TemporaryDirectory() as folder:
        study = options.study or make_study(Path(folder) / "study", options.samples)
        figures = {
            "panel": measure_panel(study),
            "filters": asyncio.run(measure_filters(study)),
            "app": measure_app(study),
        }
    print(json.dumps(figures, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
