"""What the tests share: small random bases with a tokenizer of characters, made once."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
# Rounds run where they are asked for, unless a test is about the engine's process.
os.environ["SITOOL_ENGINE"] = "inline"

import gc
import string
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, Literal

import hypothesis
import pytest

from sitool.config import ModelSettings, TrainerSettings

CHARACTERS = string.digits + string.ascii_lowercase + ",|>=+ "
END = "<end>"
UNKNOWN = "<unk>"

MakeBase = Callable[..., Path]

# A busy machine is no fault of an example.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail what skips where SITOOL_NO_SKIPS is set: there every tool has to be at hand."""
    report = yield
    if report.skipped and os.environ.get("SITOOL_NO_SKIPS") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, where nothing may be: {report.longreprtext}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Do the same for whole files that skip."""
    report = yield
    if report.skipped and os.environ.get("SITOOL_NO_SKIPS"):
        report.outcome = "failed"
        report.longrepr = f"skipped, where nothing may be: {report.longreprtext}"
    return report


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Look for garbage seldom, and not in what is imported by now: that costs half a second."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def write_tokenizer(folder: Path, characters: str = CHARACTERS) -> int:
    """Write a tokenizer of single characters and return the size of its vocabulary."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = {token: index for index, token in enumerate([END, UNKNOWN, *characters])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    tokenizer.decoder = decoders.Fuse()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token=END, pad_token=END, unk_token=UNKNOWN
    ).save_pretrained(folder)
    return len(vocabulary)


def tiny_config(
    architecture: str, vocabulary: int, context: int = 128, extra: dict[str, Any] | None = None
) -> Any:
    """Return the smallest useful configuration of an architecture, with changes of one's own."""
    import transformers

    common: dict[str, Any] = {
        "vocab_size": vocabulary,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 48,
        "max_position_embeddings": context,
        "bos_token_id": None,
        "eos_token_id": 0,
        "pad_token_id": 0,
        "tie_word_embeddings": architecture != "gpt_neox",
    }
    if architecture in ("llama", "qwen2", "qwen3", "gemma", "gemma2", "mistral"):
        common["num_key_value_heads"] = 2
    if architecture in ("qwen3", "gemma"):
        common["head_dim"] = 8
    if architecture == "gemma2":
        common.update(head_dim=8, sliding_window=16, final_logit_softcapping=1.0)
    if architecture == "mistral":
        common["sliding_window"] = 16
    if architecture == "qwen3":
        common["head_dim"] = 16
    if architecture == "gpt2":
        del common["intermediate_size"]
    common.update(extra or {})
    return transformers.AutoConfig.for_model(architecture, **common)


def write_base(folder: Path, architecture: str = "llama", seed: int = 0, **changes: Any) -> Path:
    """Write a base of random weights, sharp enough that its choices are not all alike."""
    import torch
    import transformers

    characters = changes.pop("characters", CHARACTERS)
    vocabulary = write_tokenizer(folder, characters)
    torch.manual_seed(seed)
    network = transformers.AutoModelForCausalLM.from_config(
        tiny_config(architecture, vocabulary, **changes)
    )
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, 0.3)
    network.generation_config.eos_token_id = 0
    network.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Leave the other cores to whoever else is at work."""
    import sys

    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def _cache_of_our_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the user's cache and state folders out of it, and llama.cpp's exit silent."""
    import sys

    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))
    yield
    module = sys.modules.get("llama_cpp._utils")
    for name in ("outnull_file", "errnull_file"):
        # llama-cpp-python leaves them open, which Python warns of when it ends.
        if module is not None and hasattr(module, name):
            getattr(module, name).close()


@pytest.fixture(scope="session", autouse=True)
def _no_engine_outlives_the_tests() -> Iterator[None]:
    """End the engines that screens have started."""
    from sitool import process

    yield
    for child in process._children:
        child.terminate()
        child.wait()


@pytest.fixture(scope="session")
def make_base(tmp_path_factory: pytest.TempPathFactory) -> MakeBase:
    """Return a function that writes a base once for all tests that ask for the same."""
    import torch

    torch.set_num_threads(1)
    made: dict[str, Path] = {}

    def make(architecture: str = "llama", seed: int = 0, **changes: Any) -> Path:
        key = f"{architecture}-{seed}-{sorted(changes.items())}"
        if key not in made:
            folder = tmp_path_factory.mktemp(f"base-{architecture}")
            made[key] = write_base(folder, architecture, seed, **changes)
        return made[key]

    return make


@pytest.fixture
def load_local(make_base: MakeBase) -> Callable[..., Any]:
    """Return a function that loads a small random base as a `LocalModel`."""
    from sitool.models.local import LocalModel

    def load(
        architecture: str = "llama",
        seed: int = 0,
        rank: int = 4,
        method: Literal["lora", "full"] = "lora",
        dtype: Literal["float32", "bfloat16"] = "float32",
        **changes: Any,
    ) -> Any:
        folder = make_base(architecture, seed, **changes)
        settings = ModelSettings(base=str(folder), device="cpu", dtype=dtype)
        return LocalModel.load(settings, TrainerSettings(rank=rank, alpha=8.0, method=method))

    return load


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real data sets, which a clone alone does not have."""
    folder = os.environ.get("SITOOL_TEST_DATA", "")
    if not folder:
        pytest.skip("no real data sets here; set SITOOL_TEST_DATA to their folder")
    return Path(folder)


@pytest.fixture(scope="session")
def two_rounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a scripted study with rounds 0 to 2 done; for looking at and copying only."""
    from studies import create

    study = create(tmp_path_factory.mktemp("two-rounds") / "study")
    study.run(2)
    study.close()
    return study.folder


@pytest.fixture(scope="session")
def judged_rounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a scripted study with rounds 0 to 2 whose held-out samples five judges scored."""
    from studies import create

    study = create(
        tmp_path_factory.mktemp("judged-rounds") / "study",
        'evaluation.verifiers=["mc", "majority", "likelihood", "cot_binary",'
        ' "likelihood_per_token@base"]',
        "evaluation.samples=8",
    )
    study.run(2)
    study.close()
    return study.folder


@pytest.fixture
def study(two_rounds: Path, tmp_path: Path) -> Iterator[Any]:
    """Return a scripted study of one's own with rounds 0 to 2 done."""
    from studies import copied

    with copied(two_rounds, tmp_path / "study") as opened:
        yield opened


@pytest.fixture
def judged(judged_rounds: Path, tmp_path: Path) -> Iterator[Any]:
    """Return such a study whose held-out samples five judges scored."""
    from studies import copied

    with copied(judged_rounds, tmp_path / "judged") as opened:
        yield opened


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep what is measured of this machine in a folder of the test's own, and return it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "sitool"
