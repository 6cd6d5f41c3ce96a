"""Tokens counted without the tokenizer, against the tokenizer."""

from pathlib import Path

import pytest

from sitool.models.builtin import builtin_folder
from sitool.parts import make_task
from sitool.planning.tokens import read_vocabulary
from sitool.presets import build_settings
from sitool.seeds import generator


@pytest.mark.parametrize("task", ["path", "addition", "chain"])
def test_the_built_in_base_is_counted_exactly(task: str) -> None:
    from tokenizers import Tokenizer

    folder = builtin_folder("tiny")
    exact = Tokenizer.from_file(str(folder / "tokenizer.json"))
    vocabulary = read_vocabulary(folder)
    made = make_task(build_settings(assignments=[f"task.name={task}"]))
    for level in made.levels:
        prompt = made.problem(level, generator("t", level)).prompt
        assert vocabulary.count(prompt) == len(exact.encode(prompt, add_special_tokens=False))


def test_a_byte_pair_vocabulary_is_counted_nearly(tmp_path: Path) -> None:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    text = Path(__file__).parent.parent.parent.joinpath("README.md").read_text(encoding="utf-8")
    exact = Tokenizer(models.BPE())
    exact.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    exact.decoder = decoders.ByteLevel()
    exact.train_from_iterator(
        text.splitlines(), trainers.BpeTrainer(vocab_size=1500, show_progress=False)
    )
    exact.save(str(tmp_path / "tokenizer.json"))
    counted, true = read_vocabulary(tmp_path).count(text), len(exact.encode(text))
    assert 0.85 < counted / true < 1.15


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"model": {"vocab": 3}}', "\0"])
def test_a_broken_vocabulary_falls_back_to_characters(tmp_path: Path, body: str) -> None:
    (tmp_path / "tokenizer.json").write_text(body)
    assert read_vocabulary(tmp_path).count("x" * 300) == 100
