"""The nouns that every part passes to the next one.

They are frozen: a record that was read or written is never changed in place.
What they leave out: how they are stored (`store.py`) and how they are drawn.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

ROLES = ("train", "base", "greedy", "sampled")
"""What samples are drawn for: training (by the model, or beside it by the base), and the
evaluation's two ways of answering."""
RULED_ROLES = ("train", "base")
"""Those that a person may overrule: all that training may see."""


class Phase(StrEnum):
    """The six steps of a round, in order."""

    DRAW = "draw"
    SAMPLE = "sample"
    VERIFY = "verify"
    SELECT = "select"
    TRAIN = "train"
    EVALUATE = "evaluate"


class Outcome(StrEnum):
    """What became of one attempt to score a sample.

    `unparsed` (no answer could be read) and `error` (the verifier failed) are
    outcomes of their own and never a value of 0.
    """

    SCORED = "scored"
    UNPARSED = "unparsed"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Problem:
    """A prompt and its truth.

    Attributes:
        task: Registry name of the task that made it.
        level: Difficulty, from 1.
        prompt: Exactly what the model reads.
        truth: A right answer to show beside the model's; there may be others.
        identity: What makes two problems the same, however they are written
            down (an order of edges, say). Empty means: the prompt.
        facts: What the task needs to score an answer, as JSON values.
    """

    task: str
    level: int
    prompt: str
    truth: str
    identity: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Return a short hash by which equal problems are recognised."""
        content = f"{self.task}\0{self.identity or self.prompt}"
        return hashlib.blake2b(content.encode(), digest_size=8).hexdigest()

    @property
    def held_out(self) -> bool:
        """Whether this problem is in the fifth of all problems kept for evaluation.

        The hash decides, so every study, every process and the recipe of the
        base agree without a list; training never draws a held-out problem.
        """
        return int(self.key, 16) % 5 == 0


@dataclass(frozen=True, slots=True)
class Completion:
    """Text that the model wrote.

    Attributes:
        token_ids: What was drawn, the end token included if it was reached.
        text: The same without special tokens.
        finish: `stop` at the end token, `length` at the limit.
        token_logprobs: Per token, natural log of its probability under the
            sampling model at temperature 1 with plain softmax, whatever the
            temperature it was drawn at. Empty: not given by the sampler.
    """

    token_ids: tuple[int, ...]
    text: str
    finish: str
    token_logprobs: tuple[float, ...]

    @property
    def logprob(self) -> float | None:
        """Return log pi(completion | prompt), the end token included; None: not given."""
        if self.token_ids and not self.token_logprobs:
            return None
        return float(sum(self.token_logprobs))


@dataclass(frozen=True, slots=True)
class Score:
    """What one verifier says of one sample.

    Attributes:
        outcome: Whether there is a value at all.
        value: In [0, 1]: strict, so format and answer; None unless scored.
        flexible: In [0, 1]: the answer found anywhere in the text. None where
            the verifier makes no such difference or found nothing to score.
        answer: The answer as it was read, None when none was.
        explanation: One sentence for a person.
    """

    outcome: Outcome
    value: float | None = None
    flexible: float | None = None
    answer: str | None = None
    explanation: str = ""

    @property
    def passed(self) -> bool:
        """Whether the strict value is a full pass."""
        return self.value is not None and self.value >= 1.0


TRUTH = "truth"
"""The verifier that knows what is right."""


def passed(scores: Mapping[str, Score]) -> bool | None:
    """Whether a sample is right: as the truth says where it was measured, else by every verifier.

    None: there is no score, or one of those asked gave no value.

    >>> mc, truth = Score(Outcome.SCORED, 0.9), Score(Outcome.SCORED, 1.0)
    >>> passed({"mc": mc, "truth": truth}), passed({"mc": mc}), passed({})
    (True, False, None)
    """
    asked = [scores[TRUTH]] if TRUTH in scores else list(scores.values())
    if not asked or any(score.outcome is not Outcome.SCORED for score in asked):
        return None
    return all(score.passed for score in asked)


class Action(StrEnum):
    """What a person can say of a sample."""

    ACCEPT = "accept"
    REJECT = "reject"
    EDIT = "edit"
    NOTE = "note"
    CLEAR = "clear"


@dataclass(frozen=True, slots=True)
class Decision:
    """One thing that a person said of a sample; it never replaces a score.

    Attributes:
        text: The person's own completion, for an edit; None otherwise.
        time: Seconds since 1970.
    """

    id: int
    sample: int
    action: Action
    text: str | None
    reason: str
    author: str
    time: float


def ruling_of(decisions: Sequence[Decision]) -> Decision | None:
    """Return the decision that holds, given all in order: the last one that is not a note."""
    rulings = [d for d in decisions if d.action is not Action.NOTE]
    if not rulings or rulings[-1].action is Action.CLEAR:
        return None
    return rulings[-1]


@dataclass(frozen=True, slots=True)
class Sample:
    """A problem, one completion of it, and all that was said and done about it.

    Attributes:
        round: The round that drew it.
        role: `train`, `base` (drawn from the base for pairs), or in the evaluation
            `greedy` or `sampled`.
        position: Of its problem in the round's draw, from 0.
        index: Among the samples of its problem, from 0.
        weight: How much it counted in its round's training; None before selection.
        rule: Why it got that weight, in words.
    """

    id: int
    round: int
    role: str
    position: int
    index: int
    problem_id: int
    problem: Problem
    completion: Completion
    scores: Mapping[str, Score]
    weight: float | None
    rule: str
    decisions: tuple[Decision, ...]

    @property
    def ruling(self) -> Decision | None:
        """Return the decision that holds now: the last one that is not a note."""
        return ruling_of(self.decisions)

    @property
    def accepted(self) -> bool:
        """Whether it counted in its round's training."""
        return bool(self.weight)
