"""GGUF files against torch: every logit, for each architecture and kind of rotary position."""

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from adapted import with_effect

pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed")

import gguf
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from sitool.config import ModelSettings, TrainerSettings
from sitool.drafts import replaced_file
from sitool.errors import ModelError, SamplerError
from sitool.models import lora
from sitool.models.gguf import cache, exports, files, parity, runtime, vocabulary, weights
from sitool.models.gguf.runtime import Adapter, Context, LoadedFile, Room, Token
from sitool.models.local import LocalModel

Load = Callable[..., LocalModel]

LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 5000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}
YARN = {
    "rope_type": "yarn",
    "rope_theta": 10000.0,
    "factor": 4.0,
    "original_max_position_embeddings": 32,
}
LINEAR = {"rope_type": "linear", "rope_theta": 10000.0, "factor": 3.0}
BASES: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("llama", {}),
    "llama-own-head": ("llama", {"tie_word_embeddings": False}),
    "llama-biases": ("llama", {"attention_bias": True, "mlp_bias": True}),
    "llama-odd-heads": ("llama", {"head_dim": 12, "num_key_value_heads": 1}),
    "llama-theta": ("llama", {"rope_parameters": {"rope_type": "default", "rope_theta": 300.0}}),
    "llama-linear": ("llama", {"rope_parameters": LINEAR}),
    "llama-yarn": ("llama", {"rope_parameters": YARN}),
    "llama-yarn-loud": ("llama", {"rope_parameters": YARN | {"attention_factor": 1.7}}),
    "llama3": ("llama", {"rope_parameters": LLAMA3}),
    "mistral": ("mistral", {"sliding_window": None}),
    "mistral-llama3": ("mistral", {"sliding_window": 128, "rope_parameters": LLAMA3}),
    "qwen2": ("qwen2", {}),
    "qwen2-own-head": ("qwen2", {"tie_word_embeddings": False}),
    "qwen2-yarn": ("qwen2", {"rope_parameters": YARN}),
    "qwen3": ("qwen3", {}),
    "qwen3-linear": ("qwen3", {"rope_parameters": LINEAR}),
}


@pytest.fixture
def load_base(load_local: Load) -> Callable[[str], LocalModel]:
    """Return a function that loads a base whose norms and biases are random, too."""

    def load(name: str) -> LocalModel:
        architecture, extra = BASES[name]
        model = load_local(architecture, extra=extra)
        torch.manual_seed(1)
        with torch.no_grad():
            for parameter in model.causal_lm.parameters():
                if parameter.ndim == 1:
                    parameter.normal_(1.0, 0.3)
        return model

    return load


def ids_of(model: LocalModel, count: int = 100) -> list[int]:
    source = np.random.default_rng(7)
    return source.integers(0, model.causal_lm.config.vocab_size, count).tolist()


def torch_logits(model: LocalModel, ids: list[int]) -> torch.Tensor:
    with torch.inference_mode():
        logits: torch.Tensor = model.network(input_ids=torch.tensor([ids])).logits[0]
    return logits


def file_logits(base: LoadedFile, ids: list[int], adapter: Adapter | None = None) -> torch.Tensor:
    context = Context(base, Room(256, 1, len(ids), len(ids)), threads=1, exact=True)
    context.use(adapter)
    logits = context.run([Token(id_, place, (0,), True) for place, id_ in enumerate(ids)])
    context.close()
    return logits


@pytest.mark.parametrize("name", BASES)
def test_a_base_says_the_same_as_a_file(
    load_base: Callable[[str], LocalModel], tmp_path: Path, name: str
) -> None:
    model = load_base(name)
    files.write_base(model, tmp_path / "base.gguf", "f32")
    ids = ids_of(model)
    ours, theirs = file_logits(LoadedFile(tmp_path / "base.gguf"), ids), torch_logits(model, ids)
    assert (ours - theirs).abs().max() < 1e-3
    assert theirs.std() > 0.5  # So that the bound means something.


