"""Kernels that a torch model calculates from its parameters, recognised by what they come to."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod, sqrt

import torch
from torch import Tensor

from archlang.importing.held import Known
from archlang.importing.steps import Initial, Origin, State

CLOSE = 1e-9
"""The largest difference, relative to the largest number, of a kernel that counts as recognised."""


def calculated(weight: Known, state: State) -> tuple[Initial, Mapping[str, Origin]] | None:
    """The `weights` of a kernel [out, in / groups, *sizes] and the origins of what it is calculated from.

    The kernel is calculated twice, from numbers that are drawn anew, and compared with the formulas of the language:
    however a model writes them, they are found, and nothing else is taken for them. None for another kernel.
    """
    parts = _parts(weight, state)
    if parts is None:
        return None

    direction, length = parts
    found = _form(weight, direction, length, state)
    if found is None:
        return None
    shape, out = weight.shape, weight.shape[0]
    origins = {"weight": Origin(lambda given: given[direction].reshape(shape), (direction,), "direction")}
    if length:
        sizes = (out, *(1,) * (len(shape) - 1))
        origins["gain"] = Origin(lambda given: given[length].reshape(sizes), (length,), "length")
    return found, origins


def _parts(weight: Known, state: State) -> tuple[str, str] | None:
    """The names of the learned kernel and of the factors, "" for none of these; None where there is more."""
    if not weight.derived or not all(name in state for name in weight.names):
        return None
    kernels = [name for name in weight.names if tuple(state[name].shape) == weight.shape]
    others = [name for name in weight.names if name not in kernels]
    factors = [name for name in others if state[name].numel() == weight.shape[0]]
    if len(kernels) != 1 or len(others) > 1 or others != factors:
        return None
    return kernels[0], "".join(factors)


def _form(weight: Known, direction: str, length: str, state: State) -> Initial | None:
    """The formula that gives a kernel from its parts; None for one that the language does not have."""
    draw = torch.Generator().manual_seed(0)
    learned, factors, rows = [], [], []
    # Rows of two sizes: what is added to a variance shows beside a small one.
    for size in (1.0, 0.01):
        drawn = {name: torch.randn(state[name].shape, generator=draw, dtype=torch.float64) for name in weight.names}
        drawn[direction] *= size
        learned.append(drawn[direction].flatten(1))
        if length:
            factors.append(drawn[length].flatten())
        rows.append(weight.read({**state, **drawn}).detach().double().flatten(1))

    v, made = torch.cat(learned), torch.cat(rows)
    g = torch.cat(factors) if length else torch.ones(len(v), dtype=torch.float64)
    if length and _close(made, v * (g / v.norm(dim=1)).unsqueeze(1)):
        return Initial("weight_norm")
    return _standardized(v, g, made, prod(weight.shape[1:]), bool(length))


def _standardized(v: Tensor, g: Tensor, made: Tensor, count: int, scaled: bool) -> Initial | None:
    """`gamma g (v - mean) / sqrt(count (variance + eps))`, or that without gamma, g and count; None for neither."""
    if count < 2:
        return None
    centred = v - v.mean(1, keepdim=True)
    variance = centred.square().mean(1)
    by = (made * centred).sum(1) / centred.square().sum(1)
    if not _close(made, centred * by.unsqueeze(1)):
        return None

    # (g / by)^2 is a line over the variance: its slope is count / gamma^2, or 1, and it is 0 at -eps.
    squares = (g / by).square()
    low, high = int(variance.argmin()), int(variance.argmax())
    slope = float((squares[high] - squares[low]) / (variance[high] - variance[low]))
    eps = float(f"{float(squares[low]) / slope - float(variance[low]):.6g}")
    if eps <= 0 or not _close(squares, slope * (variance + eps)):
        return None
    if scaled:
        return Initial("scaled", (("gamma", float(f"{sqrt(count / slope):.15g}")), ("eps", eps)))
    if abs(slope - 1) > CLOSE:
        return None
    return Initial("standardized", (("eps", eps),))


def _close(one: Tensor, other: Tensor) -> bool:
    """Tell whether two tensors are equal but for rounding."""
    return bool((one - other).abs().max() <= CLOSE * other.abs().max())
