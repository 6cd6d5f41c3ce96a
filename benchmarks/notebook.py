"""The parts of a notebook in a real JupyterLab: first paint, from an event to the chart, scrolling.

python -m benchmarks.notebook

Needs Chromium and the notebook packages. Each figure is the median; the first line of
every part says what is timed. Leaves out what the parts say.
"""

import argparse
import json
import os
import shutil
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sitool
from benchmarks.jupyter import NotebookPage, Server, serve
from benchmarks.many_samples import make_study

SAMPLES = 100_000
FRAMES = 300
PIXELS_A_FRAME = 260
"""Ten rows: a fast wheel."""
SCRIPTED = (
    "model.base=scripted", "sampler.name=scripted", "trainer.name=scripted", "draw.problems=24",
    "draw.samples=4", "evaluation.problems_per_level=6", "evaluation.samples=2",
)  # fmt: skip
OPEN = "import sitool\nfrom sitool.widgets import Charts, Samples\nstudy = sitool.open({folder!r})"
CHART = ".sitool-chart svg"
ROWS = ".sitool-samples .rows [role=row]:not([hidden])"
WATCH = """() => {
  const points = () => document.querySelectorAll(
    '.sitool-chart .mark-symbol.role-mark path').length;
  const seen = (window.seen = [[points(), Date.now()]]);
  new MutationObserver(() => {
    if (points() !== seen.at(-1)[0]) seen.push([points(), Date.now()]);
  }).observe(document.querySelector('.sitool-chart'), { childList: true, subtree: true });
}"""
SCROLL = """async ([frames, pixels]) => {
  const box = document.querySelector('.sitool-samples .scroller');
  const rows = () => [...document.querySelectorAll('.sitool-samples .rows [role=row]')]
    .filter((row) => !row.hidden);
  const times = [];
  let filled = 0;
  let last = await new Promise(requestAnimationFrame);
  for (let frame = 0; frame < frames; frame++) {
    box.scrollTop += pixels;
    const now = await new Promise(requestAnimationFrame);
    times.push(now - last);
    last = now;
    filled += rows().every((row) => row.dataset.sample) ? 1 : 0;
  }
  return { times, filled };
}"""


@contextmanager
def lab(folder: Path) -> Iterator[tuple[Server, Any]]:
    """Run a JupyterLab and a browser."""
    from playwright.sync_api import sync_playwright

    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with serve(folder) as server, sync_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield server, browser
        browser.close()


def first_paint(server: Server, browser: Any, study: Path, runs: int) -> dict[str, Any]:
    """Time from running a cell that shows charts to the chart, in a kernel that imported sitool."""
    times = []
    for _ in range(runs):
        page = NotebookPage(server, browser, [OPEN.format(folder=str(study)), "Charts(study)"])
        page.start_cell(0)
        page.until("document.querySelector('.jp-CodeCell .jp-InputPrompt').innerText === '[1]:'")
        began = page.page.evaluate("Date.now()")
        page.start_cell(1)
        page.until(f"document.querySelector({CHART!r})")
        times.append(page.page.evaluate("Date.now()") - began)
        page.close()
    return {"name": "first paint of the charts", "ms": statistics.median(times), "all": times}


def event_to_chart(server: Server, browser: Any, folder: Path, rounds: int) -> dict[str, Any]:
    """Time from a round's last event in the journal to its points on the page."""
    page = NotebookPage(server, browser, [f"{OPEN.format(folder=str(folder))}\nCharts(study)"])
    page.run_all()
    page.until(f"document.querySelector({CHART!r})")
    page.page.evaluate(WATCH)
    study = sitool.open(folder)
    times = []
    for _ in range(rounds):
        before = page.page.evaluate("window.seen.length")
        study.step(inline=False)
        page.until(f"window.seen.length > {before}")
        drawn = page.page.evaluate("window.seen.at(-1)[1]")
        finished = [at for _, at, event in study.events(study.last_round_start())
                    if event.kind == "RoundFinished"]  # fmt: skip
        times.append(round(drawn - 1000 * finished[-1]))
    study.end_engine()
    study.close()
    page.close()
    return {"name": "engine event to chart", "ms": statistics.median(times), "all": times}


def scrolling(server: Server, browser: Any, study: Path) -> dict[str, Any]:
    """Scroll ten rows a frame and time the frames; count those that had every row's text."""
    page = NotebookPage(server, browser, [f"{OPEN.format(folder=str(study))}\nSamples(study)"])
    page.run_all()
    page.until(f"document.querySelectorAll({ROWS!r}).length > 5")
    told = page.page.evaluate(SCROLL, [FRAMES, PIXELS_A_FRAME])
    page.close()
    times = sorted(told["times"])
    return {
        "name": f"a frame while scrolling {SAMPLES:,} rows",
        "ms": round(statistics.median(times), 1),
        "p95": round(times[int(0.95 * len(times))], 1),
        "filled": told["filled"] / FRAMES,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    parser.add_argument("--runs", type=int, default=3, help="runs, or rounds, of each")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        small = sitool.create(folder / "small", assignments=list(SCRIPTED))
        small.run(2, inline=True)
        small.close()
        many = make_study(folder / "many", SAMPLES)
        (folder / "jupyter").mkdir()
        with lab(folder / "jupyter") as (server, browser):
            found = [
                first_paint(server, browser, small.folder, options.runs),
                event_to_chart(server, browser, small.folder, options.runs),
                scrolling(server, browser, many),
            ]
    if options.json:
        print(json.dumps(found, indent=2))
        return
    print(f"load {os.getloadavg()[0]:.1f}")
    for figure in found:
        more = {key: value for key, value in figure.items() if key not in ("name", "ms")}
        print(f"{figure['name']:40} {figure['ms']:>8,.1f} ms   {more}")


if __name__ == "__main__":
    main()
