"""What the built-in base is taught from: answers, and verdicts on answers.

An example is a text and what the model must say after it: the answer and the
end token, or one of the two verdict tokens. Wrong answers come from two sources:
a truth spoiled in one place, and what the model itself wrote. What it leaves
out: tensors, and the training loop (`tiny.py`).
"""

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sitool.models.verdict import CORRECT, INCORRECT, verdict_prompt
from sitool.records import Problem
from sitool.tasks.base import Task, draw_problem

KEPT_MISTAKES = 400
"""Own wrong answers remembered for each task and level; older ones go."""


@dataclass(frozen=True, slots=True)
class Example:
    """A text, and what must follow: an answer and the end token, or one verdict token."""

    given: str
    wanted: str
    is_verdict: bool = False


def spoil(problem: Problem, task: Task, rng: random.Random) -> str:
    """Make a wrong answer from the truth.

    Two in five are scrambled all over, which is easy to see and gets the
    learning of verdicts going; the others are wrong in one place. What happens
    to be right as well is thrown away.
    """
    while True:
        truth, prompt = problem.truth, problem.prompt
        scrambled = rng.random() < 0.4
        wrong = _scrambled(truth, prompt, rng) if scrambled else _altered(truth, prompt, rng)
        if wrong and not task.score(problem, wrong).passed:
            return wrong


def _scrambled(truth: str, prompt: str, rng: random.Random) -> str:
    """Replace about half of the characters."""
    return "".join(rng.choice(_alike(c, prompt)) if rng.random() < 0.5 else c for c in truth)


def _altered(truth: str, prompt: str, rng: random.Random) -> str:
    """Replace or drop one character, exchange two, or cut the tail."""
    place = rng.randrange(len(truth))
    head, here, tail = truth[:place], truth[place], truth[place + 1 :]
    kind = rng.random()
    if kind < 0.7:
        return head + rng.choice(_alike(here, prompt)) + tail
    if kind < 0.8:
        return head + tail[:1] + here + tail[1:]
    return head + tail if kind < 0.9 else head


def _alike(character: str, prompt: str) -> str:
    """List what could stand in place of a character: digits, or letters of the prompt."""
    if character.isdigit():
        return "0123456789"
    letters = "".join(sorted({c for c in prompt if c.isalpha()}))
    return letters if character.isalpha() and letters else character


@dataclass(slots=True)
class Curriculum:
    """Draws examples of one task.

    Attributes:
        task: Where the problems come from.
        count: Examples in a step.
        weights: Share of each level among the answers, from level 1.
        verdict_share: Share of verdicts among the examples.
        verdict_levels: Verdicts are drawn from level 1 to this one.
        verdict_draws: A verdict's level is the lowest of so many even draws, so
            that more than one draw favours the easy levels.
        rng: The only source of randomness.
        breath: Chance that an answer goes on after its second, third, ...
            character if the truth does; the last holds from there on. Empty for
            answers that are never cut off.
        mistakes: Wrong answers of the model itself, by level.
    """

    task: Task
    count: int
    weights: Sequence[float]
    verdict_share: float
    verdict_levels: int
    rng: random.Random
    verdict_draws: int = 1
    breath: Sequence[float] = ()
    mistakes: dict[int, list[tuple[Problem, str]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def examples(self) -> list[Example]:
        """Draw the examples of a step, answers and verdicts mixed."""
        return [self._example() for _ in range(self.count)]

    def _example(self) -> Example:
        if self.rng.random() < self.verdict_share:
            return self._verdict()
        level = self.rng.choices(range(1, len(self.weights) + 1), self.weights)[0]
        problem = self.problem(level)
        return Example(problem.prompt, self._cut_off(problem.truth))

    def _cut_off(self, truth: str) -> str:
        """Let a long answer run out of breath."""
        for written in range(2, len(truth)) if self.breath else ():
            if self.rng.random() >= self.breath[min(written - 2, len(self.breath) - 1)]:
                return truth[:written]
        return truth

    def problem(self, level: int) -> Problem:
        """Draw a problem that is not held out."""
        return draw_problem(self.task, level, self.rng, held_out=False)

    def _verdict(self) -> Example:
        """Draw right and wrong answers equally often at every level.

        The level alone must not tell: the model shall look at the answer.
        """
        draws = [self.rng.randint(1, self.verdict_levels) for _ in range(self.verdict_draws)]
        level = min(draws)
        if self.rng.random() < 0.5:
            problem = self.problem(level)
            return Example(verdict_prompt(problem.prompt, problem.truth), CORRECT, is_verdict=True)
        problem, wrong = self._mistake(level)
        return Example(verdict_prompt(problem.prompt, wrong), INCORRECT, is_verdict=True)

    def _mistake(self, level: int) -> tuple[Problem, str]:
        known = self.mistakes[level]
        if known and self.rng.random() < 0.4:
            return self.rng.choice(known)
        problem = self.problem(level)
        return problem, spoil(problem, self.task, self.rng)

    def remember(self, answers: Iterable[tuple[Problem, str]]) -> None:
        """Keep the wrong ones among the model's own answers."""
        for problem, text in answers:
            if not self.task.score(problem, text).passed:
                self.mistakes[problem.level].append((problem, text))
        for known in self.mistakes.values():
            del known[:-KEPT_MISTAKES]


def encode(example: Example, ids: Mapping[str, int], end: int) -> tuple[list[int], list[int]]:
    """Turn an example into the token ids that are given and those that are wanted."""
    given = [ids[c] for c in example.given]
    if example.is_verdict:
        return given, [ids[example.wanted]]
    return given, [*(ids[c] for c in example.wanted), end]
