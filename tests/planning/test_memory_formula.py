"""The formula: its closed forms, its monotony, and a real round beside it."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.planning import MIDDLING, SMALL, measure
from sitool.config import Settings
from sitool.planning import machines, memory
from sitool.planning.memory import (
    LARGE_VOCABULARY,
    Setup,
    Total,
    kept_bytes,
    needs,
    peak_bytes,
    total_of,
    weights_bytes,
)
from sitool.planning.shapes import Shape, read_shape
from sitool.planning.work import Work
from sitool.presets import build_settings
from sitool.records import Phase

pytestmark = pytest.mark.usefixtures("cache")

SHAPE = Shape(
    layers=2, hidden=8, heads=2, kv_heads=1, head_size=4, inner=32, vocabulary=1000, context=0,
    parameters=10_000, linear=2_000, sides=300,
)  # fmt: skip
WORK = Work(
    problems=64, drawn=256, evaluated=8, answers=16, examples=64, mean_prompt=20.0,
    longest_prompt=30, most_new=10, new=(5, 10), learnt=(8, 64),
)  # fmt: skip
CPU = Setup(on_gpu=False, bytes_per_weight=4)


def peak(settings: Settings, work: Work = WORK, setup: Setup = CPU) -> int:
    found = needs(SHAPE, settings, setup, work)
    return max(peak_bytes(weights_bytes(SHAPE, setup), setup, found).values())


def test_drawing_takes_28_bytes_a_logit_and_35_under_top_p() -> None:
    settings = build_settings(assignments=["draw.samples=4", "sampler.chunk_rows=256"])
    drawing = needs(SHAPE, settings, CPU, WORK)[Phase.SAMPLE].terms["drawing"]
    assert drawing == 256 * 1000 * 28
    sorting = build_settings(assignments=["sampler.top_p=0.9"], base=settings)
    assert needs(SHAPE, sorting, CPU, WORK)[Phase.SAMPLE].terms["drawing"] > drawing


def test_a_large_vocabulary_takes_12_bytes_a_logit() -> None:
    from sitool.samplers.drawing import BLOCK_TOKENS, LEAST_BLOCKS

    assert LARGE_VOCABULARY == BLOCK_TOKENS * LEAST_BLOCKS
    settings = build_settings(assignments=["draw.samples=4", "sampler.chunk_rows=256"])
    large = replace(SHAPE, vocabulary=LARGE_VOCABULARY)
    drawing = needs(large, settings, CPU, WORK)[Phase.SAMPLE].terms["drawing"]
    assert drawing == 256 * LARGE_VOCABULARY * 12


def test_what_forward_keeps_is_what_autograd_keeps(tmp_path: Path) -> None:
    """Every tensor that autograd saves, counted once by its storage."""
    import torch

    from benchmarks.bases import write_model
    from sitool.config import ModelSettings, TrainerSettings
    from sitool.models.local import LocalModel
    from sitool.trainers.base import Example
    from sitool.trainers.mle import MleTrainer

    layers, rows = 3, 7  # So few that they go through the network at once.
    tokens = rows * 64
    write_model(
        tmp_path, vocab_size=83, hidden_size=48, num_hidden_layers=layers,
        num_attention_heads=4, num_key_value_heads=2, intermediate_size=96,
    )  # fmt: skip
    settings = TrainerSettings(batch_size=rows, epochs=1)
    model = LocalModel.load(ModelSettings(base=str(tmp_path), device="cpu"), settings)
    weights = {p.untyped_storage().data_ptr() for p in model.network.parameters()}
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        # Weights with the adapter in them, and logits, are not a whole number of floats a token.
        if storage.data_ptr() not in weights and storage.nbytes() % (4 * tokens) == 0:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    examples = [Example((2,) * 40, (3,) * 24, 1, 1.0)] * rows
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        list(MleTrainer(model, settings).train(examples, start=None, seed=0))
    shape = read_shape(tmp_path)
    said = sum(kept_bytes(shape, settings, CPU, tokens, targets=rows * 24))
    assert said == pytest.approx(sum(kept.values()), rel=0.02)


@given(st.integers(1, 4096), st.integers(1, 4096), st.integers(1, 512), st.integers(1, 64))
def test_more_of_anything_never_needs_less(rows: int, other: int, new: int, samples: int) -> None:
    def of(chunk: int) -> int:
        group = {"chunk_rows": chunk, "max_new_tokens": new}
        settings = Settings.model_validate({"sampler": group, "draw": {"samples": samples}})
        return peak(settings, replace(WORK, most_new=new))

    low, high = sorted((rows, other))
    assert of(low) <= of(high)


def test_full_fine_tuning_keeps_two_moments_and_a_gradient() -> None:
    full = build_settings(assignments=["trainer.method=full"])
    assert needs(SHAPE, full, CPU, WORK)[Phase.TRAIN].terms["gradients and moments"] == 120_000


def test_checkpointing_keeps_one_layer_and_every_layer_s_input() -> None:
    trainer = Settings().trainer.model_copy(update={"checkpointing": "on"})
    more = replace(SHAPE, layers=SHAPE.layers + 1)
    of_all, of_more = (kept_bytes(s, Settings().trainer, CPU, 70, 20) for s in (SHAPE, more))
    one = [b - a for a, b in zip(of_all, of_more, strict=True)]
    inputs = 70 * SHAPE.layers * SHAPE.hidden * 4
    assert kept_bytes(SHAPE, trainer, CPU, 70, 20) == (one[0], one[1] + inputs)


def test_a_gpu_forks_what_a_cpu_shares() -> None:
    gpu = Setup(on_gpu=True, bytes_per_weight=4)
    keys = [
        needs(SHAPE, Settings(), setup, WORK)[Phase.SAMPLE].terms["keys and values"]
        for setup in (CPU, gpu)
    ]
    assert keys[1] > keys[0]


def test_the_round_that_measures_the_base_only_evaluates() -> None:
    found = needs(SHAPE, Settings(), CPU, replace(WORK, problems=0, drawn=0, examples=0))
    assert list(found) == [Phase.EVALUATE]


def test_each_process_that_helps_takes_what_one_takes() -> None:
    def total(*assignments: str, work: Work = WORK, setup: Setup = CPU) -> Total:
        settings = build_settings(assignments=["sampler.chunk_rows=64", *assignments])
        return total_of(SHAPE, settings, setup, work, 1_000_000)

    alone, four = total("engine.processes=1"), total("engine.processes=4")
    assert alone.helpers == 0
    assert alone.bytes == max(alone.peaks.values())
    assert four.helpers == 3
    assert four.bytes == 4 * alone.bytes
    few = replace(WORK, drawn=128, examples=0)
    assert total("engine.processes=4", work=few).helpers == 1, "as many as there are chunks"
    assert total("engine.processes=4", "sampler.name=llamacpp", work=few).helpers == 0
    assert total("engine.processes=4", setup=replace(CPU, on_gpu=True)).helpers == 0
    batches = replace(few, drawn=64, examples=64)
    assert total("engine.processes=4", work=batches).helpers == 1, "two parts of a batch"


def test_parts_are_counted_as_the_trainer_cuts_them() -> None:
    from sitool.trainers import loss

    assert memory.CPU_MICRO_TOKENS == loss.CPU_TOKENS
    assert memory.CUDA_MICRO_TOKENS == loss.CUDA_TOKENS
    assert memory.SHARED_MICRO_TOKENS == loss.SHARED_TOKENS
    assert memory.WORTH_SHARING == loss.WORTH_SHARING


def check(base: str, assignments: tuple[str, ...], folder: Path) -> None:
    assert machines.measure_rates(1) is not None
    found = measure(folder / "study", [f"model.base={base}", *assignments])
    for said in found["said"]:
        assert said["bytes"] == pytest.approx(found["peak"], rel=0.2)


@pytest.mark.slow  # It runs a round in a process that is watched.
def test_a_round_on_the_tiny_base_takes_what_was_said(tmp_path: Path) -> None:
    check("tiny", (*SMALL, "draw.problems=64", "sampler.chunk_rows=256"), tmp_path)


@pytest.mark.slow
def test_a_round_on_a_large_vocabulary_takes_what_was_said(tmp_path: Path) -> None:
    from benchmarks.bases import write_model

    write_model(tmp_path / "base", **MIDDLING)
    assert read_shape(tmp_path / "base").parameters > 50e6
    check(str(tmp_path / "base"), SMALL, tmp_path)