@pytest.mark.parametrize("name", BASES)
def test_an_adapter_says_the_same_as_a_file_beside_the_base_and_in_it(
    load_base: Callable[[str], LocalModel], tmp_path: Path, name: str
) -> None:
    model = with_effect(load_base(name), size=0.2)
    for number, (_, layer) in enumerate(lora.lora_layers(model.network)):
        layer.scaling[lora.ADAPTER] = 0.5 + number % 3  # As alpha patterns or rsLoRA would have it.
    files.write_base(model, tmp_path / "base.gguf", "f32")
    files.write_adapter(model, tmp_path / "adapter.gguf")
    files.write_base(model, tmp_path / "merged.gguf", "f32", merged=True)
    ids = ids_of(model)
    base, theirs = LoadedFile(tmp_path / "base.gguf"), torch_logits(model, ids)
    beside = file_logits(base, ids, Adapter(base, tmp_path / "adapter.gguf"))
    inside = file_logits(LoadedFile(tmp_path / "merged.gguf"), ids)
    assert (beside - theirs).abs().max() < 1e-3
    assert (inside - theirs).abs().max() < 1e-3
    assert (file_logits(base, ids) - theirs).abs().max() > 0.1


def test_an_adapter_of_another_rank_and_alpha_keeps_its_own_scale(
    load_local: Load, tmp_path: Path
) -> None:
    trained = with_effect(load_local(rank=3), size=0.2)
    trained.save_adapter(tmp_path / "adapter")
    model = load_local(rank=8)
    model.use_adapter(tmp_path / "adapter")
    files.write_base(model, tmp_path / "base.gguf", "f32")
    files.write_adapter(model, tmp_path / "adapter.gguf")
    base, ids = LoadedFile(tmp_path / "base.gguf"), ids_of(trained)
    ours = file_logits(base, ids, Adapter(base, tmp_path / "adapter.gguf"))
    assert (ours - torch_logits(trained, ids)).abs().max() < 1e-3


@pytest.mark.parametrize("precision", ["f16", "q8_0"])
@pytest.mark.parametrize("name", ["llama-biases", "qwen3"])
def test_fewer_bits_stay_near(
    load_base: Callable[[str], LocalModel], tmp_path: Path, name: str, precision: Any
) -> None:
    model = load_base(name)
    sizes = {}
    for kind in ("f32", precision):
        files.write_base(model, tmp_path / kind, kind)
        sizes[kind] = (tmp_path / kind).stat().st_size
    found = parity.difference(model, LoadedFile(tmp_path / precision), None, with_adapter=False)
    assert parity.TOLERANCES["f32"] < found.largest <= parity.TOLERANCES[precision]
    assert sizes[precision] < 0.8 * sizes["f32"]


@pytest.mark.parametrize(
    ("architecture", "extra", "reason"),
    [
        ("gpt2", {}, "its architecture is 'gpt2'"),
        ("gemma2", {}, "its architecture is 'gemma2'"),
        ("mistral", {}, "its attention has a window of 16 tokens"),
        ("llama", {"hidden_act": "gelu"}, "its activation is 'gelu'"),
        ("llama", {"rope_parameters": LINEAR | {"rope_type": "dynamic"}}, "of the kind 'dynamic'"),
        ("qwen2", {"rope_parameters": LLAMA3}, "of the kind 'llama3'"),
        ("llama", {"rope_parameters": YARN | {"beta_fast": 16.0}}, "settings that llama.cpp"),
        ("qwen3", {"attention_bias": True}, "no place for biases"),
        ("qwen2", {"use_sliding_window": True, "max_window_layers": 1}, "layers of another kind"),
    ],
)
def test_a_base_that_would_come_out_wrong_is_refused(
    load_local: Load, tmp_path: Path, architecture: str, extra: dict[str, Any], reason: str
) -> None:
    model = load_local(architecture, extra=extra)
    with pytest.raises(ModelError, match=reason) as caught:
        cache.load_base(model, "f32")
    assert "allowed: llama, mistral without a window, qwen2 and qwen3" in caught.value.hint


