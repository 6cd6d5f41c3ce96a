"""Work that a screen must not wait for, in a thread that never keeps the app from ending.

Textual's own thread workers do keep it: an app that quits waits for them.
"""

import contextlib
import threading
from collections.abc import Callable
from typing import Any

from textual.message_pump import MessagePump


def in_thread(
    asker: MessagePump, work: Callable[[], Any], then: Callable[[Any], None] | None = None
) -> None:
    """Do some work in a thread, and hand its result to `then` on the app's thread.

    What it raises ends the app, as what the app's own thread raises does.
    """

    def run() -> None:
        try:
            result = work()
        except Exception as error:
            tell(asker, _raise, error)
            return
        if then is not None:
            tell(asker, then, result)

    threading.Thread(target=run, name="aside", daemon=True).start()


def _raise(error: Exception) -> None:
    raise error


def tell(asker: MessagePump, then: Callable[..., None], *values: Any) -> None:
    """Have something called on the app's thread; from any thread."""
    # A screen that is closed meanwhile wants to know nothing.
    with contextlib.suppress(RuntimeError):
        asker.call_later(then, *values)
