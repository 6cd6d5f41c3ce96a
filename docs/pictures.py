"""Draws the pictures of the README from a real study: `python docs/pictures.py STUDY`."""

import io
import re
import sys
from pathlib import Path

from rich.console import Console

import sitool
from sitool.cli import tables
from sitool.summary import advice

HERE = Path(__file__).parent / "pictures"


def main(folder: str) -> None:
    """Write docs/pictures/demo.svg."""
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
    # Rich asks for its font from the network; the reader's own monospace font will do.
    svg = re.sub(r"@font-face\s*{.*?}", "", console.export_svg(title="sitool"), flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->", "", svg, flags=re.DOTALL)
    (HERE / "demo.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
