"""The recipe of the built-in base: `python -m sitool.models.tiny`.

It trains a Llama of under a million parameters from nothing on a few tasks, so
that the easy levels are solved, the next ones partly and the far ones not at
all, and teaches it to say whether a given answer is right. On the way it writes
a weaker base from an earlier step. Problems that are held out for evaluation
are never drawn. What it leaves out: self-improvement, which starts from here.
"""

import copy
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from sitool.models.card import write_card
from sitool.models.examples import Curriculum
from sitool.models.exercises import Assignments, LabelledAddition
from sitool.models.lessons import Pupil, answer_loss
from sitool.models.profile import Profile, profile, sample_answers
from sitool.models.vocabulary import build_tokenizer
from sitool.seeds import derive_seed, generator
from sitool.tasks.addition import AdditionTask
from sitool.tasks.base import Task
from sitool.tasks.chain import ChainTask
from sitool.tasks.path import PathTask

TASKS: dict[str, Callable[[], Task]] = {
    "path": PathTask,
    "addition": AdditionTask,
    "chain": ChainTask,
    "labelled-addition": LabelledAddition,
    "assignments": Assignments,
}


@dataclass(frozen=True)
class Lesson:
    """What one stage teaches of one task.

    Attributes:
        task: Name of the task.
        examples: Examples in a step.
        level_weights: Share of each level among the answers, from level 1. The
            small shares at the end give the levels that are solved now and then.
            Empty: what the model wrote at the stage's beginning, right or wrong,
            so that its success stays as it is.
        verdict_share: Share of the examples that ask for a verdict.
        breath: Chance that an answer goes on after its second, third, ...
            character; see `Curriculum`.
    """

    task: str
    examples: int
    level_weights: tuple[float, ...]
    verdict_share: float = 0.0
    breath: tuple[float, ...] = ()


@dataclass(frozen=True)
class Stage:
    """A stretch of steps with lessons of its own.

    Attributes:
        stream: Name of its random numbers.
        last: Its last step, counted over all stages.
        lessons: What is taught.
        verdict_draws: The level of a verdict is the lowest of so many even draws.
        own_answers: The model's own answers that it is shown, for each task and
            level, every time.
        hints: Weight of the loss of an auxiliary head, thrown away afterwards,
            that says after every character of an answer to be judged whether
            the answer is right so far. Without it a verdict is the only sign
            from which comparing and gathering must both be learnt.
        rate: Factor on all learning rates, which fall to 0 over the last
            `cooling` of the stage's steps.
        cooling: Share of the steps over which the learning rates fall to 0.
    """

    stream: str
    last: int
    lessons: tuple[Lesson, ...]
    verdict_draws: int = 1
    own_answers: int = 64
    hints: float = 0.0
    rate: float = 1.0
    cooling: float = 0.0


@dataclass(frozen=True)
class Recipe:
    """Every setting of the built-in base.

    The first stage teaches to answer. Every later one starts from the averaged
    weights with fresh optimisers: the second one brings in the tasks as they are
    shipped and shapes the success by level, the third one teaches verdicts.

    Attributes:
        seed: Start of every random draw.
        threads: Threads of torch; the result depends on it in the last digits.
        steps: Optimiser steps of all stages.
        weak_step: The step whose weights become the weaker base; 0 for none.
        hidden_size, layers, heads, feed_forward: Shape of the model.
        max_length: Tokens that the model can read.
        initial_deviation: Standard deviation of the first weights.
        stages: What is taught, in order; the last one goes on to `steps`.
        small_graphs: Graphs that `path` begins with: up to which step, nodes,
            extra edges. On the full graph alone the loss stood at 0.8 for 600
            steps, because edges were not even looked up; on 6 nodes it is at
            0.1 after 250, and the full graph is learnt from there.
        verdict_levels: Verdicts are taught up to this level.
        verdict_weight: Weight of a verdict's loss; an answer's token has 1.
        own_answers_every: Steps between two looks at the model's own answers.
        matrix_rate: Learning rate of Muon for the hidden matrices.
        other_rate: Learning rate of AdamW for embeddings and norms.
        weight_decay: Weight decay of the hidden matrices.
        warmup: Steps of rising learning rate, in each stage.
        hold: Steps of full learning rate; then it falls as `sqrt(hold / step)`,
            whatever `steps` is, so a shorter run is the beginning of a longer one.
        average: Decay of the running mean of the weights, which is what is kept.
        profile_problems: Held-out problems for each level of the card.
    """

    seed: int = 20261121
    threads: int = 1
    steps: int = 1850
    weak_step: int = 550
    hidden_size: int = 128
    layers: int = 4
    heads: int = 4
    feed_forward: int = 384
    max_length: int = 256
    initial_deviation: float = 0.02
    stages: tuple[Stage, ...] = (
        Stage(
            "examples",
            500,
            (
                Lesson("path", 96, (4.0, 4.0, 1.0, 0.15)),
                Lesson("labelled-addition", 48, (3.0, 3.0, 1.0, 0.2, 0.05, 0.01)),
                Lesson("assignments", 48, (3.0, 2.0, 1.0, 0.4, 0.1)),
            ),
        ),
        Stage(
            "examples of the second stage",
            950,
            (
                Lesson("path", 80, (3.0, 4.0, 3.0, 1.5, 0.5), 0.3, (1.0, 0.75, 0.5, 0.15)),
                Lesson("addition", 32, (3.0, 3.0, 1.0, 0.15, 0.03), 0.3),
                Lesson("chain", 32, (3.0, 3.0, 1.0, 0.15, 0.03), 0.3),
            ),
            verdict_draws=2,
        ),
        Stage(
            "examples of the third stage",
            1850,
            (
                Lesson("path", 80, (3.0, 4.0, 3.0, 2.0, 1.0), 0.6, (1.0, 0.75, 0.5, 0.1)),
                Lesson("addition", 36, (), 0.55),
                Lesson("chain", 16, (), 0.5),
            ),
            verdict_draws=2,
            own_answers=400,
            hints=0.5,
            rate=0.5,
            cooling=0.4,
        ),
    )
    small_graphs: tuple[tuple[int, int, int], ...] = ((200, 6, 0), (300, 7, 1), (400, 8, 2))
    verdict_levels: int = 6
    verdict_weight: float = 4.0
    own_answers_every: int = 200
    matrix_rate: float = 0.02
    other_rate: float = 0.003
    weight_decay: float = 0.01
    warmup: int = 30
    hold: int = 500
    average: float = 0.99
    profile_problems: int = 200


