"""The number of axes of the tensors in a torch.fx graph, batch included, as far as the graph itself tells."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional

import archlang.rewrite.calls as calls
from archlang.rewrite.arguments import first_input
from archlang.rewrite.stored import hooked

_KEEP_RANK: set[Any] = {
    functional.relu, functional.relu6, functional.gelu, functional.silu, functional.hardswish, functional.leaky_relu,
    functional.elu, functional.mish, functional.hardtanh, torch.relu, torch.sigmoid, torch.tanh, torch.relu_,
    functional.hardsigmoid, functional.softplus, functional.prelu, functional.sigmoid, functional.tanh,
    functional.max_pool1d, functional.max_pool2d, functional.max_pool3d, "relu", "relu_", "sigmoid", "tanh",
    "contiguous", "clone", *calls.CONVOLUTIONS, *calls.TRANSPOSED, *calls.POOLS, *calls.NORMS, *calls.PADS,
    *calls.DROPOUTS, *calls.NEGATIVES,
}
_KEEP_RANK_MODULES: tuple[type, ...] = (
    nn.modules.conv._ConvNd, nn.modules.batchnorm._NormBase, nn.modules.dropout._DropoutNd,
    nn.modules.pooling._MaxPoolNd, nn.modules.pooling._AvgPoolNd, nn.modules.pooling._AdaptiveAvgPoolNd,
    nn.Identity, nn.Linear, *calls.PAD_MODULES,
    *(getattr(nn.modules.activation, name) for name in nn.modules.activation.__all__ if name != "MultiheadAttention"),
)
_RANK_OF_NORM: dict[type, int] = {nn.BatchNorm2d: 4, nn.BatchNorm3d: 5}
"""Modules that take no other rank."""

Ranks = dict[fx.Node, int]


def ranks(module: fx.GraphModule) -> Ranks:
    """The rank of every node where it is known: by an example, by the file, or by an operation that takes only one."""
    known: Ranks = {}
    equal: list[tuple[fx.Node, fx.Node]] = []
    for node in module.graph.nodes:
        noted = _noted(node)
        if noted is not None:
            known[node] = noted

        before = first_input(node)
        if before is None:

            continue
        if _keeps_rank(module, node):
            equal.append((before, node))
        demanded = _demanded(module, node)
        if demanded is not None:
            # What an example noted is a fact; what a layer demands is a conclusion, and gives way.
            known.setdefault(before, demanded)

    # Ranks travel both ways: forwards, backwards, and forwards again from what was learnt behind.
    for pairs in (equal, equal[::-1], equal):
        for one, other in pairs:
            if one in known:
                known.setdefault(other, known[one])
            if other in known:
                known.setdefault(one, known[other])
    return known


def _noted(node: fx.Node) -> int | None:
    """The rank that an example or the file left in a node's meta."""
    for key in ("tensor_meta", "val"):
        shape = getattr(node.meta.get(key), "shape", None)
        if shape is not None:
            return len(shape)

    # The file notes ranks of activations, not of stored tensors.
    if node.op == "get_attr":
        return None
    rank: int | None = node.meta.get("archlang", {}).get("rank")
    return rank


def _keeps_rank(module: fx.GraphModule, node: fx.Node) -> bool:
    """Tell whether a node's result has as many axes as what it reads first."""
    if node.op == "call_module":
        called = module.get_submodule(str(node.target))
        return isinstance(called, _KEEP_RANK_MODULES) and not hooked(called)
    return node.op in ("call_function", "call_method") and node.target in _KEEP_RANK


def _demanded(module: fx.GraphModule, node: fx.Node) -> int | None:
    """The only rank that a node takes, or that the traced code insists on: `assert x.ndim == 4`."""
    if node.op == "call_module":
        called = module.get_submodule(str(node.target))
        kinds = [rank for kind, rank in _RANK_OF_NORM.items() if calls.changes_nothing_of(type(called), kind)]
        if kinds and not hooked(called):
            return kinds[0]
        return None

    if node.op == "call_function" and node.target is getattr and node.args[1] == "ndim":
        return _asserted(node)
    if node.op == "call_method" and node.target in ("dim", "ndimension"):
        return _asserted(node)
    return None


def _asserted(node: fx.Node) -> int | None:
    """The number that an assertion compares a node with."""
    for user in node.users:
        # Nothing but an assertion binds: a model may compare its rank and go either way.
        insists = user.target is operator.eq and any(u.target is torch._assert for u in user.users)
        if insists and isinstance(user.args[1], int):
            return user.args[1]
    return None
