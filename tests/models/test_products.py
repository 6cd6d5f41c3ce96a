"""Products through oneDNN against torch's own, and where it is not asked."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from adapted import with_effect
from hypothesis import given
from hypothesis import strategies as st

from sitool.models import products
from sitool.models.local import LocalModel


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return how many rows each product through oneDNN had, as they come."""
    rows: list[int] = []
    usual = products._through_onednn

    def through(x: torch.Tensor, *others: Any) -> Any:
        rows.append(len(x))
        return usual(x, *others)

    products._has_onednn()
    monkeypatch.setattr(products, "_through_onednn", through)
    return rows


def drawn(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    source = torch.Generator().manual_seed(sum(shape))
    return torch.randn(shape, generator=source, dtype=torch.float64).to(dtype)


@given(
    st.lists(st.integers(1, 3), max_size=2),
    st.sampled_from([(1024, 512), (700, 750), (3, 5)]),
    st.booleans(),
    st.booleans(),
)
def test_a_product_is_torchs_own(
    rows: list[int], size: tuple[int, int], has_bias: bool, turned: bool
) -> None:
    x, bias = drawn(*rows, 2, size[1]), drawn(size[0]) if has_bias else None
    weight = drawn(size[1], size[0]).t() if turned else drawn(*size)
    expected = torch.nn.functional.linear(
        x.double(), weight.double(), None if bias is None else bias.double()
    )
    found = products.linear(x, weight, bias)
    assert found.shape == expected.shape
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-4)


def test_large_layers_alone_go_through_onednn(asked: list[int]) -> None:
    if not products._has_onednn():
        pytest.skip("this torch has no oneDNN")
    products.linear(drawn(7, 5, 512), drawn(1024, 512))
    products.linear(drawn(7, 5, 16), drawn(16, 16))
    products.linear(drawn(0, 512), drawn(1024, 512))
    products.linear(drawn(7, 512).double(), drawn(1024, 512).double())
    products.linear(drawn(7, 512, dtype=torch.bfloat16), drawn(1024, 512, dtype=torch.bfloat16))
    assert asked == [35]


def test_where_onednn_cannot_torch_does(monkeypatch: pytest.MonkeyPatch) -> None:
    x, weight = drawn(7, 512), drawn(1024, 512)

    class Broken:
        def _linear_pointwise(self, *_: object) -> None:
            raise RuntimeError("could not create a primitive")

    products._has_onednn()
    with monkeypatch.context() as patch:
        patch.setattr(torch.ops, "mkldnn", Broken())
        found = products.linear(x, weight)
    assert torch.equal(found, torch.nn.functional.linear(x, weight))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_last_places_alone_copy_no_weight(
    load_local: Callable[..., LocalModel], dtype: str
) -> None:
    """A slice of the states is no plain matrix; torch would repeat the head for every row."""
    model = load_local(dtype=dtype)
    with (
        torch.inference_mode(),
        model.merged(),
        torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile,
    ):
        model.causal_lm.get_output_embeddings()(drawn(5, 11, 32).to(model.causal_lm.dtype)[:, -1:])
    assert "aten::bmm" not in {event.key for event in profile.key_averages()}


@pytest.mark.parametrize("architecture", ["llama", "gpt_neox", "qwen2"])
def test_in_bfloat16_an_adapter_works_beside_the_weight(
    load_local: Callable[..., LocalModel], architecture: str
) -> None:
    """As PEFT's own forward does, to the precision of the base; a merge would round it away."""
    model = with_effect(load_local(architecture, dtype="bfloat16"))
    ids = torch.arange(1, 23).view(2, 11)
    with torch.inference_mode():
        expected = model.causal_lm(input_ids=ids).logits.float()
        with model.network.disable_adapter():
            base = model.causal_lm(input_ids=ids).logits.float()
        with model.merged():
            found = model.causal_lm(input_ids=ids).logits.float()
    effect = (expected - base).abs().max()
    assert effect > 0.05
    assert (found - expected).abs().max() < 0.2 * effect
