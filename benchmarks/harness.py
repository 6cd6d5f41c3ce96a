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
        utilisation: What share of the machine's measured peak ours is; None: not known.
    """

    name: str
    ours: float
    peer: float
    ratio: float
    unit: str
    runs: int
    utilisation: float | None = None


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


def gemm_rate(device: str, dtype: torch.dtype, size: int = 2048) -> float:
    """Measure the best rate of a square matrix product, in operations a second."""
    a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    best = 0.0
    for _ in range(10):
        start = time.perf_counter()
        a @ b
        if device == "cuda":
            torch.cuda.synchronize()
        best = max(best, 2 * size**3 / (time.perf_counter() - start))
    return best


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


def arguments(description: str, *flags: str, only: str = "") -> argparse.Namespace:
    """Read the options that every benchmark has; `only` is the help of one that some have.

    Args:
        flags: More options without a value, such as `--large`.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for flag in flags:
        parser.add_argument(flag, action="store_true")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: 1)")
    parser.add_argument("--runs", type=int, default=5, help="timed runs of each (default: 5)")
    if only:
        parser.add_argument("--only", default="", help=only)
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
        used = "" if item.utilisation is None else f", {item.utilisation:.0%} of the GEMM rate"
        print(
            f"{item.name:48} {item.ours:>10,.4g} against {item.peer:>10,.4g} {item.unit:10} "
            f"= {item.ratio:.2f}x  (median of {item.runs}{used})"
        )
