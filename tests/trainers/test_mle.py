"""The maximum likelihood trainer against a plain reference, and its state on disk."""

import itertools
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from adapted import with_effect
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from sitool.config import TrainerSettings
from sitool.errors import TrainerError
from sitool.models import lora
from sitool.models.local import LocalModel
from sitool.seeds import derive_seed
from sitool.trainers import heads
from sitool.trainers.base import Example
from sitool.trainers.loss import WeightedLoss, parts_of_similar_length
from sitool.trainers.mle import MleTrainer
from sitool.trainers.schedule import batches, learning_rate

Load = Callable[..., LocalModel]

TEXTS = [
    ("ab,bc|a>c=", "abc", 1.0),
    ("ab,bc,cd,de|a>e=", "abcde", 0.5),
    ("1+2=", "3", 2.0),
    ("10+20=", "30", 1.0),
    ("zz", "top", 0.25),
]


def examples_for(model: LocalModel, repeats: int = 1) -> list[Example]:
    return [
        Example(model.encode(prompt), model.encode_completion(text), 1, weight)
        for prompt, text, weight in TEXTS * repeats
    ]


def settings_with(**changes: Any) -> TrainerSettings:
    base: dict[str, Any] = {"rank": 4, "alpha": 8.0, "batch_size": 2, "epochs": 2}
    return TrainerSettings(**{**base, **changes})


give_effect = partial(with_effect, seed=5)


def reference_loss(model: LocalModel, examples: list[Example]) -> Tensor:
    """Return the loss of the docstring, one example and one token at a time, through PEFT."""
    top: Tensor = torch.zeros((), dtype=torch.float64)
    bottom = 0.0
    for item in examples:
        ids = torch.tensor([[*item.prompt_ids, *item.completion_ids]])
        logprobs = model.network(input_ids=ids).logits[0].log_softmax(-1)
        for place, token in enumerate(item.completion_ids):
            top = top - item.weight * logprobs[len(item.prompt_ids) + place - 1, token]
            bottom += item.weight
    return top / bottom


def gradients(model: LocalModel) -> Tensor:
    parameters = model.open_for_training().values()
    grads = torch.cat([p.grad.flatten() for p in parameters if p.grad is not None])
    for parameter in parameters:
        parameter.grad = None
    return grads


def no_forgetting() -> None:
    raise AssertionError("memory has not run out")


ARCHITECTURES = ["llama", "qwen2", "gpt_neox", "gpt2", "gemma2"]
# gemma2 takes its softmax in float32, whatever the rest is in.
TOLERANCE = {
    torch.float64: dict.fromkeys(ARCHITECTURES, 1e-8) | {"gemma2": 1e-6},
    torch.float32: dict.fromkeys(ARCHITECTURES, 1e-5),
}


