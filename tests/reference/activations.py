"""Activations, by their formulas."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from tests.reference.routing import softmax as _softmax
from tests.reference.static import axis as _axis
from tests.reference.static import word as _word

if TYPE_CHECKING:
    from tests.reference.machine import Use

_SELU = (1.6732632423543772848170429916717, 1.0507009873554804934193349852946)


def _positive(x: Tensor) -> Tensor:
    return torch.where(x <= 0, torch.zeros_like(x), x)


def _kept(x: Tensor, low: float, high: float) -> Tensor:
    return torch.where(x <= low, torch.full_like(x, low), torch.where(x >= high, torch.full_like(x, high), x))


def _below(x: Tensor, low: Tensor) -> Tensor:
    return torch.where(x > 0, x, low)


def _exp_below(x: Tensor) -> Tensor:
    return torch.expm1(torch.where(x > 0, torch.zeros_like(x), x))


def relu(u: Use, x: Tensor) -> Tensor:
    """x where it is positive."""
    return _positive(x)


def relu6(u: Use, x: Tensor) -> Tensor:
    """x between 0 and 6."""
    return _kept(x, 0, 6)


def leaky_relu(u: Use, x: Tensor, *, negative_slope: float = 0.01) -> Tensor:
    """x, or a small multiple of it."""
    return _below(x, negative_slope * x)


def prelu(u: Use, x: Tensor, *, params: object = None, slope: float = 0.25) -> Tensor:
    """x, or a learned multiple of it."""
    channels = params is not None and _word(params) == "channels"
    weight = u.weight("weight", x.shape[1] if channels else 1)
    return _below(x, weight.reshape(1, -1, *(1,) * (x.dim() - 2)) * x)


def elu(u: Use, x: Tensor, *, alpha: float = 1.0) -> Tensor:
    """x, or alpha (exp(x) - 1)."""
    return _below(x, alpha * _exp_below(x))


def selu(u: Use, x: Tensor) -> Tensor:
    """A scaled elu."""
    alpha, scale = _SELU
    return scale * _below(x, alpha * _exp_below(x))


def celu(u: Use, x: Tensor, *, alpha: float = 1.0) -> Tensor:
    """x, or alpha (exp(x / alpha) - 1)."""
    return _below(x, alpha * _exp_below(x / alpha))


def gelu(u: Use, x: Tensor, *, approximate: object = None) -> Tensor:
    """x times the normal distribution function."""
    if approximate is not None and _word(approximate) == "tanh":
        return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))


def silu(u: Use, x: Tensor) -> Tensor:
    """x sigmoid(x)."""
    return x * torch.sigmoid(x)


def mish(u: Use, x: Tensor) -> Tensor:
    """x tanh(softplus(x))."""
    return x * torch.tanh(softplus(u, x))


def hardswish(u: Use, x: Tensor) -> Tensor:
    """x relu6(x + 3) / 6."""
    return x * _kept(x + 3, 0, 6) / 6


def hardsigmoid(u: Use, x: Tensor) -> Tensor:
    """relu6(x + 3) / 6."""
    return _kept(x + 3, 0, 6) / 6


def sigmoid(u: Use, x: Tensor) -> Tensor:
    """1 / (1 + exp(-x))."""
    return 0.5 * (1 + torch.tanh(x / 2))


def tanh(u: Use, x: Tensor) -> Tensor:
    """The hyperbolic tangent."""
    return torch.tanh(x)


def softplus(u: Use, x: Tensor, *, beta: float = 1.0) -> Tensor:
    """log(1 + exp(beta x)) / beta; torch's rule is x itself from beta x = 20 on."""
    scaled = beta * x
    safe = torch.where(scaled > 20, torch.zeros_like(x), scaled)
    return torch.where(scaled > 20, x, torch.log1p(torch.exp(safe)) / beta)


def _dim(x: Tensor, axis: object) -> int:
    rank = x.dim() - 1
    return (rank if rank <= 2 else 1) if axis is None else _axis(axis, rank)


def softmax(u: Use, x: Tensor, *, axis: object = None) -> Tensor:
    """A distribution along an axis: the features, or the channels of a map."""
    return _softmax(x, _dim(x, axis))


def log_softmax(u: Use, x: Tensor, *, axis: object = None) -> Tensor:
    """Its logarithm."""
    dim = _dim(x, axis)
    shifted = x - x.amax(dim, keepdim=True).detach()
    return shifted - shifted.exp().sum(dim, keepdim=True).log()


def identity(u: Use, x: Tensor) -> Tensor:
    """What comes in."""
    return x


def glu(u: Use, x: Tensor, *, activation: object = None, axis: object = None) -> Tensor:
    """The first half times an activation of the second."""
    dim = (x.dim() - 1 if x.dim() <= 3 else 1) if axis is None else _axis(axis, x.dim() - 1)
    half = x.shape[dim] // 2
    value, gate = x.narrow(dim, 0, half), x.narrow(dim, half, half)
    name = "sigmoid" if activation is None else _word(activation)
    if name == "none":
        return value * gate
    return value * {"sigmoid": sigmoid, "silu": silu, "gelu": gelu, "relu": relu}[name](u, gate)
