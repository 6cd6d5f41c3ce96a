"""Charts, samples and inspector in a real JupyterLab: they follow, are picked in, and survive."""

import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from notebook_page import NotebookPage
from studies import create, first_sample

import sitool
from benchmarks.jupyter import LONGEST_SECONDS
from benchmarks.many_samples import make_study

pytestmark = pytest.mark.slow
"""A browser, a server and a kernel: CI runs them."""

OpenNotebook = Callable[..., NotebookPage]
PARTS = """import sitool
from sitool.widgets import Charts, Inspector, Samples
study = sitool.open({folder!r})
charts = Charts(study)
samples = Samples(study)
inspector = Inspector(study)
"""
CHART = ".sitool-chart svg"
POINTS = f"{CHART} .mark-symbol.role-mark path"
ROWS = ".sitool-samples .rows [role=row]:not([hidden])"
ITS_OWN = {
    "Cannot read properties of undefined (reading 'schema')",
    "Command 'filebrowser:open-path' not registered.",
}
"""What a page of Notebook 7.6.5 complains of by itself, once each, with no cell of ours.

Its part for shortcuts hears of other parts' settings before its own are loaded; and where
JupyterLab was open on the same server, its file browser is to open a folder by a command that
only JupyterLab has.
"""
MANY = 100_000
MIDDLE = 50_000


