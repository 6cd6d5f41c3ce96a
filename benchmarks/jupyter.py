"""A notebook in JupyterLab, as a person has it before them, for benchmarks and tests.

Every request is looked at, and none but loopback's let through. Waits for conditions, never
for some time to pass.
"""

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

LONGEST_SECONDS = 120.0
MILLISECONDS = LONGEST_SECONDS * 1000
LOOPBACK = ("127.0.0.1", "localhost")
SETTINGS = {
    # Messages are lost after a reload where widgets talk over subshells.
    "@jupyterlab/apputils-extension/kernels-settings": {"commsOverSubshells": "disabled"},
    "@jupyterlab/apputils-extension/notification": {
        "fetchNews": "false", "checkForUpdates": False,
    },
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
}  # fmt: skip
STATUS = "window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status"


@dataclass(frozen=True)
class Server:
    """A JupyterLab that runs: where it listens, and which folder it shows."""

    url: str
    root: Path


@contextmanager
def serve(folder: Path) -> Iterator[Server]:
    """Run a JupyterLab whose settings, data and sockets are in a folder of its own."""
    root, port = folder / "root", _free_port()
    root.mkdir()
    for name, content in SETTINGS.items():
        file = folder / "settings" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content))
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root",
        "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0",
        "--IdentityProvider.token=", "--ServerApp.disable_check_xsrf=True",
        f"--ServerApp.root_dir={root}",
        "--LabApp.expose_app_in_browser=True", "--LabApp.extension_manager=readonly",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]  # fmt: skip
    with (folder / "log").open("wb") as log:
        child = subprocess.Popen(
            command, env=_environment(folder), stdout=log, stderr=log, stdin=subprocess.DEVNULL
        )
        url = f"http://127.0.0.1:{port}"
        try:
            _until_answered(f"{url}/api/status", child, folder / "log")
            yield Server(url, root)
        finally:
            child.terminate()
            child.wait(timeout=30)


def _environment(folder: Path) -> dict[str, str]:
    """Return the environment of the server: rounds run in an engine, and nothing is ours."""
    kept = {name: value for name, value in os.environ.items() if name != "SITOOL_ENGINE"}
    own = {
        "JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime", "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces", "IPYTHONDIR": "ipython",
    }  # fmt: skip
    here = Path(__file__).parents[1]
    path = os.pathsep.join(filter(None, [str(here), os.environ.get("PYTHONPATH", "")]))
    return kept | {name: str(folder / word) for name, word in own.items()} | {"PYTHONPATH": path}


def _free_port() -> int:
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        return int(tried.getsockname()[1])


def _until_answered(address: str, child: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + LONGEST_SECONDS
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            assert child.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)


def notebook_of(cells: Sequence[str]) -> dict[str, Any]:
    """Return a notebook of some cells of code, none of them run."""
    return {
        "cells": [
            {"cell_type": "code", "id": f"cell{n}", "source": cell, "metadata": {},
             "execution_count": None, "outputs": []}
            for n, cell in enumerate(cells)
        ],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }  # fmt: skip


class NotebookPage:
    """A notebook in a tab of the browser.

    Attributes:
        page: Playwright's page.
        foreign: Requests that were not for this machine; none of them was let through.
        errors: What the page's scripts complained of.
    """

    def __init__(
        self,
        server: Server,
        browser: Any,
        cells: Sequence[str],
        width: int = 1280,
        height: int = 900,
    ) -> None:
        self.foreign: list[str] = []
        self.errors: list[str] = []
        self._server = server
        self._name = f"n{secrets.token_hex(4)}.ipynb"
        self.file = server.root / self._name
        self.file.write_text(json.dumps(notebook_of(cells)))
        self._context = browser.new_context(viewport={"width": width, "height": height})
        self._context.route("**/*", self._let_through)
        self.page = self._context.new_page()
        self.page.set_default_timeout(MILLISECONDS)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(f"{server.url}/lab/workspaces/{self._name[:-6]}/tree/{self._name}")
        self.until_ready()

    def _let_through(self, route: Any) -> None:
        parts = urlsplit(route.request.url)
        if parts.scheme in ("data", "blob") or parts.hostname in LOOPBACK:
            route.continue_()
        else:
            self.foreign.append(route.request.url)
            route.abort()

    def until_ready(self) -> None:
        """Wait until the notebook is there and its kernel has nothing to do."""
        self.until(f"window.jupyterapp && {STATUS} === 'idle'")

    def until(self, condition: str) -> None:
        """Wait until something is true in the page; if it never is, show the page."""
        try:
            self.page.wait_for_function(condition, timeout=MILLISECONDS)
        except Exception as error:
            picture = self._server.root / f"{self._name}.png"
            self.page.screenshot(path=picture)
            seen = self.page.locator("body").inner_text()
            raise AssertionError(
                f"{condition}: never; {picture} shows the page, and it says: {seen} {self.errors}"
            ) from error

    def run_all(self) -> None:
        """Run all cells and wait until they are done."""
        self.start_all()
        self.until_run()

    def start_all(self) -> None:
        """Begin to run all cells."""
        self.command("notebook:run-all-cells")

    def start_cell(self, number: int) -> None:
        """Begin to run one cell."""
        self.page.evaluate(
            "n => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = n; }", number
        )
        self.command("notebook:run-cell")

    def command(self, name: str) -> None:
        """Give JupyterLab a command, and wait for nothing."""
        self.page.evaluate("name => { window.jupyterapp.commands.execute(name); }", name)

    def until_run(self) -> None:
        """Wait until every cell was run and none runs any more."""
        self.until(
            "(() => { const cells = window.jupyterapp.shell.currentWidget.content.model"
            ".sharedModel.cells; return cells.every(c => c.execution_count); })()"
        )
        self.until(f"{STATUS} === 'idle'")

    def busy(self) -> bool:
        """Whether a cell runs."""
        return bool(self.page.evaluate(STATUS) == "busy")

    def output(self, number: int) -> str:
        """Return the text that a cell put out."""
        return str(self.page.locator(".jp-CodeCell").nth(number).inner_text())

    def reload(self) -> None:
        """Save the notebook and load the page anew, as a person does."""
        self.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
        self.page.reload()
        self.until_ready()

    def theme(self, name: str) -> None:
        """Change JupyterLab's theme, such as to `JupyterLab Dark`."""
        self.page.evaluate(
            "theme => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", name
        )
        light = "false" if "Dark" in name else "true"
        self.until(f"document.body.dataset.jpThemeLight === '{light}'")

    def close(self) -> None:
        """Close the tab and end the kernel."""
        self._context.close()
        with urllib.request.urlopen(f"{self._server.url}/api/sessions") as told:
            sessions = json.load(told)
        for session in sessions:
            if session["path"] == self._name:
                address = f"{self._server.url}/api/sessions/{session['id']}"
                request = urllib.request.Request(address, method="DELETE")
                with urllib.request.urlopen(request):
                    pass
