"""Draws the pictures of the README from a real study: `python docs/pictures.py STUDY`."""

import asyncio
import io
import sys
from pathlib import Path

from rich.console import Console

import sitool
from sitool.cli import tables
from sitool.summary import advice
from sitool.tui.app import SitoolApp
from sitool.tui.export import without_web_fonts

HERE = Path(__file__).parent / "pictures"


async def draw_app(folder: str) -> None:
    """Write docs/pictures/app.svg: the study in the terminal app."""
    app = SitoolApp(Path(folder), warm=False)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(2)
        svg = without_web_fonts(app.export_screenshot())
    (HERE / "app.svg").write_text(svg, encoding="utf-8")


def draw_demo(folder: str) -> None:
    """Write docs/pictures/demo.svg: the same study on the command line."""
    study = sitool.open(folder)
    summary = study.summary()
    console = Console(record=True, width=88, file=io.StringIO())
    console.print("[bold]$ make demo[/bold]\n")
    console.print("Greedy accuracy by level on held-out problems:\n")
    console.print(tables.accuracy_table(summary))
    console.print()
    console.print(tables.gain_bars(summary.rounds[0], summary.rounds[-1]))
    console.print()
    last = study.rounds()[-1]
    shown = [
        sample
        for passed in (True, False)
        for level in (6, 7)
        for sample, _ in zip(last.samples(passed=passed, level=level), range(1), strict=False)
    ]
    console.print(tables.samples_table(shown))
    console.print(f"\n{advice(summary)}", markup=False, highlight=False)
    HERE.mkdir(exist_ok=True)
    svg = without_web_fonts(console.export_svg(title="sitool"))
    (HERE / "demo.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    draw_demo(sys.argv[1])
    asyncio.run(draw_app(sys.argv[1]))
