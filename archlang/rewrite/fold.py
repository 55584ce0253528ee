"""Convolution + batch norm become one convolution."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor, fx, nn

from archlang.diagnostics import ArchError, error
from archlang.rewrite.base import Pass, Report
from archlang.rewrite.reading import (
    CONTRACTION_FUNCTIONS,
    CONTRACTION_RANKS,
    NORM_RANKS,
    Contraction,
    Kept,
    Norm,
    is_norm,
    read_contraction,
    read_norm,
    source,
)


@dataclass(frozen=True)
class Fold(Pass):
    """A batch norm in evaluation mode goes into the contraction that it alone reads.

        y = gamma (W x + b - mean) / sqrt(var + eps) + beta
          -->  y = W' x + b',   W' = s W,   b' = s b + beta - s mean,   s = gamma / sqrt(var + eps)

    Computed in float64 and stored in the contraction's dtype.

    1. Convolutions of one to three dimensions, whatever their groups, strides, dilations and padding modes.
    2. Transposed convolutions, their groups too.
    3. Dense maps of vectors; kept where a map works on positions, for there the batch norm sees those as channels.
    4. Modules (of torch's own classes, or subclasses that change nothing) and functions with stored weights.
    Kept, with the reason in the report: batch norms in training mode or without running statistics; contractions that
    are used more than once or whose result somebody else reads; hooks, parametrisations, weights that are calculated.
    The contraction keeps its name and gains a bias; the batch norm's names go.
    """

    name: ClassVar[str] = "fuse"

    def requires(self, module: nn.Module) -> None:
        """Raises `ArchError` (not-evaluation-mode)."""
        if module.training:
            message = "a model in training mode has batch norms that cannot be folded"
            raise ArchError(error("not-evaluation-mode", message, help="call `model.eval()` first"))

    def run(self, module: fx.GraphModule) -> Report:
        """Fold all that can be folded."""
        folded, skipped = [], []
        for node in list(module.graph.nodes):
            if not is_norm(module, node):
                continue
            what = _place(node)
            try:
                into = _fold(module, node)
            except Kept as reason:
                skipped.append((what, str(reason)))
            else:
                folded.append((what, _place(into)))
        return Report(tuple(folded), tuple(skipped))


def _place(node: fx.Node) -> str:
    """A node by its module path or variable, and its line where one is known."""
    facts = node.meta.get("archlang")
    name = str(node.target) if node.op == "call_module" else node.name
    return f"{facts['path']} ({facts['span']})" if facts else name


def _fold(module: fx.GraphModule, node: fx.Node) -> fx.Node:
    norm = read_norm(module, node)
    before = source(node)
    found = read_contraction(module, before)
    if found is None:
        raise Kept("no convolution or dense map stands directly before it")
    _check(module, found, norm)
    weight, bias = folded_weights(found, norm)
    if found.module is None:
        _replace_function(module, found, weight, bias)
    else:
        _replace_module(module, found, weight, bias)
    node.replace_all_uses_with(found.node)
    dead = [n for n in node.all_input_nodes if n.op == "get_attr"]
    module.graph.erase_node(node)
    _drop(module, [node, *dead])
    return found.node


def _check(module: fx.GraphModule, found: Contraction, norm: Norm) -> None:
    """Raises `Kept` where folding would change a result."""
    if len(found.node.users) > 1:
        raise Kept("others read the result before it")
    if found.module is not None and _uses(module, str(found.node.target)) > 1:
        raise Kept("the convolution before it is used more than once")
    if found.channels != norm.scale.numel() or norm.scale.device != found.weight.device:
        raise Kept("its channels are not those of the convolution")
    if not found.weight.is_floating_point() or (found.weight.dtype.itemsize > norm.dtype.itemsize):
        raise Kept("it and the convolution differ in dtype")
    rank = _rank(found.node)
    wanted = CONTRACTION_RANKS[found.kind]
    ranks = NORM_RANKS.get(norm.kind, ()) if rank is None else (rank,)
    # Without an example, only a norm that takes a single rank says which axis it sees.
    if ranks != (wanted,) and not (wanted == 2 and rank == 2):
        reason = "which axis it sees is not known without an example input" if rank is None else \
            "it sees another axis than the channels of what stands before it"
        raise Kept(reason)


def _rank(node: fx.Node) -> int | None:
    """How many axes a node's result has, batch included, where that is known."""
    shape = getattr(node.meta.get("tensor_meta"), "shape", None)
    if shape is not None:
        return len(shape)
    rank: int | None = node.meta.get("archlang", {}).get("rank")
    return rank


def _uses(module: fx.GraphModule, target: str) -> int:
    """How many nodes call the module, also under another name, or read something of it."""
    same = module.get_submodule(target)
    names = {name for name, other in module.named_modules(remove_duplicate=False) if other is same}
    calls = sum(n.op == "call_module" and str(n.target) in names for n in module.graph.nodes)
    reads = sum(n.op == "get_attr" and str(n.target).rpartition(".")[0] in names for n in module.graph.nodes)
    return int(calls + reads)


def folded_weights(found: Contraction, norm: Norm) -> tuple[nn.Parameter, nn.Parameter]:
    """Weight and bias of the one contraction, new parameters in the old one's dtype and memory format."""
    old, scale = found.weight.detach().double(), norm.scale
    if found.transposed:  # [in, out / groups, ...]: the output channels of a group lie along axis 1
        by_group = scale.view(found.groups, 1, -1).expand(-1, old.shape[0] // found.groups, -1)
        factor = by_group.reshape(*old.shape[:2], *(1,) * (old.dim() - 2))
    else:
        factor = scale.view(-1, *(1,) * (old.dim() - 1))
    shift = norm.shift if found.bias is None else norm.shift + scale * found.bias.detach().double()
    trained = found.weight.requires_grad
    return _parameter(old * factor, found.weight, trained), _parameter(shift, found.weight, trained)


def _parameter(tensor: Tensor, like: Tensor, trained: bool) -> nn.Parameter:
    return nn.Parameter(tensor.to(like.dtype), requires_grad=trained)


def _replace_module(module: fx.GraphModule, found: Contraction, weight: nn.Parameter, bias: nn.Parameter) -> None:
    outer, _, name = str(found.node.target).rpartition(".")
    assert found.module is not None
    made: Any = copy.copy(found.module)  # of the same class and settings, with parameters of its own
    made._parameters = {**found.module._parameters, "weight": weight, "bias": bias}
    module.get_submodule(outer).register_module(name, made)


def _replace_function(module: fx.GraphModule, found: Contraction, weight: nn.Parameter, bias: nn.Parameter) -> None:
    names = CONTRACTION_FUNCTIONS[found.kind]
    got = {**dict(zip(names, found.node.args, strict=False)), **found.node.kwargs}
    old = [n for n in (got["weight"], got.get("bias")) if isinstance(n, fx.Node)]
    owner = str(old[0].target).rpartition(".")[0]
    with module.graph.inserting_before(found.node):
        for key, parameter in (("weight", weight), ("bias", bias)):
            name = _free_name(module.get_submodule(owner), f"folded_{key}")
            module.get_submodule(owner).register_parameter(name, parameter)
            got[key] = module.graph.create_node("get_attr", f"{owner}.{name}" if owner else name)
    found.node.args, found.node.kwargs = (got.pop("input"),), got
    _drop(module, old)


def _free_name(module: nn.Module, name: str) -> str:
    while hasattr(module, name):
        name += "_"
    return name


def _drop(module: fx.GraphModule, nodes: list[fx.Node]) -> None:
    """Forget what only these nodes used: reading nodes, weights, modules, and modules that thereby become empty."""
    for node in nodes:
        if node.op == "get_attr":
            if node.users or node._erased:
                continue
            module.graph.erase_node(node)
        if node.op in ("get_attr", "call_module"):
            _forget(module, str(node.target))


def _forget(module: fx.GraphModule, target: str) -> None:
    used = [str(n.target) for n in module.graph.nodes if n.op in ("get_attr", "call_module")]
    while target and not any(u == target or u.startswith(f"{target}.") or target.startswith(f"{u}.") for u in used):
        outer, _, name = target.rpartition(".")
        holder = module.get_submodule(outer)
        if hasattr(holder, name):
            delattr(holder, name)
        if type(holder) is not nn.Module or holder._modules or holder._parameters or holder._buffers:
            return
        target = outer
