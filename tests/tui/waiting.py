"""Waiting for something on a screen: for a condition, and never for some time to pass.

How long a wait may last only decides when a test gives up. Nothing that is right takes
as long, however busy the machine is.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from textual import events
from textual.app import App, active_app
from textual.pilot import Pilot

from sitool.tui.keys import KeysInOrder

LONGEST_SECONDS = 120.0
SHORTEST_SECONDS, FURTHEST_SECONDS = 0.01, 0.05
"""Between two looks: reading the screen takes processor time from what is waited for."""


async def settled(*_: float) -> None:
    """Wait until the app has nothing left to do before a thread, a timer or a key comes.

    This is what `Pilot` means to wait for. It guesses it from how little processor time
    the process takes, which says nothing where others take the processor away; here the
    event loop itself says that nothing in it is ready to run.
    """
    loop: Any = asyncio.get_running_loop()
    app = active_app.get(None)
    while True:
        await asyncio.sleep(0)
        if loop._ready or (app is not None and _drawn(app)):
            continue
        waits = isinstance(app, KeysInOrder) and (app._typed or app._under_way)
        if not waits or app._exit:
            return
        await asyncio.sleep(0.005)  # Keys wait for their screen.


def _drawn(app: App[Any]) -> bool:
    """Draw what waits to be drawn, now and not in a sixtieth of a second."""
    screen = app._screen_stack[-1] if app._running and app._screen_stack else None
    if screen is None or app._batch_count or not screen.is_running:
        return False
    waits = (screen._layout_required, screen._scroll_required, screen._repaint_required,
             screen._recompose_required, screen._dirty_widgets, screen._callbacks)  # fmt: skip
    if any(waits):
        screen._on_timer_update()
    return any(waits)


def text_of(pilot: Pilot[Any]) -> str:
    """Return what is on the screen."""
    strips = pilot.app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)


async def until(
    pilot: Pilot[Any], true: Callable[[], Any], seconds: float = LONGEST_SECONDS
) -> None:
    """Wait for something; if it never comes, show the screen."""
    deadline = time.monotonic() + seconds
    pause = SHORTEST_SECONDS
    while not true():
        assert time.monotonic() < deadline, text_of(pilot)
        await pilot.pause(pause)
        pause = min(2 * pause, FURTHEST_SECONDS)


async def until_seen(pilot: Pilot[Any], *words: str, seconds: float = LONGEST_SECONDS) -> None:
    """Wait until all of some words are on the screen."""
    await until(pilot, lambda: all(word in text_of(pilot) for word in words), seconds)


def burst(pilot: Pilot[Any], *keys: str) -> None:
    """Type keys as a slow line brings them: all at once, before the first one is read."""
    for key in keys:
        pilot.app.post_message(events.Key(key, key if len(key) == 1 else None))
