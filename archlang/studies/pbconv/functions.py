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
    # A list: nodes are exchanged while it is walked through.
    for node in list(module.graph.nodes):
        if node.op != "call_function" or node.target not in calls.CONVOLUTIONS:
            continue
        try:
            conv, used = _convolution(module, node)
        except Obstacle:
            continue
        called = _exchange(module, node, conv, used)
        _norm_behind(module, called, len(conv.kernel_size))

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
                # The copied node still has the name from inside its module.
                if inner.op == "call_module":
                    new.target = f"{node.target}.{inner.target}"
                known[inner] = new

        graph.erase_node(node)

    result = fx.GraphModule(module, graph, type(module).__name__)
    # torch.fx takes over neither of these from the module that it copies from.
    result.training = module.training
    result.meta.update(module.meta)
    return result


def _norm_behind(module: fx.GraphModule, node: fx.Node, spatial: int) -> None:
    reader = next(iter(node.users), None)
    if reader is None or reader.op != "call_function" or reader.target not in calls.NORMS:
        return

    # `native_batch_norm` gives its statistics too; an instance norm has statistics of each sample.
    if reader.target in calls.TUPLE_NORMS or any(p.name == "use_input_stats" for p in parameters(reader.target)):
        return

    try:
        norm, used = _norm(module, reader, spatial)
    except Obstacle:
        return
    _exchange(module, reader, norm, used)


def _alone(module: fx.GraphModule, node: object) -> Any:
    """A stored tensor that only one node reads. Raises Obstacle."""
    tensor = stored(module, node)
    name = str(node.target) if isinstance(node, fx.Node) else ""
    reads = [n for n in module.graph.nodes if n.op == "get_attr" and str(n.target) == name]
    # Read twice in one node, or by two nodes: once it has moved into a module, the other reader would miss it.
    if len(reads) > 1 or any(len(n.users) > 1 for n in reads):
        raise Obstacle("shared")
    return tensor


def _convolution(module: fx.GraphModule, node: fx.Node) -> tuple[Any, list[fx.Node]]:
    spatial = calls.CONVOLUTIONS[node.target]
    got = arguments(node, ("input", *CONVOLUTION))
    weight, bias = (_alone(module, got[name]) for name in ("weight", "bias"))
    # `aten.convolution` serves all numbers of axes; the weight [out, in, ...] tells.
    if spatial < 0:
        spatial = weight.dim() - 2
    if spatial not in _CONVS or got.get("transposed") or not isinstance(weight, nn.Parameter):
        raise Obstacle("own-class")

    # `same` and `valid` are words that the module knows too.
    padding = got["padding"]
    if not isinstance(padding, str):
        padding = sizes(padding, spatial)
    stride, dilation = sizes(got["stride"], spatial), sizes(got["dilation"], spatial)
    groups = whole(got["groups"])

    # On the meta device nothing is allocated or drawn: the weights are there already.
    conv = _CONVS[spatial](weight.shape[1] * groups, len(weight), tuple(weight.shape[2:]), stride, padding,
                           dilation, groups, bias is not None, device="meta", dtype=weight.dtype)
    conv.weight, conv.bias = weight, bias
    return conv, [got["weight"], got["bias"]]


def _norm(module: fx.GraphModule, node: fx.Node, spatial: int) -> tuple[Any, list[fx.Node]]:
    got = arguments(node, ("input", "momentum", *NORM))
    names = ("running_mean", "running_var", "weight", "bias")
    tensors: dict[str, Tensor | None] = {name: _alone(module, got[name]) for name in names}
    mean = tensors["running_mean"]
    # A `training` that is calculated cannot be a mode of the module.
    if mean is None or tensors["running_var"] is None or not isinstance(got["training"], bool):
        raise Obstacle("no-statistics")

    momentum = got.get("momentum", 0.1)
    norm = _NORMS[spatial](len(mean), got["eps"], momentum, affine=tensors["weight"] is not None, device="meta")
    for name, tensor in tensors.items():
        setattr(norm, name, tensor)
    # The one tensor that the function did not have, and that would stay on the meta device.
    norm.num_batches_tracked = mean.new_zeros((), dtype=norm.num_batches_tracked.dtype)
    return norm.train(got["training"]), [got[name] for name in names]


def _exchange(module: fx.GraphModule, node: fx.Node, made: nn.Module, used: list[fx.Node]) -> fx.Node:
    """A module in the place of a function; the tensors that it took over leave their old names."""
    first = next(n for n in used if n is not None)
    owner = str(first.target).rpartition(".")[0]
    holder = module.get_submodule(owner)

    name = "norm"
    if isinstance(made, nn.Conv1d | nn.Conv2d):
        name = "conv"
    while hasattr(holder, name):
        name += "_"
    holder.add_module(name, made)

    # aten's operations call their input `self`.
    source = node.kwargs.get("input", node.kwargs.get("self"))
    if node.args:
        source = node.args[0]
    with module.graph.inserting_before(node):
        new = module.graph.call_module(f"{owner}.{name}".lstrip("."), (source,))
    new.meta.update(node.meta)
    node.replace_all_uses_with(new)
    module.graph.erase_node(node)

    # A tensor that kept its old name as well would be saved twice.
    for one in used:
        if one is not None and not one.users:
            module.graph.erase_node(one)
            outer, _, last = str(one.target).rpartition(".")
            delattr(module.get_submodule(outer), last)

    return new
