"""How much a round has to do: problems, samples and tokens, before anything is drawn.

Prompts are taken from the task itself, a few of each level; how long completions
will be is known from earlier rounds, and else lies between the truth's length and
the limit.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sitool.config import PAIR_OBJECTIVES, Settings
from sitool.planning.past import Past
from sitool.planning.tokens import Vocabulary
from sitool.records import Problem
from sitool.seeds import generator
from sitool.tasks.base import Task

PROBLEMS_A_LEVEL = 3
CHAT_TOKENS = 30
"""What a chat template adds to a prompt, roughly."""


@dataclass(frozen=True, slots=True)
class Work:
    """What the next round does.

    Attributes:
        problems: That are drawn; 0 in the round that measures the base.
        drawn: Samples of them.
        evaluated: Held-out problems.
        answers: Greedy and sampled answers to them.
        examples: Samples to train on, at most.
        mean_prompt: Tokens of a prompt.
        longest_prompt: Tokens of the longest one met.
        most_new: Limit of a completion, in tokens.
        new: Tokens of a completion as expected, from and to.
        learnt: Samples to train on as expected, from and to.
        beside: Samples that the base draws beside these, for pairs.
    """

    problems: int
    drawn: int
    evaluated: int
    answers: int
    examples: int
    mean_prompt: float
    longest_prompt: int
    most_new: int
    new: tuple[float, float]
    learnt: tuple[float, float]
    beside: int = 0


def work_of(
    settings: Settings,
    task: Task,
    vocabulary: Vocabulary,
    problems: Mapping[int, int],
    past: Sequence[Past] = (),
) -> Work:
    """Work out what a round does.

    Args:
        problems: That it draws, by level; empty in the round that measures the base.
        past: Earlier rounds, the newest first.
    """
    highest = settings.evaluation.highest or task.levels[-1]
    held_out = [level for level in task.levels if level <= highest]
    met = {level: list(_some(task, level)) for level in {*held_out, *problems} if level}
    lengths = {
        level: [_prompt_tokens(problem, vocabulary, settings) for problem in some]
        for level, some in met.items()
    }
    everything = [tokens for some in lengths.values() for tokens in some]
    weights = problems or dict.fromkeys(held_out, 1)
    count = sum(problems.values())
    evaluated = len(held_out) * settings.evaluation.problems_per_level
    most_new = settings.sampler.max_new_tokens
    shortest = min(
        (vocabulary.count(p.truth) + 1 for some in met.values() for p in some), default=1
    )
    drawn = count * settings.draw.samples
    most_kept = most_learnt_of_a_problem(settings) * count
    least_kept = 0.5 if settings.trainer.name in PAIR_OBJECTIVES else 0.1
    found = Work(
        problems=count,
        drawn=drawn,
        evaluated=evaluated,
        answers=evaluated * (1 + settings.evaluation.samples),
        examples=most_kept,
        mean_prompt=_mean({level: lengths[level] for level in weights}, weights),
        longest_prompt=max(everything, default=1),
        most_new=most_new,
        new=(min(shortest, most_new), most_new),
        learnt=(least_kept * most_kept, most_kept),
        beside=drawn if settings.trainer.name == "xpo" else 0,
    )
    return _as_before(found, past)


def most_learnt_of_a_problem(settings: Settings) -> int:
    """Return how many completions of a problem training reads in an epoch, at most."""
    samples, trainer = settings.draw.samples, settings.trainer
    if trainer.name not in PAIR_OBJECTIVES:
        return min(settings.selection.cap_per_problem or samples, samples)
    pairs = samples * samples if trainer.name == "xpo" else math.comb(samples, 2)
    return 2 * min(trainer.pairs_per_problem or pairs, pairs)


def _as_before(found: Work, past: Sequence[Past]) -> Work:
    """Expect what earlier rounds have brought."""
    lengths = [p.mean_new for p in past if p.drawn]
    kept = [p.kept / p.drawn * found.drawn for p in past if p.drawn]
    if not lengths:
        return found
    low, high = (min(max(n, 1), found.most_new) for n in (min(lengths), max(lengths)))
    learnt = (min(kept), min(max(kept) * 1.25, max(found.examples, *kept)))
    return replace(found, new=(low, high), learnt=learnt)


def _some(task: Task, level: int) -> Iterator[Problem]:
    for number in range(PROBLEMS_A_LEVEL):
        yield task.problem(level, generator("plan", level, number))


def _prompt_tokens(problem: Problem, vocabulary: Vocabulary, settings: Settings) -> int:
    around = CHAT_TOKENS if settings.model.template == "chat" else 0
    return vocabulary.count(problem.prompt) + around


def _mean(lengths: Mapping[int, Sequence[int]], weights: Mapping[int, float]) -> float:
    total = sum(weights.values())
    means = {level: sum(some) / len(some) for level, some in lengths.items()}
    return sum(means[level] * weight for level, weight in weights.items()) / total if total else 1.0
