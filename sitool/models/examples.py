"""What the built-in base is taught from: answers, and verdicts on answers.

An example is a text and what the model must say after it: the answer and the
end token, or one of the two verdict tokens. Answers to judge come from two
sources: a truth, spoiled or not, and what the model itself wrote. What it leaves
out: tensors, and the training loop (`tiny.py`).
"""

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sitool.models.verdict import CORRECT, INCORRECT, verdict_prompt
from sitool.records import Problem
from sitool.tasks.base import Task, draw_problem

KEPT_ANSWERS = 800
"""Own answers remembered for each task and level; older ones go."""

ENOUGH_ANSWERS = 20
"""With fewer own answers of a kind, verdicts are taught on truths and spoiled truths alone."""


@dataclass(frozen=True, slots=True)
class Example:
    """A text, and what must follow: an answer and the end token, or one verdict token.

    Attributes:
        given: The text.
        wanted: What must follow.
        is_verdict: Whether a verdict must follow.
        right_so_far: For a verdict, of each character of the judged answer:
            whether the answer is right up to there.
    """

    given: str
    wanted: str
    is_verdict: bool = False
    right_so_far: tuple[bool, ...] = ()


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
        weights: Share of each level among the answers, from level 1; empty to
            take the model's own answers, right or wrong, so that its success
            stays what it is.
        verdict_share: Share of verdicts among the examples.
        verdict_levels: Verdicts are drawn from level 1 to this one.
        verdict_draws: A verdict's level is the lowest of so many even draws, so
            that more than one draw favours the easy levels.
        rng: The only source of randomness.
        breath: Chance that an answer goes on after its second, third, ...
            character if the truth does; the last holds from there on. Empty for
            answers that are never cut off.
        own: What the model itself wrote, by level, each with whether it is right.
    """

    task: Task
    count: int
    weights: Sequence[float]
    verdict_share: float
    verdict_levels: int
    rng: random.Random
    verdict_draws: int = 1
    breath: Sequence[float] = ()
    own: dict[int, list[tuple[Problem, str, bool]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def examples(self) -> list[Example]:
        """Draw the examples of a step, answers and verdicts mixed."""
        return [self._example() for _ in range(self.count)]

    def _example(self) -> Example:
        if self.rng.random() < self.verdict_share:
            return self._verdict()
        if not self.weights:
            return self._own_answer()
        level = self.rng.choices(range(1, len(self.weights) + 1), self.weights)[0]
        problem = self.problem(level)
        return Example(problem.prompt, self._cut_off(problem.truth))

    def _own_answer(self) -> Example:
        """Repeat an answer of the model's own, each of its levels as often as any other."""
        problem, text, _ = self.rng.choice(self.own[self.rng.choice(sorted(self.own))])
        return Example(problem.prompt, text)

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
        right = self.rng.random() < 0.5
        problem, answer = self._answer_to_judge(min(draws), right)
        return Example(
            given=verdict_prompt(problem.prompt, answer),
            wanted=CORRECT if right else INCORRECT,
            is_verdict=True,
            right_so_far=right_so_far(problem, answer),
        )

    def _answer_to_judge(self, level: int, right: bool) -> tuple[Problem, str]:
        known = [(p, text) for p, text, is_right in self.own.get(level, ()) if is_right == right]
        if len(known) >= ENOUGH_ANSWERS and self.rng.random() < 0.4:
            return self.rng.choice(known)
        problem = self.problem(level)
        return problem, problem.truth if right else spoil(problem, self.task, self.rng)

    def remember(self, answers: Iterable[tuple[Problem, str]]) -> None:
        """Keep the model's own answers."""
        for problem, text in answers:
            right = self.task.score(problem, text).passed
            self.own[problem.level].append((problem, text, right))
        for known in self.own.values():
            del known[:-KEPT_ANSWERS]


def right_so_far(problem: Problem, answer: str) -> tuple[bool, ...]:
    """Say of each character of an answer whether the answer is right up to there.

    A path is, as long as it follows edges from the start and visits no node
    twice; any other answer, as long as it agrees with the truth.
    """
    if "edges" not in problem.facts:
        return tuple(problem.truth.startswith(answer[: i + 1]) for i in range(len(answer)))
    edges = {problem.facts["start"], *problem.facts["edges"]}
    steps = [answer[max(i - 1, 0) : i + 1] for i in range(len(answer))]
    new = [answer.index(node) == i for i, node in enumerate(answer)]
    good = [step in edges and fresh for step, fresh in zip(steps, new, strict=True)]
    return tuple(all(good[: i + 1]) for i in range(len(answer)))


def encode(example: Example, ids: Mapping[str, int], end: int) -> tuple[list[int], list[int]]:
    """Turn an example into the token ids that are given and those that are wanted."""
    given = [ids[c] for c in example.given]
    if example.is_verdict:
        return given, [ids[example.wanted]]
    return given, [*(ids[c] for c in example.wanted), end]
