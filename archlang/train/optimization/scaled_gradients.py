"""Kernels trained as if they were sums of branches with constant factors (RepOptimizer, Ding et al. 2023, section 3).

A kernel W beside a 1x1 kernel w and a scale of each channel v, with constants s, t and u, is one kernel
`s W + t w + u v` (w in the middle, v there on the diagonal). Gradient descent on W, w and v moves it by the gradient of
the whole kernel times `s^2`, `+ t^2` in the middle, `+ u^2` there on the diagonal: so the branches need not be there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from archlang.diagnostics import ArchError, error
from archlang.graph.ir import Graph
from archlang.graph.patterns import names_of

Kernels = Mapping[str, bool]
"""Kernels larger than 1x1 by the names of their weights; whether what enters could be added to what leaves."""


def kernels_of(graph: Graph) -> Kernels:
    """The kernels of a network's convolutions, transposed ones left out."""
    modules = graph.modules()
    found = {}
    for name, (path, weight) in names_of(graph).items():
        node = modules[path]
        if weight != "weight" or not node.op.convolves or all(size == 1 for size in _sides(node.args["kernel"])):
            continue

        entering, leaving = graph.type(node.inputs[0]).dims[0], node.outputs[0].dims[0]
        found[name] = entering == leaving and all(step == 1 for step in _sides(node.args["stride"]))
    return found


def factors(weight: torch.Tensor, constants: Sequence[float], adds: bool) -> torch.Tensor:
    """The factors of the gradient of a kernel [leaving, entering, ...].

    `constants` are those of the kernel, of the 1x1 beside it and perhaps of the channels' scales, which count where
    `adds`. Raises `ArchError` (bad-phase) for a kernel without a middle.

    >>> factors(torch.zeros(2, 2, 3), [2.0, 1.0, 0.5], adds=True)[0].tolist()
    [[4.0, 5.25, 4.0], [4.0, 5.0, 4.0]]
    """
    sides = weight.shape[2:]
    if any(side % 2 == 0 for side in sides):
        shown = "x".join(map(str, sides))
        raise ArchError(error("bad-phase", f"a kernel of {shown} has no middle that a 1x1 branch could lie on",
                              help="give `branches` in a `group` that leaves it out"))

    large, point, *scales = constants
    made = torch.full(weight.shape, large**2, dtype=weight.dtype, device=weight.device)
    # All sides are odd: the cell in the middle is the middle one of them all.
    cells = made.flatten(2)
    middle = cells.shape[2] // 2
    cells[:, :, middle] += point**2

    if scales and adds:
        rows = torch.arange(len(weight), device=weight.device)
        cells[rows, rows % weight.shape[1], middle] += scales[0] ** 2
    return made


def scale_gradients(optimizer: torch.optim.Optimizer, scaled: Mapping[torch.nn.Parameter, torch.Tensor]) -> None:
    """Multiply the gradients of weights before each step of an optimiser."""
    def scale(*_: Any) -> None:
        for weight, factor in scaled.items():
            if weight.grad is not None:
                weight.grad.mul_(factor)

    optimizer.register_step_pre_hook(scale)


def _sides(size: Any) -> tuple[int, ...]:
    if isinstance(size, int):
        return (size,)
    return tuple(size)
