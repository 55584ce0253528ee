"""The constants of a graph, and the modules that compute what torch's own classes do."""

from __future__ import annotations

from typing import Any

from torch import Tensor, fx, nn
from torch.nn.utils import parametrize

import archlang.rewrite.calls as calls
from archlang.rewrite.report import Obstacle

HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def attribute(module: nn.Module, target: str) -> Any:
    """The value of a dotted name. Raises AttributeError."""
    value: Any = module
    for part in target.split("."):
        value = getattr(value, part)
    return value


def stored(module: nn.Module, node: object) -> Any:
    """The tensor that an argument names, None for none. Raises Obstacle where it is calculated."""
    if node is None:
        return None
    if not isinstance(node, fx.Node) or node.op != "get_attr":
        raise Obstacle("calculated-weights")
    return attribute(module, str(node.target))


def constant(module: nn.Module, node: object) -> Any:
    """The number or tensor that an argument always is, None where it depends on inputs."""
    # True and False are ints to Python, and no numbers to torch.
    if isinstance(node, bool) or not isinstance(node, int | float | fx.Node):
        return None
    if not isinstance(node, fx.Node):
        return node

    if node.op == "get_attr":
        value = stored(module, node)
        if isinstance(value, Tensor):
            return value.detach()
        return None
    if node.op not in ("call_function", "call_method") or node.target not in calls.VIEWS:
        return None

    if node.args:
        inner = constant(module, node.args[0])
    else:
        inner = None
    # A view with a second tensor (an index, a size that is calculated) is no constant.
    if not isinstance(inner, Tensor) or len(node.all_input_nodes) > 1 or node.kwargs:
        return None

    rest = node.args[1:]
    if node.op == "call_method":
        return getattr(inner, str(node.target))(*rest)
    return node.target(inner, *rest)  # type: ignore[operator]  # a function, as the operation says


def constant_source(node: object) -> fx.Node | None:
    """The stored tensor at the beginning of a constant's views; None for a number."""
    # Views have one input that is a tensor; its beginning is the stored one.
    while isinstance(node, fx.Node) and node.op != "get_attr" and node.all_input_nodes:
        node = node.all_input_nodes[0]
    if isinstance(node, fx.Node):
        return node
    return None


def hooked(module: nn.Module) -> bool:
    """Tell whether a module has hooks of its own."""
    return any(getattr(module, name) for name in HOOKS)


def plain_kind(module: nn.Module, kinds: tuple[type, ...]) -> type:
    """The class of torch that a module behaves as. Raises Obstacle where something changes what it does."""
    if parametrize.is_parametrized(module):
        raise Obstacle("parametrised")
    if isinstance(module, nn.modules.lazy.LazyModuleMixin):
        raise Obstacle("no-weights-yet")
    if hooked(module):
        raise Obstacle("hooks")

    for kind in kinds:
        # A `forward` on the object itself replaces the class's.
        if calls.changes_nothing_of(type(module), kind) and "forward" not in vars(module):
            return kind
    raise Obstacle("own-class")
