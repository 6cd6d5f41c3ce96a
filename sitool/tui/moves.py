"""What a person does to a study from its screen: step, stop, move the curriculum, go back, fork.

Each move is a wish to the screen's desk and says what it did, or why it did
nothing. What this leaves out: the keys, and what is drawn (`study.py`).
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from textual.screen import Screen

from sitool.client import Study
from sitool.front.moves import (
    FORKS,
    MANY_ROUNDS,
    NOTHING_CHANGED,
    REVIEW_OFF,
    REVIEW_ON,
    back_words,
    end_of_step,
    forked_words,
    moved,
    next_phase,
    notch_words,
)
from sitool.front.rulings import Ruling, late_words
from sitool.front.standing import Standing
from sitool.records import Action, Phase
from sitool.store import round_label
from sitool.tui.desk import Desk
from sitool.tui.dialogs import Choose

SAID = {Action.ACCEPT: "Accepted", Action.REJECT: "Rejected"}


class Moves:
    """The moves of one person in one study.

    Args:
        screen: Where is asked and told.
        desk: Carries them out.
        standing: What they depend on; moves that make a new newest round follow it.
    """

    def __init__(self, screen: Screen[Any], desk: Desk, standing: Standing) -> None:
        self._screen, self._desk, self._standing = screen, desk, standing

    def tell(self, words: str, *, urgent: bool = False) -> None:
        """Say something in place of what was said before, so that nothing piles up."""
        self._screen.app.clear_notifications()
        self._screen.notify(words, severity="warning" if urgent else "information", timeout=4)

    def step(self) -> None:
        """Run a round, or go on with the open one; in review up to the selection."""
        self._run(1, end_of_step(self._standing))

    def step_many(self) -> None:
        """Run several rounds."""
        self._run(MANY_ROUNDS, None)

    def phase(self) -> None:
        """Run one phase."""
        self._run(1, next_phase(self._standing))

    def _run(self, rounds: int, to: Phase | None) -> None:
        if self._busy():
            return
        self._standing.following = True
        body = {"rounds": rounds, "to": None if to is None else to.value}
        self._desk.ask(lambda study: study.ask("step", body))

    def _busy(self) -> bool:
        """Say so if a round is under way, under which the head cannot move."""
        if self._standing.working:
            self.tell("A round is under way: p stops it and keeps what is done.", urgent=True)
        return self._standing.working

    def stop(self) -> None:
        """Stop the running round."""
        if self._standing.working:
            self._desk.ask(Study.stop)
        else:
            self.tell("Nothing is running; s steps.")

    def review(self) -> None:
        """Pause every round before training, or no longer."""
        self._standing.reviewing = not self._standing.reviewing
        self.tell(REVIEW_ON if self._standing.reviewing else REVIEW_OFF)

    def easier(self) -> None:
        """Move the next round's mixture a level easier."""
        self._desk.ask(
            lambda study: moved(study, study.curriculum.easier), partial(self._say_notch, "easier")
        )

    def harder(self) -> None:
        """Move the next round's mixture a level harder."""
        self._desk.ask(
            lambda study: moved(study, study.curriculum.harder), partial(self._say_notch, "harder")
        )

    def _say_notch(self, word: str, weights: Mapping[int, float] | None) -> None:
        if weights is None:
            self.tell(NOTHING_CHANGED.format(word=word), urgent=True)
            return
        self.tell(notch_words(word, weights))

    def change_curriculum(self, changes: Mapping[str, Any]) -> None:
        """Change the next round's curriculum."""
        self._desk.ask(lambda study: study.curriculum.set(**changes))

    def undo(self) -> None:
        """Step back to the round before."""
        if self._busy():
            return
        self._standing.following = True
        self._desk.ask(
            Study.undo,
            lambda r: self.tell(back_words(r.number, "f")),
        )

    def fork(self) -> None:
        """Let the next round start from the shown one, perhaps with another curriculum."""
        number = self._standing.shown
        if self._busy():
            return
        if number is None:
            self.tell("There is no round to fork from yet: press s first.")
            return
        question = (
            f"Let the next round start from r{number:04d}. It takes that round's settings;"
            " changes that wait for the next round are left behind."
        )
        self._screen.app.push_screen(Choose(question, FORKS), partial(self._fork, number))

    def _fork(self, number: int, assignment: str | None) -> None:
        if assignment is None:
            return
        changes = [assignment] if assignment else []
        self._standing.following = True
        self._desk.ask(
            lambda study: study.fork(number, *changes),
            lambda r: self.tell(forked_words(r.number, "s")),
        )

    def rule(self, ruling: Ruling) -> None:
        """Record a ruling."""
        self._desk.ask(ruling.carry_out, lambda _: self._say_late(ruling))

    def _say_late(self, ruling: Ruling) -> None:
        """Say what a ruling on a round that has trained already can still do."""
        look, shown = self._standing.look, self._standing.shown
        if look is None or shown is None:
            return
        if not look.summary.round(shown).round.finished:
            if ruling.action in (Action.ACCEPT, Action.REJECT) and not ruling.reason:
                self.tell(f"{SAID[ruling.action]}. n writes down why; z takes it back.")
            return
        words = late_words(ruling.action, round_label(shown))
        if words:
            pauses = " r pauses rounds before they train."
            self.tell(words + (pauses if ruling.action is Action.REJECT else ""))
