"""Answers about rounds, kept as long as they hold; and which round is reported on."""

from collections.abc import Hashable, Iterable
from typing import Any

from sitool import events
from sitool.events import Event
from sitool.summary import Summary

CHANGING = (events.RoundJudged, events.RoundEvaluated, events.RoundStopped, events.CommandFailed)
"""After these a finished round may have other scores than before."""


class Findings:
    """What was found out of a study's rounds, kept as long as their scores stay as they are."""

    def __init__(self) -> None:
        self._found: dict[Hashable, Any] = {}

    def get(self, question: Hashable) -> Any:
        """Return what is known, or None."""
        return self._found.get(question)

    def keep(self, question: Hashable, answer: Any) -> None:
        """Remember an answer."""
        self._found[question] = answer

    def follow(self, happened: Iterable[Event]) -> bool:
        """Forget everything if scores may have changed; returns whether they may have."""
        changed = any(isinstance(event, CHANGING) for event in happened)
        if changed:
            self._found.clear()
        return changed


def shown_round(summary: Summary, shown: int | None) -> int | None:
    """Return the round to report on: the shown one if it is finished, or else the head."""
    if shown is not None and summary.round(shown).round.finished:
        return shown
    return summary.head
