"""Equivalent kernels of any torch model: for each convolution the one kernel that its branches and norms amount to."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from archlang.kernels import Extent, Window
from archlang.studies.pbconv.boosting import boostable
from archlang.studies.pbconv.modules import BoostedConv
from archlang.studies.pbconv.positions import dispersion, folded, maps_by_size, merged


def model_kernels(model: nn.Module) -> dict[str, Tensor]:
    """By its module's name, the kernel [out, in, rows, columns] of each convolution with one larger than 1x1.

    A boosted convolution has the sum of its large kernel and its small ones at their places; each is scaled by the norm
    behind it (PBConv, eq. 5, 8, 9). Any other convolution that could be boosted is scaled by the batch norm that alone
    reads it. The kernel of a line has one row. The chains of diverse branch blocks are left out.

    Raises `ArchError` (not-traceable) for a model whose calls torch.fx cannot follow.
    """
    boosted = _boosted(model)
    with torch.no_grad():
        found = {name: _merged(model.get_submodule(name), windows) for name, windows in boosted.items()}
        for name, norm in boostable(model).items():
            # In a graph the branches of a boosted convolution stand node by node, and count in its sum alone.
            if any(name.startswith(f"{one}.") for one in boosted):
                continue
            behind = None
            if norm:
                behind = model.get_submodule(norm)
            found[name] = _plane(folded(model.get_submodule(name).weight, behind))  # type: ignore[arg-type]  # a tensor
    return found


def model_scores(model: nn.Module) -> dict[str, float]:
    """The dispersion of positions for each kernel size, as `3x3` (PBConv, section 4.3): what a search ranks by."""
    maps = maps_by_size(model_kernels(model))
    return {named(size): dispersion(list(layers.values())) for size, layers in maps.items()}


def named(size: Extent) -> str:
    """A kernel size as the language writes it.

    >>> named((3, 5))
    '3x5'
    """
    return f"{size[0]}x{size[1]}"


def _boosted(model: nn.Module) -> dict[str, tuple[Window, ...]]:
    """The boosted convolutions of a model, with their small kernels."""
    found = {name: module.windows for name, module in model.named_modules() if isinstance(module, BoostedConv)}
    # A graph holds the branches alone; what they are branches of is written down beside it.
    record = getattr(model, "boosting", None)
    for one in getattr(record, "boosted", ()):
        found.setdefault(one.name, one.windows)
    return found


def _merged(conv: nn.Module, windows: tuple[Window, ...]) -> Tensor:
    """The kernel of a boosted convolution."""
    branches: Any = conv.get_submodule("branches")
    # Behind the large kernel and the small ones stand the chains of a diverse branch block.
    kernels = [_plane(_branch(branches.get_submodule(str(i)))) for i in range(1 + len(windows))]
    places = [(window.row, window.column) for window in windows]
    return merged(kernels[0], list(zip(kernels[1:], places, strict=True)))


def _branch(branch: nn.Module) -> Tensor:
    """The kernel of a branch, with its norm's scale."""
    parts: list[Any] = list(branch.children())
    norm = None
    if len(parts) > 1:
        norm = parts[1]
    return folded(parts[0].weight, norm)


def _plane(kernel: Tensor) -> Tensor:
    """A kernel of rows and columns; a line is one row."""
    if kernel.ndim == 3:
        return kernel.unsqueeze(2)
    return kernel