@pytest.mark.parametrize("checkpointing", ["off", "on"])
@pytest.mark.parametrize("micro_tokens", [16, 4096])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("method", ["lora", "full"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_loss_and_gradient_are_those_of_the_plain_definition(
    load_local: Load,
    architecture: str,
    method: str,
    dtype: torch.dtype,
    micro_tokens: int,
    checkpointing: str,
) -> None:
    model = load_local(architecture, method=method)
    model.network.to(dtype)
    give_effect(model)
    model.open_for_training()
    examples = examples_for(model)
    expected = reference_loss(model, examples)
    expected.backward()
    expected_grads = gradients(model)
    settings = settings_with(micro_tokens=micro_tokens, checkpointing=checkpointing)
    with lora.fused_training(model.network):
        loss = WeightedLoss(model, settings).backward(examples, no_forgetting)
    tolerance = TOLERANCE[dtype][architecture]
    assert loss == pytest.approx(expected.item(), abs=tolerance)
    scale = max(1.0, expected_grads.abs().max().item())
    torch.testing.assert_close(gradients(model), expected_grads, rtol=0, atol=tolerance * scale)
    assert expected_grads.abs().max() > 1e-3
    assert all("forward" not in vars(layer) for layer in model.network.modules())


def test_a_head_in_blocks_is_the_head_in_one(
    load_local: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for block in (1 << 25, 100):
        monkeypatch.setattr(heads, "BLOCK_LOGITS", block)
        model = load_local(method="full")
        model.network.double()
        model.open_for_training()
        loss = WeightedLoss(model, settings_with())
        found.append((loss.backward(examples_for(model), no_forgetting), gradients(model)))
    assert found[0][0] == pytest.approx(found[1][0], abs=1e-12)
    torch.testing.assert_close(found[0][1], found[1][1], rtol=0, atol=1e-12)


def test_a_head_with_a_bias_learns_it() -> None:
    torch.manual_seed(0)
    inputs = [torch.randn(6, 4), torch.randn(9, 4), torch.randn(9)]
    targets, weights = torch.tensor([0, 3, 8, 8, 1, 2]), torch.rand(6)
    both = []
    for own in (True, False):
        h, w, b = (tensor.double().requires_grad_() for tensor in inputs)
        if own:
            loss = heads.HeadLoss.apply(h, w, b, targets, weights.double())
        else:
            nll = torch.nn.functional.cross_entropy(h @ w.t() + b, targets, reduction="none")
            loss = nll @ weights.double()
        (3 * loss).backward()
        both.append([loss, h.grad, w.grad, b.grad])
    for mine, plain in zip(*both, strict=True):
        torch.testing.assert_close(mine, plain, rtol=0, atol=1e-12)


def test_a_soft_cap_on_the_logits_is_not_lost(load_local: Load) -> None:
    model = load_local("gemma2")
    nll_at = heads.completion_nll(model.causal_lm, model.device)
    assert nll_at.__name__ == "from_all_logits"
    plain = load_local()
    assert heads.completion_nll(plain.causal_lm, plain.device).__name__ == "from_few_logits"


def trained_weights(model: LocalModel) -> dict[str, Tensor]:
    return {
        name: parameter.detach().clone()
        for name, parameter in lora.lora_parameters(model.network).items()
    }


def assert_same(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> None:
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        assert torch.equal(tensor, theirs[name]), name


def test_training_is_deterministic_and_depends_on_the_seed(load_local: Load) -> None:
    model = load_local()
    results = []
    for seed in (1, 2, 1):
        steps = list(
            MleTrainer(model, settings_with()).train(examples_for(model), start=None, seed=seed)
        )
        results.append((steps, trained_weights(model)))
    assert results[0][0] == results[2][0]
    assert_same(results[0][1], results[2][1])
    assert results[0][0] != results[1][0]


def test_training_makes_the_samples_likelier_and_leaves_the_base_alone(load_local: Load) -> None:
    model = load_local()
    examples = examples_for(model)
    base = {
        name: parameter.detach().clone()
        for name, parameter in model.network.named_parameters()
        if "lora_" not in name
    }
    model.fresh_adapter(0)
    before = reference_loss(model, examples).item()
    steps = list(MleTrainer(model, settings_with(epochs=10)).train(examples, start=None, seed=0))
    assert reference_loss(model, examples).item() < before / 2
    assert [step.step for step in steps] == list(range(1, 31))
    assert {step.steps for step in steps} == {30}
    tokens = sum(len(item.prompt_ids) + len(item.completion_ids) for item in examples)
    assert sum(step.tokens for step in steps) == 10 * tokens
    assert all(torch.equal(p, base[n]) for n, p in model.network.named_parameters() if n in base)


def plain_training(
    model: LocalModel, rounds: list[tuple[list[Example], int]], settings: TrainerSettings
) -> dict[str, Tensor]:
    """Train over all rounds' batches with one AdamW that never stops."""
    model.fresh_adapter(derive_seed(rounds[0][1], "adapter"))
    parameters = list(lora.lora_parameters(model.network).values())
    optimizer = torch.optim.AdamW(
        parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True
    )
    loss = WeightedLoss(model, settings)
    with lora.fused_training(model.network):
        for examples, seed in rounds:
            for batch in batches(len(examples), settings, seed):
                optimizer.zero_grad()
                loss.backward([examples[number] for number in batch], no_forgetting)
                torch.nn.utils.clip_grad_norm_(parameters, settings.clip_norm)
                optimizer.step()
    return trained_weights(model)


def test_two_rounds_with_kept_state_are_one_run_that_never_stopped(
    load_local: Load, tmp_path: Path
) -> None:
    model = load_local()
    settings = settings_with(weight_decay=0.1)
    first, second = examples_for(model), examples_for(model, 2)[3:]
    expected = plain_training(model, [(first, 7), (second, 8)], settings)
    trainer = MleTrainer(model, settings)
    list(trainer.train(first, start=None, seed=7))
    model.save_adapter(tmp_path / "r0001")
    trainer.save_state(tmp_path / "r0001")
    again = load_local()
    list(MleTrainer(again, settings).train(second, start=tmp_path / "r0001", seed=8))
    assert_same(trained_weights(again), expected)


def test_a_fresh_optimizer_state_forgets_the_last_round(load_local: Load, tmp_path: Path) -> None:
    model = load_local()
    trainer = MleTrainer(model, settings_with())
    list(trainer.train(examples_for(model), start=None, seed=7))
    model.save_adapter(tmp_path / "r0001")
    trainer.save_state(tmp_path / "r0001")
    ends = []
    for state in ("keep", "fresh"):
        trainer = MleTrainer(model, settings_with(optimizer_state=state))
        list(trainer.train(examples_for(model), start=tmp_path / "r0001", seed=8))
        ends.append(torch.cat([tensor.flatten() for tensor in trained_weights(model).values()]))
    assert not torch.equal(*ends)


def test_stopping_between_steps_writes_nothing_and_gives_the_layers_back(
    load_local: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = load_local()
    steps = MleTrainer(model, settings_with()).train(examples_for(model), start=None, seed=0)
    next(steps)
    steps.close()  # type: ignore[attr-defined]
    assert list(tmp_path.iterdir()) == []
    assert all("forward" not in vars(layer) for _, layer in lora.lora_layers(model.network))


def test_every_epoch_sees_every_sample_once_in_its_own_order() -> None:
    plan = batches(10, settings_with(batch_size=4, epochs=2), seed=0)
    assert [len(batch) for batch in plan] == [4, 4, 2, 4, 4, 2]
    first, second = (list(itertools.chain(*half)) for half in (plan[:3], plan[3:]))
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second


def test_a_linear_schedule_falls_to_nearly_nothing() -> None:
    settings = settings_with(schedule="linear", learning_rate=0.1)
    rates = [learning_rate(settings, step, 4) for step in range(4)]
    assert rates == pytest.approx([0.1, 0.075, 0.05, 0.025])


def test_a_warm_up_rises_to_the_peak_and_no_further() -> None:
    settings = settings_with(warmup=0.3, learning_rate=0.1)
    rates = [learning_rate(settings, step, 10) for step in range(10)]
    assert rates == pytest.approx([0.1 / 3, 0.2 / 3, 0.1] + [0.1] * 7)


def test_no_samples_are_refused(load_local: Load) -> None:
    with pytest.raises(TrainerError, match="no samples to train on"):
        list(MleTrainer(load_local(), settings_with()).train([], start=None, seed=0))


@pytest.mark.parametrize("weight", [0.0, -1.0, float("nan"), float("inf")])
def test_a_weight_that_is_no_weight_is_refused(load_local: Load, weight: float) -> None:
    examples = [Example((1, 2), (3, 0), 1, weight)]
    with pytest.raises(TrainerError, match="has the weight"):
        list(MleTrainer(load_local(), settings_with()).train(examples, start=None, seed=0))


def test_a_loss_that_is_not_finite_names_step_and_learning_rate(load_local: Load) -> None:
    model = load_local()
    trainer = MleTrainer(model, settings_with(learning_rate=0.25))
    steps = trainer.train(examples_for(model), start=None, seed=0)
    next(steps)
    with torch.no_grad():
        next(iter(lora.lora_parameters(model.network).values())).fill_(float("nan"))
    with pytest.raises(TrainerError, match=r"nan at step 2 of 6, with a learning rate of 0\.25"):
        next(steps)


def test_an_adapter_of_another_rank_is_no_start(load_local: Load, tmp_path: Path) -> None:
    model = load_local()
    model.save_adapter(tmp_path / "r0001")
    trainer = MleTrainer(model, settings_with(rank=8))
    with pytest.raises(TrainerError, match=r"has rank 4 and alpha 8, .* rank 8 and alpha 8"):
        list(trainer.train(examples_for(model), start=tmp_path / "r0001", seed=0))


def test_a_missing_optimizer_state_is_said(load_local: Load, tmp_path: Path) -> None:
    model = load_local()
    model.save_adapter(tmp_path / "r0001")
    trainer = MleTrainer(model, settings_with())
    with pytest.raises(TrainerError, match=r"optimizer state in .* cannot be read"):
        list(trainer.train(examples_for(model), start=tmp_path / "r0001", seed=0))


@given(
    st.lists(st.integers(2, 90), min_size=1, max_size=40),
    st.integers(1, 400),
    st.integers(0, 100),
)
def test_parts_hold_every_sample_once_within_their_limits(
    lengths: list[int], most_tokens: int, most_filler: int
) -> None:
    batch = [Example((1,) * (n - 1), (place,), 1, 1.0) for place, n in enumerate(lengths)]
    parts = list(parts_of_similar_length(batch, most_tokens, most_filler))
    places = sorted(item.completion_ids[0] for part in parts for item in part)
    assert places == list(range(len(batch)))
    for part in parts:
        sizes = [len(item.prompt_ids) + 1 for item in part]
        padded = len(part) * max(sizes)
        assert len(part) == 1 or padded <= most_tokens
        assert padded - sum(sizes) <= most_filler


@pytest.mark.parametrize("architecture", ["llama", "qwen2", "gpt_neox"])
@pytest.mark.parametrize("merges", [True, False])
def test_both_ways_through_a_layer_give_pefts_gradient(
    load_local: Load, monkeypatch: pytest.MonkeyPatch, architecture: str, merges: bool
) -> None:
    monkeypatch.setattr(lora, "_pays_to_merge", lambda x, weight: merges)
    model = load_local(architecture)
    model.network.double()
    give_effect(model)
    examples = examples_for(model)
    reference_loss(model, examples).backward()
    expected = gradients(model)
    with lora.fused_training(model.network):
        WeightedLoss(model, settings_with()).backward(examples, no_forgetting)
    torch.testing.assert_close(gradients(model), expected, rtol=0, atol=1e-9)


def test_an_adapter_on_a_base_in_bfloat16_gets_pefts_gradient(load_local: Load) -> None:
    model = load_local(dtype="bfloat16")
    give_effect(model)
    examples = examples_for(model)
    reference_loss(model, examples).backward()
    expected = gradients(model)
    assert {p.dtype for p in model.open_for_training().values()} == {torch.float32}
    with lora.fused_training(model.network):
        layers = [layer for _, layer in lora.lora_layers(model.network)]
        assert all("forward" in vars(layer) for layer in layers)
        WeightedLoss(model, settings_with()).backward(examples, no_forgetting)
    ours = gradients(model)
    # Eight bits of precision, through two layers and back.
    assert torch.nn.functional.cosine_similarity(ours, expected, dim=0) > 0.99
