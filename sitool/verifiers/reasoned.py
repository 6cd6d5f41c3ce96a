"""What judges that write their verdict have in common: ask, draw, read, average."""

from collections.abc import Sequence

from sitool.records import Outcome, Sample, Score
from sitool.verifiers.asking import AskingVerifier, Question, draw_answers, who
from sitool.visible import one_line

MOST_SAID = 400
"""Characters of an unreadable verdict that its score keeps."""


class ReasonedVerifier(AskingVerifier):
    """Lets the model reason about each sample, and reads its verdicts.

    Several verifications are averaged over those that can be read; a sample of
    which none can be read is `unparsed`.
    """

    writes = True

    def read(self, text: str) -> float | None:
        """Read a verdict as a value in [0, 1]; None: there is none."""
        raise NotImplementedError

    def words(self, values: Sequence[float]) -> str:
        """Say what the verdicts are, after the judge's name."""
        raise NotImplementedError

    def judge(self, samples: Sequence[Sample]) -> list[Score]:
        """Ask about each sample.

        Raises:
            SamplerError: The sampler cannot go on.
        """
        asked = [self.ask(sample) for sample in samples]
        questions = [one for one in asked if isinstance(one, Question)]
        answers = iter(draw_answers(self._court, questions))
        return [self._score(next(answers)) if isinstance(o, Question) else o for o in asked]

    def _score(self, texts: Sequence[str]) -> Score:
        values = [value for text in texts if (value := self.read(text)) is not None]
        judge = who(self._court)
        if not values:
            said = one_line(texts[0], MOST_SAID)
            return Score(
                Outcome.UNPARSED, explanation=f"{judge}'s verdict cannot be read: {said!r}."
            )
        lost = len(texts) - len(values)
        said = f"{judge} {self.words(values)}."
        if lost:
            said += f" {lost} of {len(texts)} verdicts could not be read."
        return Score(Outcome.SCORED, sum(values) / len(values), explanation=said)
