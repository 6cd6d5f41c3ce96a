"""The desk of a screen: what it tells becomes Textual's messages.

What this leaves out: the desk itself (`sitool/front/desk.py`), which notebooks have too.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from textual.message import Message

from sitool.errors import SitoolError
from sitool.events import Event
from sitool.front import desk
from sitool.front.desk import Look, Told


class Looked(Message):
    """The study changed: here is how it looks now."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self.look = look


class Happened(Message):
    """Events that were journaled since the last message; see `sitool.front.desk.Happened`."""

    def __init__(self, happened: Sequence[tuple[float, Event]], *, replayed: bool) -> None:
        super().__init__()
        self.happened = happened
        self.replayed = replayed


class Failed(Message):
    """Something that was asked for could not be done; the study is as it was."""

    def __init__(self, error: SitoolError) -> None:
        super().__init__()
        self.error = error


class Done(Message):
    """Something that was asked for is done; call `then(result)` on the app's thread."""

    def __init__(self, then: Callable[[Any], None], result: Any) -> None:
        super().__init__()
        self.then = then
        self.result = result


class Desk(desk.Desk):
    """Holds a study in a thread of its own.

    Args:
        folder: The study.
        post: Takes messages from any thread, such as a widget's `post_message`.
    """

    def __init__(self, folder: Path, post: Callable[[Message], object]) -> None:
        super().__init__(folder, lambda told: post(_message(told)))


def _message(told: Told) -> Message:
    match told:
        case desk.Looked(look):
            return Looked(look)
        case desk.Happened(happened, replayed):
            return Happened(happened, replayed=replayed)
        case desk.Failed(error):
            return Failed(error)
        case desk.Done(then, result):
            return Done(then, result)
