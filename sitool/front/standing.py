"""Where a person stands in a study: what they look at, and how they let rounds run.

What this leaves out: what they do from there (`tui/moves.py`, `widgets/`).
"""

from sitool.front.desk import Look
from sitool.records import Phase
from sitool.store import Round


class Standing:
    """Where a person stands in a study.

    Attributes:
        look: The study as it was last seen; None before the first look.
        shown: The round that is looked at; None as long as there is none.
        following: Whether the newest round is looked at as soon as there is one.
        reviewing: Whether rounds pause before training.
    """

    def __init__(self) -> None:
        self.look: Look | None = None
        self.shown: int | None = None
        self.following = True
        self.reviewing = False

    def see(self, look: Look) -> None:
        """Take the study as it is now; new rounds are followed until a person looks elsewhere."""
        if self.look is None and look.review is not None:
            self.reviewing = True
        self.look = look
        if self.following or self.shown not in [r.round.id for r in look.summary.rounds]:
            self.shown = self.newest

    def show(self, number: int | None) -> None:
        """Look at a round; new ones are followed only from the newest."""
        self.shown = number
        self.following = self.look is not None and number == self.newest

    @property
    def newest(self) -> int | None:
        """The open round, or else the head."""
        if self.look is None:
            return None
        summary = self.look.summary
        return summary.open if summary.open is not None else summary.head

    @property
    def working(self) -> bool:
        """Whether a round is under way."""
        return self.look is not None and self.look.working

    @property
    def open_round(self) -> Round | None:
        """The round that is not finished yet."""
        if self.look is None or self.look.summary.open is None:
            return None
        return self.look.summary.round(self.look.summary.open).round

    @property
    def waits_for_training(self) -> bool:
        """Whether the open round has selected its samples, and not trained on them."""
        here = self.open_round
        return here is not None and here.phase in (Phase.SELECT, Phase.TRAIN)
