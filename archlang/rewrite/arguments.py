"""The arguments of a call by name, all of them, read from the signature or schema that torch itself declares."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import fx

from archlang.rewrite.report import Obstacle

_WORDS = {"self": "input", "x": "input", "train": "training", "drop_prob": "p", "start_dim": "start", "end_dim": "end",
          "tensor": "input"}
"""Names that torch and its libraries have for what is called otherwise here."""

IGNORED = frozenset({"momentum", "cudnn_enabled", "inplace", "scale_by_keep"})
"""Arguments that have no part in what a call computes outside training; `inplace` is the memory's concern."""

MISSING = inspect.Parameter.empty
"""The default of an argument that must be given."""


@dataclass(frozen=True)
class CallParameter:
    """One parameter of a callable: its name here, its default, whether it is given by name only."""

    name: str
    default: Any = MISSING
    by_name: bool = False


@cache
def parameters(target: Any) -> tuple[CallParameter, ...]:
    """All parameters of a function, an aten operation, or a method of tensors (by its name), in their order.

    Raises Obstacle (arguments) where neither a signature nor a schema is known.
    """
    if isinstance(target, torch._ops.OpOverload):
        return _of_schema(target._schema)
    if callable(target):
        try:
            signature = inspect.signature(target)
        except (TypeError, ValueError):
            # torch's built-in functions have none; their aten operation has a schema.
            pass
        else:
            return tuple(CallParameter(_WORDS.get(p.name, p.name), p.default, p.kind is p.KEYWORD_ONLY)
                         for p in signature.parameters.values())

    if isinstance(target, str):
        name = target
    else:
        name = getattr(target, "__name__", "")
    # A partial, or an object that is called, has no name to look up.
    if name:
        packet = getattr(torch.ops.aten, name, None)
    else:
        packet = None
    if packet is None:
        raise Obstacle("arguments")
    return _of_packet(packet)


def _of_schema(schema: Any) -> tuple[CallParameter, ...]:
    """The parameters of an aten operation."""
    return tuple(
        CallParameter(_WORDS.get(a.name, a.name), a.default_value if a.has_default_value() else MISSING, a.kwarg_only)
        for a in schema.arguments)


def _of_packet(packet: Any) -> tuple[CallParameter, ...]:
    """The parameters of all overloads of an aten operation; the first overload says their order."""
    merged: dict[str, CallParameter] = {}
    for overload in packet.overloads():
        for parameter in _of_schema(getattr(packet, overload)._schema):
            # Overloads agree on a name's meaning but not on its default: the first that has one gives it.
            known = merged.setdefault(parameter.name, parameter)
            if known.default is MISSING and parameter.default is not MISSING:
                merged[parameter.name] = parameter
    first = {p.name for p in _of_schema(getattr(packet, packet.overloads()[0])._schema)}
    # What only some overloads have (`out`, a rounding mode) is given by name, and means nothing where it is not.
    return tuple(p if p.name in first else CallParameter(p.name, None, by_name=True) for p in merged.values())


def arguments(node: fx.Node, read: Iterable[str]) -> dict[str, Any]:
    """A call's arguments by name, with defaults filled in.

    Raises Obstacle (arguments) where the call gives one that is neither in `read` nor ignored, but for the default.
    """
    given = _bound(node)
    known = {parameter.name: parameter for parameter in parameters(node.target)}
    wanted = set(read)

    values = {name: p.default for name, p in known.items() if p.default is not MISSING} | given

    for name, value in given.items():
        if name in wanted or name in IGNORED:
            continue
        # An argument that fusion does not know changes nothing only if it is what it would be anyway.
        if name not in known or not _is_default(value, known[name].default):
            raise Obstacle("arguments", name)
    return {name: value for name, value in values.items() if name in wanted}


def _bound(node: fx.Node) -> dict[str, Any]:
    """The arguments that a call gives, by name. Raises Obstacle (arguments) for more than there are."""
    places = [p.name for p in parameters(node.target) if not p.by_name]
    if len(node.args) > len(places):
        raise Obstacle("arguments")

    given = dict(zip(places, node.args, strict=False))
    for name, value in node.kwargs.items():
        # A keyword may be the library's word for it.
        given[_WORDS.get(name, name)] = value
    return given


def _is_default(value: Any, default: Any) -> bool:
    """Tell whether an argument is given as what it is anyway; a node never is."""
    # By type too: True equals 1, and a padding of 0 is no False.
    return not isinstance(value, fx.Node) and type(value) is type(default) and bool(value == default)


def argument(node: fx.Node, name: str) -> Any:
    """One argument of a call, None where it is not given or the call is not understood."""
    try:
        return _bound(node).get(name)
    except Obstacle:
        return None


def first_input(node: fx.Node) -> fx.Node | None:
    """The tensor that a call reads first, by place or by name; None where there is none."""
    if node.args:
        first: Any = node.args[0]
    else:
        first = node.kwargs.get("input", node.kwargs.get("self", node.kwargs.get("x")))
    if isinstance(first, fx.Node):
        return first
    return None


def only_input(node: fx.Node) -> fx.Node:
    """The tensor that a module is called with. Raises Obstacle (arguments) where it is called with more or less."""
    given = [*node.args, *node.kwargs.values()]
    if len(given) != 1 or not isinstance(given[0], fx.Node) or set(node.kwargs) - {"input"}:
        raise Obstacle("arguments")
    return given[0]


def operands(node: fx.Node) -> tuple[Any, Any, Any]:
    """Both operands of a sum or product, and the factor of the second. Raises Obstacle (arguments)."""
    # The operators of Python (`+`, `*`) have positional arguments only and no factor.
    if getattr(node.target, "__module__", "") == "_operator":
        if len(node.args) != 2 or node.kwargs:
            raise Obstacle("arguments")
        return node.args[0], node.args[1], 1

    got: Mapping[str, Any] = arguments(node, ("input", "other", "alpha"))
    alpha = got.get("alpha", 1)
    # `bool` is a kind of `int`, and no factor that torch takes.
    if isinstance(alpha, bool) or not isinstance(alpha, int | float):
        raise Obstacle("calculated-weights")
    return got.get("input"), got.get("other"), alpha
