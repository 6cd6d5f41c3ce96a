"""Products with a linear layer's weight, on the CPU through oneDNN.

torch asks MKL for products in float32. MKL is slow on processors that its maker did not
build, and everywhere for a few rows, which is what a step of sampling has. torch comes with
oneDNN as well, and its compiler asks that one through the operator that is used here; it
gives no gradients. `docs/performance.md` says what it brings.
"""

from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

LEAST_WEIGHTS = 1 << 19
"""Of a layer: what oneDNN makes ready for each number of rows costs smaller ones more than it
gives."""


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return x [..., in] times weight [out, in] transposed, plus bias [out]; no gradients.

    What a view of the rows would do to other products, such as a copy of the weight for each
    row of a batch, does not happen here.
    """
    rows = x.reshape(-1, weight.shape[1])
    product = None
    if weight.dtype == x.dtype == torch.float32 and weight.device.type == "cpu" and len(rows):
        large = weight.numel() >= LEAST_WEIGHTS
        product = _through_onednn(rows, weight, bias) if large and _has_onednn() else None
    if product is None:
        product = functional.linear(rows, weight, bias)
    return product.view(*x.shape[:-1], weight.shape[0])


def _through_onednn(rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor | None:
    """Return the product, or None where oneDNN cannot, such as for want of memory for its code."""
    onednn: Any = torch.ops.mkldnn
    try:
        product: Tensor = onednn._linear_pointwise(rows, weight, bias, "none", [], "")
    except RuntimeError:
        return None
    return product


@cache
def _has_onednn() -> bool:
    """Whether this torch has the operator, and it does what it did when this was written."""
    x, weight, bias = torch.arange(6.0).view(2, 3), torch.arange(12.0).view(4, 3), torch.ones(4)
    try:
        found = _through_onednn(x, weight, bias)
    except (AttributeError, TypeError):
        return False
    return found is not None and torch.equal(found, x @ weight.t() + bias)