def build_model(recipe: Recipe, tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """Make the untrained model."""
    torch.manual_seed(derive_seed(recipe.seed, "weights"))
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=recipe.hidden_size,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        intermediate_size=recipe.feed_forward,
        max_position_embeddings=recipe.max_length,
        initializer_range=recipe.initial_deviation,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
    )
    return LlamaForCausalLM(config)


def build_curricula(recipe: Recipe, stage: Stage) -> list[Curriculum]:
    """Make what draws the examples of each task in a stage."""
    return [
        Curriculum(
            task=(task := TASKS[lesson.task]()),
            count=lesson.examples,
            weights=lesson.level_weights,
            verdict_share=lesson.verdict_share,
            verdict_levels=recipe.verdict_levels,
            verdict_draws=stage.verdict_draws,
            rng=generator(recipe.seed, stage.stream, task.name),
            breath=lesson.breath,
        )
        for lesson in stage.lessons
    ]


def build_optimizers(recipe: Recipe, model: LlamaForCausalLM) -> list[torch.optim.Optimizer]:
    """Give the hidden matrices to Muon and the rest to AdamW.

    Measured on `path`, batch 128: Muon stood at a loss of 0.97 after 150 steps,
    AdamW alone needs some 450 for that.
    """
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n]
    others = [p for n, p in model.named_parameters() if p.ndim != 2 or "embed" in n]
    return [
        torch.optim.Muon(matrices, lr=recipe.matrix_rate, weight_decay=recipe.weight_decay),
        torch.optim.AdamW(others, lr=recipe.other_rate, betas=(0.9, 0.98), weight_decay=0.0),
    ]


def rate_factor(recipe: Recipe, step: int) -> float:
    """Say what part of the learning rate applies at a step: rise, hold, fall."""
    rising = (step + 1) / max(recipe.warmup, 1)
    falling = (recipe.hold / max(step, recipe.hold)) ** 0.5
    return float(min(1.0, rising, falling))


def cooling(stage: Stage, done: int, steps: int) -> float:
    """Say what part of the learning rate is left towards the end of a stage."""
    return min(1.0, (steps - done) / (steps * stage.cooling)) if stage.cooling else 1.0


def train(recipe: Recipe) -> Iterator[tuple[int, float, LlamaForCausalLM]]:
    """Train, yielding after every step its number, its loss and the averaged model."""
    torch.set_num_threads(recipe.threads)
    tokenizer = build_tokenizer(recipe.max_length)
    averaged = build_model(recipe, tokenizer)
    begin = 0
    for stage in recipe.stages:
        last = recipe.steps if stage is recipe.stages[-1] else min(stage.last, recipe.steps)
        yield from train_stage(recipe, stage, averaged, tokenizer, range(begin, last))
        begin = last


def train_stage(
    recipe: Recipe,
    stage: Stage,
    averaged: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    steps: range,
) -> Iterator[tuple[int, float, LlamaForCausalLM]]:
    """Go through the steps of one stage, from the averaged weights so far."""
    model = copy.deepcopy(averaged)
    pupil = Pupil(model, tokenizer, torch.nn.Linear(recipe.hidden_size, 1))
    curricula = build_curricula(recipe, stage)
    optimizers = build_optimizers(recipe, model)
    optimizers.append(torch.optim.AdamW(pupil.hints.parameters(), lr=recipe.other_rate))
    groups = [group for optimizer in optimizers for group in optimizer.param_groups]
    rates = [stage.rate * group["lr"] for group in groups]
    for done, step in enumerate(steps):
        _grow_graphs(recipe, step, curricula)
        for group, rate in zip(groups, rates, strict=True):
            group["lr"] = rate * rate_factor(recipe, done) * cooling(stage, done, len(steps))
        if done % recipe.own_answers_every == 0:
            _collect_answers(recipe, stage, step, averaged, tokenizer, curricula)
        loss = _step(recipe, stage, pupil, curricula, optimizers)
        _average(averaged, model, min(recipe.average, (done + 1) / (done + 10)))
        yield step + 1, loss, averaged


