"""Where the running round is, folded from its events: phase, rate, time to go.

Every front end that shows a running round draws this. What it leaves out: how
it is drawn, and numbers of finished rounds (`summary.py`).
"""

import time
from collections.abc import Callable, Mapping

from sitool import events
from sitool.events import Event
from sitool.records import Phase

PHASE_DOING = {
    Phase.DRAW: "drawing problems",
    Phase.SAMPLE: "sampling",
    Phase.VERIFY: "verifying",
    Phase.SELECT: "selecting",
    Phase.TRAIN: "training",
    Phase.EVALUATE: "evaluating",
}

ENDS = (
    events.RoundFinished,
    events.RoundPaused,
    events.RoundStopped,
    events.RoundEvaluated,
    events.RoundJudged,
    events.CommandFailed,
)


class Progress:
    """Where the running round is.

    Args:
        seconds_by_phase: Tells how long the phases of a finished round took.

    Attributes:
        at_work: Whether what was followed last has not come to its end; the rest is then of
            what goes on now, else of what went on last.
        losses: Of the round that trains, or trained last, by step.
    """

    def __init__(self, seconds_by_phase: Callable[[int], Mapping[str, float]]) -> None:
        self._seconds_by_phase = seconds_by_phase
        self._now = time.time()
        self._expected: dict[str, float] = {}
        self.at_work = False
        self.round = -1
        self.sentence = ""
        self.phase: Phase | None = None
        self.done_phases: list[Phase] = []
        self.done = self.total = 0
        self.unit = ""
        self.loss: float | None = None
        self.losses: dict[int, float] = {}
        self.note = ""
        self._began = self._last = self._now

    def follow(self, event: Event, at: float | None = None) -> None:
        """Take in one event.

        Args:
            at: When it happened, in seconds since 1970; None is now.
        """
        self._now = time.time() if at is None else at
        self.at_work = not isinstance(event, ENDS)
        match event:
            case events.RoundStarted():
                self._start(event)
            case events.PhaseStarted():
                self.phase, self.done, self.total, self.unit = event.phase, 0, 0, ""
                self.done_phases = list(Phase)[: list(Phase).index(event.phase)]
                if event.phase is Phase.TRAIN:
                    self.losses = {}
                self._last = self._now
            case events.SamplesDrawn():
                self._advance(event.done, event.total, f"{event.role} samples")
            case events.SamplesScored():
                if self.phase is None:
                    # A finished round is judged once more, outside of any phase.
                    self.round = event.round
                self._advance(event.done, event.total, f"scored by {event.verifier}")
            case events.StepTrained():
                self.loss = self.losses[event.step] = event.loss
                self._advance(event.step, event.steps, "steps")
            case events.SamplesSelected():
                self.note = f"accepted {event.accepted:,} of {event.total:,}"
            case events.Warned():
                self.note = event.message
            case events.PhaseFinished():
                self.done_phases.append(event.phase)

    def _start(self, event: events.RoundStarted) -> None:
        self.round, self.sentence = event.round, event.sentence
        self.done_phases, self.loss, self.note = [], None, ""
        self._expected = dict(self._seconds_by_phase(event.parent)) if event.parent else {}

    def _advance(self, done: int, total: int, unit: str) -> None:
        if unit != self.unit:
            # It began when the last thing ended.
            self.unit, self._began = unit, self._last
        self.done, self.total = done, total
        self._last = self._now

    @property
    def in_phase(self) -> bool:
        """Whether a phase of a round goes on now."""
        return self.at_work and self.phase is not None

    @property
    def rate(self) -> float:
        """Return what the present phase does a second, in its own unit."""
        seconds = self._last - self._began
        return self.done / seconds if self.done and seconds > 0 else 0.0

    def seconds_left(self) -> float | None:
        """Estimate the rest of the round: this phase by its rate, later ones as last round."""
        if self.phase is None or not self.rate:
            return None
        later = list(Phase)[list(Phase).index(self.phase) + 1 :]
        if any(phase not in self._expected for phase in later):
            return None
        here = (self.total - self.done) / self.rate
        return here + sum(self._expected[phase] for phase in later)

    @property
    def _doing(self) -> str:
        if self.phase is None:
            return PHASE_DOING[Phase.VERIFY] if self.total else "starting"
        return PHASE_DOING[self.phase]

    def line(self) -> str:
        """Say in one line what is being done."""
        words = [f"r{self.round:04d}", self._doing]
        if self.total:
            words.append(f"{self.done:,}/{self.total:,} {self.unit}")
        if self.rate and self.phase in (Phase.SAMPLE, Phase.EVALUATE, Phase.TRAIN):
            words.append(f"{self.rate:,.0f}/s")
        if self.loss is not None and self.phase is Phase.TRAIN:
            words.append(f"loss {self.loss:.3f}")
        left = self.seconds_left()
        if left is not None:
            words.append(f"about {max(left, 1):.0f} s left")
        return "  ".join(words)
