"""The scripted model, sampler and trainer: the law they promise."""

import subprocess
import sys
from pathlib import Path

import pytest

from sitool.config import ModelSettings, SamplerSettings, Settings, TrainerSettings
from sitool.errors import ConfigError, ModelError, TrainerError
from sitool.models.loading import load_model
from sitool.models.scripted import ScriptedModel
from sitool.records import Problem
from sitool.samplers.base import Decoding, Request
from sitool.samplers.scripted import ScriptedSampler, wrong_text
from sitool.seeds import derive_seed, generator
from sitool.trainers.base import Example
from sitool.trainers.scripted import ScriptedTrainer


def success_rate(model: ScriptedModel, level: int, decoding: Decoding, draws: int = 4000) -> float:
    requests = [
        Request(Problem("test", level, f"q{number}", "abcd"), (1,), (derive_seed(number),))
        for number in range(draws)
    ]
    chunks = ScriptedSampler(model, Settings()).sample(requests, decoding)
    return sum(item.text == "abcd" for c in chunks for row in c for item in row) / draws


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("level", [1, 3, 6])
def test_success_on_a_level_is_the_skill_to_its_power(level: int, temperature: float) -> None:
    model = ScriptedModel()
    expected = model.skill**level
    deviation = (expected * (1 - expected) / 4000) ** 0.5
    assert success_rate(model, level, Decoding(temperature)) == pytest.approx(
        expected, abs=4 * deviation
    )


@pytest.mark.parametrize("truth", ["a", "7", "aa", "11", "abcd", "0", ""])
def test_a_wrong_text_is_never_the_truth(truth: str) -> None:
    assert all(wrong_text(truth, generator(seed)) != truth for seed in range(200))


def trained_skill(examples: list[Example], **settings: int) -> float:
    model = ScriptedModel()
    trainer = ScriptedTrainer(model, TrainerSettings(**settings))
    steps = list(trainer.train(examples, start=None, seed=0))
    assert [step.step for step in steps] == list(range(1, steps[-1].steps + 1))
    return model.skill


def test_accepted_samples_raise_the_skill_and_harder_ones_more() -> None:
    easy = trained_skill([Example((1,), (2, 0), 1, 1.0)] * 100)
    hard = trained_skill([Example((1,), (2, 0), 5, 1.0)] * 100)
    assert ScriptedModel().skill < easy < hard < 1


def test_more_passes_and_other_batches_end_at_the_same_skill() -> None:
    examples = [Example((1,), (2, 0), 2, 1.0)] * 100
    skills = [
        trained_skill(examples, epochs=epochs, batch_size=size)
        for epochs, size in ((1, 64), (3, 10))
    ]
    assert skills[0] == pytest.approx(skills[1])


def test_nothing_accepted_is_refused() -> None:
    with pytest.raises(TrainerError, match="no samples to train on"):
        trained_skill([])


def test_the_skill_goes_on_from_the_parent(tmp_path: Path) -> None:
    model = ScriptedModel()
    trainer = ScriptedTrainer(model, TrainerSettings())
    examples = [Example((1,), (2, 0), 2, 1.0)] * 100
    skills = [model.skill]
    for _ in range(3):
        start = tmp_path / "r0001" if len(skills) > 1 else None
        list(trainer.train(examples, start=start, seed=0))
        model.save_adapter(tmp_path / "r0001")
        trainer.save_state(tmp_path / "r0001")
        skills.append(model.skill)
    assert skills == sorted(set(skills))
    model.use_adapter(None)
    assert model.skill == skills[0]
    model.use_adapter(tmp_path / "r0001")
    assert model.skill == skills[-1]


def test_an_adapter_of_another_scripted_base_is_refused(tmp_path: Path) -> None:
    ScriptedModel(base_skill=0.5).save_adapter(tmp_path / "r0001")
    with pytest.raises(ModelError, match="belongs to the base"):
        ScriptedModel().use_adapter(tmp_path / "r0001")


def test_scripted_parts_only_go_together() -> None:
    mixed = Settings(model=ModelSettings(base="scripted"))
    with pytest.raises(ConfigError, match=r"only go together.*sampler\.name = 'native'"):
        load_model(mixed)
    whole = Settings(
        model=ModelSettings(base="scripted"),
        sampler=SamplerSettings(name="scripted"),
        trainer=TrainerSettings(name="scripted"),
    )
    assert isinstance(load_model(whole), ScriptedModel)


def test_the_scripted_parts_load_without_torch() -> None:
    code = (
        "import sys, sitool.models.loading, sitool.models.scripted, sitool.samplers.scripted,"
        " sitool.trainers.scripted; sys.exit(any(m in sys.modules for m in ('torch', 'peft')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
