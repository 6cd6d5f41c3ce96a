"""Memory that runs out in training: raised where torch would, and the run ends up the same."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from test_mle import Load, examples_for, settings_with, trained_weights

from sitool.errors import TrainerError
from sitool.models.local import LocalModel
from sitool.trainers.base import TrainStep
from sitool.trainers.loss import WeightedLoss
from sitool.trainers.mle import MleTrainer

CHILD = Path(__file__).parent.parent / "little_memory.py"
CPU_ERROR = RuntimeError(
    "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: "
    "you tried to allocate 1073741824 bytes. Error code 12 (Cannot allocate memory)"
)
ERRORS = [torch.OutOfMemoryError("CUDA out of memory."), CPU_ERROR]


@contextmanager
def out_of_memory_in_forward(
    model: LocalModel, beyond: int, error: Exception, unless: Callable[[], bool] = lambda: False
) -> Iterator[list[int]]:
    """Let the network's last layers hold so many tokens; yields the sizes it was asked for."""
    asked: list[int] = []

    def check(module: Any, arguments: Any, output: Any) -> None:
        tokens = output[0].shape[0] * output[0].shape[1]
        asked.append(tokens)
        if tokens > beyond and not unless():
            raise error

    handle = model.causal_lm.model.register_forward_hook(check)
    try:
        yield asked
    finally:
        handle.remove()


@contextmanager
def out_of_memory_in_backward(model: LocalModel, beyond: int) -> Iterator[list[int]]:
    """Run out halfway down, when the upper layers' gradients are there already."""
    failed: list[int] = []

    def check(module: Any, arguments: Any, output: Any) -> None:
        hidden = output[0] if isinstance(output, tuple) else output
        tokens = hidden.shape[0] * hidden.shape[1]

        def fail(grad: torch.Tensor) -> None:
            if tokens > beyond:
                failed.append(tokens)
                raise torch.OutOfMemoryError("CUDA out of memory.")

        if hidden.requires_grad:
            hidden.register_hook(fail)

    handle = model.causal_lm.model.layers[0].register_forward_hook(check)
    try:
        yield failed
    finally:
        handle.remove()


def run(model: LocalModel, **changes: Any) -> tuple[list[TrainStep], dict[str, torch.Tensor]]:
    model.notes.clear()
    trainer = MleTrainer(model, settings_with(batch_size=10, **changes))
    steps = list(trainer.train(examples_for(model, 4), start=None, seed=0))
    return steps, trained_weights(model)


def assert_nearly_same(ours: Any, theirs: Any) -> None:
    assert [(s.step, s.steps, s.tokens) for s in ours[0]] == [
        (s.step, s.steps, s.tokens) for s in theirs[0]
    ]
    assert [s.loss for s in ours[0]] == pytest.approx([s.loss for s in theirs[0]], abs=1e-6)
    for name, tensor in theirs[1].items():
        torch.testing.assert_close(ours[1][name], tensor, rtol=0, atol=1e-4)


@pytest.mark.parametrize("error", ERRORS)
def test_a_batch_that_does_not_fit_goes_through_in_parts(
    load_local: Load, error: Exception
) -> None:
    model = load_local()
    expected = run(model)
    with out_of_memory_in_forward(model, 60, error) as asked:
        ours = run(model)
    assert max(asked) > 60
    assert_nearly_same(ours, expected)
    (note,) = model.notes
    assert "Memory ran out in training" in note
    assert "still takes 10 samples" in note


def test_running_out_halfway_back_leaves_no_half_of_a_gradient(load_local: Load) -> None:
    model = load_local()
    expected = run(model)
    with out_of_memory_in_backward(model, 60) as failed:
        ours = run(model)
    assert failed
    assert_nearly_same(ours, expected)


def test_parts_stay_small_once_memory_has_run_out(load_local: Load) -> None:
    model = load_local()
    trainer = MleTrainer(model, settings_with(batch_size=10))
    with out_of_memory_in_forward(model, 60, ERRORS[0]) as asked:
        list(trainer.train(examples_for(model, 4), start=None, seed=0))
        asked.clear()
        model.notes.clear()
        list(trainer.train(examples_for(model, 4), start=None, seed=1))
    assert max(asked) <= 60
    assert model.notes == []


def test_a_single_sample_that_does_not_fit_is_checkpointed(load_local: Load) -> None:
    model = load_local()
    expected = run(model)
    layer = model.causal_lm.model.layers[0]
    with out_of_memory_in_forward(model, 15, ERRORS[0], unless=lambda: "forward" in vars(layer)):
        ours = run(model)
    assert_nearly_same(ours, expected)
    (note,) = model.notes
    assert "computed again instead of kept" in note


@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_single_sample_that_never_fits_ends_training_with_its_size(
    load_local: Load, method: str
) -> None:
    model = load_local(method=method)
    how = "LoRA of rank 4" if method == "lora" else "full fine-tuning"
    with (
        out_of_memory_in_forward(model, 15, ERRORS[1]),
        pytest.raises(TrainerError, match=rf"{how} of .* up to \d+ tokens, even one at") as caught,
    ):
        run(model, method=method)
    assert "max_new_tokens" in caught.value.hint
    assert model.notes == []
    assert all(weight.grad is None for weight in model.open_for_training().values())


def test_an_optimizer_that_does_not_fit_is_said_with_its_size(
    load_local: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: Any, **options: Any) -> None:
        raise CPU_ERROR

    monkeypatch.setattr(torch.optim.AdamW, "step", fail)
    with pytest.raises(TrainerError, match=r"out in AdamW, .* each of 0\.0 M trained weights"):
        run(load_local())


def test_another_error_is_not_taken_for_memory(load_local: Load) -> None:
    model = load_local()
    with (
        out_of_memory_in_forward(model, 60, RuntimeError("shapes do not match")),
        pytest.raises(RuntimeError, match="shapes do not match"),
    ):
        run(model)


def test_checkpointing_is_refused_where_no_layer_can_do_it(
    load_local: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sitool.trainers import loss

    monkeypatch.setattr(loss, "checkpointed_layers", lambda network: [])
    with pytest.raises(TrainerError, match="has no layers that could be checkpointed"):
        WeightedLoss(load_local(), settings_with(checkpointing="on"))


def with_megabytes(what: str, megabytes: int) -> dict[str, Any]:
    """Do the same work in a process with so much memory left; 0 is as much as it likes."""
    done = subprocess.run(
        [sys.executable, str(CHILD), what, str(megabytes)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.slow  # Each loads torch twice in processes of their own.
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the address space")
@pytest.mark.parametrize(("what", "megabytes"), [("train", 150), ("sample", 60)])
def test_the_kernels_own_limit_costs_time_and_nothing_else(what: str, megabytes: int) -> None:
    roomy, tight = with_megabytes(what, 0), with_megabytes(what, megabytes)
    assert roomy["notes"] == []
    (note,) = tight["notes"]
    assert note.startswith("Memory ran out in")
    if what == "train":
        assert tight["result"] == pytest.approx(roomy["result"], abs=1e-6)
    else:
        assert tight["result"] == roomy["result"]


@pytest.mark.parametrize("method", ["lora", "full"])
def test_checkpointing_keeps_far_less(load_local: Load, method: str) -> None:
    model = load_local(method=method)
    example = examples_for(model)[1]
    model.open_for_training()
    kept = {
        how: WeightedLoss(model, settings_with(checkpointing=how)).kept_bytes_per_token(example)
        for how in ("off", "on")
    }
    # Each of the two layers keeps at least its input, 32 numbers of 4 bytes a token.
    assert 2 * 32 * 4 <= kept["on"] < kept["off"] / 2
