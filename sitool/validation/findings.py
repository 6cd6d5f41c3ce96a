"""What a check of a task finds, as records. What this leaves out: finding it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sitool.metrics import Accuracy
from sitool.validation import advice, display


@dataclass(frozen=True, slots=True)
class Soundness:
    """What a level of a task is like, whoever answers.

    Attributes:
        drawn: Problems that were drawn.
        training, held_out: How many different ones of these are on each side of the split.
        prompt_tokens, answer_tokens: Of the longest prompt and of the longest truth with its
            end; None: no base was asked.
        truths: (accepted, asked): the truth of a problem as the answer to it.
        wrong: (accepted, asked): another problem's truth as the answer.
        faults: What has to be mended before a study can use the level, in sentences.
        unfit: Whether the base cannot read or write all of them.
        warnings: What may be meant so.
    """

    drawn: int = 0
    training: int = 0
    held_out: int = 0
    prompt_tokens: int | None = None
    answer_tokens: int | None = None
    truths: tuple[int, int] = (0, 0)
    wrong: tuple[int, int] = (0, 0)
    faults: tuple[str, ...] = ()
    unfit: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def answerable(self) -> bool:
        """Whether a base can be asked: there are problems, and it can read and write them."""
        return bool(self.training) and not self.unfit

    @property
    def distinct(self) -> int:
        """How many different problems were among those drawn."""
        return self.training + self.held_out


@dataclass(frozen=True, slots=True)
class Example:
    """One answer of the base.

    Attributes:
        said: What became of it: right, wrong, unparsed or error.
        why: The score's sentence.
    """

    prompt: str
    truth: str
    text: str
    said: str
    why: str


@dataclass(frozen=True, slots=True)
class Attempts:
    """What the base makes of a level.

    Attributes:
        sampled: pass@1 of sampled answers, its interval over problems.
        greedy: Share of problems solved by the likeliest answer.
        samples: Sampled answers in all.
        passed, unparsed, failed: Of these: right; without an answer; not to be scored.
        examples: One of each kind that there was.
    """

    sampled: Accuracy | None
    greedy: Accuracy | None
    samples: int
    passed: int
    unparsed: int
    failed: int
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class LevelCheck:
    """What a check found at one level.

    Attributes:
        attempts: None: the base was not asked, or could not be.
    """

    level: int
    soundness: Soundness
    attempts: Attempts | None

    @property
    def ok(self) -> bool:
        """Whether a study can use the level."""
        return not self.soundness.faults

    @property
    def advice(self) -> str:
        """What to make of it, in a sentence."""
        return advice.of_level(self)

    def __str__(self) -> str:
        """Say all of it in lines."""
        return display.level_text(self)


@dataclass(frozen=True, slots=True, repr=False)
class TaskReport:
    """What a check found, level by level; in a notebook it is a table.

    Attributes:
        task: Which task, in words.
        base: Who answered.
    """

    task: str
    base: str
    levels: Sequence[LevelCheck]

    @property
    def ok(self) -> bool:
        """Whether a study can use all its levels."""
        return all(level.ok for level in self.levels)

    @property
    def advice(self) -> str:
        """What to do next, in a sentence."""
        return advice.of_task(self.levels)

    def __repr__(self) -> str:
        """Say all of it in lines."""
        return display.report_text(self)

    def _repr_html_(self) -> str:
        """Draw it as a table."""
        return display.report_html(self)
