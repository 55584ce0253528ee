"""Graphs made ready for boosting: functions become modules; and made ready for fusion again: modules become graphs."""

from __future__ import annotations

from typing import Any

from torch import Tensor, fx, nn

import archlang.rewrite.calls as calls
from archlang.rewrite.arguments import arguments, parameters
from archlang.rewrite.reading import CONVOLUTION, NORM, sizes, whole
from archlang.rewrite.report import Obstacle
from archlang.rewrite.stored import stored
from archlang.rewrite.tracing import graph_of

_CONVS: dict[int, Any] = {1: nn.Conv1d, 2: nn.Conv2d}
_NORMS: dict[int, Any] = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d}


def with_modules(module: fx.GraphModule) -> fx.GraphModule:
    """The graph itself, which belongs to the caller: functions over maps and lines with weights of their own, called
    with those alone, are modules now, beside where the weights were. Batch norms only where one reads a convolution.
    """
    for node in list(module.graph.nodes):
        if node.op == "call_function" and node.target in calls.CONVOLUTIONS:
            try:
                made, used = _convolution(module, node)
            except Obstacle:
                continue
            _norm_behind(module, _exchange(module, node, made, used), len(made.kernel_size))
    module.graph.lint()
    module.recompile()
    return module


def inlined(module: fx.GraphModule, names: list[str]) -> fx.GraphModule:
    """A graph of its own in which what some modules with one input do stands node by node."""
    graph = module.graph
    for node in [n for n in graph.nodes if n.op == "call_module" and n.target in names]:
        known: dict[fx.Node, Any] = {}
        for inner in graph_of(module.get_submodule(str(node.target))).nodes:
            if inner.op == "placeholder":
                known[inner] = node.args[0]
            elif inner.op == "output":
                node.replace_all_uses_with(known[inner.args[0]])
            else:
                with graph.inserting_before(node):
                    new = graph.node_copy(inner, known.__getitem__)
                if inner.op == "call_module":
                    new.target = f"{node.target}.{inner.target}"
                known[inner] = new
        graph.erase_node(node)
    made = fx.GraphModule(module, graph, type(module).__name__)
    made.training = module.training
    made.meta.update(module.meta)
    return made


def _norm_behind(module: fx.GraphModule, node: fx.Node, spatial: int) -> None:
    reader = next(iter(node.users), None)
    if reader is None or reader.op != "call_function" or reader.target not in calls.NORMS:
        return
    if reader.target in calls.TUPLE_NORMS or any(p.name == "use_input_stats" for p in parameters(reader.target)):
        return
    try:
        made, used = _norm(module, reader, spatial)
    except Obstacle:
        return
    _exchange(module, reader, made, used)


def _alone(module: fx.GraphModule, node: object) -> Any:
    """A stored tensor that only one node reads. Raises Obstacle."""
    found = stored(module, node)
    name = str(node.target) if isinstance(node, fx.Node) else ""
    reads = [n for n in module.graph.nodes if n.op == "get_attr" and str(n.target) == name]
    if len(reads) > 1 or any(len(n.users) > 1 for n in reads):
        raise Obstacle("shared")
    return found


def _convolution(module: fx.GraphModule, node: fx.Node) -> tuple[Any, list[fx.Node]]:
    spatial = calls.CONVOLUTIONS[node.target]
    got = arguments(node, ("input", *CONVOLUTION))
    weight, bias = (_alone(module, got[name]) for name in ("weight", "bias"))
    spatial = weight.dim() - 2 if spatial < 0 else spatial
    if spatial not in _CONVS or got.get("transposed") or not isinstance(weight, nn.Parameter):
        raise Obstacle("own-class")
    padding = got["padding"] if isinstance(got["padding"], str) else sizes(got["padding"], spatial)
    stride, dilation = sizes(got["stride"], spatial), sizes(got["dilation"], spatial)
    groups = whole(got["groups"])
    made = _CONVS[spatial](weight.shape[1] * groups, len(weight), tuple(weight.shape[2:]), stride, padding,
                           dilation, groups, bias is not None, device="meta", dtype=weight.dtype)
    made.weight, made.bias = weight, bias
    return made, [got["weight"], got["bias"]]


def _norm(module: fx.GraphModule, node: fx.Node, spatial: int) -> tuple[Any, list[fx.Node]]:
    got = arguments(node, ("input", "momentum", *NORM))
    names = ("running_mean", "running_var", "weight", "bias")
    tensors: dict[str, Tensor | None] = {name: _alone(module, got[name]) for name in names}
    mean = tensors["running_mean"]
    if mean is None or tensors["running_var"] is None or not isinstance(got["training"], bool):
        raise Obstacle("no-statistics")
    momentum = got.get("momentum", 0.1)
    made = _NORMS[spatial](len(mean), got["eps"], momentum, affine=tensors["weight"] is not None, device="meta")
    for name, tensor in tensors.items():
        setattr(made, name, tensor)
    made.num_batches_tracked = mean.new_zeros((), dtype=made.num_batches_tracked.dtype)
    return made.train(got["training"]), [got[name] for name in names]


def _exchange(module: fx.GraphModule, node: fx.Node, made: nn.Module, used: list[fx.Node]) -> fx.Node:
    """A module in the place of a function; the tensors that it took over leave their old names."""
    first = next(n for n in used if n is not None)
    owner = str(first.target).rpartition(".")[0]
    holder, name = module.get_submodule(owner), "conv" if isinstance(made, nn.Conv1d | nn.Conv2d) else "norm"
    while hasattr(holder, name):
        name += "_"
    holder.add_module(name, made)
    source = node.args[0] if node.args else node.kwargs.get("input", node.kwargs.get("self"))
    with module.graph.inserting_before(node):
        new = module.graph.call_module(f"{owner}.{name}".lstrip("."), (source,))
    new.meta.update(node.meta)
    node.replace_all_uses_with(new)
    module.graph.erase_node(node)
    for one in used:
        if one is not None and not one.users:
            module.graph.erase_node(one)
            outer, _, last = str(one.target).rpartition(".")
            delattr(module.get_submodule(outer), last)
    return new