def spoil(file: Path, tensor: str) -> None:
    """Exchange the halves of a tensor's rows, as a forgotten permutation would."""
    reader = gguf.GGUFReader(file, "r+")
    (found,) = [t for t in reader.tensors if t.name == tensor]
    rows = found.data.copy()
    found.data[:] = np.concatenate([rows[len(rows) // 2 :], rows[: len(rows) // 2]])
    reader.data.flush()


def test_a_wrong_file_is_refused_and_the_first_token_named(
    load_local: Load, tmp_path: Path
) -> None:
    model = load_local()
    files.write_base(model, tmp_path / "base.gguf", "f32")
    spoil(tmp_path / "base.gguf", "blk.0.attn_q.weight")
    base = LoadedFile(tmp_path / "base.gguf")
    found = parity.difference(model, base, None, with_adapter=False)
    # The token really is the first one where torch and the file part.
    theirs = torch_logits(model, list(found.prompt)).argmax(-1).tolist()
    ours = file_logits(base, list(found.prompt)).argmax(-1).tolist()
    assert ours[:-1] == theirs[:-1]
    assert (ours[-1], theirs[-1]) == (found.got, found.wanted)
    with pytest.raises(ModelError, match=r"after the tokens .* the base says") as caught:
        cache.load_base(model, "f32", str(tmp_path / "base.gguf"))
    assert f"the base says {found.wanted} (" in caught.value.message
    assert f"the file {found.got} (" in caught.value.message


def test_a_file_that_is_no_number_is_refused(load_local: Load, tmp_path: Path) -> None:
    model = load_local()
    files.write_base(model, tmp_path / "base.gguf", "f32")
    reader = gguf.GGUFReader(tmp_path / "base.gguf", "r+")
    reader.tensors[3].data[:] = np.nan
    reader.data.flush()
    with pytest.raises(ModelError, match="inf of their spread apart"):
        cache.load_base(model, "f32", str(tmp_path / "base.gguf"))


def test_files_that_are_broken_or_of_another_base_are_refused_before_llamacpp_sees_them(
    load_local: Load, tmp_path: Path
) -> None:
    model, other = load_local(), load_local("qwen2")
    file = tmp_path / "base.gguf"
    with pytest.raises(ModelError, match="cannot be read"):
        cache.load_base(model, "f32", str(file))
    file.write_bytes(b"something else")
    with pytest.raises(ModelError, match="cannot be read as GGUF"):
        cache.load_base(model, "f32", str(file))
    with pytest.raises(ModelError, match="is not a GGUF file"):
        runtime.load_file(file)
    files.write_base(other, file, "f32")
    with pytest.raises(ModelError, match=r"its general.architecture is 'qwen2', not 'llama'"):
        cache.load_base(model, "f32", str(file))
    files.write_base(model, file, "f32")
    file.write_bytes(file.read_bytes()[:-4000])
    with pytest.raises(ModelError, match=r"cannot (load|be read as GGUF)"):
        cache.load_base(model, "f32", str(file))
    with pytest.raises(ModelError, match="cannot load"):
        runtime.load_file(file)


def test_files_that_would_end_the_process_are_refused(
    load_local: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, file = load_local(), tmp_path / "base.gguf"
    files.write_base(model, file, "f32")
    key, found, rest = file.read_bytes().partition(b"llama.rope.scaling.type")
    file.write_bytes(key + found + rest.replace(b"none", b"nope", 1))
    with pytest.raises(ModelError, match=r"rope.scaling.type is 'nope', which nobody knows"):
        cache.load_base(model, "f32", str(file))
    monkeypatch.setattr(weights, "_fitting", lambda precision, shape: precision)
    files.write_base(model, file, "f16")  # As a careless converter would write norms.
    with pytest.raises(ModelError, match=r"_norm.weight is F16, and llama.cpp computes with F32"):
        cache.load_base(model, "f32", str(file))


def test_ones_own_file_is_used_with_a_tolerance_that_goes_by_its_weights(
    load_local: Load, tmp_path: Path
) -> None:
    model = load_local()
    for precision in ("f32", "q8_0"):
        files.write_base(model, tmp_path / precision, precision)  # type: ignore[arg-type]
        assert cache.load_base(model, "f32", str(tmp_path / precision)).file.name == precision
    assert not cache.kept_file(model, "f16").exists()


def test_a_converted_base_is_kept_by_all_that_it_depends_on(load_local: Load) -> None:
    model = load_local(seed=11)
    kept = cache.kept_file(model, "f32")
    assert not kept.exists()
    cache.load_base(model, "f32")
    written = kept.stat().st_mtime_ns
    cache.load_base(load_local(seed=11), "f32")
    assert kept.stat().st_mtime_ns == written
    other_rotation = load_local(seed=11, extra={"rope_parameters": LINEAR})
    assert len({kept, cache.kept_file(model, "f16"), cache.kept_file(other_rotation, "f32")}) == 3
    spoil(kept, "blk.1.attn_k.weight")
    with pytest.raises(ModelError, match="can be deleted, and is made again"):
        cache.load_base(model, "f32")
    kept.unlink()
    assert cache.load_base(model, "f32").file == kept


def test_a_file_is_there_whole_or_not_at_all(load_local: Load, tmp_path: Path) -> None:
    file = tmp_path / "deep" / "base.gguf"
    with (
        pytest.raises(KeyboardInterrupt),
        replaced_file(file, ModelError, make_folder=True) as draft,
    ):
        files.write_base(load_local(), draft, "f32")
        raise KeyboardInterrupt
    assert list(file.parent.iterdir()) == []
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(ModelError, match="cannot be written"),
        replaced_file(tmp_path / "file" / "base.gguf", ModelError, make_folder=True),
    ):
        pass


def test_what_would_end_the_process_is_an_error(load_local: Load, tmp_path: Path) -> None:
    model = load_local()
    base = cache.load_base(model, "f32")
    context = Context(base, Room(256, 2, 4, 2), threads=1, exact=True)
    with pytest.raises(SamplerError, match="There is no token 999"):
        context.run([Token(999, 0, (0,), True)])
    with pytest.raises(SamplerError, match="There is no token -1"):
        context.run([Token(-1, 0, (0,), True)])
    with pytest.raises(SamplerError, match="There is no sequence 2"):
        context.run([Token(1, 0, (2,), True)])
    with pytest.raises(SamplerError, match="There is no sequence 7"):
        context.share(0, 7, 1)
    with pytest.raises(SamplerError, match="do not fit into one pass"):
        context.run([Token(1, place, (0,), True) for place in range(3)])
    with pytest.raises(SamplerError, match="cannot go on"):
        context.run([Token(1, place, (0,), False) for place in range(300)])
    for room in (Room(256, 300, 512, 300), Room(256, 8, 4, 8), Room(0, 1, 1, 1)):
        with pytest.raises(SamplerError, match="cannot make a context"):
            Context(base, room, threads=1, exact=True)
    files.write_base(model, tmp_path / "twin.gguf", "f32")
    files.write_adapter(with_effect(model, size=0.2), tmp_path / "adapter.gguf")
    with pytest.raises(SamplerError, match="loaded for"):
        context.use(Adapter(LoadedFile(tmp_path / "twin.gguf"), tmp_path / "adapter.gguf"))
    with pytest.raises(ModelError, match="cannot load the adapter"):
        Adapter(base, tmp_path / "twin.gguf")
    with pytest.raises(ModelError, match="has no vocabulary"):
        base.read("text")
    context.forget()
    assert context.run([Token(1, 0, (0, 1), True)]).shape == (1, base.vocabulary_size)


def test_the_garbage_collector_cannot_free_a_base_before_what_uses_it(
    load_local: Load, tmp_path: Path
) -> None:
    """Wrong here, llama.cpp ends the process: objects of a cycle go in any order."""
    model = with_effect(load_local(), size=0.2)
    files.write_base(model, tmp_path / "base.gguf", "f32")
    files.write_adapter(model, tmp_path / "adapter.gguf")
    for turn in range(12):
        base = LoadedFile(tmp_path / "base.gguf")
        adapter = Adapter(base, tmp_path / "adapter.gguf")
        context = Context(base, Room(256, 1, 4, 4), threads=1, exact=True)
        context.use(adapter)
        freed = base.owned.free
        cycle: list[Any] = [base, adapter, context] if turn % 2 else [context, adapter, base]
        cycle.append(cycle)
        del base, adapter, context, cycle
        assert freed.alive
        gc.collect()
        assert not freed.alive


def test_work_can_be_left_before_a_pass_and_within_one(load_local: Load) -> None:
    base = cache.load_base(load_local(), "f32")

    class Left(BaseException):
        pass

    breaths = [0]

    def breathe() -> None:
        breaths[0] += 1
        if breaths[0] == 5:
            raise Left

    tokens = [Token(1, place, (0,), True) for place in range(4)]
    room = Room(256, 1, 4, 4)
    within = Context(base, room, threads=1, exact=True, breathe=breathe, often=True)
    with pytest.raises(Left):
        within.run(tokens)
    assert breaths == [5]
    within.forget()
    after = within.run(tokens)
    before = Context(base, room, threads=1, exact=True)
    assert torch.equal(after, before.run(tokens))


SPLITS = {
    "gpt-2": None,
    "llama-bpe": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "qwen2": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
}


def byte_level(split: str | None) -> Any:
    """Train a tokenizer of a kind that is about on a little text."""
    tokenizer = Tokenizer(models.BPE())
    whole = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=split is None)
    cut = [] if split is None else [pre_tokenizers.Split(Regex(split), "isolated")]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*cut, whole])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<end>", "<start>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([*vocabulary.CORPUS, *LINES, "111 222 it's we'll"], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<end>", bos_token="<start>"
    )


