"""LoRA layers: a seeded fresh start, and forwards that cost less than PEFT's.

PEFT adds the low-rank update to the output of every linear layer, which on a
small model costs more in passes over the activations than in arithmetic. The
same function is had by adding the update to the weight first, or, where a layer
is large and the tokens are few, in fewer passes. Both contexts here do so
without touching the base's own weights, and leave the layers that they do not
understand (other precisions, other kinds of layer) to PEFT.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from peft.tuners.lora import Linear as LoraLinear
from torch import Tensor, nn

from sitool.models import products

ADAPTER = "default"


def lora_layers(network: nn.Module) -> list[tuple[str, Any]]:
    """Return every linear layer that carries an adapter, by name, in order."""
    return [
        (name, module)
        for name, module in network.named_modules()
        if isinstance(module, LoraLinear) and ADAPTER in module.lora_A
    ]


def lora_parameters(network: nn.Module) -> dict[str, nn.Parameter]:
    """Return the adapter's weights by name, in order."""
    return {
        name: parameter
        for name, parameter in network.named_parameters()
        if f".{ADAPTER}." in name and "lora_" in name
    }


def reset_lora(network: nn.Module, seed: int) -> None:
    """Give the adapter its start: A uniform as in PEFT, from the seed; B zero.

    Drawn on the CPU in float32, so that every device starts alike.
    """
    source = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for _, layer in lora_layers(network):
            down, up = layer.lora_A[ADAPTER].weight, layer.lora_B[ADAPTER].weight
            bound = 1 / math.sqrt(down.shape[1])
            down.copy_(torch.empty(down.shape).uniform_(-bound, bound, generator=source))
            up.zero_()


@contextmanager
def merged(network: nn.Module) -> Iterator[None]:
    """Within, the network runs on weights that hold the adapter already; no gradients.

    Costs one more copy of the linear layers' weights for as long as it lasts. In bfloat16 a
    small update would be rounded away in W + s B A, so there it stays beside the weight.
    """
    layers = [layer for _, layer in lora_layers(network) if _is_fusable(layer)]
    bare = _bare_layers(network)
    try:
        with torch.no_grad():
            for layer in layers:
                layer.forward = _merged_forward(layer)
            for layer in bare:
                layer.forward = partial(products.linear, weight=layer.weight, bias=layer.bias)
        yield
    finally:
        _give_back([*layers, *bare])


@contextmanager
def fused_training(network: nn.Module) -> Iterator[None]:
    """Within, forward and backward go through `FusedLora` or `SplitLora` wherever they can."""
    layers = [layer for _, layer in lora_layers(network) if _is_fusable(layer)]
    try:
        for layer in layers:
            layer.forward = partial(_fused_forward, layer)
        yield
    finally:
        _give_back(layers)


class FusedLora(torch.autograd.Function):
    """y = x (W + s B A)^T + bias, with gradients for x, A and B only.

    Backward needs 4 T r (in + out) operations for the adapter, where going
    through PEFT's graph takes 6 and several passes over the activations more.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, a: Tensor, b: Tensor, scale: float
    ) -> Tensor:
        """Run the layer on x [..., in] with weight [out, in], a [r, in], b [out, r]."""
        effective = torch.addmm(weight, b, a, alpha=scale)
        ctx.save_for_backward(x, effective, a, b)
        ctx.scale = scale
        return products.linear(x, effective, bias)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients for x, a and b; the base gets none."""
        x, effective, a, b = ctx.saved_tensors
        grad = grads[0].reshape(-1, effective.shape[0])
        x_rows = x.reshape(-1, effective.shape[1])
        grad_x = None
        if ctx.needs_input_grad[0]:
            grad_x = products.linear(grad, effective.t()).view(x.shape)
        grad_a = (grad @ b).t() @ x_rows * ctx.scale
        grad_b = grad.t() @ (x_rows @ a.t()) * ctx.scale
        return grad_x, None, None, grad_a, grad_b, None


