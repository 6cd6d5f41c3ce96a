"""Runs the notebooks from top to bottom and writes their outputs back.

    python -m notebooks.execute                      # all of them
    python -m notebooks.execute 06_theory_lab

A notebook is its own source: change its cells in JupyterLab or any editor, then run
this. It runs in a folder that is thrown away, and keeps of the outputs what a reader
without a kernel can see and what the next run will say again, so that a difference in
the repository is a difference in the notebook. What it leaves out: what the outputs
should be (`tests/notebook/test_notebooks.py`).
"""

import re
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

from sitool.process import end_engine
from sitool.shelf import studies_in

HERE = Path(__file__).parent
STUDIES = "studies"
"""The folder, beside a notebook, that its studies are in."""
LIVE = "application/vnd.jupyter.widget-view+json"
"""A widget's view: nothing without its kernel, and JupyterLab says so in red."""
METADATA = {
    "kernelspec": {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    },
    "language_info": {"name": "python"},
}
TOOK = re.compile(r"  [\d.,]+ (s|min|h)$", re.MULTILINE)
"""How long a round took, at the end of its line: it was another machine, or a busy one."""
CELL_SECONDS = 600
"""A cell that takes longer hangs: on two idle cores none takes a tenth of it."""


def notebooks() -> list[Path]:
    """Return the notebooks in the order in which a class takes them."""
    return sorted(HERE.glob("[0-9]*.ipynb"))


def executed(notebook: Path, folder: Path) -> NotebookNode:
    """Run a notebook in a folder, with a kernel of its own, and return it with its outputs.

    Raises:
        nbclient.exceptions.CellExecutionError: A cell failed.
    """
    run = nbformat.read(notebook, as_version=4)
    client = NotebookClient(
        run,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        store_widget_state=False,
        coalesce_streams=True,
    )
    try:
        client.execute()
    finally:
        # A kernel leaves its studies' engines at work, for they serve other windows too.
        for study in studies_in(folder / STUDIES):
            end_engine(study)
    return run


def normalised(run: NotebookNode) -> NotebookNode:
    """Leave out of a run, in place, what differs from run to run or needs its kernel."""
    run.metadata = nbformat.from_dict(METADATA)
    for cell in run.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", ()):
            output.get("data", {}).pop(LIVE, None)
            output.get("metadata", {}).pop(LIVE, None)
            if "text/plain" in output.get("data", {}):
                output.data["text/plain"] = TOOK.sub("", output.data["text/plain"])
    return run


def write(run: NotebookNode, notebook: Path) -> None:
    """Write a notebook, one line of text a line, so that changes can be read."""
    notebook.write_text(nbformat.writes(run, indent=1).rstrip("\n") + "\n", encoding="utf-8")


def main(names: Sequence[str]) -> None:
    """Run the named notebooks, or all."""
    for notebook in notebooks():
        if names and notebook.stem not in names:
            continue
        with tempfile.TemporaryDirectory() as folder:
            before = time.monotonic()
            run = executed(notebook, Path(folder))
            seconds = time.monotonic() - before
        write(normalised(run), notebook)
        size = notebook.stat().st_size / 1e6
        sys.stdout.write(f"{notebook.stem}: {seconds:.0f} s, {size:.2f} MB\n")


if __name__ == "__main__":
    main(sys.argv[1:])