def _grow_graphs(recipe: Recipe, step: int, curricula: list[Curriculum]) -> None:
    """Let `path` begin with small graphs."""
    sizes = [(nodes, extra) for last, nodes, extra in recipe.small_graphs if step < last]
    for curriculum in curricula:
        if curriculum.task.name == "path":
            curriculum.task = _graph(*sizes[0]) if sizes else TASKS["path"]()


def _graph(nodes: int, extra_edges: int) -> PathTask:
    return PathTask(nodes=nodes, extra_edges=extra_edges, max_level=nodes - 1)


def _collect_answers(
    recipe: Recipe,
    stage: Stage,
    step: int,
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    curricula: list[Curriculum],
) -> None:
    """Let the model answer, as material for verdicts.

    Answers that are to be repeated are of all levels, and collected once.
    """
    for curriculum in curricula:
        repeated = not curriculum.weights
        if not curriculum.verdict_share or (repeated and curriculum.own):
            continue
        levels = curriculum.task.levels if repeated else range(1, recipe.verdict_levels + 1)
        problems = [curriculum.problem(i) for i in levels for _ in range(stage.own_answers)]
        seed = derive_seed(recipe.seed, "own answers", step, curriculum.task.name)
        texts = sample_answers(model, tokenizer, [p.prompt for p in problems], 1.0, seed)
        curriculum.remember(zip(problems, texts, strict=True))


def _step(
    recipe: Recipe,
    stage: Stage,
    pupil: Pupil,
    curricula: list[Curriculum],
    optimizers: list[torch.optim.Optimizer],
) -> float:
    """Take one step on all tasks; each keeps to its own length, which saves padding."""
    model = pupil.model
    total, weight = 0.0, 0.0
    for curriculum in curricula:
        loss, its_weight = answer_loss(
            pupil, curriculum.examples(), recipe.verdict_weight, stage.hints
        )
        loss.backward()  # type: ignore[no-untyped-call]
        total, weight = total + loss.item(), weight + its_weight
    for parameter in model.parameters():
        if parameter.grad is not None:
            parameter.grad /= weight
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad()
    return total / weight


@torch.no_grad()
def _average(averaged: LlamaForCausalLM, model: LlamaForCausalLM, decay: float) -> None:
    """Move the running mean of the weights a little towards the model."""
    for mean, weight in zip(averaged.parameters(), model.parameters(), strict=True):
        mean.lerp_(weight, 1.0 - decay)


def measure(recipe: Recipe, model: LlamaForCausalLM) -> list[Profile]:
    """Measure a base on held-out problems of every task it was taught."""
    tokenizer = build_tokenizer(recipe.max_length)
    tasks = [TASKS[lesson.task]() for lesson in recipe.stages[-1].lessons]
    return [profile(model, tokenizer, task, recipe.profile_problems, recipe.seed) for task in tasks]


def write_base(folder: Path, recipe: Recipe, model: LlamaForCausalLM, seconds: float) -> None:
    """Write weights, tokenizer and card; whatever the folder held before goes."""
    profiles = measure(recipe, model)
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder)
    build_tokenizer(recipe.max_length).save_pretrained(folder)
    write_card(folder, asdict(recipe), profiles, seconds)


def bake(recipe: Recipe, output: Path) -> None:
    """Train a base and write it to `output`, and the weaker one to `<output>-weak`."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    started = time.monotonic()
    with Progress(*columns) as progress:
        bar = progress.add_task("tiny", total=recipe.steps)
        for step, loss, model in train(recipe):
            progress.update(bar, completed=step, description=f"step {step} loss {loss:.3f}")
            seconds = time.monotonic() - started
            if step == recipe.weak_step and step < recipe.steps:
                weak = output.with_name(output.name + "-weak")
                write_base(weak, replace(recipe, steps=step), model, seconds)
    write_base(output, recipe, model, seconds)


def main(
    output: Annotated[Path, typer.Option(help="Folder for the base.")] = Path("data/tiny"),
    steps: Annotated[int, typer.Option(min=1, help="Optimiser steps.")] = Recipe.steps,
    seed: Annotated[int, typer.Option(help="Start of every random draw.")] = Recipe.seed,
    threads: Annotated[int, typer.Option(min=1, help="Threads of torch.")] = Recipe.threads,
) -> None:
    """Make the built-in base and its tokenizer, with a card of what it can do."""
    bake(replace(Recipe(), steps=steps, seed=seed, threads=threads), output)


if __name__ == "__main__":
    typer.run(main)
