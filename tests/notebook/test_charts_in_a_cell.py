"""A chart as the last line of a cell: drawn offline in JupyterLab, and kept small as a picture."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from notebook_page import MILLISECONDS, NotebookPage, Server

from sitool.charts.figures import DRAWN

pytestmark = pytest.mark.slow
"""A browser, a server and a kernel: CI runs them."""

MOST_BYTES = 150_000
ONE_LEVEL_STANDS_OUT = """() => {
  const marks = document.querySelectorAll('.jp-CodeCell svg.marks g.mark-symbol.role-mark path');
  const seen = [...marks].slice(0, 24).map((mark) => mark.getAttribute('opacity'));
  return seen.filter((o) => o === '1').length === 3
    && seen.filter((o) => o === '0.08').length === 21;
}"""


@pytest.fixture(scope="module")
def page(open_shared: Callable[..., NotebookPage], two_rounds: Path) -> NotebookPage:
    """Return a notebook with a light and a dark chart, both drawn."""
    opened = f"import sitool\nfrom sitool import charts\nstudy = sitool.open({str(two_rounds)!r})"
    dark = "charts.accuracy_map(study, theme='dark')"
    page = open_shared(opened, "charts.accuracy(study)", dark)
    page.run_all()
    drawn_in(page.page)
    return page


def drawn_in(tab: Any) -> Any:
    """Wait for both charts, and return them."""
    drawn = tab.locator(".jp-CodeCell svg.marks")
    drawn.nth(1).wait_for()
    return drawn


def saved_outputs(page: NotebookPage) -> list[dict[str, Any]]:
    """Save the notebook, and return the data of the last output of each cell that has one."""
    page.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    saved = json.loads(page.file.read_text())
    return [cell["outputs"][-1]["data"] for cell in saved["cells"] if cell["outputs"]]


def test_a_chart_shows_itself_offline_and_answers_to_the_mouse(page: NotebookPage) -> None:
    drawn = drawn_in(page.page)
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
    page: NotebookPage, server: Server
) -> None:
    outputs = saved_outputs(page)
    assert len(outputs) == 2
    for data in outputs:
        assert {DRAWN, "image/png", "text/plain"} == set(data)
        assert len(json.dumps(data)) < MOST_BYTES
    tab = page.page.context.new_page()
    tab.set_default_timeout(MILLISECONDS)
    tab.goto(f"{server.url}/notebooks/{page.file.name}")  # Notebook 7
    assert "Accuracy by level over rounds" in drawn_in(tab).nth(0).inner_html()
    tab.close()


def test_words_can_be_read_on_a_dark_page(page: NotebookPage) -> None:
    page.command("notebook:clear-all-cell-outputs")
    page.until("!document.querySelector('.jp-CodeCell svg.marks')")
    page.theme("JupyterLab Dark")
    page.run_all()
    drawn = drawn_in(page.page)
    colours = """svg => ({
      ink: [...new Set([...svg.querySelectorAll('.role-axis text')]
        .map(text => text.getAttribute('fill')))],
      below: getComputedStyle(svg).backgroundColor,
    })"""
    light, dark = (drawn.nth(place).evaluate(colours) for place in (0, 1))
    assert light == {"ink": ["#22262b"], "below": "rgb(255, 255, 255)"}
    assert dark == {"ink": ["#e4e7ea"], "below": "rgb(27, 30, 35)"}
    page.theme("JupyterLab Light")