class SplitLora(torch.autograd.Function):
    """y = x W^T + s (x A^T) B^T + bias, with gradients for x, A and B only.

    Keeps no copy of the weight, and rounds no small update away where W is in
    bfloat16: A and B stay in float32 and are rounded on their way in alone.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, a: Tensor, b: Tensor, scale: float
    ) -> Tensor:
        """Run the layer on x [..., in] with weight [out, in], a [r, in], b [out, r]."""
        rows = x.reshape(-1, weight.shape[1]).to(weight.dtype)
        narrow = rows @ a.to(weight.dtype).t()
        y = products.linear(rows, weight, bias)
        y.addmm_(narrow, b.to(weight.dtype).t(), alpha=scale)
        ctx.save_for_backward(rows, narrow, weight, a, b)
        ctx.scale, ctx.shape, ctx.dtype = scale, x.shape, x.dtype
        return y.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients for x, a and b; the base gets none."""
        rows, narrow, weight, a, b = ctx.saved_tensors
        grad = grads[0].reshape(-1, weight.shape[0]).to(weight.dtype)
        grad_narrow = grad @ b.to(weight.dtype)
        grad_x = None
        if ctx.needs_input_grad[0]:
            grad_x = products.linear(grad, weight.t())
            grad_x = grad_x.addmm_(grad_narrow, a.to(weight.dtype), alpha=ctx.scale)
            grad_x = grad_x.view(ctx.shape).to(ctx.dtype)
        grad_a = (grad_narrow.t() @ rows).to(a.dtype) * ctx.scale
        grad_b = (grad.t() @ narrow).to(b.dtype) * ctx.scale
        return grad_x, None, None, grad_a, grad_b, None


def _fused_forward(layer: Any, x: Tensor) -> Tensor:
    weight = layer.base_layer.weight
    way = FusedLora if _pays_to_merge(x, weight) else SplitLora
    result: Tensor = way.apply(  # type: ignore[no-untyped-call]
        x,
        weight,
        _bias(layer),
        layer.lora_A[ADAPTER].weight,
        layer.lora_B[ADAPTER].weight,
        layer.scaling[ADAPTER],
    )
    return result


def _pays_to_merge(x: Tensor, weight: Tensor) -> bool:
    """Whether making W + s B A costs less than two thin products for all rows of x."""
    rows, (outputs, inputs) = x.numel() // x.shape[-1], weight.shape
    return weight.dtype != torch.bfloat16 and rows * (inputs + outputs) > inputs * outputs


def _merged_forward(layer: Any) -> Callable[[Tensor], Tensor]:
    """Return W x + s B A x without gradients: of one weight, or, in bfloat16, of three."""
    a, b, scale = layer.lora_A[ADAPTER].weight, layer.lora_B[ADAPTER].weight, layer.scaling[ADAPTER]
    weight, bias = layer.base_layer.weight, _bias(layer)
    if weight.dtype == a.dtype:
        return partial(products.linear, weight=torch.addmm(weight, b, a, alpha=scale), bias=bias)
    return partial(_beside, weight, bias, a.to(weight.dtype), (b * scale).to(weight.dtype))


def _beside(weight: Tensor, bias: Tensor | None, a: Tensor, b: Tensor, x: Tensor) -> Tensor:
    rows = x.reshape(-1, weight.shape[1]).to(weight.dtype)
    y = products.linear(rows, weight, bias).addmm_(rows @ a.t(), b.t())
    return y.view(*x.shape[:-1], -1).to(x.dtype)


def _bias(layer: Any) -> Tensor | None:
    bias: Tensor | None = layer.base_layer.bias
    return bias


def _give_back(layers: list[Any]) -> None:
    for layer in layers:
        vars(layer).pop("forward", None)


def _bare_layers(network: nn.Module) -> list[Any]:
    """Return the linear layers without an adapter, such as the head."""
    parts = {id(part) for _, layer in lora_layers(network) for part in layer.modules()}
    return [m for m in network.modules() if type(m) is nn.Linear and id(m) not in parts]


def _is_fusable(layer: Any) -> bool:
    """Whether the layer is W x + s B A x and nothing else."""
    weight, up = layer.base_layer.weight, layer.lora_B[ADAPTER]
    return (
        type(layer.base_layer) is nn.Linear
        and weight.dtype in (up.weight.dtype, torch.bfloat16)
        and up.weight.dtype in (torch.float32, torch.float64)
        and up.bias is None
        and not layer.lora_variant
        and not layer.merged
        and not layer.disable_adapters
        and isinstance(layer.lora_dropout[ADAPTER], nn.Identity)
    )
