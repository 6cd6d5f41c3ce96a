"""A chart as the last line of a cell: drawn offline in JupyterLab, and kept small as a picture."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from notebook_page import MILLISECONDS, NotebookPage, Server

from sitool.charts.figures import DRAWN

MOST_BYTES = 150_000
ONE_LEVEL_STANDS_OUT = """() => {
  const marks = document.querySelectorAll('.jp-CodeCell svg.marks g.mark-symbol.role-mark path');
  const seen = [...marks].slice(0, 24).map((mark) => mark.getAttribute('opacity'));
  return seen.filter((o) => o === '1').length === 3
    && seen.filter((o) => o === '0.08').length === 21;
}"""


def cells_of(folder: Path) -> tuple[str, ...]:
    opened = f"import sitool\nfrom sitool import charts\nstudy = sitool.open({str(folder)!r})"
    return opened, "charts.accuracy(study)", "charts.accuracy_map(study, theme='dark')"


def saved_outputs(page: NotebookPage) -> list[dict[str, Any]]:
    """Save the notebook, and return the data of the last output of each cell that has one."""
    page.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    saved = json.loads(page.file.read_text())
    return [cell["outputs"][-1]["data"] for cell in saved["cells"] if cell["outputs"]]


def test_a_chart_shows_itself_offline_and_answers_to_the_mouse(
    open_notebook: Callable[..., NotebookPage], two_rounds: Path
) -> None:
    page = open_notebook(*cells_of(two_rounds))
    page.run_all()
    drawn = page.page.locator(".jp-CodeCell svg.marks")
    drawn.nth(1).wait_for()
    assert "Accuracy by level over rounds" in drawn.nth(0).inner_html()
    marks = drawn.nth(0).locator("g.mark-symbol.role-mark path")
    assert marks.count() == 3 * 8
    marks.nth(0).hover(force=True)
    tooltip = page.page.locator("#vg-tooltip-element.visible")
    tooltip.wait_for()
    assert {"level", "1", "r0", "from:", "to:", "n:", "6"} <= set(tooltip.inner_text().split())
    marks.nth(0).click(force=True)
    page.page.wait_for_function(ONE_LEVEL_STANDS_OUT, timeout=MILLISECONDS)
    assert not page.errors


def test_a_saved_chart_is_small_and_is_drawn_again_without_a_kernel(
    open_notebook: Callable[..., NotebookPage], server: Server, two_rounds: Path
) -> None:
    page = open_notebook(*cells_of(two_rounds))
    page.run_all()
    page.page.locator(".jp-CodeCell svg.marks").nth(1).wait_for()
    outputs = saved_outputs(page)
    assert len(outputs) == 2
    for data in outputs:
        assert {DRAWN, "image/png", "text/plain"} == set(data)
        assert len(json.dumps(data)) < MOST_BYTES
    page.page.goto(f"{server.url}/notebooks/{page.file.name}")  # Notebook 7
    drawn = page.page.locator(".jp-CodeCell svg.marks")
    drawn.nth(1).wait_for()
    assert "Accuracy by level over rounds" in drawn.nth(0).inner_html()


def test_words_can_be_read_on_a_dark_page(
    open_notebook: Callable[..., NotebookPage], two_rounds: Path
) -> None:
    page = open_notebook(*cells_of(two_rounds))
    page.theme("JupyterLab Dark")
    page.run_all()
    drawn = page.page.locator(".jp-CodeCell svg.marks")
    drawn.nth(1).wait_for()
    colours = """svg => ({
      ink: [...new Set([...svg.querySelectorAll('.role-axis text')]
        .map(text => text.getAttribute('fill')))],
      below: getComputedStyle(svg).backgroundColor,
    })"""
    light, dark = (drawn.nth(place).evaluate(colours) for place in (0, 1))
    assert light == {"ink": ["#22262b"], "below": "rgb(255, 255, 255)"}
    assert dark == {"ink": ["#e4e7ea"], "below": "rgb(27, 30, 35)"}
