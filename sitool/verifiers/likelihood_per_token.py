"""The model's own likelihood of an answer, made fair to long ones."""

import math
from typing import ClassVar

from sitool.records import Outcome, Score
from sitool.verifiers.asking import who
from sitool.verifiers.likelihood import LikelihoodVerifier, share


class LikelihoodPerTokenVerifier(LikelihoodVerifier):
    """Scores a sample by the geometric mean of its tokens' probabilities.

    The plain likelihood favours short answers, since every token costs some.
    """

    name: ClassVar[str] = "likelihood_per_token"

    def score(self, logprob: float, tokens: int) -> Score:
        """Return the score of a completion with this log-probability, in nats."""
        mean = logprob / max(tokens, 1)
        said = (
            f"{who(self._court)} gives a token of the answer {share(mean)} on average"
            f" ({logprob:.2f} nats over {tokens})."
        )
        return Score(Outcome.SCORED, min(1.0, math.exp(mean)), explanation=said)
