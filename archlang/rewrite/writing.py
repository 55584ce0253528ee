"""Putting a contraction of the algebra back into a torch.fx graph: new weights, rounded once, in the old one's form."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

import archlang.rewrite.reading as reading
from archlang.rewrite.arguments import arguments, parameters
from archlang.rewrite.reader import Link
from archlang.rewrite.steps import Contraction, ConvStep, Sizes, TransposedStep

_FORMATS = {4: torch.channels_last, 5: torch.channels_last_3d}
_FACTS = ("archlang", "span")
"""The keys of a node's meta that say where it comes from."""


def write(module: fx.GraphModule, node: fx.Node, link: Link) -> list[str]:
    """Give a node the weights and the geometry of its step; the names of weights that it reads no more."""
    step, like = link.step, link.weight
    assert like is not None and isinstance(step, ConvStep | TransposedStep)

    weight = _parameter(_formed(step.kernel.to(like.dtype), like), link.trained)
    if step.bias is None:
        bias = None
    else:
        bias = _parameter(step.bias.to(like.dtype), link.trained)
    padding = None
    if isinstance(step, ConvStep):
        # A function has no argument for another mode; a module has an attribute.
        padding = _padded(module, node, step, any_mode=node.op == "call_module")

    if node.op == "call_module":
        _write_module(module, node, step, weight, bias, padding)
        return []
    return _write_function(module, node, step, weight, bias, padding)


def free_name(module: nn.Module, name: str) -> str:
    """The name, with as many underscores behind it as it takes to be free."""
    while hasattr(module, name):
        name += "_"
    return name


def _parameter(tensor: Tensor, trained: bool) -> nn.Parameter:
    return nn.Parameter(tensor.detach().clone(memory_format=torch.preserve_format), requires_grad=trained)


def _formed(tensor: Tensor, like: Tensor) -> Tensor:
    """A tensor with its channels last where those of another are last."""
    wanted = _FORMATS.get(tensor.dim())
    # Channels last is a matter of speed that the caller chose; a new weight keeps to it.
    if wanted is None or like.is_contiguous() or not like.is_contiguous(memory_format=wanted):
        return tensor.contiguous()
    return tensor.contiguous(memory_format=wanted)


def _padded(module: fx.GraphModule, node: fx.Node, conv: ConvStep, any_mode: bool) -> Sizes:
    """The padding that the operation itself does; any other is written before it: first padded, then cropped."""
    plain_mode = any_mode or conv.mode == "zeros" or not conv.padded
    if conv.lo == conv.hi and min(conv.lo, default=0) >= 0 and plain_mode:
        return conv.lo

    if node.args:
        source = node.args[0]
    else:
        source = node.kwargs["input"]
    assert isinstance(source, fx.Node)
    # torch.fx and `functional.pad` name the last axis first.
    pairs = list(zip(conv.lo, conv.hi, strict=True))[::-1]
    ahead = tuple(max(p, 0) for pair in pairs for p in pair)
    cut = tuple(min(p, 0) for pair in pairs for p in pair)
    if conv.mode == "zeros":
        mode = "constant"
    else:
        mode = conv.mode

    # First extended, then cropped: `functional.pad` would crop first.
    with module.graph.inserting_before(node):
        for amounts, how in ((ahead, mode), (cut, "constant")):
            if any(amounts):
                pad = module.graph.create_node("call_function", functional.pad, (source, amounts), {"mode": how},
                                               f"{node.name}_pad")
                if "archlang" in node.meta:
                    pad.meta.update({key: node.meta[key] for key in _FACTS if key in node.meta})
                source = pad

    if node.args:
        node.args = (source, *node.args[1:])
    else:
        node.kwargs = {**node.kwargs, "input": source}
    return (0,) * conv.spatial


def _write_module(module: fx.GraphModule, node: fx.Node, step: Contraction, weight: nn.Parameter,
                  bias: nn.Parameter | None, padding: Sizes | None) -> None:
    """Put a module of the same class and settings in the place of the old one, with parameters of its own."""
    outer, _, name = str(node.target).rpartition(".")
    called: Any = module.get_submodule(str(node.target))
    # A shallow copy keeps class, settings and hooks; the old module may be another's too.
    made: Any = copy.copy(called)
    made._parameters = {**called._parameters, "weight": weight, "bias": bias}

    if isinstance(step, TransposedStep):
        made.in_channels, made.out_channels = step.in_channels, step.out_channels
        made.kernel_size = tuple(step.kernel.shape[2:])
        made.padding, made.output_padding, made.dilation = step.padding, step.output_padding, step.dilation
    elif step.spatial:
        _settle(made, step, padding or ())
    else:
        made.in_features, made.out_features = step.in_channels, step.out_channels
    module.get_submodule(outer).register_module(name, made)


def _settle(made: Any, conv: ConvStep, padding: Sizes) -> None:
    """Give a convolution module the geometry of its new kernel."""
    extent = tuple(d * (k - 1) for d, k in zip(conv.dilation, conv.size, strict=True))
    # `same` may stay only where it still means these amounts.
    same = made.padding == "same" and conv.lo == tuple(w // 2 for w in extent) and padding == conv.lo == conv.hi

    made.in_channels, made.out_channels, made.groups = conv.in_channels, conv.out_channels, conv.groups
    made.kernel_size, made.stride, made.dilation = conv.size, conv.stride, conv.dilation
    if any(padding):
        made.padding_mode = conv.mode
    else:
        made.padding_mode = "zeros"
    if same:
        made.padding = "same"
    else:
        made.padding = padding
    # With a padding mode torch pads by this list, and not by `padding`.
    made._reversed_padding_repeated_twice = [p for p in reversed(padding) for _ in range(2)]


def _write_function(module: fx.GraphModule, node: fx.Node, step: Contraction, weight: nn.Parameter,
                    bias: nn.Parameter | None, padding: Sizes | None) -> list[str]:
    """Give a function's call new weights beside the old ones, and its new geometry; the names of weights that go."""
    names = [p.name for p in parameters(node.target) if not p.by_name]
    got = arguments(node, ("input", *reading.CONVOLUTION))
    old = [n for n in (got["weight"], got.get("bias")) if isinstance(n, fx.Node)]
    owner = str(old[0].target).rpartition(".")[0]
    holder = module.get_submodule(owner)

    with module.graph.inserting_before(node):
        for key, parameter in (("weight", weight), ("bias", bias)):
            got[key] = None
            if parameter is None:
                continue
            name = free_name(holder, f"folded_{key}")
            holder.register_parameter(name, parameter)
            target = f"{owner}.{name}" if owner else name
            got[key] = module.graph.create_node("get_attr", target)
            got[key].meta.update({k: v for k, v in node.meta.items() if k in _FACTS})

    if isinstance(step, TransposedStep):
        settings = ("stride", "padding", "output_padding", "dilation", "groups")
        got |= {name: getattr(step, name) for name in settings}
    elif step.spatial:
        got |= {"stride": step.stride, "padding": padding, "dilation": step.dilation, "groups": step.groups}

    if isinstance(node.target, torch._ops.OpOverload):
        if node.target._overloadname == "padding":  # its padding is a word
            node.target = node.target.overloadpacket.default
        # aten's schemas take lists where Python has tuples.
        got = {key: list(value) if isinstance(value, tuple) else value for key, value in got.items()}

    node.args, node.kwargs = tuple(got[name] for name in names), {}
    gone = []
    for one in old:
        # Somebody else may still read the old weights.
        if not one.users:
            module.graph.erase_node(one)
            gone.append(str(one.target))
    return gone