@pytest.fixture(scope="module")
def one_round(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a scripted study with rounds 0 and 1 done; for copying only."""
    study = create(tmp_path_factory.mktemp("one-round") / "study")
    study.run(1)
    study.close()
    return study.folder


@pytest.fixture
def folder(one_round: Path, tmp_path: Path) -> Iterator[Path]:
    """Return a study of the test's own, whose engine ends with it."""
    shutil.copytree(one_round, tmp_path / "study")
    yield tmp_path / "study"
    study = sitool.open(tmp_path / "study")
    study.end_engine()
    study.close()


@pytest.fixture(scope="module")
def page(open_shared: OpenNotebook, one_round: Path) -> NotebookPage:
    """Return a notebook with all parts, of a study to which no round is added."""
    folder = one_round.with_name("shared")
    shutil.copytree(one_round, folder)
    parts = PARTS.format(folder=str(folder)) + "charts"
    page = open_shared(parts, "samples", "inspector", "print(charts.view.lines)")
    for cell in range(3):
        page.start_cell(cell)
    page.until(f"{count(page, POINTS)} === 16 && {count(page, ROWS)} > 5")
    return page


@pytest.fixture(scope="session")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a study of 100,000 samples."""
    return make_study(tmp_path_factory.mktemp("many") / "study", MANY)


def count(page: NotebookPage, selector: str) -> str:
    """Write the expression that counts elements."""
    return f"document.querySelectorAll({selector!r}).length"


def test_a_chart_gains_points_in_place_while_a_cell_runs(
    open_notebook: OpenNotebook, folder: Path, tmp_path: Path
) -> None:
    enough = tmp_path / "enough"
    page = open_notebook(
        PARTS.format(folder=str(folder)) + "charts",
        "study.ask('step', {'rounds': 1, 'to': None})",
        "import pathlib, time\n"
        f"while not pathlib.Path({str(enough)!r}).exists():\n    time.sleep(0.05)",
    )
    page.start_cell(0)
    page.until(f"{count(page, POINTS)} === 16")  # Eight levels in two rounds.
    page.page.evaluate(f"document.querySelector({CHART!r}).dataset.kept = 'yes'")
    page.start_cell(1)
    page.start_cell(2)
    page.until(f"{count(page, POINTS)} === 24")
    assert page.busy(), "the points came while a cell ran"
    enough.touch()
    page.until_run()
    assert page.page.evaluate(f"document.querySelector({CHART!r}).dataset.kept") == "yes"
    assert "r2" in (page.page.locator(CHART).text_content() or "")
    assert page.errors == []


def test_a_click_on_a_point_filters_the_table_and_a_reload_finds_it_again(
    page: NotebookPage,
) -> None:
    rows = page.page.locator(POINTS)
    place = next(
        n for n in range(rows.count())
        if "level 2" in rows.nth(n).get_attribute("aria-label") and "r1" in
        rows.nth(n).get_attribute("aria-label")
    )  # fmt: skip
    rows.nth(place).dispatch_event("click")
    title = page.page.locator(".sitool-samples .title b")
    page.until("document.querySelector('.sitool-samples .title b').textContent.endsWith('level:2')")
    page.reload()
    page.until(f"{count(page, POINTS)} === 16 && {count(page, ROWS)} > 0")
    assert title.inner_text() == "Samples of r0001 · level:2"
    assert page.page.locator(".sitool-samples input").input_value() == "level:2"
    levels = {row.inner_text().split()[1] for row in page.page.locator(ROWS).all()}
    assert levels == {"2"}
    assert page.errors == []


def test_a_hundred_thousand_rows_scroll_and_filter(open_notebook: OpenNotebook, many: Path) -> None:
    page = open_notebook(PARTS.format(folder=str(many)) + "samples")
    page.run_all()
    page.until("document.querySelector('.sitool-samples .grid').ariaRowCount === '100001'")
    scroller = page.page.locator(".sitool-samples .scroller")
    scroller.evaluate(f"box => {{ box.scrollTop = {MIDDLE} * 26; }}")
    wanted = f"[aria-rowindex='{MIDDLE + 2}'][data-sample='{MIDDLE + 1}']"
    page.page.wait_for_selector(wanted)
    assert page.page.locator(ROWS).count() < 40, "only what is in sight is on the page"
    page.page.locator(wanted).click()
    page.page.keyboard.press("End")
    page.page.wait_for_selector(f"[aria-selected=true][data-sample='{MANY}']:focus")
    page.page.keyboard.press("/")
    page.page.keyboard.type("unparsed sort:-level")
    page.until("document.querySelector('.sitool-samples .title b').textContent.includes('unpar')")
    page.until(f"[...document.querySelectorAll({ROWS!r})].every(r => r.innerText.startsWith('?'))")
    first = page.page.locator(ROWS).first.inner_text().split()
    assert first[1] == "8"
    page.page.locator(".sitool-samples input").fill("levl:3 ")
    page.until("document.querySelector('.sitool-samples .mistake').textContent.includes('level:3')")
    assert page.errors == []


def test_a_reject_through_the_inspector_lands_in_the_store(
    page: NotebookPage, one_round: Path
) -> None:
    page.page.locator(".sitool-samples input").fill("")  # Whatever was looked for before.
    page.until("document.querySelector('.sitool-samples .grid').ariaRowCount === '97'")
    page.page.locator(ROWS).first.click()
    page.page.wait_for_selector(".sitool-sample h3")
    page.page.get_by_label("Reason").fill("by luck")
    page.page.get_by_label("Reason").press("Tab")
    page.page.get_by_role("button", name="Reject", exact=True).click()
    page.page.wait_for_selector(".sitool-sample .strong")
    page.until(f"document.querySelector({ROWS!r}).innerText.includes('✎')")
    study = sitool.open(one_round.with_name("shared"))
    sample = first_sample(study, 1)
    study.close()
    assert sample.ruling is not None
    assert (sample.ruling.action, sample.ruling.reason) == ("reject", "by luck")
    page.start_cell(3)
    page.until_run()
    assert f"study.reject({sample.id}, reason='by luck')" in page.output(2)
    assert page.errors == []


@pytest.mark.slow
def test_notebook_7_shows_them_too(open_notebook: OpenNotebook, folder: Path) -> None:
    pytest.importorskip("notebook", reason="notebook is not installed")
    open_notebook("'a page in JupyterLab, before those in Notebook 7'")
    bare = open_notebook("'nothing of ours'", classic=True)
    deadline = time.monotonic() + LONGEST_SECONDS
    while set(bare.errors) != ITS_OWN:
        assert time.monotonic() < deadline, bare.errors
        bare.page.wait_for_timeout(100)
    page = open_notebook(PARTS.format(folder=str(folder)) + "charts", "samples", classic=True)
    page.run_all()
    page.until(f"{count(page, POINTS)} === 16 && {count(page, ROWS)} > 5")
    assert Counter(page.errors) <= Counter(bare.errors)
