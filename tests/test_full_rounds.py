"""Whole studies on the real base: full fine-tuning, and memory that runs out on the way."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from studies import adapters, copied, create, rows
from typer.testing import CliRunner

from sitool import events
from sitool.cli.app import app
from sitool.client import Study
from sitool.errors import SamplerError, StudyError, TrainerError
from sitool.models import bases
from sitool.models.adapters import FULL_WEIGHTS
from sitool.study import export

FULL = ("trainer.method=full", "trainer.learning_rate=1e-4")
SAMPLES = "SELECT round, role, position, idx, token_ids, text FROM samples ORDER BY id"
LOSSES = "SELECT round, level, value FROM metrics WHERE name = 'loss' ORDER BY round, level"


@pytest.fixture(scope="module")
def two_full_rounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    study = create(tmp_path_factory.mktemp("full") / "study", *FULL, real=True)
    study.run(2)
    study.close()
    return study.folder


@pytest.fixture
def full_study(two_full_rounds: Path, tmp_path: Path) -> Iterator[Study]:
    with copied(two_full_rounds, tmp_path / "study") as study:
        yield study


def test_a_step_after_undo_is_the_step_that_was_undone(full_study: Study) -> None:
    """On the copy of another process's study, so that nothing in memory helps."""
    former = adapters(full_study.folder)
    full_study.undo()
    assert full_study.step().number == 3
    weights = f"r0003/{FULL_WEIGHTS}"
    now = adapters(full_study.folder)
    assert {n: h for n, h in now.items() if "r0003" not in n} == former
    # The draw is of round 3, so its samples and weights differ from those of round 2.
    assert now[f"adapters/{weights}"] != former[f"adapters/r0002/{FULL_WEIGHTS}"]


def test_a_fork_of_a_full_round_may_begin_at_the_base(full_study: Study) -> None:
    full_study.fork(1)
    full_study.configure("trainer.start_from=base")
    assert full_study.step().record.parent == 1


def test_the_method_stays_where_training_goes_on_from_the_parent(full_study: Study) -> None:
    with pytest.raises(StudyError, match=r"trainer\.method is 'full' in the round .* 'lora'"):
        full_study.configure("trainer.method=lora")
    full_study.configure("trainer.method=lora", "trainer.start_from=base", "trainer.rank=8")
    third = full_study.step()
    assert third.adapter is not None
    assert (third.adapter / "adapter_config.json").exists()
    with pytest.raises(StudyError, match="cannot become 'full'"):
        full_study.configure("trainer.method=full", "trainer.start_from=parent")


def test_a_full_round_has_no_adapter_to_export_and_says_what_to_do(
    full_study: Study, tmp_path: Path
) -> None:
    answer = CliRunner().invoke(
        app, ["export", "adapter", str(full_study.folder), "-o", str(tmp_path / "out")]
    )
    assert isinstance(answer.exception, StudyError)
    assert answer.exception.message == (
        "Round 2 was trained by full fine-tuning, so it has no adapter."
    )
    assert "export model" in answer.exception.hint
    assert not (tmp_path / "out").exists()


def test_a_full_rounds_model_is_exported(full_study: Study, tmp_path: Path) -> None:
    import transformers
    from safetensors.torch import load_file

    second = full_study.round(2)
    assert second.adapter is not None
    export.export_model(second.settings, second.adapter, tmp_path / "out")
    network = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    learnt = load_file(second.adapter / FULL_WEIGHTS)
    assert learnt
    for name, weight in network.named_parameters():
        if name in learnt:
            assert torch.equal(weight, learnt[name])


class Memory:
    """Room for so many rows of a single token, and so many tokens at once, in every base."""

    def __init__(self) -> None:
        self.rows = self.tokens = 10**9

    def check(self, module: Any, arguments: Any, output: Any) -> None:
        count, length = output[0].shape[:2]
        if (count > self.rows and length == 1) or count * length > self.tokens:
            raise torch.OutOfMemoryError("CUDA out of memory.")


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Memory:
    room, load = Memory(), bases.load_causal_lm

    def loading(*arguments: Any) -> Any:
        causal_lm = load(*arguments)
        causal_lm.model.register_forward_hook(room.check)
        return causal_lm

    monkeypatch.setattr(bases, "load_causal_lm", loading)
    return room


def test_a_round_in_little_memory_warns_and_is_the_same_round(
    memory: Memory, tmp_path: Path
) -> None:
    roomy = create(tmp_path / "roomy", real=True)
    roomy.step()
    tight = create(tmp_path / "tight", real=True)
    memory.rows = 5
    happened = list(tight.stream_rounds(1))
    said = [event.message for event in happened if isinstance(event, events.Warned)]
    assert said[0].startswith("Memory ran out in sampling")
    assert rows(tight.folder, SAMPLES) == rows(roomy.folder, SAMPLES)
    memory.rows, memory.tokens = 10**9, 200
    small = create(tmp_path / "small", real=True)
    happened = list(small.stream_rounds(1))
    said = [event.message for event in happened if isinstance(event, events.Warned)]
    assert any("in training" in message for message in said)
    for mine, theirs in zip(rows(small.folder, LOSSES), rows(roomy.folder, LOSSES), strict=True):
        assert mine == pytest.approx(theirs, abs=1e-6)
    for study in (roomy, tight, small):
        study.close()


@pytest.mark.parametrize(("phase", "error"), [("sample", SamplerError), ("train", TrainerError)])
def test_a_round_that_does_not_fit_at_all_goes_on_once_there_is_room(
    memory: Memory, tmp_path: Path, phase: str, error: type[Exception]
) -> None:
    undisturbed = create(tmp_path / "undisturbed", real=True)
    undisturbed.step()
    study = create(tmp_path / "study", real=True)
    study.run(0)
    if phase == "train":
        study.step(to="select")
    memory.tokens = 1
    with pytest.raises(error, match=r"Memory runs out"):
        study.step()
    memory.tokens = 10**9
    study.step()
    assert rows(study.folder, SAMPLES) == rows(undisturbed.folder, SAMPLES)
    ours, theirs = rows(study.folder, LOSSES), rows(undisturbed.folder, LOSSES)
    for mine, other in zip(ours, theirs, strict=True):
        assert mine == pytest.approx(other, abs=1e-6)
    study.close()
    undisturbed.close()
