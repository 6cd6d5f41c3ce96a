"""How long a redraw of the app's chart takes, from the numbers to the terminal's strips.

Times the drawing alone, in one process, without a terminal: what the app's thread
is busy with for one redraw. Run: python -m benchmarks.tui_charts
"""

import argparse
import json
import statistics
import time
from dataclasses import asdict, dataclass

import numpy as np
from rich.style import Style

from sitool.plots import Line, Plot
from sitool.tui.axes import whole
from sitool.tui.drawing import draw


@dataclass(frozen=True, slots=True)
class Redraw:
    """One size of chart and of data.

    Attributes:
        median_ms, p95_ms: Over all runs.
    """

    points: int
    lines: int
    width: int
    height: int
    median_ms: float
    p95_ms: float


def noisy_loss(points: int) -> Line:
    """Make a loss that falls and jitters."""
    x = np.arange(1.0, points + 1)
    noise = np.random.default_rng(points).normal(scale=0.1, size=points)
    return Line("loss", x, 3 / np.sqrt(x) + noise)


def levels(points: int, count: int) -> list[Line]:
    """Make accuracies with intervals, one line a level."""
    x = np.arange(float(points))
    rises = [1 - np.exp(-(x + 1) / (5 * level)) for level in range(1, count + 1)]
    return [
        Line(f"level {i}", x, y, np.clip(y - 0.1, 0, 1), np.clip(y + 0.1, 0, 1), end=".50")
        for i, y in enumerate(rises, 1)
    ]


def redraw(lines: list[Line], width: int, height: int, runs: int) -> Redraw:
    """Draw a plot again and again."""
    plot = Plot("loss", "A plot to time", lines)
    styles = [Style(color="blue")] * (3 + 2 * len(lines))
    took = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        draw(plot, width, height, whole(plot)).strips(styles)
        took.append(1000 * (time.perf_counter() - start))
    took = sorted(took[1:])
    p95 = took[min(int(0.95 * len(took)), len(took) - 1)]
    median = round(statistics.median(took), 2)
    return Redraw(len(lines[0].x), len(lines), width, height, median, round(p95, 2))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    parser.add_argument("--runs", type=int, default=50, help="redraws of each (default: 50)")
    options = parser.parse_args()
    found = [
        redraw(lines, width, height, options.runs)
        for lines in (levels(10, 8), [noisy_loss(10_000)], [noisy_loss(1_000_000)])
        for width, height in ((46, 12), (118, 36), (200, 60))
    ]
    if options.json:
        print(json.dumps([asdict(item) for item in found], indent=2))
        return
    for item in found:
        print(
            f"{item.points:>9,} points in each of {item.lines} lines on {item.width}x{item.height}:"
            f" {item.median_ms:6.2f} ms (95 % under {item.p95_ms:.2f} ms)"
        )


if __name__ == "__main__":
    main()
