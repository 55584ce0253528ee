"""Looking at the calls of single nodes of a compiled model while it runs."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

from torch import nn
from torch.utils.hooks import RemovableHandle

from archlang.emit.names import module_name
from archlang.graph.ir import Graph, Node
from archlang.graph.uses import use_of

Look = Callable[[nn.Module, tuple[Any, ...], Any], None]
"""A function that is given a call: the module, what it got, and what it gave (None before it has run)."""


def watch(model: nn.Module, graph: Graph, node: Node, look: Look, before: bool = False) -> RemovableHandle:
    """Hand every call of a node to `look` until the handle is removed.

    The module of a node inside a `layer` is called once for each use of the layer; of these calls only the node's own
    are handed on. They are counted, so that whole runs of the model must be watched.

    Args:
        model: the compiled model of the graph.
        graph: the graph.
        node: a node that has a module.
        look: what is done with a call.
        before: call it before the module runs.
    """
    which, uses = use_of(graph, node)
    calls = count()
    module = model.get_submodule(module_name(node.path))

    def is_its_own() -> bool:
        return next(calls) % uses == which

    if before:
        def look_before(called: nn.Module, inputs: tuple[Any, ...]) -> None:
            if is_its_own():
                look(called, inputs, None)

        return module.register_forward_pre_hook(look_before)

    def look_behind(called: nn.Module, inputs: tuple[Any, ...], result: Any) -> None:
        if is_its_own():
            look(called, inputs, result)

    return module.register_forward_hook(look_behind)
