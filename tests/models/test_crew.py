"""Processes that draw beside this one: the samples are the same, whoever draws them."""

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from adapted import with_effect
from patience import wait_until

from sitool.config import EngineSettings, ModelSettings, Settings, TrainerSettings
from sitool.continuity import changes_parts, check_same_study
from sitool.models import loading
from sitool.models.crew import Crew, Helper
from sitool.models.loading import load_model, processes_of
from sitool.models.local import LocalModel
from sitool.presets import build_settings
from sitool.records import Completion, Problem
from sitool.samplers.base import Decoding, Request
from sitool.samplers.native import Drawer, NativeSampler
from sitool.seeds import derive_seed
from sitool.trainers.base import Example
from sitool.trainers.loss import Share, Slope, WeightedLoss
from sitool.trainers.mle import MleTrainer

Load = Callable[..., LocalModel]
IDS = torch.tensor([[5, 9, 11, 3]])
PROMPTS = ["ab,bc,cd|a>d=", "12+3=", "ab,bd|a>d=", "ab,bc,cd,de|a>e="]
DECODING = Decoding(max_new_tokens=12)
PATIENCE = 120.0


def loaded(base: Path, processes: int, *assignments: str) -> Any:
    return load_model(
        build_settings(
            "path",
            assignments=[
                f"model.base={base}",
                "model.device=cpu",
                f"engine.processes={processes}",
                "sampler.chunk_rows=32",
                *assignments,
            ],
        )
    )


def requests_for(model: LocalModel) -> list[Request]:
    return [
        Request(
            Problem("test", 1, prompt, ""),
            model.encode(prompt),
            tuple(derive_seed(prompt, turn, sample) for sample in range(16)),
            greedy=True,
        )
        for turn in range(4)
        for prompt in PROMPTS
    ]


def sampler_of(model: LocalModel) -> NativeSampler:
    return NativeSampler(model, build_settings("path", assignments=["sampler.chunk_rows=32"]))


def draw_all(model: LocalModel) -> list[Completion]:
    chunks = sampler_of(model).sample(requests_for(model), DECODING)
    return [item for chunk in chunks for row in chunk for item in row]


def crew_of(model: LocalModel) -> list[Helper]:
    return model.crew._helpers


@pytest.fixture(scope="module")
def base(make_base: Callable[..., Path]) -> Path:
    return make_base("llama", 0)


@contextmanager
def two(base: Path) -> Iterator[LocalModel]:
    """Yield a model with a process beside it that has read the base."""
    model = loaded(base, processes=2)
    draw_all(model)
    (helper,) = crew_of(model)
    wait_until(helper.pipe.poll, PATIENCE)
    yield model
    model.close()


@pytest.fixture(scope="module")
def lasting(base: Path) -> Iterator[LocalModel]:
    with two(base) as model:
        yield model


@pytest.fixture
def pair(lasting: LocalModel) -> LocalModel:
    """Return a model with a process beside it, for tests that leave it as it is."""
    lasting.fresh_adapter(seed=0)
    return lasting


