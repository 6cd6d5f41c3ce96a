"""A desk without a thread, for screens that are tested by themselves."""

from collections.abc import Callable
from typing import Any

from sitool.client import Study


class OwnDesk:
    """Does what is asked at once, in the test's own thread."""

    def __init__(self, study: Study) -> None:
        self.study = study

    def ask(self, work: Callable[[Study], Any], then: Callable[[Any], None] | None = None) -> None:
        result = work(self.study)
        if then is not None:
            then(result)