LINES = (
    "The year 2024 had 366 days; 1000000 is a million.",
    "it's    WE'LL\n\n  x=1;\ty=22",
    "ünïcödé – “quotes” … 中文",
)


def read_all(model: LocalModel, folder: Path, lines: Any) -> list[list[int]]:
    exports.export_merged(model, folder / "model.gguf", "f32")
    loaded = LoadedFile(folder / "model.gguf")
    return [loaded.read(line) for line in lines]


@pytest.mark.parametrize("kind", list(SPLITS))
def test_byte_level_vocabularies_are_read_alike(
    tmp_path: Path, make_base: Callable[..., Path], kind: str
) -> None:
    import transformers

    tokenizer = byte_level(SPLITS[kind])
    tokenizer.save_pretrained(tmp_path / "base")
    config = transformers.AutoConfig.from_pretrained(make_base("llama"))
    config.vocab_size = len(tokenizer) + 5  # Padded, as many bases are.
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path / "base")
    settings = ModelSettings(base=str(tmp_path / "base"), device="cpu")
    model = LocalModel.load(settings, TrainerSettings(rank=4))
    assert read_all(model, tmp_path, LINES) == [tokenizer.encode(line) for line in LINES]


def test_the_built_in_vocabulary_of_characters_is_read_alike(tmp_path: Path) -> None:
    model = LocalModel.load(ModelSettings(base="tiny", device="cpu"), TrainerSettings(rank=4))
    lines = ["ab,bc,cd|a>d=", "12+34=\nCorrect Incorrect", "~!@#$%^&*()_+`{}[]", "<end>a"]
    assert read_all(model, tmp_path, lines) == [model.tokenizer.encode(line) for line in lines]


def test_characters_of_several_bytes_are_read_alike(load_local: Load, tmp_path: Path) -> None:
    model = load_local(characters="abcé中 ç")
    lines = ["abc é中ç", "中中é", "a b"]
    assert read_all(model, tmp_path, lines) == [model.tokenizer.encode(line) for line in lines]


def test_a_vocabulary_that_cannot_be_written_is_left_out(load_local: Load, tmp_path: Path) -> None:
    model = load_local()
    tokenizer = Tokenizer(models.Unigram([(c, -1.0) for c in "abc "], unk_id=0))
    model.tokenizer = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="c")
    assert not exports.export_merged(model, tmp_path / "model.gguf", "f32")
    assert LoadedFile(tmp_path / "model.gguf").vocabulary_size == model.causal_lm.config.vocab_size


def test_an_exported_adapter_is_that_of_the_model(load_local: Load, tmp_path: Path) -> None:
    model = with_effect(load_local(), size=0.2)
    exports.export_adapter(model, tmp_path / "adapter.gguf")
    base, ids = cache.load_base(model, "f32"), ids_of(model)
    ours = file_logits(base, ids, Adapter(base, tmp_path / "adapter.gguf"))
    assert (ours - torch_logits(model, ids)).abs().max() < 1e-3
