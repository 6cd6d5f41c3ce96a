"""Whole weights in the base's place: on disk, back again, and out of the way of adapters."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file
from torch import Tensor

from sitool.errors import ModelError
from sitool.models import adapters
from sitool.models.local import LocalModel

Load = Callable[..., LocalModel]
IDS = torch.tensor([[5, 9, 11, 3]])


def logits_of(network: Any) -> Tensor:
    with torch.inference_mode():
        logits: Tensor = network(input_ids=IDS).logits
    return logits


def learn(model: LocalModel, part: str = "") -> LocalModel:
    torch.manual_seed(1)
    with torch.no_grad():
        for name, weight in model.open_for_training().items():
            if part in name:
                weight += 0.05 * torch.randn_like(weight)
    return model


@pytest.fixture
def full_round(load_local: Load, tmp_path: Path) -> Path:
    learn(load_local(method="full")).save_adapter(tmp_path / "r0001")
    return tmp_path / "r0001"


@pytest.mark.parametrize("architecture", ["llama", "gpt_neox", "gpt2", "gemma2"])
def test_whole_weights_come_back(load_local: Load, tmp_path: Path, architecture: str) -> None:
    model = learn(load_local(architecture, method="full"))
    expected = logits_of(model.network)
    model.save_adapter(tmp_path / "r0001")
    other = load_local(architecture, method="full")
    assert not torch.allclose(logits_of(other.network), expected)
    other.use_adapter(tmp_path / "r0001")
    assert torch.equal(logits_of(other.network), expected)


def test_tied_embeddings_are_written_once_and_stay_tied(load_local: Load, full_round: Path) -> None:
    assert "lm_head.weight" not in load_file(full_round / adapters.FULL_WEIGHTS)
    model = load_local(method="full")
    model.use_adapter(full_round)
    lm = model.causal_lm
    assert lm.lm_head.weight is lm.model.embed_tokens.weight
    model.use_adapter(None)
    assert lm.lm_head.weight is lm.model.embed_tokens.weight


def test_no_round_takes_whole_weights_off_again(load_local: Load, full_round: Path) -> None:
    model = load_local(method="full")
    base = logits_of(model.network)
    model.use_adapter(full_round)
    assert not torch.equal(logits_of(model.network), base)
    model.use_adapter(None)
    assert torch.equal(logits_of(model.network), base)


def test_adapters_and_whole_weights_take_turns(
    load_local: Load, full_round: Path, tmp_path: Path
) -> None:
    model = learn(load_local())
    with_adapter = logits_of(model.network)
    model.save_adapter(tmp_path / "r0002")
    model.use_adapter(full_round)
    with_weights = logits_of(model.network)
    model.use_adapter(tmp_path / "r0002")
    assert torch.equal(logits_of(model.network), with_adapter)
    model.use_adapter(full_round)
    assert torch.equal(logits_of(model.network), with_weights)
    assert not torch.equal(with_adapter, with_weights)


def test_only_what_changed_is_written_and_the_rest_is_the_bases(
    load_local: Load, full_round: Path, tmp_path: Path
) -> None:
    model = learn(load_local(method="full"), part="norm")
    expected = logits_of(model.network)
    model.save_adapter(tmp_path / "r0002")
    written = load_file(tmp_path / "r0002" / adapters.FULL_WEIGHTS)
    assert written
    assert all("norm" in name for name in written)
    model.use_adapter(full_round)
    model.use_adapter(tmp_path / "r0002")
    assert torch.equal(logits_of(model.network), expected)
    unchanged = load_local(method="full")
    unchanged.save_adapter(tmp_path / "r0003")
    assert load_file(tmp_path / "r0003" / adapters.FULL_WEIGHTS) == {}


def test_weights_are_written_in_the_bases_precision(load_local: Load, tmp_path: Path) -> None:
    model = learn(load_local(method="full", dtype="bfloat16"))
    model.save_adapter(tmp_path / "r0001")
    written = load_file(tmp_path / "r0001" / adapters.FULL_WEIGHTS)
    assert {tensor.dtype for tensor in written.values()} == {torch.bfloat16}


def test_whole_weights_of_another_base_are_refused_by_name_and_hash(
    load_local: Load, full_round: Path
) -> None:
    with pytest.raises(ModelError, match=r"belongs to the base .* with hash [0-9a-f]{16}, not to"):
        load_local(seed=1, method="full").use_adapter(full_round)


def test_whole_weights_of_other_layers_are_refused(load_local: Load, full_round: Path) -> None:
    model = load_local("qwen2", method="full")
    base = logits_of(model.network)
    origin = json.loads((full_round / adapters.ORIGIN).read_text())
    origin["base_hash"] = model.base_hash
    (full_round / adapters.ORIGIN).write_text(json.dumps(origin))
    weights = load_file(full_round / adapters.FULL_WEIGHTS)
    weights["model.norm.weight"] = torch.ones(3)
    from safetensors.torch import save_file

    save_file(weights, full_round / adapters.FULL_WEIGHTS)
    with pytest.raises(ModelError, match="do not fit the layers"):
        model.use_adapter(full_round)
    assert torch.equal(logits_of(model.network), base)


def test_missing_or_broken_weights_are_named(load_local: Load, full_round: Path) -> None:
    model = load_local(method="full")
    (full_round / adapters.FULL_WEIGHTS).write_bytes(b"junk")
    with pytest.raises(ModelError, match="cannot be read"):
        model.use_adapter(full_round)
    (full_round / adapters.FULL_WEIGHTS).unlink()
    with pytest.raises(ModelError, match=r"has no file weights\.safetensors"):
        model.use_adapter(full_round)


def test_an_exported_model_holds_the_whole_weights(
    load_local: Load, full_round: Path, tmp_path: Path
) -> None:
    model = load_local(method="full")
    model.save_merged(full_round, tmp_path / "out")
    model.use_adapter(full_round)
    plain = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "out").eval()
    assert torch.equal(logits_of(plain), logits_of(model.network))
