"""The base that the benchmarks run on: the tiny one, or random weights of its shape."""

import functools
import random
import string
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch
import transformers
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

from sitool.config import ModelSettings, TrainerSettings
from sitool.models.builtin import builtin_names
from sitool.models.local import LocalModel
from sitool.records import Problem
from sitool.samplers.base import Request
from sitool.seeds import derive_seed, generator
from sitool.tasks.path import PathTask

END = "<end>"
CHARACTERS = string.digits + string.ascii_letters + ",|>=+-*/()?:;. _"

SHARED: dict[str, Any] = {
    "tie_word_embeddings": True, "bos_token_id": None, "eos_token_id": 0, "pad_token_id": 0,
}  # fmt: skip
"""Settings of every random model here: the first character ends a text and fills a row."""


def benchmark_model(
    trainer: TrainerSettings | None = None, device: Literal["cpu", "cuda"] = "cpu"
) -> tuple[LocalModel, str]:
    """Load the tiny base, or a stand-in of the same shape, and say which."""
    trainer = trainer or TrainerSettings()
    if "tiny" in builtin_names():
        settings = ModelSettings(base="tiny", device=device)
        return LocalModel.load(settings, trainer), "base: tiny"
    with tempfile.TemporaryDirectory() as folder:
        write_stand_in(Path(folder))
        model = LocalModel.load(ModelSettings(base=folder, device=device), trainer)
    return model, "base: random weights of the tiny base's shape (data/tiny is not there)"


def write_stand_in(folder: Path) -> None:
    """Write random weights of the tiny base's shape, with a tokenizer of characters."""
    config = transformers.LlamaConfig(
        vocab_size=_write_tokenizer(folder),
        hidden_size=128,
        num_hidden_layers=4,
        num_attention_heads=4,
        intermediate_size=384,
        max_position_embeddings=256,
        **SHARED,
    )
    _write_weights(config, folder)


def write_half_billion(
    folder: Path, dtype: torch.dtype, tokenizer: transformers.PreTrainedTokenizerBase | None = None
) -> None:
    """Write random weights of Qwen2.5-0.5B's shape, 494 M of them; text means nothing to it.

    Source of the shape: the model's config.json on the hub, Qwen/Qwen2.5-0.5B.

    Args:
        tokenizer: Goes with it; None: one of characters.
    """
    if tokenizer is None:
        _write_tokenizer(folder)
    else:
        tokenizer.save_pretrained(folder)
    config = transformers.Qwen2Config(
        vocab_size=151_936,
        hidden_size=896,
        num_hidden_layers=24,
        num_attention_heads=14,
        num_key_value_heads=2,
        intermediate_size=4864,
        max_position_embeddings=32_768,
        rope_theta=1_000_000.0,
        **SHARED | ({} if tokenizer is None else {"eos_token_id": tokenizer.eos_token_id}),
    )
    _write_weights(config, folder, dtype)


def write_model(folder: Path, **shape: int) -> None:
    """Write random weights of a Qwen2 of some shape, with characters as tokens."""
    folder.mkdir(exist_ok=True)
    _write_tokenizer(folder)
    config = transformers.Qwen2Config(**shape, max_position_embeddings=4096, **SHARED)
    _write_weights(config, folder)


def _write_weights(config: Any, folder: Path, dtype: torch.dtype = torch.float32) -> None:
    """Draw random weights, the same each time, and write them."""
    torch.manual_seed(0)
    network = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    network.to(dtype).save_pretrained(folder)


def half_billion(device: Literal["cpu", "cuda"]) -> LocalModel:
    """Load random weights of Qwen2.5-0.5B's shape, in bfloat16 on a GPU."""
    with tempfile.TemporaryDirectory() as folder:
        dtype = torch.bfloat16 if device == "cuda" else torch.float32
        write_half_billion(Path(folder), dtype)
        settings = ModelSettings(base=folder, device=device)
        return LocalModel.load(settings, TrainerSettings())


def few_shot_prompts(count: int, shots: int, vocabulary: int) -> list[tuple[int, ...]]:
    """Return prompts of random tokens, as long as grade-school problems with worked examples.

    An example takes 85 tokens and a question 50 to 80; all prompts begin with
    the same examples.
    """
    source = random.Random(0)
    draw = functools.partial(source.randrange, 1, vocabulary)
    examples = [draw() for _ in range(85 * shots)]
    return [(*examples, *(draw() for _ in range(50 + 10 * (n % 4)))) for n in range(count)]


def requests_of(prompts: Sequence[tuple[int, ...]], samples: int) -> list[Request]:
    """Return requests for samples of bare prompts, each with a seed of its own."""
    return [
        Request(
            Problem("benchmark", 1, str(number), ""),
            prompt,
            tuple(derive_seed(number, sample) for sample in range(samples)),
        )
        for number, prompt in enumerate(prompts)
    ]


def _write_tokenizer(folder: Path) -> int:
    """Write a tokenizer of characters and return the size of its vocabulary."""
    vocabulary = {token: index for index, token in enumerate([END, *CHARACTERS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=END))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    tokenizer.decoder = decoders.Fuse()
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token=END, pad_token=END
    ).save_pretrained(folder)
    return len(vocabulary)


def path_problems(count: int, seed: int) -> list[Problem]:
    """Return path problems of levels 1 to 4."""
    task = PathTask(nodes=10)
    return [
        task.problem(1 + number % 4, generator("benchmark", seed, number))
        for number in range(count)
    ]
