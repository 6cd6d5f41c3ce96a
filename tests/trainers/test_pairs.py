"""The objectives on pairs against plain references, and on a table where their optimum is known."""

import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from test_memory import ERRORS, out_of_memory_in_forward
from test_mle import Load, give_effect, gradients, no_forgetting, settings_with, trained_weights
from torch import Tensor

from sitool import lab, registry
from sitool.config import PAIR_OBJECTIVES, ModelSettings, TrainerSettings
from sitool.errors import TrainerError
from sitool.models import lora
from sitool.models.local import LocalModel
from sitool.trainers.base import Example, Pair, Response
from sitool.trainers.loss import WeightedLoss
from sitool.trainers.pairs import PairTrainer, reward_gap

TEXTS = [
    ("ab,bc|a>c=", "abc", "ac", 1.0),
    ("ab,bc,cd,de|a>e=", "abcde", "abc", 0.5),
    ("1+2=", "3", "12", 2.0),
    ("zz", "top", "pot", 0.25),
]


def trainer_of(name: str, model: LocalModel, **changes: Any) -> PairTrainer:
    made: PairTrainer = registry.load("trainer", name)(model, settings_with(name=name, **changes))
    return made


def with_base_logprobs(pair: Pair, model: LocalModel) -> Pair:
    sides = [
        Response(side.completion_ids, plain_logprob(model, pair.prompt_ids, side).item())
        for side in (pair.first, pair.second)
    ]
    return Pair(pair.prompt_ids, *sides, pair.level, pair.weight)


def pairs_for(model: LocalModel) -> list[Pair]:
    encode = model.encode_completion
    return [
        Pair(model.encode(prompt), Response(encode(one)), Response(encode(other)), 1, weight)
        for prompt, one, other, weight in TEXTS
    ]


def plain_logprob(model: LocalModel, prompt: tuple[int, ...], side: Response) -> Tensor:
    """Return log pi of a response, token by token, through PEFT."""
    logits = model.network(input_ids=torch.tensor([[*prompt, *side.completion_ids]])).logits[0]
    law = logits.log_softmax(-1)
    places = range(len(prompt) - 1, len(prompt) - 1 + len(side.completion_ids))
    return torch.stack(
        [law[place, token] for place, token in zip(places, side.completion_ids, strict=True)]
    ).sum()


def plain_loss(model: LocalModel, pairs: Sequence[Pair], settings: TrainerSettings) -> Tensor:
    """Return the loss as the docstrings have it, pair by pair."""
    total: Any = 0.0
    for pair in pairs:
        first, second = (
            plain_logprob(model, pair.prompt_ids, side) for side in (pair.first, pair.second)
        )
        base = [pair.first.base_logprob or 0.0, pair.second.base_logprob or 0.0]
        reward = list(base)
        if settings.self_reward == "likelihood_per_token":
            lengths = [len(side.completion_ids) for side in (pair.first, pair.second)]
            reward = [value / length for value, length in zip(base, lengths, strict=True)]
        moved = first - base[0] - second + base[1]
        loss = (settings.beta * moved - (reward[0] - reward[1])) ** 2
        if settings.name == "xpo":
            loss = loss + settings.alpha_xpo * second
        total = total + pair.weight * loss
    weights: Tensor = total / sum(pair.weight for pair in pairs)
    return weights


def tiny(dtype: torch.dtype) -> LocalModel:
    settings = ModelSettings(base="tiny", device="cpu")
    model = LocalModel.load(settings, TrainerSettings(rank=4, alpha=8.0))
    give_effect(model)  # Before the precision: the same numbers in both.
    model.network.to(dtype)
    return model


