"""The tree of modules that hold a network's weights, initialised."""

from __future__ import annotations

import hashlib
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import nn

from archlang.emit.names import safe
from archlang.emit.resolve import resolve
from archlang.graph.ir import Graph, Node
from archlang.layers import fill
from archlang.layers.chance import drawing_from
from archlang.ops.model import Module


def build_modules(graph: Graph, seed: int, device: str = "cpu") -> nn.Module:
    """Build a plain tree of modules, one for each module path, whatever the number of nodes that share it.

    On the device `meta` nothing is allocated, for whoever wants to know the modules and not their weights.

    The n-th module with weights draws from a generator of its own, seeded with `seed` and n: names have no part in
    it, nor has anything that the file changes behind the module, nor what other threads draw meanwhile. torch's global
    generator has no part in it either.
    """
    root = nn.Module()
    ordinals = {path: n for n, path in enumerate(graph.modules())}
    built: set[tuple[str, ...]] = set()

    generator = torch.Generator()
    with _on(device), _chance(generator, device):
        for node in graph:
            if not isinstance(node.op.becomes(graph.call(node)), Module) or node.path in built:
                continue

            # Modules without weights have no ordinal and draw nothing.
            generator.manual_seed(_derive(seed, ordinals.get(node.path, -1)))
            built.add(node.path)
            _place(root, node.path, build_module(graph, node))
    return root


def _on(device: str) -> AbstractContextManager[object]:
    """The stretch in which tensors are made on a device."""
    # torch looks at every call for as long as a device is set, which took a tenth of building a network.
    if torch.get_default_device() == torch.device(device):
        return nullcontext()
    return torch.device(device)


def _chance(generator: torch.Generator, device: str) -> AbstractContextManager[object]:
    """The stretch in which modules are built; on the device `meta` nothing is drawn, nor is a generator taken."""
    if device == "meta":
        return nullcontext()
    return drawing_from(generator)


def build_module(graph: Graph, node: Node) -> nn.Module:
    """Build the module of one node, initialised as its arguments say."""
    call = graph.call(node)
    module: nn.Module = resolve(node.op.torch.dotted(call))(**node.op.torch.arguments(call))

    for weight in graph.weights(node):
        if weight.init is not None:
            fill(getattr(module, weight.name), weight.init)
    return module


def _derive(seed: int, ordinal: int) -> int:
    """The seed of one module's generator."""
    # Hashed to 32 bits: torch's generator drops the upper half of a seed, and neighbouring seeds should not be alike.
    return int.from_bytes(hashlib.sha256(f"{seed}:{ordinal}".encode()).digest()[:4], "big")


def _place(root: nn.Module, path: tuple[str, ...], module: nn.Module) -> None:
    """Put a module at its path, with plain modules for the steps above it."""
    *outer, last = map(safe, path)
    parent = root
    for part in outer:
        if part not in parent._modules:
            parent.add_module(part, nn.Module())
        parent = parent.get_submodule(part)

    # A step named `a` may stand beside others below `a.`: what was placed there moves into the module.
    standing = parent._modules.pop(last, None)
    if standing is not None:
        for name, child in standing.named_children():
            module.add_module(name, child)
    parent.add_module(last, module)
