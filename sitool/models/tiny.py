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
from torch import Tensor
from torch.nn import functional
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from sitool.models.card import write_card
from sitool.models.examples import Curriculum, encode
from sitool.models.profile import Profile, profile, sample_answers
from sitool.models.vocabulary import build_tokenizer
from sitool.seeds import derive_seed, generator
from sitool.tasks.addition import AdditionTask
from sitool.tasks.base import Task
from sitool.tasks.chain import ChainTask
from sitool.tasks.path import PathTask

IGNORED = -100
"""Marks positions without a loss, as `cross_entropy` has it."""

TASKS: dict[str, Callable[[], Task]] = {
    "path": PathTask,
    "addition": AdditionTask,
    "chain": ChainTask,
}


@dataclass(frozen=True)
class Recipe:
    """Every setting of the built-in base.

    Attributes:
        seed: Start of every random draw.
        threads: Threads of torch; the result depends on it in the last digits.
        steps: Optimiser steps.
        weak_step: The step whose weights become the weaker base; 0 for none.
        hidden_size, layers, heads, feed_forward: Shape of the model.
        max_length: Tokens that the model can read.
        initial_deviation: Standard deviation of the first weights.
        batch: Examples in a step, by task.
        small_graphs: Graphs that `path` begins with: up to which step, nodes,
            extra edges. On the full graph alone the loss stood at 0.8 for 600
            steps, because edges were not even looked up; on 6 nodes it is at
            0.1 after 250, and the full graph is learnt from there.
        level_weights: Share of each level among the answers, from level 1. The
            small shares at the end give the levels that are solved now and then.
        verdict_share: Share of examples that ask for a verdict.
        verdict_levels: Verdicts are taught up to this level.
        verdict_start: Step from which verdicts are taught.
        own_answers_every: Steps between two looks at the model's own mistakes.
        own_answers: Answers sampled then, for each task and level.
        matrix_rate: Learning rate of Muon for the hidden matrices.
        other_rate: Learning rate of AdamW for embeddings and norms.
        weight_decay: Weight decay of the hidden matrices.
        warmup: Steps of rising learning rate.
        hold: Steps of full learning rate; then it falls as `sqrt(hold / step)`,
            whatever `steps` is, so a shorter run is the beginning of a longer one.
        average: Decay of the running mean of the weights, which is what is kept.
        profile_problems: Held-out problems for each level of the card.
    """

    seed: int = 20261121
    threads: int = 1
    steps: int = 3600
    weak_step: int = 900
    hidden_size: int = 128
    layers: int = 4
    heads: int = 4
    feed_forward: int = 384
    max_length: int = 256
    initial_deviation: float = 0.02
    batch: tuple[tuple[str, int], ...] = (("path", 96), ("addition", 48), ("chain", 48))
    small_graphs: tuple[tuple[int, int, int], ...] = ((200, 6, 0), (300, 7, 1), (400, 8, 2))
    level_weights: tuple[tuple[str, tuple[float, ...]], ...] = (
        ("path", (4.0, 4.0, 1.0, 0.15)),
        ("addition", (3.0, 3.0, 1.0, 0.2, 0.05, 0.01)),
        ("chain", (3.0, 2.0, 1.0, 0.4, 0.1)),
    )
    verdict_share: float = 0.18
    verdict_levels: int = 6
    verdict_start: int = 500
    own_answers_every: int = 200
    own_answers: int = 24
    matrix_rate: float = 0.02
    other_rate: float = 0.003
    weight_decay: float = 0.01
    warmup: int = 30
    hold: int = 800
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