def assert_gradient_is_plain(
    ours: LocalModel,
    plain: LocalModel,
    name: str,
    tolerance: float,
    **changes: Any,
) -> None:
    trainer = trainer_of(name, ours, beta=0.3, alpha_xpo=0.7, **changes)
    settings = settings_with(name=name, beta=0.3, alpha_xpo=0.7, **changes)
    pairs = [
        Pair(
            p.prompt_ids,
            Response(p.first.completion_ids, -1.5 - number),
            Response(p.second.completion_ids, -3.0),
            1,
            p.weight,
        )
        for number, p in enumerate(pairs_for(plain))
    ]
    for model in (ours, plain):
        model.open_for_training()
    expected = plain_loss(plain, pairs, settings)
    expected.backward()
    expected_grads = gradients(plain)
    with lora.fused_training(ours.network):
        loss = trainer.backward(WeightedLoss(ours, settings), pairs, no_forgetting)
    scale = max(1.0, expected_grads.abs().max().item())
    assert loss == pytest.approx(expected.item(), rel=tolerance)
    found = gradients(ours).double()
    torch.testing.assert_close(found, expected_grads, rtol=0, atol=tolerance * scale)
    assert expected_grads.abs().max() > 1e-3


@pytest.mark.parametrize("micro_tokens", [16, 4096])
@pytest.mark.parametrize("reward", ["likelihood", "likelihood_per_token"])
@pytest.mark.parametrize("name", PAIR_OBJECTIVES)
def test_on_the_real_base_loss_and_gradient_are_those_of_a_float64_reference(
    name: str, reward: str, micro_tokens: int
) -> None:
    changes = {"self_reward": reward, "micro_tokens": micro_tokens}
    assert_gradient_is_plain(tiny(torch.float32), tiny(torch.float64), name, 1e-5, **changes)


@pytest.mark.parametrize("checkpointing", ["off", "on"])
@pytest.mark.parametrize("method", ["lora", "full"])
@pytest.mark.parametrize("architecture", ["llama", "gpt2", "gpt_neox"])
@pytest.mark.parametrize("name", PAIR_OBJECTIVES)
def test_on_every_kind_of_base_too(
    load_local: Load, name: str, architecture: str, method: str, checkpointing: str
) -> None:
    models = []
    for _ in range(2):
        model = load_local(architecture, method=method)
        model.network.double()
        give_effect(model)
        models.append(model)
    assert_gradient_is_plain(*models, name, 1e-8, method=method, checkpointing=checkpointing)


@pytest.mark.parametrize("method", ["lora", "full"])
def test_the_bases_logprobs_are_worked_out_with_nothing_learnt_on_the_model(
    load_local: Load, tmp_path: Path, method: str
) -> None:
    model = load_local(method=method)
    pairs = pairs_for(model)
    known = [with_base_logprobs(pair, model) for pair in pairs]
    first = trainer_of("dpo", model, method=method, learning_rate=1e-2)
    list(first.train(pairs, start=None, seed=0))
    model.save_adapter(tmp_path / "r0001")
    first.save_state(tmp_path / "r0001")
    moved = plain_logprob(model, pairs[0].prompt_ids, pairs[0].first).item()
    assert abs(moved - (known[0].first.base_logprob or 0.0)) > 0.1
    losses = []
    for given in (pairs, known):
        trainer = trainer_of("dpo", model, method=method)
        steps = trainer.train(given, start=tmp_path / "r0001", seed=1)
        losses.append([step.loss for step in steps])
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_in_half_precision_nobody_elses_log_probabilities_are_trusted(load_local: Load) -> None:
    first_losses = {}
    for dtype in ("bfloat16", "float32"):
        for off in (0.0, -7.0):
            model = load_local(dtype=dtype)
            pairs = [
                Pair(p.prompt_ids, Response(p.first.completion_ids, off), p.second, 1)
                for p in pairs_for(model)
            ]
            steps = trainer_of("dpo", model, batch_size=4).train(pairs, start=None, seed=0)
            first_losses[dtype, off] = next(steps).loss
    assert first_losses["bfloat16", 0.0] == first_losses["bfloat16", -7.0]
    assert first_losses["float32", 0.0] != first_losses["float32", -7.0]


