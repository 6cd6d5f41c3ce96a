"""The notebook's panel: how soon it is there, what it sends, how soon it follows the engine.

    python -m benchmarks.panel --rounds 20

No browser: the time until the kernel has sent all that a page needs for its first paint,
and the bytes of it. What a browser makes of that is for the tests in JupyterLab.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import comm
from comm.base_comm import BaseComm

from sitool import events
from sitool.client import Study, create
from sitool.widgets.panel import Panel
from sitool.widgets.view import View

SCRIPTED = (
    "model.base=scripted", "sampler.name=scripted", "trainer.name=scripted", "draw.problems=24",
    "draw.samples=4", "trainer.batch_size=8", "evaluation.problems_per_level=6",
    "evaluation.samples=4", 'evaluation.verifiers=["majority"]',
)  # fmt: skip
EVENTS = 20
LONGEST_SECONDS = 120.0


@dataclass
class Wire:
    """Counts what goes to the page, in place of a kernel's own wire."""

    messages: int = 0
    bytes: int = 0
    library: int = field(default=0)

    def take(self, data: Any, buffers: Any) -> None:
        """Count one message; the chart libraries, which reach a page once, by themselves."""
        size = len(json.dumps(data, default=str)) + sum(len(part) for part in buffers or ())
        self.messages += 1
        if size > 500_000:
            self.library += size
        else:
            self.bytes += size

    def since(self, before: "Wire") -> str:
        """Say what was sent since a moment."""
        messages, sent = self.messages - before.messages, self.bytes - before.bytes
        return f"{messages:,} messages, {sent / 1000:,.1f} kB"

    def now(self) -> "Wire":
        """Remember this moment."""
        return Wire(self.messages, self.bytes, self.library)


WIRE = Wire()


class CountingComm(BaseComm):
    """Sends nothing anywhere."""

    def publish_msg(
        self, msg_type: str, data: Any = None, metadata: Any = None, buffers: Any = None, **_: Any
    ) -> None:
        WIRE.take(data, buffers)


def until(true: Callable[[], object]) -> float:
    """Wait until something is true, and return how many seconds that took."""
    began = time.perf_counter()
    while not true():
        if time.perf_counter() - began > LONGEST_SECONDS:
            raise SystemExit("error: it never came true")
        time.sleep(0.002)
    return time.perf_counter() - began


def import_seconds() -> float:
    """Return how long a fresh kernel computes to import the panel, whoever else is at work."""
    code = (
        "import time\nbegan = time.process_time()\nimport sitool.widgets\n"
        "print(time.process_time() - began)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)


def measure_paint(study: Study) -> Panel:
    """Make a panel and what stands beside it; say how long that took and what was sent."""
    before, began = WIRE.now(), time.perf_counter()
    panel = Panel(View(study))
    made = time.perf_counter() - began
    until(lambda: panel.view.look is not None)
    looked = time.perf_counter() - began
    bundle = panel._repr_mimebundle_()
    whole = time.perf_counter() - began
    print(f"construction         {made:.3f} s")
    print(f"first look drawn     {looked:.3f} s")
    print(f"ready to be painted  {whole:.3f} s, with the still beside it")
    print(f"sent until then      {WIRE.since(before)}")
    print(f"the still            {sum(len(str(part)) for part in bundle.values()) / 1000:,.1f} kB")
    return panel


def measure_following(study: Study, panel: Panel) -> None:
    """Journal events, and say how long until the page was told of each."""
    seconds = []
    for number in range(EVENTS):
        beat = panel.view.beat
        study._store.journal.write(events.StepTrained(1, number + 1, EVENTS, 1.0, 10))
        seconds.append(until(partial(_beats_on, panel.view, beat)))
        time.sleep(0.137)  # Not in step with the desk.
    middle, most = statistics.median(seconds), max(seconds)
    print(
        f"event to trait       {1000 * middle:.0f} ms at the middle, {1000 * most:.0f} ms at most"
    )


def _beats_on(view: View, beat: int) -> bool:
    return bool(view.beat > beat)


def measure_round(panel: Panel) -> None:
    """Step a round in the engine's process, and say what the page was sent meanwhile."""
    view, before = panel.view, WIRE.now()
    head = view.look.summary.head if view.look is not None else None
    began = time.perf_counter()
    panel.steps.step()
    clicked = time.perf_counter() - began
    until(lambda: view.look is not None and view.look.summary.head not in (None, head))
    took = time.perf_counter() - began
    print(f"a click on Step      {1000 * clicked:.1f} ms of the kernel")
    print(f"a round of {took:4.1f} s    {WIRE.since(before)}")


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    print(f"import               {import_seconds():.3f} s in a fresh kernel")
    comm.create_comm = CountingComm
    with tempfile.TemporaryDirectory() as folder:
        study = create(Path(folder) / "study", assignments=SCRIPTED)
        study.run(options.rounds, inline=True)
        print(f"a scripted study of {options.rounds} rounds")
        panel = measure_paint(study)
        measure_following(study, panel)
        measure_round(panel)
        panel.close()
        study.end_engine()
        until(lambda: study.engine_pid is None)
        print(f"chart libraries      {WIRE.library / 1000:,.0f} kB, once a page")
        study.close()


if __name__ == "__main__":
    main()