def build_curricula(recipe: Recipe) -> list[tuple[Curriculum, int]]:
    """Make what draws the examples of each task, with their number in a step."""
    weights = dict(recipe.level_weights)
    return [
        (
            Curriculum(
                task=TASKS[name](),
                weights=weights[name],
                verdict_share=0.0,
                verdict_levels=recipe.verdict_levels,
                rng=generator(recipe.seed, "examples", name),
            ),
            count,
        )
        for name, count in recipe.batch
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


def answer_loss(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, curriculum: Curriculum, count: int
) -> tuple[Tensor, int]:
    """Return the summed loss over the wanted tokens of fresh examples, and their number.

    Rows are padded on the right, where a causal model needs no mask, and only
    wanted positions pass through the head.
    """
    ids = tokenizer.get_vocab()
    end = int(tokenizer.eos_token_id)
    rows = [encode(example, ids, end) for example in curriculum.examples(count)]
    length = max(len(given) + len(wanted) for given, wanted in rows)
    inputs = torch.full((count, length), int(tokenizer.pad_token_id))
    targets = torch.full((count, length), IGNORED)
    for row, (given, wanted) in enumerate(rows):
        inputs[row, : len(given) + len(wanted)] = torch.tensor(given + wanted)
        targets[row, len(given) - 1 : len(given) + len(wanted) - 1] = torch.tensor(wanted)
    chosen = targets != IGNORED
    states = model.model(input_ids=inputs, use_cache=False).last_hidden_state
    loss = functional.cross_entropy(model.lm_head(states[chosen]), targets[chosen], reduction="sum")
    return loss, int(chosen.sum())


def train(recipe: Recipe) -> Iterator[tuple[int, float, LlamaForCausalLM]]:
    """Train, yielding after every step its number, its loss and the averaged model."""
    torch.set_num_threads(recipe.threads)
    tokenizer = build_tokenizer(recipe.max_length)
    model = build_model(recipe, tokenizer)
    averaged = copy.deepcopy(model)
    curricula = build_curricula(recipe)
    optimizers = build_optimizers(recipe, model)
    rates = [group["lr"] for optimizer in optimizers for group in optimizer.param_groups]
    for step in range(recipe.steps):
        _grow_graphs(recipe, step, curricula)
        _set_rates(optimizers, [rate * rate_factor(recipe, step) for rate in rates])
        _teach_verdicts(recipe, step, averaged, tokenizer, curricula)
        loss = _step(model, tokenizer, curricula, optimizers)
        _average(averaged, model, min(recipe.average, (step + 1) / (step + 10)))
        yield step + 1, loss, averaged


def _grow_graphs(recipe: Recipe, step: int, curricula: list[tuple[Curriculum, int]]) -> None:
    """Let `path` begin with small graphs."""
    sizes = [(nodes, extra) for last, nodes, extra in recipe.small_graphs if step < last]
    for curriculum, _ in curricula:
        if curriculum.task.name == "path":
            curriculum.task = _graph(*sizes[0]) if sizes else TASKS["path"]()


def _graph(nodes: int, extra_edges: int) -> PathTask:
    return PathTask(nodes=nodes, extra_edges=extra_edges, max_level=nodes - 1)


def _set_rates(optimizers: list[torch.optim.Optimizer], rates: list[float]) -> None:
    groups = [group for optimizer in optimizers for group in optimizer.param_groups]
    for group, rate in zip(groups, rates, strict=True):
        group["lr"] = rate


def _teach_verdicts(
    recipe: Recipe,
    step: int,
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    curricula: list[tuple[Curriculum, int]],
) -> None:
    """Switch verdicts on at their step; then look at the model's own mistakes now and again."""
    if step < recipe.verdict_start or (step - recipe.verdict_start) % recipe.own_answers_every:
        return
    for curriculum, _ in curricula:
        curriculum.verdict_share = recipe.verdict_share
        levels = range(1, recipe.verdict_levels + 1)
        problems = [
            curriculum.problem(level) for level in levels for _ in range(recipe.own_answers)
        ]
        seed = derive_seed(recipe.seed, "own answers", step, curriculum.task.name)
        texts = sample_answers(model, tokenizer, [p.prompt for p in problems], 1.0, seed)
        curriculum.remember(zip(problems, texts, strict=True))


def _step(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    curricula: list[tuple[Curriculum, int]],
    optimizers: list[torch.optim.Optimizer],
) -> float:
    """Take one step on all tasks; each keeps to its own length, which saves padding."""
    total, wanted = 0.0, 0
    for curriculum, count in curricula:
        loss, tokens = answer_loss(model, tokenizer, curriculum, count)
        loss.backward()  # type: ignore[no-untyped-call]
        total, wanted = total + loss.item(), wanted + tokens
    for parameter in model.parameters():
        if parameter.grad is not None:
            parameter.grad /= wanted
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad()
    return total / wanted


@torch.no_grad()
def _average(averaged: LlamaForCausalLM, model: LlamaForCausalLM, decay: float) -> None:
    """Move the running mean of the weights a little towards the model."""
    for mean, weight in zip(averaged.parameters(), model.parameters(), strict=True):
        mean.lerp_(weight, 1.0 - decay)


def measure(recipe: Recipe, model: LlamaForCausalLM) -> list[Profile]:
    """Measure a base on held-out problems of every task it was taught."""
    tokenizer = build_tokenizer(recipe.max_length)
    tasks = [TASKS[name]() for name, _ in recipe.batch]
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
