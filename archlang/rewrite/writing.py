"""Putting a contraction of the algebra back into a torch.fx graph: new weights, rounded once, in the old one's form."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from archlang.rewrite import calls
from archlang.rewrite.algebra import Conv, Sizes, Transposed
from archlang.rewrite.reading import Link

_FORMATS = {4: torch.channels_last, 5: torch.channels_last_3d}


def write(module: fx.GraphModule, node: fx.Node, link: Link) -> list[str]:
    """Give a node the weights and the geometry of its step; the names of weights that it reads no more."""
    step, like = link.step, link.weight
    assert like is not None and isinstance(step, Conv | Transposed)
    weight = _parameter(_formed(step.kernel.to(like.dtype), like), link.trained)
    bias = None if step.bias is None else _parameter(step.bias.to(like.dtype), link.trained)
    padding = _padded(module, node, step, node.op == "call_module") if isinstance(step, Conv) else None
    if node.op == "call_module":
        _write_module(module, node, step, weight, bias, padding)
        return []
    return _write_function(module, node, step, weight, bias, padding)


def _parameter(tensor: Tensor, trained: bool) -> nn.Parameter:
    return nn.Parameter(tensor.detach().clone(memory_format=torch.preserve_format), requires_grad=trained)


def _formed(tensor: Tensor, like: Tensor) -> Tensor:
    wanted = _FORMATS.get(tensor.dim())
    last = wanted is not None and like.is_contiguous(memory_format=wanted) and not like.is_contiguous()
    return tensor.contiguous(memory_format=wanted if last and wanted is not None else torch.contiguous_format)


def _padded(module: fx.GraphModule, node: fx.Node, conv: Conv, any_mode: bool) -> Sizes:
    """The padding that the operation itself does; any other is written before it: first padded, then cropped."""
    if conv.lo == conv.hi and min(conv.lo, default=0) >= 0 and (any_mode or conv.mode == "zeros" or not conv.padded):
        return conv.lo
    source = node.args[0] if node.args else node.kwargs["input"]
    assert isinstance(source, fx.Node)
    pairs = list(zip(conv.lo, conv.hi, strict=True))[::-1]
    ahead = tuple(max(p, 0) for pair in pairs for p in pair)
    cut = tuple(min(p, 0) for pair in pairs for p in pair)
    mode = "constant" if conv.mode == "zeros" else conv.mode
    with module.graph.inserting_before(node):
        for amounts, how in ((ahead, mode), (cut, "constant")):
            if any(amounts):
                made = module.graph.create_node("call_function", functional.pad, (source, amounts), {"mode": how},
                                                f"{node.name}_pad")
                if "archlang" in node.meta:
                    made.meta.update({key: node.meta[key] for key in ("archlang", "span") if key in node.meta})
                source = made
    if node.args:
        node.args = (source, *node.args[1:])
    else:
        node.kwargs = {**node.kwargs, "input": source}
    return (0,) * conv.spatial


def _write_module(module: fx.GraphModule, node: fx.Node, step: Conv | Transposed, weight: nn.Parameter,
                  bias: nn.Parameter | None, padding: Sizes | None) -> None:
    outer, _, name = str(node.target).rpartition(".")
    called: Any = module.get_submodule(str(node.target))
    made: Any = copy.copy(called)  # of the same class and settings, with parameters of its own
    made._parameters = {**called._parameters, "weight": weight, "bias": bias}
    if isinstance(step, Conv) and step.spatial:
        _settle(made, step, padding or ())
    elif isinstance(step, Transposed):
        made.kernel_size = tuple(step.kernel.shape[2:])
        made.padding, made.output_padding, made.dilation = step.padding, step.output_padding, step.dilation
    else:
        made.in_features, made.out_features = step.entering, step.leaving
    module.get_submodule(outer).register_module(name, made)


def _settle(made: Any, conv: Conv, padding: Sizes) -> None:
    """Give a convolution module the geometry of its new kernel."""
    whole = tuple(d * (k - 1) for d, k in zip(conv.dilation, conv.size, strict=True))
    same = made.padding == "same" and conv.lo == tuple(w // 2 for w in whole) and padding == conv.lo == conv.hi
    made.in_channels, made.out_channels, made.groups = conv.entering, conv.leaving, conv.groups
    made.kernel_size, made.stride, made.dilation = conv.size, conv.stride, conv.dilation
    made.padding_mode = conv.mode if any(padding) else "zeros"
    made.padding = "same" if same else padding
    made._reversed_padding_repeated_twice = [p for p in reversed(padding) for _ in range(2)]


def _write_function(module: fx.GraphModule, node: fx.Node, step: Conv | Transposed, weight: nn.Parameter,
                    bias: nn.Parameter | None, padding: Sizes | None) -> list[str]:
    table = calls.CONVOLUTIONS if node.target in calls.CONVOLUTIONS else calls.TRANSPOSED
    names = table[node.target][1]
    got = {**{n: calls.DEFAULTS[n] for n in names[1:]}, **calls.arguments(node, names)}
    old = [n for n in (got["weight"], got.get("bias")) if isinstance(n, fx.Node)]
    owner = str(old[0].target).rpartition(".")[0]
    holder = module.get_submodule(owner)
    with module.graph.inserting_before(node):
        for key, parameter in (("weight", weight), ("bias", bias)):
            got[key] = None
            if parameter is None:
                continue
            name = _free_name(holder, f"folded_{key}")
            holder.register_parameter(name, parameter)
            got[key] = module.graph.create_node("get_attr", f"{owner}.{name}" if owner else name)
            got[key].meta.update({k: v for k, v in node.meta.items() if k in ("archlang", "span")})
    if isinstance(step, Conv) and step.spatial:
        got |= {"stride": step.stride, "padding": padding, "dilation": step.dilation, "groups": step.groups}
    if isinstance(step, Transposed):
        settings = ("stride", "padding", "output_padding", "dilation", "groups")
        got |= {name: getattr(step, name) for name in settings}
    if isinstance(node.target, torch._ops.OpOverload):
        if node.target._overloadname == "padding":
            node.target = node.target.overloadpacket.default
        got = {key: list(value) if isinstance(value, tuple) else value for key, value in got.items()}
    node.args, node.kwargs = tuple(got[name] for name in names), {}
    gone = []
    for one in old:
        if not one.users:
            module.graph.erase_node(one)
            gone.append(str(one.target))
    return gone


def _free_name(module: nn.Module, name: str) -> str:
    while hasattr(module, name):
        name += "_"
    return name
