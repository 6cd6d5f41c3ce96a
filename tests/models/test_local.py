"""The local model: what it reads, what it refuses, and its adapter on disk."""

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
import transformers
from adapted import with_effect
from safetensors.torch import load_file, save_file

from sitool.config import ModelSettings, TrainerSettings
from sitool.errors import ModelError
from sitool.models import lora
from sitool.models.bases import hash_weights
from sitool.models.local import LocalModel

Load = Callable[..., LocalModel]

pytestmark = pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")
MakeBase = Callable[..., Path]


def some_ids(model: LocalModel) -> torch.Tensor:
    return torch.tensor([model.encode("ab,bc,cd|a>d="), model.encode("12+34=56+78=0")])


def logits_of(network: Any, ids: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        logits: torch.Tensor = network(input_ids=ids).logits
    return logits


give_effect = partial(with_effect, seed=5, size=0.2)


def plain_base(folder: Path) -> Any:
    return transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


@pytest.mark.parametrize("architecture", ["llama", "qwen2", "gpt_neox", "gpt2"])
def test_a_fresh_adapter_changes_nothing(
    load_local: Load, make_base: MakeBase, architecture: str
) -> None:
    model = load_local(architecture)
    ids = some_ids(model)
    expected = logits_of(plain_base(make_base(architecture)), ids)
    model.fresh_adapter(seed=9)
    torch.testing.assert_close(logits_of(model.network, ids), expected)


def test_a_fresh_adapter_is_the_same_for_the_same_seed_only(load_local: Load) -> None:
    model = load_local()
    weights = []
    for seed in (1, 2, 1):
        give_effect(model)
        model.fresh_adapter(seed)
        weights.append(
            torch.cat([p.flatten() for p in lora.lora_parameters(model.network).values()])
        )
    assert torch.equal(weights[0], weights[2])
    assert not torch.equal(weights[0], weights[1])


def test_no_adapter_takes_the_effect_of_the_last_one_off(load_local: Load) -> None:
    model = load_local()
    ids = some_ids(model)
    before = logits_of(model.network, ids)
    give_effect(model)
    assert not torch.allclose(logits_of(model.network, ids), before)
    model.use_adapter(None)
    assert torch.equal(logits_of(model.network, ids), before)


@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_plain_peft_reads_a_saved_adapter(
    load_local: Load, make_base: MakeBase, tmp_path: Path, architecture: str
) -> None:
    model = load_local(architecture)
    give_effect(model)
    model.save_adapter(tmp_path / "r0001")
    base = plain_base(make_base(architecture))
    theirs = peft.PeftModel.from_pretrained(base, tmp_path / "r0001").eval()
    ids = some_ids(model)
    assert torch.equal(logits_of(theirs, ids), logits_of(model.network, ids))


def test_a_saved_adapter_comes_back(load_local: Load, tmp_path: Path) -> None:
    model = load_local()
    give_effect(model)
    ids = some_ids(model)
    expected = logits_of(model.network, ids)
    model.save_adapter(tmp_path / "r0001")
    model.use_adapter(None)
    model.use_adapter(tmp_path / "r0001")
    assert torch.equal(logits_of(model.network, ids), expected)


def test_an_adapter_of_another_rank_is_used_as_it_was_made(
    load_local: Load, tmp_path: Path
) -> None:
    wide = load_local(rank=6)
    give_effect(wide)
    wide.save_adapter(tmp_path / "r0001")
    model = load_local(rank=4)
    model.use_adapter(tmp_path / "r0001")
    ids = some_ids(model)
    assert torch.equal(logits_of(model.network, ids), logits_of(wide.network, ids))
    model.fresh_adapter(seed=0)
    assert model.shape.rank == 4


def test_saving_over_an_adapter_leaves_the_new_one_and_no_drafts(
    load_local: Load, tmp_path: Path
) -> None:
    model = load_local()
    for seed in (1, 2):
        give_effect(model, seed=seed)
        model.save_adapter(tmp_path / "r0001")
    assert [path.name for path in tmp_path.iterdir()] == ["r0001"]
    saved = load_file(tmp_path / "r0001" / "adapter_model.safetensors")
    expected = lora.lora_parameters(model.network)
    assert torch.equal(
        torch.cat([saved[name].flatten() for name in sorted(saved)]),
        torch.cat([expected[name].detach().flatten() for name in sorted(expected)]),
    )


def test_a_failed_save_leaves_the_old_adapter_whole(
    load_local: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_local()
    model.save_adapter(tmp_path / "r0001")
    before = (tmp_path / "r0001" / "adapter_model.safetensors").read_bytes()
    give_effect(model)

    def fail(*args: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("sitool.models.adapters.write_origin", fail)
    with pytest.raises(ModelError, match="disk full"):
        model.save_adapter(tmp_path / "r0001")
    assert (tmp_path / "r0001" / "adapter_model.safetensors").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["r0001"]


def test_an_adapter_of_another_base_is_refused_by_name_and_hash(
    load_local: Load, tmp_path: Path
) -> None:
    other = load_local(seed=1)
    other.save_adapter(tmp_path / "r0001")
    model = load_local(seed=0)
    with pytest.raises(ModelError) as caught:
        model.use_adapter(tmp_path / "r0001")
    assert other.base_hash in caught.value.message
    assert model.base_hash in caught.value.message


def test_an_adapter_of_other_layers_is_refused(load_local: Load, tmp_path: Path) -> None:
    model = load_local()
    model.save_adapter(tmp_path / "r0001")
    path = tmp_path / "r0001" / "adapter_model.safetensors"
    weights = load_file(path)
    weights.pop(min(weights))
    save_file(weights, path)
    with pytest.raises(ModelError, match="does not fit the layers"):
        model.use_adapter(tmp_path / "r0001")


@pytest.mark.parametrize("name", ["adapter_config.json", "adapter_model.safetensors"])
def test_a_broken_adapter_is_named(load_local: Load, tmp_path: Path, name: str) -> None:
    model = load_local()
    model.save_adapter(tmp_path / "r0001")
    (tmp_path / "r0001" / name).write_text("no")
    with pytest.raises(ModelError, match=r"annot be read|Cannot read"):
        model.use_adapter(tmp_path / "r0001")
    (tmp_path / "r0001" / name).unlink()
    with pytest.raises(ModelError, match=f"has no file {name}"):
        model.use_adapter(tmp_path / "r0001")


def test_merged_weights_give_the_same_logits_and_leave_no_trace(load_local: Load) -> None:
    model = load_local()
    give_effect(model)
    ids = some_ids(model)
    before = logits_of(model.network, ids)
    with model.merged():
        torch.testing.assert_close(logits_of(model.network, ids), before, rtol=1e-4, atol=1e-4)
    assert torch.equal(logits_of(model.network, ids), before)


def test_an_exported_model_is_a_plain_one_with_the_adapter_in_it(
    load_local: Load, tmp_path: Path
) -> None:
    model = load_local()
    give_effect(model)
    model.save_adapter(tmp_path / "r0001")
    model.save_merged(tmp_path / "r0001", tmp_path / "out")
    ids = some_ids(model)
    exported = logits_of(plain_base(tmp_path / "out"), ids)
    torch.testing.assert_close(exported, logits_of(model.network, ids), rtol=1e-4, atol=1e-4)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "out")
    assert tokenizer.encode("ab") == list(model.encode("ab"))


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "gpt_neox"])
def test_on_a_cpu_every_layer_can_be_left(load_local: Load, architecture: str) -> None:
    model = load_local(architecture)
    layers = model.causal_lm.config.num_hidden_layers
    ids = torch.tensor([[2, 3, 4]])
    with torch.no_grad():
        untouched = model.network(ids).logits
    breaths: list[int] = []
    for last in range(1 + layers):

        def breathe(last: int = last) -> None:
            breaths.append(last)
            if len(breaths) > last:
                raise KeyboardInterrupt

        breaths.clear()
        model.breathe_with(breathe)
        with pytest.raises(KeyboardInterrupt), torch.no_grad():
            model.network(ids)
        assert len(breaths) == last + 1
    model.breathe_with(lambda: None)
    with torch.no_grad():
        assert torch.equal(model.network(ids).logits, untouched)


