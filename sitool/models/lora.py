"""LoRA layers: a seeded fresh start, and forwards that cost less than PEFT's.

PEFT adds the low-rank update to the output of every linear layer, which on a
small model costs more in passes over the activations than in arithmetic. The
same function is had by adding the update to the weight first. Both contexts
here do so without touching the base's own weights, and leave the layers that
they do not understand (other precisions, other kinds of layer) to PEFT.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from peft.tuners.lora import Linear as LoraLinear
from torch import Tensor, nn
from torch.nn import functional

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

    Costs one more copy of the linear layers' weights for as long as it lasts.
    """
    layers = _plain_layers(network)
    try:
        with torch.no_grad():
            for layer in layers:
                weight = _merged_weight(layer)
                layer.forward = partial(functional.linear, weight=weight, bias=_bias(layer))
        yield
    finally:
        _give_back(layers)


@contextmanager
def fused_training(network: nn.Module) -> Iterator[None]:
    """Within, forward and backward go through `FusedLora` wherever they can."""
    layers = _plain_layers(network)
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
        return functional.linear(x, effective, bias)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients for x, a and b; the base gets none."""
        x, effective, a, b = ctx.saved_tensors
        grad = grads[0].reshape(-1, effective.shape[0])
        x_rows = x.reshape(-1, effective.shape[1])
        grad_x = (grad @ effective).view(x.shape) if ctx.needs_input_grad[0] else None
        grad_a = (grad @ b).t() @ x_rows * ctx.scale
        grad_b = grad.t() @ (x_rows @ a.t()) * ctx.scale
        return grad_x, None, None, grad_a, grad_b, None


def _fused_forward(layer: Any, x: Tensor) -> Tensor:
    result: Tensor = FusedLora.apply(  # type: ignore[no-untyped-call]
        x,
        layer.base_layer.weight,
        _bias(layer),
        layer.lora_A[ADAPTER].weight,
        layer.lora_B[ADAPTER].weight,
        layer.scaling[ADAPTER],
    )
    return result


def _merged_weight(layer: Any) -> Tensor:
    a, b = layer.lora_A[ADAPTER].weight, layer.lora_B[ADAPTER].weight
    return torch.addmm(layer.base_layer.weight, b, a, alpha=layer.scaling[ADAPTER])


def _bias(layer: Any) -> Tensor | None:
    bias: Tensor | None = layer.base_layer.bias
    return bias


def _give_back(layers: list[Any]) -> None:
    for layer in layers:
        vars(layer).pop("forward", None)


def _plain_layers(network: nn.Module) -> list[Any]:
    return [layer for _, layer in lora_layers(network) if _is_plain(layer)]


def _is_plain(layer: Any) -> bool:
    """Whether the layer is W x + s B A x in full precision and nothing else.

    In bfloat16 a small update would be rounded away in W + s B A.
    """
    down, up = layer.lora_A[ADAPTER], layer.lora_B[ADAPTER]
    return (
        type(layer.base_layer) is nn.Linear
        and layer.base_layer.weight.dtype in (torch.float32, torch.float64)
        and layer.base_layer.weight.dtype == down.weight.dtype
        and up.bias is None
        and not layer.lora_variant
        and not layer.merged
        and not layer.disable_adapters
        and isinstance(layer.lora_dropout[ADAPTER], nn.Identity)
    )
