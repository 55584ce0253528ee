"""The weight of kernel positions in a trained model: by layer and branch, and what pruning costs (PBConv, section 3).

A position's magnitude is the mean of the absolute weights there, over that of the largest position (eq. 1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, fx, nn

from archlang.diagnostics import ArchError, error
from archlang.studies.inside import graph_of
from archlang.studies.pbconv.positions import KernelBranch, dispersion, equivalent, kernel_branches, position_map
from archlang.train.loop.evaluation import evaluate, record_of

Rows = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class LayerPositions:
    """A convolution: its kernel's size, the map of the one kernel that it amounts to, and a map for each branch.

    Maps of branches lie in the large kernel, zero where a branch does not reach, over the largest number of them all. A
    convolution of one branch has none.
    """

    name: str
    size: str
    map: Rows
    branches: tuple[tuple[str, Rows], ...]


@dataclass(frozen=True)
class PrunedPosition:
    """A position, from 1, set to zero in all kernels of a size: its mean magnitude, and the accuracy that is left."""

    size: str
    row: int
    column: int
    magnitude: float
    accuracy: float


@dataclass(frozen=True)
class MeanPositions:
    """The mean map of all layers with kernels of one size, and its dispersion (section 4.3)."""

    size: str
    layers: int
    map: Rows
    dispersion: float


def layers_of(model: fx.GraphModule) -> dict[str, tuple[KernelBranch, ...]]:
    """The branches of every convolution with a kernel larger than 1x1; a fused one is a branch by itself.

    Raises `ArchError` (unsupported-module) where there is no such convolution.
    """
    record = record_of(model)
    found: dict[str, tuple[KernelBranch, ...]] = {}
    # A pass has changed which modules there are: those of the model count, not those of its file.
    if record.passes:
        for node in graph_of(model).nodes:
            if node.op != "call_module":
                continue
            module = model.get_submodule(str(node.target))
            if isinstance(module, nn.Conv2d) and module.weight[0, 0].numel() > 1:
                rows, columns = module.weight.shape[-2:]
                found[str(node.target)] = (KernelBranch(f"{rows}x{columns}", module.weight, None),)
    else:
        found = kernel_branches(model, record.network.graph)

    if not found:
        raise ArchError(error("unsupported-module", "this model has no convolution with a kernel larger than 1x1",
                              help="positions are those of 2d kernels, such as 3x3, which are learned as they are: "
                                   "kernels with `weights = ...` are calculated"))
    return found


def positions_of(model: fx.GraphModule) -> tuple[LayerPositions, ...]:
    """The maps of every convolution with a kernel larger than 1x1, in program order (PBConv, figures 2, 9 and 10)."""
    shown = []
    for name, branches in layers_of(model).items():
        whole = equivalent(branches)
        size = f"{whole.shape[-2]}x{whole.shape[-1]}"
        shown.append(LayerPositions(name, size, _rows(position_map(whole)), _branch_maps(branches, whole)))
    return tuple(shown)


def means_of(layers: Sequence[LayerPositions]) -> tuple[MeanPositions, ...]:
    """The mean of the maps of each kernel size."""
    found = []
    for size in dict.fromkeys(layer.size for layer in layers):
        maps = [torch.tensor(layer.map, dtype=torch.float64) for layer in layers if layer.size == size]
        found.append(MeanPositions(size, len(maps), _rows(torch.stack(maps).mean(0)), dispersion(maps)))
    return tuple(found)


def _branch_maps(branches: Sequence[KernelBranch], whole: Tensor) -> tuple[tuple[str, Rows], ...]:
    if len(branches) < 2:
        return ()

    maps = []
    for branch in branches:
        placed = torch.zeros(whole.shape[-2:], dtype=torch.float64)
        magnitudes = branch.kernel.abs().sum((0, 1))
        # Places count from 1.
        row, column = branch.place[0] - 1, branch.place[1] - 1
        placed[row : row + magnitudes.shape[0], column : column + magnitudes.shape[1]] = magnitudes
        maps.append(placed)

    most = max(float(one.max()) for one in maps) or 1.0
    return tuple((branch.name, _rows(one / most)) for branch, one in zip(branches, maps, strict=True))


def pruned(model: fx.GraphModule, data: object, *, device: str = "auto", tell: Callable[[int, int], None] | None = None
           ) -> tuple[float, tuple[PrunedPosition, ...]]:
    """The accuracy of a model, and with each position of each kernel size set to zero in all layers (figure 3).

    Raises `ArchError`: unsupported-module, bad-data where nothing is classified, unknown-data.
    """
    layers = layers_of(model)
    means = means_of(positions_of(model))
    whole = _accuracy(model, data, device)

    found = []
    total = sum(len(mean.map) * len(mean.map[0]) for mean in means)
    for mean in means:
        same = [branches for branches in layers.values() if _size(branches) == mean.size]
        for row, numbers in enumerate(mean.map):
            for column, magnitude in enumerate(numbers):
                with _without(same, row, column):
                    left = _accuracy(model, data, device)
                found.append(PrunedPosition(mean.size, row + 1, column + 1, magnitude, left))
                if tell is not None:
                    tell(len(found), total)
    return whole, tuple(found)


@contextmanager
def _without(layers: Sequence[Sequence[KernelBranch]], row: int, column: int) -> Iterator[None]:
    """One position is zero in all branches that reach it; afterwards the weights are as they were."""
    kept = []
    for branch in (branch for branches in layers for branch in branches):
        at, beside = row - branch.place[0] + 1, column - branch.place[1] + 1
        if 0 <= at < branch.weight.shape[-2] and 0 <= beside < branch.weight.shape[-1]:
            kept.append((branch.weight, at, beside, branch.weight.detach()[..., at, beside].clone()))

    try:
        with torch.no_grad():
            for weight, at, beside, _ in kept:
                weight[..., at, beside] = 0
        yield
    finally:
        with torch.no_grad():
            for weight, at, beside, before in kept:
                weight[..., at, beside] = before


def _accuracy(model: fx.GraphModule, data: object, device: str) -> float:
    found = evaluate(model, data, device=device).accuracy
    if found is None:
        raise ArchError(error("bad-data", "nothing is classified here, so pruning costs no accuracy"))
    return found


def _size(branches: Sequence[KernelBranch]) -> str:
    rows, columns = branches[0].weight.shape[-2:]
    return f"{rows}x{columns}"


def _rows(values: Tensor) -> Rows:
    return tuple(tuple(row) for row in values.double().tolist())
