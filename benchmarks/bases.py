"""The base that the benchmarks run on: the tiny one, or random weights of its shape."""

import string
import tempfile
from pathlib import Path

import torch
import transformers
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

from sitool.config import ModelSettings, TrainerSettings
from sitool.models.builtin import builtin_names
from sitool.models.local import LocalModel
from sitool.records import Problem
from sitool.seeds import generator
from sitool.tasks.path import PathTask

END = "<end>"
CHARACTERS = string.digits + string.ascii_letters + ",|>=+-*/()?:;. _"


def benchmark_model() -> tuple[LocalModel, str]:
    """Load the tiny base, or a stand-in of the same shape, and say which."""
    trainer = TrainerSettings()
    if "tiny" in builtin_names():
        return LocalModel.load(ModelSettings(base="tiny", device="cpu"), trainer), "base: tiny"
    with tempfile.TemporaryDirectory() as folder:
        write_stand_in(Path(folder))
        model = LocalModel.load(ModelSettings(base=folder, device="cpu"), trainer)
    return model, "base: random weights of the tiny base's shape (data/tiny is not there)"


def write_stand_in(folder: Path) -> None:
    """Write random weights of the tiny base's shape, with a tokenizer of characters."""
    vocabulary = {token: index for index, token in enumerate([END, *CHARACTERS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=END))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    tokenizer.decoder = decoders.Fuse()
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token=END, pad_token=END
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=128,
        num_hidden_layers=4,
        num_attention_heads=4,
        intermediate_size=384,
        max_position_embeddings=256,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=0,
    )
    transformers.LlamaForCausalLM(config).save_pretrained(folder)


def path_problems(count: int, seed: int) -> list[Problem]:
    """Return path problems of levels 1 to 4."""
    task = PathTask(nodes=10)
    return [
        task.problem(1 + number % 4, generator("benchmark", seed, number))
        for number in range(count)
    ]
