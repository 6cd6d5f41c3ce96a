"""Keys one at a time, each for the screen that it was typed for.

Textual hands every key at once to what has the focus. Of keys that arrive together,
from quick fingers, a slow line or a busy machine, the second would then meet the
screen that the first one leaves, or a new one that cannot take keys yet: it would be
lost, or do something else. What this leaves out: the mouse, and what a key does.
"""

import time
from collections import deque

from textual import events
from textual.app import App
from textual.message_pump import MessagePump
from textual.screen import Screen

LOOK_SECONDS = 0.01
PATIENCE_SECONDS = 1.0
"""Longest that keys wait for a screen; then they are its own, whatever it does with them."""
LOST_SECONDS = 1.0
"""By then a key is dealt with, or what was to deal with it is gone from the screen."""
PASSES = 3
"""Times to go a key's way: behind the key, behind what it asked for, and behind the answer."""


class KeysInOrder(App[None]):
    """An app in which no key overtakes what the key before it does.

    A screen that is there before it can take keys says so by a property `settling`:
    whether what keys are for is still to come, such as rows, or the focus. Keys wait for it
    as long as its `patience`, in seconds, says, but for those that are `overtaking` there.
    """

    def __init__(self) -> None:
        super().__init__()
        self._typed: deque[events.Key] = deque()
        self._under_way: events.Key | None = None
        self._passes = 0
        self._looking = False
        self._new: tuple[Screen[object], float] | None = None

    async def on_event(self, event: events.Event) -> None:
        """Put a key that was typed into the queue; know when it has been dealt with."""
        if not isinstance(event, events.Key):
            await super().on_event(event)
        elif event.is_forwarded:
            await super().on_event(event)
            self._passed(event, 0)
        elif event.key in getattr(self.screen, "overtaking", ()):
            await super().on_event(event)
        else:
            self._typed.append(event)
            self._next_key()

    def _next_key(self) -> None:
        """Take the next key, if the screen is ready for one."""
        if self._typed and self._under_way is None and not self._has_to_wait():
            self._under_way, self._passes = self._typed.popleft(), 0
            # Not at once: a screen that came just now may have asked for the focus.
            self.call_later(self._hand_on, self._under_way)

    async def _hand_on(self, key: events.Key) -> None:
        """Give a key to what has the focus."""
        place = self.focused or self.screen
        self.set_timer(LOST_SECONDS, lambda: self._dealt_with(key))
        await super().on_event(key)
        self._go_behind(key, place, 0)

    def _has_to_wait(self) -> bool:
        """Whether the screen is too new for keys; if so, looks again soon."""
        screen = self.screen
        if screen.is_mounted and not getattr(screen, "settling", False):
            self._new = None
            return False
        if self._new is None or self._new[0] is not screen:
            self._new = (screen, time.monotonic())
        if time.monotonic() - self._new[1] > getattr(screen, "patience", PATIENCE_SECONDS):
            return False
        if not self._looking:
            self._looking = True
            self.set_timer(LOOK_SECONDS, lambda: self.call_later(self._look_again))
        return True

    def _look_again(self) -> None:
        self._looking = False
        self._next_key()

    def _go_behind(self, key: events.Key, place: MessagePump | None, passes: int) -> None:
        """Go up from what has the focus, behind every message that is on its way there."""
        while place is not None and place is not self:
            if place.call_later(self._go_behind, key, place._parent, passes):
                return
            place = place._parent
        self.call_later(self._passed, key, passes)

    def _passed(self, key: events.Key, passes: int) -> None:
        """Go the way again, or take the next key."""
        if key is not self._under_way or passes != self._passes:
            return
        self._passes += 1
        if self._passes < PASSES:
            self._go_behind(key, self.focused or self.screen, self._passes)
        else:
            self._dealt_with(key)

    def _dealt_with(self, key: events.Key) -> None:
        if key is self._under_way:
            self._under_way = None
            self._next_key()
