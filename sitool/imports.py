"""Importing without looking for garbage: what is imported stays as long as the process does."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def nothing_collected() -> Iterator[None]:
    """Within, nobody looks for garbage.

    For imports, and for the loading of a model: looking took an eighth of the app's start and a
    sixth of an engine's.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
