"""A task written in a notebook's cells: its source is found, and the check shows itself live."""

from pathlib import Path

import pytest

CELLS = (
    """
import re
from dataclasses import dataclass
import sitool

OFFSET = 3

@dataclass
class Sum:
    first: int
    second: int
    def text(self):
        return f"{self.first}+{self.second}="

def number(completion):
    return re.sub(r"\\D", "", completion) or None
""",
    """
def problem(level, rng):
    drawn = Sum(rng.randrange(10 ** level), OFFSET)
    return drawn.text(), drawn.first + drawn.second
""",
    """
task = sitool.task(problem, levels=range(1, 4), parse=number)
report = task.check(base="scripted", problems=4, samples=2, inline=True)
""",
    "report",
    """
parts = [f"{name}=scripted" for name in ("model.base", "sampler.name", "trainer.name")]
study = sitool.create("study", task=task, assignments=[*parts, "draw.problems=4"])
print(study.step(progress=False).number, study.settings.task.max_level)
study.end_engine()
study.close()
""",
)


def test_cells_become_a_task_and_a_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbformat = pytest.importorskip("nbformat", reason="no notebooks here")
    nbclient = pytest.importorskip("nbclient", reason="no notebooks here")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("SITOOL_ENGINE", "process")
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    resources = {"metadata": {"path": str(tmp_path)}}
    client = nbclient.NotebookClient(
        book, timeout=600, resources=resources, store_widget_state=False
    )
    client.execute()
    live, last = book.cells[2].outputs, book.cells[3].outputs[0].data
    assert [output.output_type for output in live] == ["display_data"]  # One that was updated.
    shown = live[0].data
    for level in ("1", "2", "3"):
        assert f"<td>{level}</td>" in shown["text/html"]
    assert shown == last
    assert "The base succeeds sometimes" in last["text/plain"]
    assert book.cells[4].outputs[0].text == "1 3\n"
    kept = (tmp_path / "study" / "task.py").read_text()
    assert "class Sum:" in kept
    assert "OFFSET = 3" in kept
