"""What a base can do: its success by level, and whether its verdicts are worth anything.

Short answers sampled with plain softmax, for the recipe and its card. What it
leaves out: log-probabilities, adapters and everything else of a real sampler.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from sitool.models.verdict import CORRECT, INCORRECT, verdict_prompt
from sitool.records import Problem
from sitool.seeds import derive_seed, generator
from sitool.tasks.base import Task, draw_problem

LONGEST_ANSWER = 48
BATCH = 256


@dataclass(frozen=True, slots=True)
class Judged:
    """One answer of the model: whether it is right, and the model's own P(Correct)."""

    level: int
    right: bool
    belief: float


@dataclass(frozen=True, slots=True)
class Profile:
    """Success of a base on one task, level by level.

    Attributes:
        task: Name of the task.
        problems: Held-out problems for each level.
        greedy: Share solved by level, taking the likeliest token.
        sampled: Share solved by level, sampling at temperature 1.
        judged: The sampled answers of levels 1 to 6 with the model's verdicts.
    """

    task: str
    problems: int
    greedy: list[float]
    sampled: list[float]
    judged: list[Judged]


def sample_answers(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[str],
    temperature: float,
    seed: int,
) -> list[str]:
    """Write one answer to each prompt; temperature 0 takes the likeliest token.

    Prompts of one length run together, so no row is padded.
    """
    by_length: dict[int, list[int]] = defaultdict(list)
    for place, prompt in enumerate(prompts):
        by_length[len(prompt)].append(place)
    draws = torch.Generator().manual_seed(seed)
    answers = [""] * len(prompts)
    for places in by_length.values():
        for start in range(0, len(places), BATCH):
            chunk = places[start : start + BATCH]
            texts = _answer_batch(model, tokenizer, [prompts[i] for i in chunk], temperature, draws)
            for place, text in zip(chunk, texts, strict=True):
                answers[place] = text
    return answers


@torch.no_grad()
def _answer_batch(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: list[str],
    temperature: float,
    draws: torch.Generator,
) -> list[str]:
    """Write answers to prompts of one length, token by token with a cache."""
    tokens = torch.tensor(tokenizer(prompts).input_ids)
    end = tokenizer.eos_token_id
    cache = None
    written: list[torch.Tensor] = []
    done = torch.zeros(len(prompts), dtype=torch.bool)
    while not done.all() and len(written) < LONGEST_ANSWER:
        output = model(input_ids=tokens, past_key_values=cache, use_cache=True, logits_to_keep=1)
        cache = output.past_key_values
        tokens = _next_tokens(output.logits[:, -1], temperature, draws)
        written.append(tokens)
        done |= tokens[:, 0] == end
    rows = torch.cat(written, dim=1).tolist()
    cut = [row[: row.index(end)] if end in row else row for row in rows]
    return [str(tokenizer.decode(row)) for row in cut]


def _next_tokens(logits: torch.Tensor, temperature: float, draws: torch.Generator) -> torch.Tensor:
    if temperature == 0:
        return logits.argmax(dim=-1, keepdim=True)
    return torch.multinomial((logits / temperature).softmax(dim=-1), 1, generator=draws)


@torch.no_grad()
def verdict_beliefs(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    answers: Sequence[tuple[Problem, str]],
) -> list[float]:
    """Return P(Correct) / (P(Correct) + P(Incorrect)) for each answer."""
    pair = tokenizer.convert_tokens_to_ids([CORRECT, INCORRECT])
    beliefs: list[float] = []
    for start in range(0, len(answers), BATCH):
        texts = [verdict_prompt(p.prompt, text) for p, text in answers[start : start + BATCH]]
        rows = tokenizer(texts).input_ids
        padded = [row + [tokenizer.pad_token_id] * (max(map(len, rows)) - len(row)) for row in rows]
        logits = model(input_ids=torch.tensor(padded)).logits
        last = logits[torch.arange(len(rows)), torch.tensor([len(row) - 1 for row in rows])]
        beliefs += last[:, pair].softmax(dim=-1)[:, 0].tolist()
    return beliefs


def profile(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, task: Task, problems: int, seed: int
) -> Profile:
    """Measure a base on `problems` held-out problems of every level of a task."""
    drawn = held_out_problems(task, problems, seed)
    prompts = [problem.prompt for problem in drawn]
    greedy = sample_answers(model, tokenizer, prompts, 0.0, seed)
    sampled = sample_answers(model, tokenizer, prompts, 1.0, derive_seed(seed, "T=1", task.name))
    pairs = [(p, text) for p, text in zip(drawn, sampled, strict=True) if p.level <= 6]
    beliefs = verdict_beliefs(model, tokenizer, pairs)
    return Profile(
        task=task.name,
        problems=problems,
        greedy=success_by_level(task, drawn, greedy),
        sampled=success_by_level(task, drawn, sampled),
        judged=[
            Judged(p.level, task.score(p, text).passed, belief)
            for (p, text), belief in zip(pairs, beliefs, strict=True)
        ],
    )


def held_out_problems(task: Task, problems: int, seed: int) -> list[Problem]:
    """Draw the problems that a profile is measured on."""
    rng = generator(seed, "profile", task.name)
    return [
        draw_problem(task, level, rng, held_out=True)
        for level in task.levels
        for _ in range(problems)
    ]


def success_by_level(task: Task, problems: list[Problem], answers: list[str]) -> list[float]:
    """Return the share of right answers for each level."""
    passed: dict[int, list[bool]] = defaultdict(list)
    for problem, text in zip(problems, answers, strict=True):
        passed[problem.level].append(task.score(problem, text).passed)
    return [sum(passed[level]) / len(passed[level]) for level in task.levels]


def balanced_accuracy(judged: Sequence[Judged]) -> float:
    """Return the mean share of right answers called right and wrong ones called wrong.

    NaN where all answers are right, or all wrong.
    """
    shares = []
    for right in (True, False):
        agrees = [(j.belief >= 0.5) == right for j in judged if j.right == right]
        shares.append(sum(agrees) / len(agrees) if agrees else float("nan"))
    return sum(shares) / 2
