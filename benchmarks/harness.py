"""A common way to time two ways of doing the same work, and to say so.

Both run in one process, by turns, so that a busy neighbour or a warm cache
slows or helps both alike; the medians count. Leaves out anything about memory.
"""

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch


@dataclass(frozen=True, slots=True)
class Comparison:
    """One figure of ours beside a peer's.

    Attributes:
        name: What was measured, against whom.
        ours: Median amount a second.
        peer: The same for the peer.
        ratio: ours / peer.
        unit: Of `ours` and `peer`.
        runs: How many timed runs each.
    """

    name: str
    ours: float
    peer: float
    ratio: float
    unit: str
    runs: int


def compare(
    name: str, ours: Callable[[], float], peer: Callable[[], float], unit: str, runs: int = 5
) -> Comparison:
    """Time two functions by turns, after one run of each that is not counted.

    Args:
        name: What is measured.
        ours: Does the work once and returns how much it was, in the unit's nouns.
        peer: The same, done by the peer.
        unit: Such as `tokens/s`.
        runs: Timed runs of each.
    """
    ours(), peer()
    rates: dict[str, list[float]] = {"ours": [], "peer": []}
    for _ in range(runs):
        for who, work in (("ours", ours), ("peer", peer)):
            rates[who].append(_rate(work))
    mine, theirs = (statistics.median(rates[who]) for who in ("ours", "peer"))
    return Comparison(name, round(mine, 4), round(theirs, 4), round(mine / theirs, 2), unit, runs)


def _rate(work: Callable[[], float]) -> float:
    start = time.perf_counter()
    amount = work()
    return amount / (time.perf_counter() - start)


def machine() -> str:
    """Describe the machine in one line."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = names[0].split(":", 1)[1].strip() if names else model
    load = Path("/proc/loadavg")
    busy = f", load {load.read_text().split()[0]}" if load.exists() else ""
    return f"{model}, {torch.get_num_threads()} threads, torch {torch.__version__}{busy}"


def arguments(description: str, *flags: str) -> argparse.Namespace:
    """Read the options that every benchmark has, and flags of one."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for flag in flags:
        parser.add_argument(flag, action="store_true")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: 1)")
    parser.add_argument("--runs", type=int, default=5, help="timed runs of each (default: 5)")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    return options


def show(comparisons: list[Comparison], as_json: bool, note: str = "") -> None:
    """Print a table, or JSON."""
    if as_json:
        print(json.dumps([asdict(c) for c in comparisons], indent=2))
        return
    print(machine() + (f"\n{note}" if note else ""))
    for item in comparisons:
        print(
            f"{item.name:48} {item.ours:>10,.4g} against {item.peer:>10,.4g} {item.unit:10} "
            f"= {item.ratio:.2f}x  (median of {item.runs})"
        )
