"""The model's verdict in one forward pass: how likely it calls an answer right."""

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from sitool.errors import VerifierError
from sitool.models.scripted import ScriptedModel
from sitool.records import Outcome, Sample, Score
from sitool.verifiers.asking import AskingVerifier, Question, who
from sitool.verifiers.base import Court

LITTLE = 0.01
"""The two words together should have more of the probability than this."""


class McVerifier(AskingVerifier):
    """Scores a sample by P(correct) / (P(correct) + P(incorrect)) after the question.

    Source: the multiple-choice verifier (Song et al., "Mind the Gap", ICLR 2025).
    """

    name: ClassVar[str] = "mc"
    writes = False

    def __init__(self, court: Court) -> None:
        super().__init__(court)
        self._reader: Any = None

    def judge(self, samples: Sequence[Sample]) -> list[Score]:
        """Ask about each sample.

        Raises:
            VerifierError: The two words begin with the same token, or memory runs out.
        """
        texts = [(s.role, s.position, s.completion.text) for s in samples]
        # Samples that wrote the same are asked about once.
        first = dict(zip(reversed(texts), reversed(samples), strict=True))
        unique = {text: self.ask(sample) for text, sample in first.items()}
        questions = {text: one for text, one in unique.items() if isinstance(one, Question)}
        logprobs = self._logprobs([(text[:2], one) for text, one in questions.items()])
        scores = {text: self._score(*pair) for text, pair in zip(questions, logprobs, strict=True)}
        scores |= {text: one for text, one in unique.items() if isinstance(one, Score)}
        return [scores[text] for text in texts]

    def _logprobs(
        self, questions: Sequence[tuple[tuple[str, int], Question]]
    ) -> list[tuple[float, float]]:
        """Return the log-probabilities of the two words after each question."""
        if not questions:
            return []
        model: Any = self._court.model
        if isinstance(model, ScriptedModel):
            return [self._scripted(model, question) for _, question in questions]
        if self._reader is None:
            from sitool.verifiers.passes import Reader

            self._reader = Reader(model)
        asked = [(place, question.ids) for place, question in questions]
        found: list[tuple[float, float]] = self._reader.verdicts(asked, self._tokens())
        return found

    def _scripted(self, model: ScriptedModel, question: Question) -> tuple[float, float]:
        problem = question.problem
        belief = model.belief(problem.prompt, problem.level)
        if problem.truth != self._court.settings.judge.correct:
            belief = 1 - belief
        return math.log(belief), math.log(1 - belief)

    def _tokens(self) -> tuple[int, int]:
        """Return the first token of each word."""
        judge, model = self._court.settings.judge, self._court.model
        first, second = (model.encode_completion(w)[0] for w in (judge.correct, judge.incorrect))
        if first == second:
            raise VerifierError(
                f"The base {model.name!r} begins {judge.correct!r} and {judge.incorrect!r} with"
                " the same token, so one pass cannot tell them apart.",
                "try: --set judge.correct=yes --set judge.incorrect=no",
            )
        return first, second

    def _score(self, correct: float, incorrect: float) -> Score:
        value = 1 / (1 + math.exp(min(incorrect - correct, 700)))
        judge = self._court.settings.judge
        said = f"{who(self._court)} gives {judge.correct!r} {value:.0%}."
        together = math.exp(correct) + math.exp(incorrect)
        if together < LITTLE:
            said += (
                f" Yet {judge.correct!r} and {judge.incorrect!r} together have only {together:.1g}"
                " of the probability: it hardly understands the question."
            )
        return Score(Outcome.SCORED, value, explanation=said)