def test_text_survives_encoding_and_the_end_token_is_not_text(load_local: Load) -> None:
    model = load_local()
    ids = model.encode_completion("ab,c 12")
    assert ids[-1] == model.end_token == 0
    assert model.decode(ids) == "ab,c 12"
    assert model.encode("ab,c 12") == ids[:-1]


def test_text_beyond_the_vocabulary_is_refused(load_local: Load) -> None:
    with pytest.raises(ModelError, match="has no token for a part of 'a§'"):
        load_local().encode("a§")


def load_named(base: str | Path, **changes: Any) -> LocalModel:
    return LocalModel.load(ModelSettings(base=str(base), **changes), TrainerSettings(rank=2))


def test_an_unknown_base_is_one_sentence_with_the_known_ones() -> None:
    with pytest.raises(ModelError, match=r"No base is named 'nobody/nothing'.*scripted"):
        load_named("nobody/nothing")


def test_a_base_without_an_end_token_is_refused(make_base: MakeBase, tmp_path: Path) -> None:
    folder = shutil.copytree(make_base(), tmp_path / "base")
    for name in ("tokenizer_config.json", "config.json", "generation_config.json"):
        content = json.loads((folder / name).read_text())
        content.pop("eos_token", None)
        content["eos_token_id"] = None
        (folder / name).write_text(json.dumps(content))
    with pytest.raises(ModelError, match="has no end token"):
        load_named(folder)


def test_weights_of_another_architecture_are_refused(make_base: MakeBase, tmp_path: Path) -> None:
    folder = shutil.copytree(make_base(), tmp_path / "base")
    shutil.copy(make_base("gpt_neox") / "model.safetensors", folder)
    with pytest.raises(ModelError, match="are not those of a LlamaForCausalLM"):
        load_named(folder)


def test_only_safetensors_are_read(make_base: MakeBase, tmp_path: Path) -> None:
    folder = shutil.copytree(make_base(), tmp_path / "base")
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="cannot be loaded as a causal language model"):
        load_named(folder)


def test_a_chat_template_must_be_there_when_asked_for(make_base: MakeBase) -> None:
    with pytest.raises(ModelError, match="has no chat template"):
        load_named(make_base(), template="chat")


def test_a_chat_template_wraps_the_prompt(make_base: MakeBase, tmp_path: Path) -> None:
    folder = shutil.copytree(make_base(), tmp_path / "base")
    template = (
        "{% for m in messages %}>{{ m.content }}|{% endfor %}"
        "{% if add_generation_prompt %}={% endif %}"
    )
    (folder / "chat_template.jinja").write_text(template)
    model = load_named(folder, template="chat")
    assert model.decode(model.encode("ab")) == ">ab|="


def test_the_hash_changes_with_one_byte_of_the_weights(make_base: MakeBase, tmp_path: Path) -> None:
    folder = shutil.copytree(make_base(), tmp_path / "base")
    before = hash_weights(folder)
    assert before == hash_weights(make_base())
    content = bytearray((folder / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (folder / "model.safetensors").write_bytes(content)
    assert hash_weights(folder) != before
