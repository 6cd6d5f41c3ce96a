"""Every notebook runs from top to bottom, offline, and shows what its committed outputs show."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode
from offline import go_offline

from notebooks.execute import LIVE, METADATA, executed, normalised, notebooks
from sitool.process import engine_pid
from sitool.shelf import studies_in

NAMES = [
    "01_first_round",
    "02_feedback_loop_and_saturation",
    "03_easy_to_hard",
    "04_generation_verification_gap",
    "05_sharpening",
    "06_theory_lab",
    "07_your_own_task",
]
QUICK = {"06_theory_lab"}
"""Those that load no model."""
LARGEST_BYTES = 1_500_000
MOST_LINES = 14
SEEN_WITHOUT_KERNEL = {"image/png", "image/svg+xml", "text/html", "text/markdown"}
BY_NAME = {notebook.stem: notebook for notebook in notebooks()}


def each(run: Any) -> Any:
    slow = [pytest.param(n, marks=() if n in QUICK else pytest.mark.slow) for n in NAMES]
    return pytest.mark.parametrize("name", slow)(run)


def code(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def words(notebook: NotebookNode) -> str:
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def bundles(notebook: NotebookNode) -> list[NotebookNode]:
    return [output.data for cell in code(notebook) for output in cell.outputs if "data" in output]


def columns(html: str) -> list[list[str]]:
    """Return the columns of each table, by their words."""
    heads = re.findall(r"<thead.*?</thead>", html, re.DOTALL)
    return [
        [re.sub(r"<[^>]*>", "", cell).strip() for cell in re.findall(r"<th\b.*?</th>", head, re.S)]
        for head in heads
    ]


def shape(cell: NotebookNode) -> list[tuple[Any, ...]]:
    """Return what a cell shows, but for the figures in it."""
    return [
        (
            output.output_type,
            output.get("name", ""),
            sorted(output.get("data", {})),
            columns(str(output.get("data", {}).get("text/html", ""))),
        )
        for output in cell.outputs
    ]


@pytest.fixture(params=NAMES)
def committed(request: pytest.FixtureRequest) -> NotebookNode:
    return nbformat.read(BY_NAME[request.param], as_version=4)


def test_these_are_the_notebooks() -> None:
    assert list(BY_NAME) == NAMES


@each
@pytest.mark.timeout(600)
def test_it_runs_offline_from_top_to_bottom_and_shows_what_is_committed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = go_offline(tmp_path / "offline", monkeypatch)
    monkeypatch.delenv("SITOOL_ENGINE")  # As a student runs it: rounds are the engine's.
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    here = tmp_path / "class"
    here.mkdir()

    run = executed(BY_NAME[name], here)

    assert not tried.exists(), tried.read_text()
    widgets = [bundle for bundle in bundles(run) if LIVE in bundle]
    assert all(SEEN_WITHOUT_KERNEL & set(bundle) for bundle in widgets)
    assert not any(engine_pid(study) for study in studies_in(here / "studies"))
    before = nbformat.read(BY_NAME[name], as_version=4)
    for cell, fresh in zip(code(before), code(normalised(run)), strict=True):
        assert shape(cell) == shape(fresh), f"{cell.id}; try: make notebooks"


def test_the_guard_of_these_tests_does_refuse_the_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = go_offline(tmp_path / "offline", monkeypatch)
    script = "import urllib.request; urllib.request.urlopen('http://192.0.2.1', timeout=5)"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert ended.returncode != 0
    assert "192.0.2.1" in tried.read_text()


def test_a_committed_notebook_is_as_its_runner_writes_it(committed: NotebookNode) -> None:
    assert dict(committed.metadata) == METADATA
    for cell in code(committed):
        assert "execution" not in cell.metadata
    assert not any(LIVE in bundle for bundle in bundles(committed))
    assert [cell.execution_count for cell in code(committed)] == list(
        range(1, len(code(committed)) + 1)
    )


def test_a_committed_notebook_has_pictures_and_neither_errors_nor_warnings(
    committed: NotebookNode,
) -> None:
    outputs = [output for cell in code(committed) for output in cell.outputs]
    assert not any(output.output_type == "error" for output in outputs)
    assert not any(output.get("name") == "stderr" for output in outputs)
    shown: set[str] = set().union(*bundles(committed))
    assert {"image/png", "image/svg+xml"} & shown


def test_what_a_committed_notebook_shows_comes_from_itself_alone(committed: NotebookNode) -> None:
    for bundle in bundles(committed):
        html = str(bundle.get("text/html", ""))
        assert not re.search(r"""(?:src|href|import)\s*[=(]?\s*["']?(?:https?:)?//""", html)


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_small_enough_for_a_code_host_to_show(name: str) -> None:
    assert BY_NAME[name].stat().st_size < LARGEST_BYTES


def test_a_notebook_asks_before_it_runs_and_folds_its_solutions_away(
    committed: NotebookNode,
) -> None:
    text = words(committed)
    assert text.count("**Before you run it.**") >= 3
    assert text.count("<details>") == text.count("</details>") >= 3
    assert "CLASS_NUMBER = 7" in code(committed)[0].source


def test_the_code_of_a_notebook_is_thin(committed: NotebookNode) -> None:
    assert max(cell.source.count("\n") + 1 for cell in code(committed)) <= MOST_LINES
