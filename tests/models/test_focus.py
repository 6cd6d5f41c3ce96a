"""The last layer at a few places, against the whole model."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from adapted import with_effect
from torch import Tensor

from sitool.models.focus import focused, is_focusable, last_parts
from sitool.models.local import LocalModel

Load = Callable[..., LocalModel]

ARCHITECTURES = [
    "llama", "qwen2", "qwen3", "gpt_neox", "gpt2", "mistral", "gemma", "gemma2"
]  # fmt: skip


def logits_at(causal_lm: Any, ids: Tensor, places: Tensor) -> Tensor:
    found: Tensor = causal_lm(input_ids=ids, use_cache=False).logits
    return found.flatten(0, 1)[places]


def gradients(model: LocalModel, ids: Tensor, places: Tensor) -> dict[str, Tensor]:
    weights = model.open_for_training()
    logits_at(model.causal_lm, ids, places).log_softmax(-1)[:, 3].sum().backward()
    return {name: w.grad for name, w in weights.items() if w.grad is not None}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_logits_and_gradients_at_the_places_are_the_model_s_own(
    load_local: Load, architecture: str
) -> None:
    torch.manual_seed(0)
    ids, places = torch.randint(0, 30, (3, 11)), torch.tensor([4, 10, 13, 32])
    usual, ours = (with_effect(load_local(architecture)) for _ in range(2))
    assert is_focusable(ours.causal_lm, ours.device)
    with ours.focused(places):
        got = gradients(ours, ids, places)
        logits = logits_at(ours.causal_lm, ids, places)
    want = gradients(usual, ids, places)
    assert torch.allclose(logits, logits_at(usual.causal_lm, ids, places), atol=1e-5)
    assert got.keys() == want.keys()
    for name, gradient in want.items():
        assert torch.allclose(got[name], gradient, atol=1e-5), name


def test_the_last_layer_sees_the_places_alone_and_all_tokens_afterwards(load_local: Load) -> None:
    model = load_local()
    ids, places = torch.randint(0, 30, (3, 11)), torch.tensor([4, 10, 13, 32])
    parts = last_parts(model.causal_lm)
    assert len(parts) == 3
    with model.focused(places):
        assert tokens_seen(parts, lambda: model.causal_lm(input_ids=ids)) == [4] * 3
    assert tokens_seen(parts, lambda: model.causal_lm(input_ids=ids)) == [33] * 3


def tokens_seen(parts: Sequence[Any], work: Callable[[], object]) -> list[int]:
    """Count the tokens that each part computes on."""
    seen: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        for part in parts:
            patch.setattr(part, "forward", recording(part.forward, seen))
        work()
    return seen


def recording(forward: Callable[[Tensor], Tensor], seen: list[int]) -> Callable[[Tensor], Tensor]:
    def run(x: Tensor) -> Tensor:
        seen.append(x[..., 0].numel())
        return forward(x)

    return run


def test_a_base_whose_parts_mix_tokens_is_left_alone(load_local: Load) -> None:
    model = load_local()
    (mlp,) = [part for part in last_parts(model.causal_lm) if "MLP" in type(part).__name__]
    of_each = mlp.forward
    mlp.forward = lambda x: of_each(x) + x.mean(dim=1, keepdim=True)  # type: ignore[method-assign]
    assert not is_focusable(model.causal_lm, model.device)
    ids, places = torch.randint(0, 30, (2, 7)), torch.tensor([3, 9])
    usual = logits_at(model.causal_lm, ids, places)
    with model.focused(places):
        assert torch.equal(logits_at(model.causal_lm, ids, places), usual)


def test_whatever_goes_wrong_within_the_model_is_whole_afterwards(load_local: Load) -> None:
    model = load_local()
    with pytest.raises(KeyboardInterrupt), focused(model.causal_lm, torch.tensor([0])):
        raise KeyboardInterrupt
    assert not any(p._forward_pre_hooks or p._forward_hooks for p in last_parts(model.causal_lm))
