"""The panel in JupyterLab in a real browser: clicked, followed, loaded again."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from notebook_page import NotebookPage
from studies import create

import sitool
from sitool.client import Study

pytestmark = pytest.mark.slow
"""A browser, a server and a kernel: CI runs them."""

OPEN = "import sitool\nstudy = sitool.open({folder!r})\nstudy.panel()"
SECOND = "print('free', 6 * 7)"


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Study]:
    """Return a scripted study with round 1 done."""
    study = create(tmp_path_factory.mktemp("shown") / "study")
    study.run(1)
    yield study
    if study.engine_pid is not None:
        study.end_engine()
    study.close()


@pytest.fixture(scope="module")
def page(open_shared: Callable[..., NotebookPage], shown: Study) -> NotebookPage:
    """Return a notebook with the panel of that study; its tests may come in any order."""
    page = open_shared(OPEN.format(folder=str(shown.folder)), SECOND)
    page.start_cell(0)
    has_round(page, 1, "●")
    return page


def button(page: NotebookPage, name: str) -> Any:
    return page.page.get_by_role("button", name=name, exact=True).first


def has_round(page: NotebookPage, number: int, mark: str) -> None:
    """Wait until the list of rounds has this one, with this mark."""
    page.until(
        "[...document.querySelectorAll('.jp-OutputArea select option')].some("
        f"o => o.text.includes('r{number:04d}\\u00a0{mark}'))"
    )


def test_a_step_is_clicked_while_the_kernel_stays_free_and_a_reload_finds_it_again(
    page: NotebookPage,
) -> None:
    tree = page.page.locator(".jp-OutputArea select").first
    tree.evaluate("element => { window.sameTree = element; }")
    button(page, "Step").click()
    page.start_cell(1)
    page.page.get_by_text("free 42").wait_for()
    has_round(page, 2, "●")
    assert tree.evaluate("element => element === window.sameTree")  # Nothing was drawn anew.
    page.page.get_by_text("r0002 is done").first.wait_for()
    page.reload()
    has_round(page, 2, "●")
    assert not page.errors


def test_a_slider_is_moved_by_keys_and_the_next_round_draws_by_it(
    page: NotebookPage, shown: Study
) -> None:
    page.page.get_by_role("tab", name="Curriculum", exact=True).click()
    before = shown.plan().weights
    knob = page.page.locator(".widget-hslider", has_text="level 1").locator(".noUi-handle")
    knob.focus()
    for _ in range(5):
        page.page.keyboard.press("ArrowRight")
    page.page.get_by_text("Curriculum of the next round: manual").wait_for()
    after = sitool.open(shown.folder).plan()
    assert after.weights[1] > before[1]
    assert shown.settings.curriculum.rule == "manual"
    page.page.get_by_role("tab", name="Code", exact=True).click()
    code = page.page.locator(".jp-OutputArea textarea").last
    assert "study.curriculum.set(rule='manual'" in code.input_value()
    assert not page.errors