class Table:
    """A policy with a number for each response, in place of the network's two passes."""

    def __init__(self, base: Tensor) -> None:
        self.base = base.log_softmax(-1)
        self.theta = self.base.clone().requires_grad_()

    def law(self) -> Tensor:
        return self.theta.log_softmax(-1)

    def logprobs(self, batch: Sequence[Example]) -> list[float]:
        return [self._of(item).item() for item in batch]

    def add_gradient(self, batch: Sequence[Example], forget: Any) -> None:
        torch.stack([-item.weight * self._of(item) for item in batch]).sum().backward()

    def _of(self, item: Example) -> Tensor:
        return self.law()[item.prompt_ids[0], item.completion_ids[0]]

    def all_pairs(self, first_law: Tensor) -> list[Pair]:
        """Return every pair, weighed by how often the two laws would draw it."""
        prompts, answers = self.base.shape
        return [
            Pair(
                (x,),
                Response((y,), self.base[x, y].item()),
                Response((z,), self.base[x, z].item()),
                1,
                (first_law[x, y] + self.base[x, z]).exp().item(),
            )
            for x, y, z in itertools.product(range(prompts), range(answers), range(answers))
            if y != z
        ]


def descend(table: Table, trainer: PairTrainer, pairs: list[Pair], steps: int, rate: float) -> None:
    optimizer = torch.optim.SGD([table.theta], lr=rate)
    loss: Any = table
    for _ in range(steps):
        optimizer.zero_grad()
        trainer.backward(loss, pairs, no_forgetting)
        optimizer.step()


def of_the_laboratory(base: Tensor) -> lab.TabularPolicy:
    probabilities = base.exp().numpy()
    even = [1 / len(probabilities)] * len(probabilities)
    return lab.TabularPolicy(even, probabilities, probabilities * 0)


def sharpened(base: Tensor, beta: float) -> Tensor:
    return torch.tensor(lab.sharpened(of_the_laboratory(base), beta).probabilities)


@pytest.mark.parametrize("name", PAIR_OBJECTIVES)
def test_on_a_table_loss_and_gradient_are_those_of_the_laboratory(
    table: "Table", name: str
) -> None:
    base = of_the_laboratory(table.base)
    now = base.with_probabilities(torch.randn(table.base.shape).double().softmax(-1).numpy())
    with torch.no_grad():
        table.theta.copy_(torch.tensor(now.probabilities).log())
    pairs = table.all_pairs(table.law().detach())
    trainer = trainer_on_a_table(name, beta=0.7, alpha_xpo=0.3)
    loss: Any = table
    found = trainer.backward(loss, pairs, no_forgetting)
    weights = lab.pair_weights(now, base)
    for x in range(len(weights)):
        for y in range(len(weights[x])):
            weights[x, y, y] = 0.0  # The table leaves out what teaches nothing.
    weights /= weights.sum()
    logits = lab.logits_of(now)
    expected, slope = (
        lab.dpo_regression_loss(logits, base, weights, 0.7)
        if name == "dpo"
        else lab.xpo_loss(logits, base, weights, 0.7, 0.3)
    )
    assert found == pytest.approx(expected, rel=1e-9)
    torch.testing.assert_close(table.theta.grad, torch.tensor(slope), rtol=0, atol=1e-9)


@pytest.fixture
def table() -> Table:
    torch.manual_seed(3)
    return Table(torch.randn(2, 4, dtype=torch.float64))


def trainer_on_a_table(name: str, **changes: Any) -> PairTrainer:
    nowhere: Any = None
    return trainer_of(name, nowhere, **changes)


@pytest.mark.parametrize(
    "beta",
    [
        1.0,
        pytest.param(0.5, marks=pytest.mark.slow),  # A training to the end each.
        pytest.param(3.0, marks=pytest.mark.slow),
    ],
)
def test_dpo_on_a_table_converges_to_the_sharpened_base(table: Table, beta: float) -> None:
    trainer = trainer_on_a_table("dpo", beta=beta)
    descend(table, trainer, table.all_pairs(table.base), 1500, 0.8 / beta**2)
    torch.testing.assert_close(
        table.law().exp().detach(), sharpened(table.base, beta), rtol=0, atol=1e-5
    )


def explored(base: Tensor, alpha: float) -> Tensor:
    """Go through rounds of xpo: the pairs of each are drawn from where the last one ended."""
    table = Table(base)
    trainer = trainer_on_a_table("xpo", beta=1.0, alpha_xpo=alpha)
    for _ in range(25):
        descend(table, trainer, table.all_pairs(table.law().detach()), 40, 0.8)
    return table.law().exp().detach()


