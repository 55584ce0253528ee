"""The construction of a module: its class, and what the constructor is given."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from archlang.diagnostics import ArchError, error
from archlang.emit.resolve import resolve
from archlang.graph.ir import Graph, Node
from archlang.ops.model import Module
from archlang.ops.values import Option


@dataclass(frozen=True)
class Construction:
    """A constructor's call, and the initialisers that a file gives its weights.

    A tensor of the model itself has `torch.Tensor` for its class, with `shape`, `trained` and `dtype`.
    """

    target: Any
    arguments: Mapping[str, Any]
    starts: Mapping[str, Option] = field(default_factory=dict)

    @staticmethod
    def of_tensor(tensor: torch.Tensor) -> Construction:
        """The construction of a weight or buffer."""
        trained = isinstance(tensor, nn.Parameter)
        given = {"shape": tuple(tensor.shape), "trained": trained, "dtype": str(tensor.dtype)}
        return Construction(torch.Tensor, given)


def of_node(graph: Graph, node: Node) -> Construction:
    """The construction of a node's module, as its operation says."""
    call = graph.call(node)
    target = node.op.becomes(call)
    if not isinstance(target, Module):
        raise refused(f"`{node.name}` is a function in its network and a module in the model")

    starts = {weight.name: weight.init for weight in graph.weights(node) if weight.init is not None}
    return Construction(resolve(target.dotted(call)), dict(target.arguments(call)), starts)


def of_instance(module: nn.Module, stated: Construction | None) -> Construction:
    """The construction of a module that a pass may have made or changed.

    Raises ArchError (unsupported-module) where its arguments cannot be read off it.
    """
    kind = type(module)
    # Classes of archlang stay as they were; a pass changes those of torch alone.
    if not kind.__module__.startswith("torch."):
        if stated is None or stated.target is not kind:
            raise refused(f"`{kind.__name__}` was made by a pass, and how is not known")
        return stated

    given = {}
    for name, parameter in inspect.signature(kind.__init__).parameters.items():
        if name in ("self", "device", "dtype"):
            continue
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD) or not hasattr(module, name):
            continue
        value = getattr(module, name)
        # `bias` is a tensor or None on the module, and a truth value for the constructor.
        if name == "bias":
            value = value is not None and value is not False
        given[name] = value
    return Construction(kind, given)


def refused(message: str) -> ArchError:
    """The error of a model that cannot be written as source."""
    help = "`archlang export --to onnx` and `--to pt2` take it"
    return ArchError(error("unsupported-module", f"no PyTorch source yet: {message}", help=help))
