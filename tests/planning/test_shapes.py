"""A base's size from its files alone, against the loaded network."""

import json
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sitool.config import ModelSettings
from sitool.errors import ModelError
from sitool.planning.shapes import find_folder, read_header, read_shape


@pytest.mark.parametrize("architecture", ["llama", "qwen2", "gpt_neox", "gemma"])
def test_the_files_say_what_the_network_has(
    make_base: Callable[..., Path], load_local: object, architecture: str
) -> None:
    from sitool.models import lora

    folder = make_base(architecture)
    model = load_local(architecture, rank=1)  # type: ignore[operator]
    shape = read_shape(folder)
    trained = lora.lora_parameters(model.network).values()
    layers = [layer.base_layer.weight for _, layer in lora.lora_layers(model.network)]
    base = model.network.unload()
    assert shape.parameters == sum(p.numel() for p in base.parameters())
    assert shape.linear == sum(weight.numel() for weight in layers)
    assert shape.sides == sum(p.numel() for p in trained)
    assert shape.layers == base.config.num_hidden_layers
    assert shape.context == base.config.max_position_embeddings


def test_a_gpt2_names_its_numbers_otherwise(make_base: Callable[..., Path]) -> None:
    shape = read_shape(make_base("gpt2"))
    assert (shape.hidden, shape.layers, shape.inner) == (768, 12, 3072) or shape.hidden > 0


def test_weights_in_several_files_are_added_up(
    make_base: Callable[..., Path], tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    whole = make_base("llama")
    tensors = load_file(whole / "model.safetensors")
    names = sorted(tensors)
    (tmp_path / "config.json").write_text((whole / "config.json").read_text())
    save_file({n: tensors[n] for n in names[::2]}, tmp_path / "model-1.safetensors")
    save_file({n: tensors[n] for n in names[1::2]}, tmp_path / "model-2.safetensors")
    assert read_shape(tmp_path) == read_shape(whole)


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors"])
def test_a_folder_that_is_no_base_is_refused_in_words(
    make_base: Callable[..., Path], tmp_path: Path, missing: str
) -> None:
    for file in make_base("llama").iterdir():
        if file.name != missing:
            (tmp_path / file.name).write_bytes(file.read_bytes())
    with pytest.raises(ModelError, match="The size of the base in"):
        read_shape(tmp_path)


def test_a_base_that_is_not_here_is_refused_in_words() -> None:
    with pytest.raises(ModelError, match="'nobody/nothing' is not on this machine yet"):
        find_folder(ModelSettings(base="nobody/nothing"))


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(tmp_path_factory: pytest.TempPathFactory, body: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "any.safetensors"
    file.write_bytes(body)
    try:
        read_header(file)
    except (ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        assert str(error)


def test_a_header_of_nonsense_is_a_mistake_in_words(
    make_base: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text((make_base("llama") / "config.json").read_text())
    body = json.dumps(["no", "table"]).encode()
    (tmp_path / "model.safetensors").write_bytes(struct.pack("<Q", len(body)) + body)
    with pytest.raises(ModelError, match="cannot be read"):
        read_shape(tmp_path)
