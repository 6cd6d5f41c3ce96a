"""Self-consistency: an answer counts as much as the share of samples that agree with it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

from sitool.records import Outcome, Sample, Score
from sitool.verifiers.base import Court


class MajorityVerifier:
    """Scores a sample by the share of its problem's samples with the same parsed answer.

    The share is of all samples, unread ones too. Answers that tie have the same
    score; whoever takes one best sample takes the first seen.

    Source: majority as a self-reward (Huang et al., "Self-Improvement in Language
    Models: The Sharpening Mechanism", ICLR 2025).
    """

    name: ClassVar[str] = "majority"
    source: ClassVar[str] = "majority"
    needs_model = False
    compares = True
    writes = False
    asked: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, court: Court) -> None:
        self._parse = court.task.parse

    def judge(self, samples: Sequence[Sample]) -> list[Score]:
        """Count the votes of each problem."""
        answers = [self._parse(sample.completion.text) for sample in samples]
        problems = [(sample.role, sample.position) for sample in samples]
        size = Counter(problems)
        votes = Counter(zip(problems, answers, strict=True))
        return [
            counted(answer, votes[problem, answer], size[problem])
            for problem, answer in zip(problems, answers, strict=True)
        ]


def counted(answer: str | None, votes: int, samples: int) -> Score:
    """Return the score of an answer that so many of a problem's samples gave."""
    if answer is None:
        return Score(Outcome.UNPARSED, explanation="No answer could be read, so it has no vote.")
    said = f"{votes} of the problem's {samples} samples give this answer."
    return Score(Outcome.SCORED, votes / samples, answer=answer, explanation=said)
