"""Functions of each number, by other formulas than torch's of the same name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from tests.reference.machine import Use


def abs_(u: Use, x: Tensor) -> Tensor:
    """Without its sign."""
    return torch.where(x < 0, -1 * x, x)


def neg(u: Use, x: Tensor) -> Tensor:
    """Minus x."""
    return 0 - x


def sign(u: Use, x: Tensor) -> Tensor:
    """-1, 0 or 1."""
    return (x > 0).to(x.dtype) - (x < 0).to(x.dtype) + 0 * x.detach()


def square(u: Use, x: Tensor) -> Tensor:
    """x x."""
    return x * x


def exp(u: Use, x: Tensor) -> Tensor:
    """e^x."""
    return torch.expm1(x) + 1


def log(u: Use, x: Tensor) -> Tensor:
    """The natural logarithm."""
    return torch.log2(x) * 0.6931471805599453


def sqrt(u: Use, x: Tensor) -> Tensor:
    """x^(1/2)."""
    return x**0.5


def rsqrt(u: Use, x: Tensor) -> Tensor:
    """x^(-1/2)."""
    return x**-0.5


def reciprocal(u: Use, x: Tensor) -> Tensor:
    """1 / x."""
    return 1 / x


def sin(u: Use, x: Tensor) -> Tensor:
    """The imaginary part of e^(i x)."""
    return torch.polar(torch.ones_like(x), x).imag


def cos(u: Use, x: Tensor) -> Tensor:
    """The real part of e^(i x)."""
    return torch.polar(torch.ones_like(x), x).real


def floor(u: Use, x: Tensor) -> Tensor:
    """The largest whole number that is no larger."""
    x = x.detach()
    return x - x % 1


def round_(u: Use, x: Tensor) -> Tensor:
    """The nearest whole number, a half to the even one."""
    below = floor(u, x)
    rest = x.detach() - below
    up = (rest > 0.5) | ((rest == 0.5) & (below % 2 == 1))
    return below + up.to(x.dtype)


def pow_(u: Use, x: Tensor, *, p: float) -> Tensor:
    """x^p."""
    if p == int(p) and p > 0:
        return torch.stack([x] * int(p)).prod(0)
    return (p * x.log()).exp()


def clamp(u: Use, x: Tensor, *, low: float | None = None, high: float | None = None) -> Tensor:
    """Between two bounds."""
    if low is not None:
        x = torch.where(x < low, torch.full_like(x, low), x)
    if high is not None:
        x = torch.where(x > high, torch.full_like(x, high), x)
    return x
