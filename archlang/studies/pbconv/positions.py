"""Positions of a kernel and how much they matter: the kernel that branches amount to, its magnitudes, their spread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from archlang.emit.names import module_name
from archlang.graph.ir import Graph, Node, Port
from archlang.kernels import Extent
from archlang.ops.normalisation import BATCH_NORM


def folded(weight: Tensor, norm: nn.Module | None) -> Tensor:
    """A kernel with the scale of its batch norm in it: `gamma W / sigma` (PBConv, eq. 5)."""
    if norm is None:
        return weight.double()

    form: Any = norm
    # Variance and eps as the norm adds them, but in double: the maps compare small differences.
    scale = (form.running_var.double() + form.eps).rsqrt()
    if form.weight is not None:
        scale = scale * form.weight.double()
    scaled: Tensor = weight.double() * scale.reshape(-1, *(1,) * (weight.ndim - 1))
    return scaled


def merged(main: Tensor, small: Sequence[tuple[Tensor, Extent]]) -> Tensor:
    """The large kernel with small ones added at their places (PBConv, eq. 8 and 9).

    `main` is [out, in, K, K]; each small one [out, in, kh, kw] with the row and column of its top left corner from 1.

    >>> merged(torch.zeros(1, 1, 2, 2), [(torch.ones(1, 1, 1, 2), (2, 1))])[0, 0]
    tensor([[0., 0.],
            [1., 1.]])
    """
    total = main.clone()
    for kernel, (row, column) in small:
        # Places count from 1, as the paper's do.
        height, width = kernel.shape[-2:]
        total[..., row - 1 : row - 1 + height, column - 1 : column - 1 + width] += kernel
    return total


def position_map(kernel: Tensor) -> Tensor:
    """Mean magnitude at each position, the largest 1 (PBConv, eq. 1): [out, in, K, K] to [K, K]; zeros stay zeros.

    >>> position_map(torch.tensor([[[[1.0, -2.0], [0.0, 4.0]]]]))
    tensor([[0.2500, 0.5000],
            [0.0000, 1.0000]])
    """
    total = kernel.detach().abs().sum((0, 1))
    most = total.max()
    # A kernel of zeros (a branch that starts at nothing) has no largest position to measure by.
    if most > 0:
        return total / most
    return total


def dispersion(maps: Sequence[Tensor]) -> float:
    """The standard deviation over the positions of the mean of maps of one size (PBConv, section 4.3)."""
    # The divisor is the number of positions: they are all there are, no sample of more.
    return float(torch.stack([m.double() for m in maps]).mean(0).std(correction=0))


@dataclass(frozen=True)
class KernelBranch:
    """A branch of a convolution: what it is called, its weights [out, in, kh, kw], the batch norm behind it, and the
    row and column of its top left corner in the large kernel, from 1.
    """

    name: str
    weight: Tensor
    norm: nn.Module | None
    place: Extent = (1, 1)

    @property
    def kernel(self) -> Tensor:
        """The weights with the norm's scale in them."""
        return folded(self.weight, self.norm).detach()


def kernel_branches(model: nn.Module, graph: Graph) -> dict[str, tuple[KernelBranch, ...]]:
    """For each convolution with a kernel larger than 1x1 its branches, the largest kernel first.

    By the convolution's module name, that of a boosted one without the number of its branch. The chains of diverse
    branch blocks are left out. Shared modules count once.
    """
    found: dict[str, tuple[KernelBranch, ...]] = {}
    for node in graph:
        if node.op.piece == "boosted sum":
            found[module_name(node.path[:-1])] = _boosted(model, graph, node)

    for node in graph:
        # The branches of a boosted convolution count in its sum, not by themselves.
        branch = any(m.kind == "pbconv" and m.count > 1 for m in node.members)
        if node.convolves != 2 or branch:
            continue
        rows, columns = node.args["kernel"]
        if rows * columns > 1:
            name = module_name(node.path)
            found[name] = (KernelBranch(f"{rows}x{columns}", _module(model, node).weight, _norm(model, graph, node)),)

    return found


def equivalent_kernels(model: nn.Module, graph: Graph) -> dict[str, Tensor]:
    """For each convolution with a kernel larger than 1x1 the one kernel that its branches and batch norms amount to."""
    return {name: equivalent(branches) for name, branches in kernel_branches(model, graph).items()}


def equivalent(branches: Sequence[KernelBranch]) -> Tensor:
    """The one kernel that the branches of a convolution amount to, [out, in, K, K]."""
    main, *small = branches
    return merged(main.kernel, [(branch.kernel, branch.place) for branch in small])


def _boosted(model: nn.Module, graph: Graph, node: Node) -> tuple[KernelBranch, ...]:
    places: list[Extent] = [(1, 1), *(placed.place for placed in node.args["kernels"])]
    branches: list[KernelBranch] = []
    # Behind the large kernel and the small ones stand the chains of a diverse branch block.
    for port, place in zip(node.inputs, places, strict=False):
        last = graph.node(port.node)
        conv, norm = last, None
        if last.op is BATCH_NORM:
            conv, norm = graph.node(last.inputs[0].node), _module(model, last)

        weight = _module(model, conv).weight
        size = f"{weight.shape[-2]}x{weight.shape[-1]}"
        # The large kernel covers all places.
        if branches:
            size += f" at {place[0]}, {place[1]}"
        branches.append(KernelBranch(size, weight, norm, place))
    return tuple(branches)


def _norm(model: nn.Module, graph: Graph, node: Node) -> nn.Module | None:
    readers = graph.consumers(Port(node.id))
    # With a second reader the convolution counts without the norm too, so the norm is no part of its kernel.
    if len(readers) != 1:
        return None

    reader = readers[0][0]
    # Without running statistics the scale depends on the batch.
    if reader.op is not BATCH_NORM or not reader.args["running"]:
        return None
    norm: nn.Module = _module(model, reader)
    return norm


def _module(model: nn.Module, node: Node) -> Any:
    return model.get_submodule(module_name(node.path))


def maps_by_size(kernels: Mapping[str, Tensor]) -> dict[Extent, dict[str, Tensor]]:
    """Maps of kernels, the layers of one kernel size together."""
    found: dict[Extent, dict[str, Tensor]] = {}
    for name, kernel in kernels.items():
        size = (int(kernel.shape[-2]), int(kernel.shape[-1]))
        found.setdefault(size, {})[name] = position_map(kernel)
    return found
