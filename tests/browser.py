"""A real browser without a network: what a page becomes in it, and what it tried to load."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

FEATURES = (
    "NetworkTimeServiceQuerying", "OptimizationHints", "MediaRouter", "Translate",
    "AutofillServerCommunication",
)  # fmt: skip
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-default-apps", "--disable-client-side-phishing-detection",
    "--disable-features=" + ",".join(FEATURES), "--disable-extensions", "--metrics-recording-only",
    "--virtual-time-budget=60000", "--enable-logging=stderr", "--log-level=0",
    "--proxy-bypass-list=<-loopback>",
)  # fmt: skip


BROWSERS_OWN = (
    "accounts.google.com", "www.google.com", "android.clients.google.com", "clients2.google.com",
    "update.googleapis.com", "optimizationguide-pa.googleapis.com",
    "content-autofill.googleapis.com", "redirector.gvt1.com", "edgedl.me.gvt1.com",
)  # fmt: skip
"""Whom Chromium itself asks after time, accounts and updates; no page of ours loads from there."""


@dataclass(frozen=True)
class Visit:
    """What came of opening a page: the document as scripts left it, messages, requests."""

    dom: str
    console: list[str]
    requests: list[str]


def visit(file: Path, profile: Path, *flags: str) -> Visit:
    """Open a file in Chromium behind a proxy that answers nothing and writes everything down."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("there is no chromium here to open a page in")
    with deaf_proxy() as (address, requests):
        done = subprocess.run(
            [chromium, *FLAGS, f"--proxy-server={address}", f"--user-data-dir={profile}", *flags,
             "--dump-dom", file.as_uri()],
            capture_output=True, text=True, timeout=240, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    foreign = [r for r in requests if not any(host in r for host in BROWSERS_OWN)]
    return Visit(done.stdout, console, foreign)


@contextmanager
def deaf_proxy() -> Iterator[tuple[str, list[str]]]:
    """Run a proxy that refuses every request and lists it."""
    asked: list[str] = []

    class Deaf(BaseHTTPRequestHandler):
        def refuse(self) -> None:
            asked.append(f"{self.command} {self.path}")
            self.send_error(502)

        do_GET = do_POST = do_HEAD = do_CONNECT = refuse  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Deaf)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