@pytest.fixture
def doomed(base: Path) -> Iterator[LocalModel]:
    """Return such a model for one test alone."""
    with two(base) as model:
        yield model


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the sizes of the chunks that are drawn in this process."""
    sizes: list[int] = []
    draw = Drawer.__call__

    def spy(self: Drawer, chunk: list[Request]) -> list[list[Completion]]:
        sizes.append(len(chunk))
        return draw(self, chunk)

    monkeypatch.setattr(Drawer, "__call__", spy)
    return sizes


def test_samples_are_the_same_whoever_draws_them(
    base: Path, pair: LocalModel, here: list[int]
) -> None:
    alone = loaded(base, processes=1)
    with_effect(alone)
    with_effect(pair)
    expected, chunks = draw_all(alone), len(here)
    assert not crew_of(alone)
    assert draw_all(pair) == expected
    assert chunks == 16
    assert chunks < len(here) < 2 * chunks, "both have drawn some"
    with_effect(pair, seed=4)  # What is learnt anew gets to the others.
    with_effect(alone, seed=4)
    assert draw_all(pair) == draw_all(alone) != expected


def test_chunks_come_in_order_and_one_by_one(pair: LocalModel) -> None:
    requests = requests_for(pair)
    drawn = list(sampler_of(pair).sample(requests, DECODING))
    assert [len(chunk) for chunk in drawn] == [1] * 16
    rest = sampler_of(pair).sample(requests[5:], DECODING)
    assert list(rest) == drawn[5:], "as after a kill"


def test_a_process_is_started_only_for_a_second_chunk(base: Path) -> None:
    model = loaded(base, processes=2)
    list(sampler_of(model).sample(requests_for(model)[:1], DECODING))
    assert not crew_of(model)
    next(sampler_of(model).sample(requests_for(model)[:2], DECODING))
    (helper,) = crew_of(model)
    model.close()
    assert helper.process.poll() is not None
    assert not crew_of(model)


def test_what_a_killed_process_had_is_drawn_here(
    doomed: LocalModel, here: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    expected = draw_all(doomed)
    (helper,) = crew_of(doomed)
    here.clear()
    chunks = sampler_of(doomed).sample(requests_for(doomed), DECODING)
    first = next(chunks)
    os.kill(helper.process.pid, signal.SIGKILL)
    with caplog.at_level(logging.WARNING):
        found = [*first, *(row for chunk in chunks for row in chunk)]
    assert [item for row in found for item in row] == expected
    assert not crew_of(doomed)
    assert "one process less computes: The helper's process died." in caplog.text
    assert doomed.notes == [
        "A process that helped to compute was lost: The helper's process died. Nothing else was;"
        " the round goes on without it."
    ]
    assert draw_all(doomed) == expected, "and nobody takes its place"
    assert not crew_of(doomed)


def test_a_process_that_cannot_read_the_base_is_done_without(
    base: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    model = loaded(base, processes=2)
    expected = draw_all(loaded(base, processes=1))
    missing = model.crew._settings.model.model_copy(update={"base": "/nowhere"})
    settings = model.crew._settings.model_copy(update={"model": missing})
    monkeypatch.setattr(model, "crew", Crew(settings, 2))
    with caplog.at_level(logging.WARNING):
        wait_until(lambda: draw_all(model) == expected and "process died" in caplog.text, PATIENCE)
    assert not crew_of(model)


def test_what_fails_beside_us_fails_here_too(
    doomed: LocalModel, caplog: pytest.LogCaptureFixture
) -> None:
    bad = replace(requests_for(doomed)[0], prompt_ids=(999_999,))
    with caplog.at_level(logging.WARNING), pytest.raises(IndexError, match="out of range"):
        list(sampler_of(doomed).sample([*requests_for(doomed)[:1], bad], DECODING))
    assert "one process less computes: IndexError: index out of range" in caplog.text
    assert not crew_of(doomed)


def learn(model: LocalModel, method: str) -> list[float]:
    settings = TrainerSettings(epochs=2, batch_size=64, method=method)  # type: ignore[arg-type]
    words = [(prompt, "abcdefgh"[: 1 + n % 8]) for n in range(16) for prompt in PROMPTS]
    examples = [
        Example(model.encode(prompt), model.encode_completion(word), 1, 1.0 + len(word))
        for prompt, word in words
    ]
    return [step.loss for step in MleTrainer(model, settings).train(examples, start=None, seed=0)]


def weights_of(model: LocalModel) -> bytes:
    return model.learnt().weights


def test_what_is_learnt_is_the_same_whoever_takes_the_slopes(
    base: Path, pair: LocalModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, slope = list[int](), WeightedLoss.slope

    def spy(self: WeightedLoss, share: Share) -> Slope:
        here.append(len(share[0]))
        return slope(self, share)

    monkeypatch.setattr(WeightedLoss, "slope", spy)
    alone = loaded(base, processes=1)
    expected = learn(alone, "lora")
    assert not here, "without others, gradients are added up where they are"
    assert len(expected) == 2
    assert learn(pair, "lora") == expected
    assert weights_of(pair) == weights_of(alone)
    assert 0 < sum(here) < 128, "of two batches of 64 each has taken some"


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_all_weights_are_learnt_the_same_whoever_takes_the_slopes(base: Path, dtype: str) -> None:
    alone, two = (
        loaded(base, processes, f"model.dtype={dtype}", "trainer.method=full")
        for processes in (1, 2)
    )
    expected = learn(alone, "full")
    assert learn(two, "full") == expected, "while the other reads the base"
    wait_until(crew_of(two)[0].pipe.poll, PATIENCE)
    for _ in range(2):
        assert learn(two, "full") == expected
        assert weights_of(two) == weights_of(alone)
    two.close()


class StopError(BaseException):
    pass


def test_work_that_is_left_is_left_by_all(pair: LocalModel, here: list[int]) -> None:
    expected = draw_all(pair)
    (helper,) = crew_of(pair)

    def stop() -> None:
        if helper.pending:
            raise StopError

    pair.breathe_with(stop)
    with pytest.raises(StopError):
        draw_all(pair)
    assert set(helper.pending) == {None}
    pair.breathe_with(lambda: None)
    assert draw_all(pair) == expected
    assert crew_of(pair) == [helper]
    wait_until(lambda: draw_all(pair) == expected and None not in helper.pending, PATIENCE)


LEADER = """
import sys, time
from sitool.models.crew import Helper
from sitool.presets import build_settings
helper = Helper(build_settings("path", assignments=[f"model.base={sys.argv[1]}"]))
print(helper.process.pid, flush=True)
time.sleep(600)
"""


def test_processes_end_with_the_one_they_help(base: Path) -> None:
    command = [sys.executable, "-c", LEADER, str(base)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as leader:
        assert leader.stdout is not None
        pid = int(leader.stdout.readline())
        leader.kill()
    wait_until(lambda: has_ended(pid), PATIENCE)


def has_ended(pid: int) -> bool:
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except FileNotFoundError:
        return True


@pytest.mark.parametrize("method", ["lora", "full"])
@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_what_is_learnt_can_be_taken_over(load_local: Load, architecture: str, method: str) -> None:
    model = load_local(architecture, method=method)
    other = load_local(architecture, method=method)
    fresh, base_logits = model.learnt(), logits_of(model)
    torch.manual_seed(1)
    with torch.no_grad():
        for weight in model.open_for_training().values():
            weight += 0.05 * torch.randn_like(weight)
    expected = logits_of(model)
    assert not torch.equal(expected, base_logits)
    other.learn(model.learnt())
    assert torch.equal(logits_of(other), expected)
    assert model.learnt() == other.learnt() != fresh
    other.learn(fresh)
    assert torch.equal(logits_of(other), base_logits)


def logits_of(model: LocalModel) -> torch.Tensor:
    with torch.inference_mode():
        logits: torch.Tensor = model.network(input_ids=IDS).logits
    return logits


@pytest.mark.parametrize(
    ("threads", "processes", "parameters", "cores", "expected"),
    [
        (0, 0, 1_000_000, 2, 2),
        (0, 0, 1_000_000, 1, 1),
        (0, 0, 1_000_000, 16, 4),
        (0, 0, 500_000_000, 16, 1),
        (1, 0, 1_000_000, 16, 1),
        (2, 3, 1_000_000, 16, 3),
        (0, 3, 500_000_000, 2, 3),
    ],
)
def test_small_bases_get_a_process_for_each_core(
    monkeypatch: pytest.MonkeyPatch,
    threads: int,
    processes: int,
    parameters: int,
    cores: int,
    expected: int,
) -> None:
    monkeypatch.setattr(loading, "available_cores", lambda: cores)
    settings = Settings(
        model=ModelSettings(threads=threads), engine=EngineSettings(processes=processes)
    )
    assert processes_of(settings, parameters) == expected


def test_the_next_round_may_have_another_number_of_processes() -> None:
    one, three = (Settings(engine=EngineSettings(processes=count)) for count in (1, 3))
    check_same_study(one, three)
    assert changes_parts(one, three)
    assert not changes_parts(one, one)
