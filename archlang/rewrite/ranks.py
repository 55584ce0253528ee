"""How many axes the tensors of a torch.fx graph have, batch included, as far as the graph itself tells."""

from __future__ import annotations

import operator

import torch
from torch import fx, nn
from torch.nn import functional

from archlang.rewrite import calls

_LIKE = {
    functional.relu, functional.relu6, functional.gelu, functional.silu, functional.hardswish, functional.leaky_relu,
    functional.elu, functional.mish, functional.hardtanh, torch.relu, torch.sigmoid, torch.tanh, torch.relu_,
    functional.hardsigmoid, functional.softplus, functional.prelu, functional.sigmoid, functional.tanh,
    functional.max_pool1d, functional.max_pool2d, functional.max_pool3d, "relu", "relu_", "sigmoid", "tanh",
    "contiguous", "clone", *calls.CONVOLUTIONS, *calls.TRANSPOSED, *calls.POOLS, *calls.NORMS, *calls.PADS,
    *calls.DROPOUTS, *calls.NEGATIVES,
}
_LIKE_MODULES: tuple[type, ...] = (
    nn.modules.conv._ConvNd, nn.modules.batchnorm._NormBase, nn.modules.dropout._DropoutNd,
    nn.modules.pooling._MaxPoolNd, nn.modules.pooling._AvgPoolNd, nn.modules.pooling._AdaptiveAvgPoolNd,
    nn.Identity, nn.Linear,
    *(getattr(nn.modules.activation, name) for name in nn.modules.activation.__all__ if name != "MultiheadAttention"),
    *(kind for kind, _ in calls.PAD_MODULES),
)


def ranks(module: fx.GraphModule) -> dict[fx.Node, int]:
    """The rank of every node where it is known: by an example, by the file, or by an operation that takes only one."""
    found: dict[fx.Node, int] = {}
    equal: list[tuple[fx.Node, fx.Node]] = []
    for node in module.graph.nodes:
        known = _noted(node)
        if known is not None:
            found[node] = known
        before = _first(node)
        if before is None:
            continue
        if _alike(module, node):
            equal.append((before, node))
        wanted = _demanded(module, node)
        if wanted is not None:
            found.setdefault(before, wanted)
    for pairs in (equal, equal[::-1], equal):
        for one, other in pairs:
            for a, b in ((one, other), (other, one)):
                if a in found:
                    found.setdefault(b, found[a])
    return found


def _first(node: fx.Node) -> fx.Node | None:
    first = node.args[0] if node.args else calls.arguments(node, ()).get("input")
    return first if isinstance(first, fx.Node) else None


def _noted(node: fx.Node) -> int | None:
    for key in ("tensor_meta", "val"):
        shape = getattr(node.meta.get(key), "shape", None)
        if shape is not None:
            return len(shape)
    rank: int | None = node.meta.get("archlang", {}).get("rank") if node.op != "get_attr" else None
    return rank


def _alike(module: fx.GraphModule, node: fx.Node) -> bool:
    """Whether a node's result has as many axes as what it reads first."""
    if node.op == "call_module":
        return isinstance(module.get_submodule(str(node.target)), _LIKE_MODULES)
    return node.op in ("call_function", "call_method") and node.target in _LIKE


def _demanded(module: fx.GraphModule, node: fx.Node) -> int | None:
    """The only rank that a node takes, or that the traced code insists on: `assert x.ndim == 4`."""
    if node.op == "call_module":
        called = module.get_submodule(str(node.target))
        for kind, rank in ((nn.BatchNorm2d, 4), (nn.BatchNorm3d, 5)):
            if isinstance(called, kind):
                return rank
        return None
    if node.op == "call_function" and node.target is getattr and node.args[1] == "ndim":
        return _asserted(node)
    if node.op == "call_method" and node.target in ("dim", "ndimension"):
        return _asserted(node)
    return None


def _asserted(node: fx.Node) -> int | None:
    for user in node.users:
        insists = user.target is operator.eq and any(u.target is torch._assert for u in user.users)
        if insists and isinstance(user.args[1], int):
            return user.args[1]
    return None
