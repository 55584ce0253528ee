"""Parametrised and calculated weights made plain: what weight norm, spectral norm, pruning or a product of stored
tensors gives outside training is stored in its place.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn.utils import parametrize, prune
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

import archlang.rewrite.calls as calls
from archlang.layers.reparametrized import ReparametrizedConv
from archlang.rewrite.arguments import argument
from archlang.rewrite.memory import Memory, room_of
from archlang.rewrite.randomness import Draws, random_state
from archlang.rewrite.stored import attribute, hooked
from archlang.rewrite.writing import free_name

_WEIGHTS = ("weight", "bias")
_ROOMS = ("torch", "_operator", "math", "builtins")


def bake_modules(module: nn.Module) -> bool:
    """Store what parametrisations and torch's hooks calculate, in a module of one's own; whether there were some.

    In training mode a spectral norm changes with each call: such modules stay.
    """
    baked = False
    # A list: removing a parametrisation changes the modules that are walked through.
    for inner in list(module.modules()):
        # In training mode a spectral norm changes with each call, so no stored value would be right twice.
        if inner.training:
            continue
        if parametrize.is_parametrized(inner):
            parametrizations: Any = inner.parametrizations
            _with_own_class(inner)
            for name in list(parametrizations):
                parametrize.remove_parametrizations(inner, name, leave_parametrized=True)
            baked = True

        for key, hook in list(inner._forward_pre_hooks.items()):
            torchs: Any = hook
            if isinstance(hook, WeightNorm | SpectralNorm):
                torchs.remove(inner)
                # torch's `remove` restores the weight, and leaves its hook to whoever has the handle.
                del inner._forward_pre_hooks[key]
                baked = True
            elif isinstance(hook, prune.BasePruningMethod):
                prune.remove(inner, torchs._tensor_name)  # type: ignore[no-untyped-call]
                baked = True
    return _bake_kernels(module) or baked


def _bake_kernels(module: nn.Module) -> bool:
    """Put plain convolutions in the place of those whose kernels are calculated; whether there was one."""
    plain: dict[ReparametrizedConv, nn.Module] = {}
    # Under every name: a convolution that stands in two places stays one.
    for name, inner in list(module.named_modules(remove_duplicate=False)):
        fits = type(inner) is ReparametrizedConv and not inner.training and not hooked(inner)
        if not fits or not name:
            continue

        if inner not in plain:
            plain[inner] = _plain(inner)
        module.set_submodule(name, plain[inner])
    return bool(plain)


def _plain(conv: ReparametrizedConv) -> nn.Module:
    """The convolution of torch with the kernel that a calculated one has at this moment."""
    weight = conv.kernel().detach()
    groups, out, within = conv.groups, weight.shape[0], weight.shape[1]
    # Settings are a number for each axis, whose count torch's types would want to know beforehand.
    kind: Any = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[weight.dim() - 3]
    made: nn.Module = kind(
        within * groups, out, tuple(weight.shape[2:]), tuple(conv.stride), tuple(conv.padding), tuple(conv.dilation),
        groups, conv.bias is not None, conv.padding_mode, device="meta")

    made.weight = nn.Parameter(weight, requires_grad=conv.weight.requires_grad)
    if conv.bias is not None:
        made.bias = nn.Parameter(conv.bias.detach(), requires_grad=conv.bias.requires_grad)
    return made.eval()


def _with_own_class(module: nn.Module) -> None:
    """Give a parametrised module a class that it shares with no other.

    torch makes one for each module, and takes the calculated weight off it again; but copies of a module share it, and
    the caller's would lose its weight too.
    """
    kind = type(module)
    attributes = {name: value for name, value in vars(kind).items() if name not in ("__dict__", "__weakref__")}
    module.__class__ = type(kind.__name__, kind.__bases__, attributes)


def bake_constants(module: fx.GraphModule) -> bool:
    """Store what a graph calculates of stored tensors alone, where it is the weight of a convolution, linear layer or
    norm; whether there was something.
    """
    memory = Memory(module)
    constant: set[fx.Node] = set()
    for node in module.graph.nodes:
        if node.op == "get_attr":
            value = attribute(module, str(node.target))
            # A stored tensor that the graph itself overwrites is another one at the next call.
            if isinstance(value, Tensor) and not memory.weights_change(value):
                constant.add(node)
        elif _depends_on(node, constant) and _is_pure(memory, node):
            constant.add(node)

    baked = False
    for node in list(module.graph.nodes):
        if node.target in calls.CONVOLUTIONS or node.target in calls.TRANSPOSED or node.target in calls.NORMS:
            for name in _WEIGHTS:
                weight = argument(node, name)
                if isinstance(weight, fx.Node) and weight.op != "get_attr" and weight in constant:
                    baked |= _store(module, weight)
    # Only constants are taken out: other code that nobody reads may overwrite something.
    if baked:
        module.graph.eliminate_dead_code(lambda node: node.op in ("placeholder", "output") or node not in constant)
    return baked


def _depends_on(node: fx.Node, constant: set[fx.Node]) -> bool:
    """Tell whether a call reads constants and nothing else."""
    inputs = node.all_input_nodes
    # Without inputs a call may be anything: a draw, a clock.
    return node.op in ("call_function", "call_method") and bool(inputs) and constant.issuperset(inputs)


def _is_pure(memory: Memory, node: fx.Node) -> bool:
    """Tell whether a call is one of torch's or Python's own that overwrites nothing."""
    known = isinstance(node.target, str) or room_of(node.target) in _ROOMS
    return known and not memory.written(node)


def _store(module: fx.GraphModule, node: fx.Node) -> bool:
    """Put a stored tensor in the place of a node; False where its value depends on chance."""
    with random_state() as state, Draws() as draws, torch.no_grad():
        value = _value(module, node, {})
        # A whole number (a shape, an index) is no weight.
        if state.has_moved(draws) or not isinstance(value, Tensor) or not value.is_floating_point():
            return False

    # Trained as before, though what was trained were the tensors that it is calculated of.
    trained = any(t.requires_grad for t in _leaves(module, node))
    name = free_name(module, "baked_weight")
    module.register_parameter(name, nn.Parameter(value.detach().clone(), requires_grad=trained))
    with module.graph.inserting_before(node):
        stored = module.graph.create_node("get_attr", name)
    node.replace_all_uses_with(stored)
    return True


def _value(module: fx.GraphModule, node: Any, known: dict[fx.Node, Any]) -> Any:
    """The value of a node that reads stored tensors alone."""
    if node in known:
        return known[node]

    if node.op == "get_attr":
        value = attribute(module, str(node.target)).detach()
    else:
        args, kwargs = fx.map_arg((node.args, node.kwargs), lambda n: _value(module, n, known))
        if node.op == "call_method":
            first, *rest = args
            value = getattr(first, str(node.target))(*rest, **kwargs)
        else:
            value = node.target(*args, **kwargs)
    known[node] = value
    return value


def _leaves(module: fx.GraphModule, node: fx.Node) -> list[Tensor]:
    """The stored tensors that a node is calculated of."""
    if node.op == "get_attr":
        return [attribute(module, str(node.target))]
    return [leaf for one in node.all_input_nodes for leaf in _leaves(module, one)]
