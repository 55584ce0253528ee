"""The tensors of a transformed model, taken from the model before: whole, as copies, or as shares."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, fx, nn

from archlang.carrying.following import Ancestor, Path, ancestors
from archlang.carrying.report import Carried
from archlang.compiler import compile
from archlang.diagnostics import ArchError, error
from archlang.elaborate.network import Network
from archlang.exporting.checking import example_inputs
from archlang.graph.ir import Graph, Node, Port
from archlang.layers import Gates
from archlang.rewrite.verify import verify
from archlang.transform.base import Transformation

SAMPLES = 4
"""Random inputs on which a model is compared with the one before."""


def carried(model: nn.Module, before: Network, chosen: Transformation, noise: float, seed: int) -> fx.GraphModule:
    """The model of the transformed network with the weights of `model`. Raises `ArchError`."""
    if not 0 <= noise < float("inf"):
        raise ArchError(error("usage", "the noise of copies is a number of at least 0"))

    after = chosen(before)
    kind = next((p for p in model.parameters() if p.is_floating_point()), torch.empty(()))
    made = compile(after, seed=seed, device=kind.device, dtype=kind.dtype)

    taking = _Taking(model, made, chosen, noise, seed)
    taking.take(ancestors(before, after, chosen.copies), after.graph)
    if chosen.even:
        taking.even(after.graph)

    record: Any = model.archlang
    made.archlang = replace(record, network=after)
    made.train(model.training)
    compared = verify(model, made, example_inputs(before.graph, SAMPLES, seed, torch.get_default_dtype()))
    made.meta["report"] = Carried(
        str(chosen), taking.taken, taking.new, compared.error, compared.largest, compared.equal)
    return made


class _Taking:
    """Fills the tensors of a new model, and keeps account."""

    def __init__(self, model: nn.Module, made: nn.Module, chosen: Transformation, noise: float, seed: int) -> None:
        self.chosen, self.noise, self.made = chosen, noise, made
        self.old: Mapping[str, Tensor] = model.state_dict()
        self.state: Mapping[str, Tensor] = made.state_dict()
        self.chance = torch.Generator().manual_seed(seed)
        self.taken: dict[str, str] = {}
        self.new: dict[str, str] = {}

    def take(self, known: Mapping[Path, Ancestor], graph: Graph) -> None:
        """Fill every tensor whose module stood in the network before."""
        for path, node in graph.modules().items():
            for weight in graph.weights(node):
                name = ".".join((*path, weight.name))
                ancestor = known.get(path)
                if ancestor is None:
                    self.new[name] = "it came in"
                    continue
                self._fill(name, ".".join((*ancestor.path, weight.name)), ancestor)

    def _fill(self, name: str, source: str, ancestor: Ancestor) -> None:
        """Fill one tensor with one of the model before, or with its share in that."""
        value, old = self.state[name], self.old.get(source)
        if old is None:
            self.new[name] = f"there was no `{source}`"
            return

        share = _share(old, value.shape, ancestor)
        if share is None:
            self.new[name] = f"{list(value.shape)} here, {list(old.shape)} before"
            return

        # Copies that are all equal get equal gradients where their router sees no difference.
        if self.noise and ancestor.part and share.is_floating_point() and name in dict(self.made.named_parameters()):
            share = share + self._noise(share)
        with torch.no_grad():
            value.copy_(share)
        self.taken[name] = source

    def _noise(self, value: Tensor) -> Tensor:
        """Normal numbers, `noise` times as wide as the tensor's own."""
        drawn = torch.randn(value.shape, generator=self.chance, dtype=torch.float64)
        # A single number has no deviation: its size is what it is moved by.
        width = value.double().std() if value.numel() > 1 else value.double().abs()
        return (drawn.to(value.device) * width * self.noise).to(value.dtype)

    def even(self, graph: Graph) -> None:
        """Let new gates weigh all alike, and members that then get or give a part of the whole make up for it."""
        came = {name.rpartition(".")[0] for name in self.new}
        for name, module in self.made.named_modules():
            # Gates that were trained stay as they are.
            if isinstance(module, Gates) and name in came:
                with torch.no_grad():
                    module.last.zero_()

        for path, factor in _to_make_up(graph, came).items():
            self._scale(f"{'.'.join(path)}.weight", factor)
        for name, source in self.taken.items():
            before, here = self.old[source].shape, self.state[name].shape
            # A share in the channels that enter gives a part of the sum, which the router then weighs by 1/n.
            if name.endswith(".weight") and len(here) > 1 and before[0] == here[0] and before[1] != here[1]:
                self._scale(name, before[1] // here[1])

    def _scale(self, name: str, factor: int) -> None:
        if name in self.taken:
            with torch.no_grad():
                self.state[name].mul_(factor)


def _share(old: Tensor, shape: torch.Size, ancestor: Ancestor) -> Tensor | None:
    """A tensor, or the share of one of several parts in it, along the one axis that was divided."""
    if old.shape == shape:
        return old
    if len(old.shape) != len(shape):
        return None

    axes = [axis for axis, (was, now) in enumerate(zip(old.shape, shape, strict=True)) if was != now]
    if len(axes) != 1 or old.shape[axes[0]] != shape[axes[0]] * ancestor.parts:
        return None
    return old.narrow(axes[0], ancestor.part * shape[axes[0]], shape[axes[0]])


def _to_make_up(graph: Graph, came: Set[str]) -> dict[Path, int]:
    """Layers that read one of n even shares of a value, each with n: with n times the kernel it gives what it gave.

    `came` are the modules that came in, whose gates are even.
    """
    factors: dict[Path, int] = {}
    for node in graph:
        # A fork: its gates, and the one value that all paths get a share of.
        fork = node.op.weighted and len(node.inputs) == 2 and len(node.outputs) > 1
        if not fork or graph.node(node.inputs[0].node).name not in came:
            continue
        readers = [reader for i in range(len(node.outputs)) for reader, _ in graph.consumers(Port(node.id, i))]
        # A shortcut or an activation that reads it too has no kernel that could make up for it.
        if all(_multiplies(graph, reader) for reader in readers):
            factors |= {reader.path: len(node.outputs) for reader in readers}
    return factors


def _multiplies(graph: Graph, node: Node) -> bool:
    """Tell whether a node is a product of what enters and a kernel: a convolution or a dense layer."""
    return bool(node.convolves) or node.op.mixes(graph.call(node)) is not None
