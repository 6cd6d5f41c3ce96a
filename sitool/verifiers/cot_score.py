"""The model's mark for an answer after reasons, 1 to 10."""

from collections.abc import Sequence
from typing import ClassVar

from sitool.questions import BEST_SCORE, read_score
from sitool.verifiers.reasoned import ReasonedVerifier


class CotScoreVerifier(ReasonedVerifier):
    """Scores a sample by a tenth of the whole number that the model gives.

    Source: CoT-Score (Song et al., "Mind the Gap", ICLR 2025).
    """

    name: ClassVar[str] = "cot_score"

    @property
    def verdicts(self) -> tuple[str, str]:
        """What a right judge writes about a right answer, and about a wrong one."""
        return f"Score: {BEST_SCORE}", "Score: 1"

    def read(self, text: str) -> float | None:
        """Read the last `Score: N`."""
        score = read_score(text)
        return None if score is None else score / BEST_SCORE

    def words(self, values: Sequence[float]) -> str:
        """Say the mark, or the mean of several."""
        mean = BEST_SCORE * sum(values) / len(values)
        if len(values) == 1:
            return f"gives {mean:.0f} of {BEST_SCORE}"
        return f"gives {mean:.1f} of {BEST_SCORE} on average over {len(values)} verdicts"
