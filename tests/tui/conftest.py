"""What the tests of screens share: a pilot that knows when the app is at rest."""

import threading
from collections.abc import Iterator

import pytest
import textual.app
import textual.pilot
from waiting import LONGEST_SECONDS, settled

from sitool.tui import keys


@pytest.fixture(autouse=True)
def _exact_pilot(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let keys and pauses of a pilot end when the app is at rest, not when it seems so."""
    monkeypatch.setattr(textual.app, "wait_for_idle", settled)
    monkeypatch.setattr(textual.pilot, "wait_for_idle", settled)
    # How long keys wait for a screen, and clicks for each other, is for a person's patience: a
    # busy machine must not end it.
    monkeypatch.setattr(keys, "PATIENCE_SECONDS", LONGEST_SECONDS)
    monkeypatch.setattr(keys, "LOST_SECONDS", LONGEST_SECONDS)
    monkeypatch.setattr(textual.app.App, "CLICK_CHAIN_TIME_THRESHOLD", LONGEST_SECONDS)
    yield
    # What an app has left to a thread must not be done in the test after this one.
    for thread in threading.enumerate():
        if thread.name in ("aside", "desk", "lister"):
            thread.join(LONGEST_SECONDS)
            assert not thread.is_alive()
