"""What a person may do to a study from any front end, and what is said when it is done.

What this leaves out: keys and buttons (`tui/moves.py`, `widgets/steps.py`), and where the
person stands (`standing.py`).
"""

from collections.abc import Callable, Mapping

from sitool.client import Study
from sitool.events import RoundFinished
from sitool.front.standing import Standing
from sitool.records import Phase
from sitool.store import round_label
from sitool.summary import Summary

MANY_ROUNDS = 5
"""Rounds that are run at once where somebody asks for several."""
FORKS = (
    ("", "with the settings that it ran with"),
    ("curriculum.rule=adaptive", "with the adaptive curriculum"),
    ("curriculum.rule=fixed", "with a uniform mixture of all levels"),
    ("curriculum.rule=staged", "with stages from easy to hard"),
    ("curriculum.rule=gaussian", "with a Gaussian that moves from easy to hard"),
    ("trainer.start_from=base", "training from the base every round"),
)
"""What a fork may change: an assignment, and what it means."""
REVIEW_ON = "Review is on: a step pauses before training, so that you can overrule samples."
REVIEW_OFF = "Review is off: a step runs to the end of the round."
NOTHING_CHANGED = "It cannot get any {word}: nothing is changed."


def end_of_step(standing: Standing) -> Phase | None:
    """Return the phase after which a step pauses: in review the selection, else none."""
    pauses = standing.reviewing and not standing.waits_for_training
    return Phase.SELECT if pauses else None


def next_phase(standing: Standing) -> Phase:
    """Return the phase that is run where one alone is asked for."""
    here = standing.open_round
    return here.phase or Phase.DRAW if here is not None else Phase.DRAW


def moved(study: Study, move: Callable[[], Mapping[int, float]]) -> Mapping[int, float] | None:
    """Move the curriculum a notch; None if that changes nothing."""
    before = study.curriculum.weights
    after = move()
    return None if after == before else after


def notch_words(word: str, weights: Mapping[int, float]) -> str:
    """Say where the next round's problems come from, after a notch.

    >>> notch_words("harder", {3: 0.2, 4: 0.8})
    'One notch harder: most of the next round comes from level 4.'
    """
    most = max(weights, key=lambda level: weights[level])
    return f"One notch {word}: most of the next round comes from level {most}."


def back_words(number: int, fork: str) -> str:
    """Say where an undo has led.

    Args:
        fork: What forks, such as a key.
    """
    return (
        f"Back at {round_label(number)}; nothing is lost: {fork} on any round goes on from there."
    )


def forked_words(number: int, step: str) -> str:
    """Say where the next round starts from.

    Args:
        step: What steps, such as a key.
    """
    return f"The head is {round_label(number)}; {step} steps from there."


def result_words(event: RoundFinished, summary: Summary) -> str:
    """Say what a round has brought, beside what it started from."""
    # The summary may be from before the round began: then it started from the head.
    parents = {r.round.id: r.round.parent for r in summary.rounds}
    parent = parents.get(event.round, summary.head)
    before = [r.overall for r in summary.rounds if r.round.id == parent]
    was = f"{before[0].value:.2f} → " if before and before[0] is not None else ""
    return f"{round_label(event.round)} is done: accuracy {was}{event.accuracy:.2f}."
