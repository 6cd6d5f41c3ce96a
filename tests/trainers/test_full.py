"""Full fine-tuning: one long run cut into rounds, precision, and what no start is."""

import itertools
from pathlib import Path

import pytest
import torch
from test_mle import (
    Load,
    assert_same,
    examples_for,
    no_forgetting,
    reference_loss,
    settings_with,
    trained_weights,
)

from sitool.errors import TrainerError
from sitool.models.local import LocalModel
from sitool.trainers.loss import WeightedLoss
from sitool.trainers.mle import MleTrainer
from sitool.trainers.schedule import batches


def full(**changes: object) -> object:
    return settings_with(**{"method": "full", "learning_rate": 1e-3, **changes})


def weights_of(model: LocalModel) -> dict[str, torch.Tensor]:
    return {n: p.detach().clone() for n, p in model.network.named_parameters()}


@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_two_full_rounds_with_kept_state_are_one_run_that_never_stopped(
    load_local: Load, tmp_path: Path, architecture: str
) -> None:
    settings = full(weight_decay=0.1)
    model = load_local(architecture, method="full")
    first, second = examples_for(model), examples_for(model, 2)[3:]
    parameters = model.open_for_training()
    optimizer = torch.optim.AdamW(parameters.values(), lr=1e-3, weight_decay=0.1, fused=True)
    loss = WeightedLoss(model, settings)
    for examples, seed in ((first, 7), (second, 8)):
        for numbers in batches(len(examples), settings, seed):
            optimizer.zero_grad()
            loss.backward([examples[number] for number in numbers], no_forgetting)
            torch.nn.utils.clip_grad_norm_(parameters.values(), settings.clip_norm)
            optimizer.step()
    expected = weights_of(model)
    trainer = MleTrainer(model, settings)
    list(trainer.train(first, start=None, seed=7))
    model.save_adapter(tmp_path / "r0001")
    trainer.save_state(tmp_path / "r0001")
    again = load_local(architecture, method="full")
    list(MleTrainer(again, settings).train(second, start=tmp_path / "r0001", seed=8))
    assert_same(weights_of(again), expected)


def test_full_training_makes_the_samples_likelier_and_begins_at_the_base_again(
    load_local: Load,
) -> None:
    model = load_local(method="full")
    examples = examples_for(model)
    before = reference_loss(model, examples).item()
    ends = []
    for _ in range(2):
        list(MleTrainer(model, full(epochs=10)).train(examples, start=None, seed=0))
        ends.append(weights_of(model))
    assert reference_loss(model, examples).item() < before / 2
    assert_same(*ends)


def test_weights_in_bfloat16_take_steps_smaller_than_their_own_precision(
    load_local: Load, tmp_path: Path
) -> None:
    settings = full(learning_rate=1e-5, epochs=40, clip_norm=0.0, batch_size=5)
    model = load_local(method="full", dtype="bfloat16")
    examples = examples_for(model)
    start = weights_of(model)
    trainer = MleTrainer(model, settings)
    list(trainer.train(examples, start=None, seed=0))
    end = weights_of(model)
    moved = sum((end[n] != start[n]).sum().item() for n in start)
    # 40 steps of 1e-5 move a weight by up to 4e-4: more than half the spacing of
    # bfloat16 below 0.2, while one step alone would round most of them back.
    assert moved > 0.2 * sum(w.numel() for w in start.values())
    assert {w.dtype for w in end.values()} == {torch.bfloat16}
    model.save_adapter(tmp_path / "r0001")
    trainer.save_state(tmp_path / "r0001")
    again = load_local(method="full", dtype="bfloat16")
    trainer = MleTrainer(again, settings)
    next(trainer.train(examples, start=tmp_path / "r0001", seed=1))


def test_a_bfloat16_run_cut_in_two_loses_nothing_to_rounding(
    load_local: Load, tmp_path: Path
) -> None:
    model = load_local(method="full", dtype="bfloat16")
    examples = examples_for(model)
    settings = full(learning_rate=1e-5, batch_size=5, epochs=4, clip_norm=0.0)
    trainer = MleTrainer(model, settings)
    list(trainer.train(examples, start=None, seed=3))
    model.save_adapter(tmp_path / "r0001")
    trainer.save_state(tmp_path / "r0001")
    rounds = MleTrainer(model, settings)
    list(rounds.train(examples, start=tmp_path / "r0001", seed=3))
    in_two = weights_of(model)
    long = MleTrainer(model, settings.model_copy(update={"epochs": 8}))
    list(long.train(examples, start=None, seed=3))
    at_once = weights_of(model)
    # One batch holds everything, so that its order makes the only difference.
    differing = sum((in_two[n] != at_once[n]).sum().item() for n in in_two)
    assert differing < 0.002 * sum(w.numel() for w in in_two.values())


def test_a_fresh_optimizer_writes_no_state_of_whole_weights(
    load_local: Load, tmp_path: Path
) -> None:
    model = load_local(method="full")
    for state in ("keep", "fresh"):
        trainer = MleTrainer(model, full(optimizer_state=state))
        list(trainer.train(examples_for(model), start=None, seed=7))
        model.save_adapter(tmp_path / state)
        trainer.save_state(tmp_path / state)
    assert (tmp_path / "keep" / "optimizer.safetensors").exists()
    assert not (tmp_path / "fresh" / "optimizer.safetensors").exists()
    with pytest.raises(TrainerError, match=r"optimizer state in .* cannot be read"):
        list(MleTrainer(model, full()).train(examples_for(model), start=tmp_path / "fresh", seed=8))


@pytest.mark.parametrize(("before", "after"), [("lora", "full"), ("full", "lora")])
def test_a_round_of_the_other_method_is_no_start(
    load_local: Load, tmp_path: Path, before: str, after: str
) -> None:
    load_local(method=before).save_adapter(tmp_path / "r0001")
    trainer = MleTrainer(load_local(method=after), settings_with(method=after))
    with pytest.raises(TrainerError, match=rf"by the method '{before}', .* ask for '{after}'"):
        list(trainer.train(examples_for(load_local()), start=tmp_path / "r0001", seed=0))


def test_most_steps_are_the_first_steps(load_local: Load) -> None:
    model = load_local()
    all_steps = list(
        MleTrainer(model, settings_with()).train(examples_for(model), start=None, seed=0)
    )
    few = MleTrainer(model, settings_with(max_steps=4))
    steps = list(few.train(examples_for(model), start=None, seed=0))
    assert [s.loss for s in steps] == [s.loss for s in all_steps[:4]]
    assert {s.steps for s in steps} == {4}


def test_training_stops_after_the_epoch_that_brings_too_little(load_local: Load) -> None:
    model = load_local()
    examples = examples_for(model)

    def epoch_losses(**changes: float) -> tuple[list[float], dict[str, torch.Tensor]]:
        trainer = MleTrainer(model, settings_with(batch_size=5, epochs=40, **changes))
        losses = [step.loss for step in trainer.train(examples, start=None, seed=0)]
        return losses, trained_weights(model)

    all_losses, _ = epoch_losses()
    falls = [1 - b / a for a, b in itertools.pairwise(all_losses)]
    share = sorted(falls)[len(falls) // 2]
    losses, weights = epoch_losses(early_stop=share)
    expected = next(number for number, fall in enumerate(falls) if fall < share) + 2
    assert losses == all_losses[:expected]
    assert len(losses) < 40
    again, same_weights = epoch_losses(early_stop=share)
    assert again == losses
    assert_same(same_weights, weights)