@pytest.mark.slow  # Four trainings to the end.
def test_xpo_on_a_table_converges_to_the_sharpened_base_as_alpha_goes_to_0(table: Table) -> None:
    goal = sharpened(table.base, 1.0)
    gaps = [(explored(table.base, alpha) - goal).abs().max().item() for alpha in (0.2, 0.02, 0.0)]
    assert gaps[2] < 1e-5
    assert gaps[1] < 0.02
    assert gaps[0] > 5 * gaps[1]


def test_the_bonus_of_xpo_makes_what_the_base_writes_less_likely(table: Table) -> None:
    """The plus before alpha: the base's likely responses lose by it, the term is made small."""
    law, goal = explored(table.base, 0.2), sharpened(table.base, 1.0)
    base = table.base.exp()
    assert (base * law.log()).sum() < (base * goal.log()).sum()


def test_a_small_step_lowers_the_loss_that_is_told(load_local: Load) -> None:
    for name in PAIR_OBJECTIVES:
        model = load_local()
        trainer = trainer_of(name, model, epochs=30, batch_size=4, learning_rate=2e-3)
        losses = [step.loss for step in trainer.train(pairs_for(model), start=None, seed=0)]
        assert losses[-1] < losses[0] / 2


def test_a_favoured_response_gets_the_higher_reward() -> None:
    settings = settings_with(name="dpo")
    for first, second, expected in ((False, False, -2), (True, False, 2), (False, True, -2)):
        pair = Pair((1,), Response((2,), -5.0, first), Response((3,), -3.0, second), 1)
        assert reward_gap(pair, settings) == expected
    both = Pair((1,), Response((2,), -5.0, True), Response((3,), -3.0, True), 1)
    assert reward_gap(both, settings) == -2


@pytest.mark.parametrize("name", PAIR_OBJECTIVES)
@pytest.mark.parametrize("error", ERRORS)
def test_memory_that_runs_out_costs_time_and_nothing_else(
    load_local: Load, name: str, error: Exception
) -> None:
    model = load_local()

    def run() -> Any:
        model.notes.clear()
        trainer = trainer_of(name, model, batch_size=4)
        steps = list(trainer.train(pairs_for(model), start=None, seed=0))
        return steps, trained_weights(model)

    expected = run()
    with out_of_memory_in_forward(model, 40, error) as asked:
        ours = run()
    assert max(asked) > 40
    for mine, theirs in zip(ours[0], expected[0], strict=True):
        assert mine.loss == pytest.approx(theirs.loss, rel=1e-6)
    for weight, tensor in expected[1].items():
        torch.testing.assert_close(ours[1][weight], tensor, rtol=0, atol=1e-4)
    (note,) = model.notes
    assert "still takes 4 pairs" in note


def test_two_rounds_of_pairs_with_kept_state_go_on_where_the_first_ended(
    load_local: Load, tmp_path: Path
) -> None:
    model = load_local()
    pairs = pairs_for(model)
    changes = {"batch_size": 4, "epochs": 2}
    whole = trainer_of("dpo", model, **{**changes, "epochs": 4})
    losses = [step.loss for step in whole.train(pairs, start=None, seed=0)]
    half = trainer_of("dpo", model, **changes)
    found = [step.loss for step in half.train(pairs, start=None, seed=0)]
    model.save_adapter(tmp_path / "r0001")
    half.save_state(tmp_path / "r0001")
    again = trainer_of("dpo", load_local(), **changes)
    found += [step.loss for step in again.train(pairs, start=tmp_path / "r0001", seed=1)]
    # One batch holds every pair, so the order within it is all that differs.
    assert found == pytest.approx(losses, rel=1e-4)


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        ([], "no pairs to train on"),
        ([Pair((), Response((1,)), Response((2,)), 1)], "no prompt or no completion"),
        ([Pair((1,), Response(()), Response((2,)), 1)], "no prompt or no completion"),
        ([Pair((1,), Response((1,)), Response((2,)), 1, math.nan)], "has the weight nan"),
        ([Pair((1,), Response((1,), -math.inf), Response((2,)), 1)], "under the base"),
    ],
)
def test_what_is_no_pair_is_refused(load_local: Load, pairs: list[Pair], words: str) -> None:
    with pytest.raises(TrainerError, match=words):
        list(trainer_of("dpo", load_local()).train(pairs, start=None, seed=0))
