"""JupyterLab in a real browser: one server, and one browser for each file of tests.

Not for all of them: as long as Playwright is up, no other test of the process can run a loop.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from notebook_page import NotebookPage, Server, serve

OpenNotebook = Callable[..., NotebookPage]

FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a JupyterLab of our own, which asks nobody for anything."""
    pytest.importorskip("jupyterlab", reason="jupyterlab is not installed")
    with serve(tmp_path_factory.mktemp("jupyter")) as started:
        yield started


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Return Debian's Chromium, driven by Playwright."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("there is no chromium here to open a notebook in")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield started
        started.close()


@contextmanager
def notebooks(server: Server, browser: Any) -> Iterator[OpenNotebook]:
    """Yield a function that opens a notebook of some cells; no request may leave the machine."""
    opened: list[NotebookPage] = []

    def open_one(*cells: str, **rest: Any) -> NotebookPage:
        page = NotebookPage(server, browser, cells, **rest)
        opened.append(page)
        return page

    yield open_one
    for page in opened:
        page.close()
    foreign = [request for page in opened for request in page.foreign]
    assert not foreign, foreign


@pytest.fixture
def open_notebook(server: Server, browser: Any) -> Iterator[OpenNotebook]:
    """Return a function that opens notebooks of the test's own."""
    with notebooks(server, browser) as open_one:
        yield open_one


@pytest.fixture(scope="module")
def open_shared(server: Server, browser: Any) -> Iterator[OpenNotebook]:
    """Return a function that opens notebooks that all tests of a file look at, in any order."""
    with notebooks(server, browser) as open_one:
        yield open_one
