"""A single operation made runnable: its arguments checked, its shapes worked out, its target built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from archlang.ops import CATALOGUE, REQUIRED, Arg, Module, Op, OpCall, Size
from archlang.ops.kinds import TensorKind
from archlang.ops.values import InputAt
from archlang.ops.whole import types_out
from archlang.shapes import Tensor

PADDING_WORDS = ("constant", "reflect", "replicate", "circular", "bilinear", "nearest", "bicubic", "zeros", "border",
                 "reflection")


def arguments(args: tuple[Arg, ...], given: dict[str, Any]) -> dict[str, Any]:
    """Every argument checked by its kind, defaults filled in; further tensors are no part of them."""
    unknown = set(given) - {arg.name for arg in args}
    assert not unknown, f"no argument {unknown}"
    found: dict[str, Any] = {}
    for arg in args:
        # Of a tensor that may be left out, a case says which of its inputs it is.
        if isinstance(arg.kind, TensorKind) and arg.default is None:
            found[arg.name] = InputAt(given[arg.name]) if arg.name in given else None
        if isinstance(arg.kind, TensorKind):
            continue
        if arg.name not in given:
            assert arg.default is not REQUIRED, f"{arg.name} must be given"
            found[arg.name] = arg.default
        elif arg.many:
            found[arg.name] = tuple(arg.kind.accept(value) for value in given[arg.name])
        else:
            found[arg.name] = arg.kind.accept(given[arg.name])
    return found


def size(*numbers: int) -> Size:
    """`3x3`."""
    return Size(numbers)


def use(op: str | Op, *shapes: tuple[Any, ...], **given: Any) -> tuple[Op, OpCall]:
    """A use of an op on inputs of these sizes, or types; its outputs are in the call. Raises `Fault`."""
    found = CATALOGUE.ops[op] if isinstance(op, str) else op
    call = OpCall(tuple(s if isinstance(s, Tensor) else Tensor(tuple(s)) for s in shapes),
                  arguments(found.args, given))
    if found.name == "input":
        call = replace(call, outputs=call.inputs)
    return found, replace(call, outputs=types_out(found, call))


def locate(dotted: str) -> Any:
    """The object of a dotted name."""
    module, _, name = dotted.rpartition(".")
    try:
        return getattr(import_module(module), name)
    except ModuleNotFoundError:
        return getattr(locate(module), name)


def lower(op: Op, call: OpCall) -> tuple[nn.Module | None, Callable[..., Any]]:
    """The op's module (None for a function), and something that runs the whole op on tensors with a batch."""
    target = op.torch
    if isinstance(target, Module):
        module = locate(target.dotted(call))(**target.arguments(call))
        keywords = target.keywords(call)

        def inner(*tensors: Any, **named: Any) -> Any:
            return module(*tensors, **named, **keywords)
    else:
        module, function, keywords = None, locate(target.dotted(call)), target.arguments(call)
        for value in keywords.values():
            assert isinstance(value, (int, float, bool, tuple, type(None))) or value in PADDING_WORDS

        def inner(*tensors: Any, **named: Any) -> Any:
            return function(*tensors, **named, **keywords)

    def run(*tensors: torch.Tensor) -> Any:
        pad = op.pad(call) if op.pad else None
        if pad is not None:
            tensors = (functional.pad(tensors[0], pad[0], mode=pad[1]), *tensors[1:])
        named = {name: tensors[index] for name, index in call.named.items()}
        placed = tuple(x for index, x in enumerate(tensors) if index not in call.named.values())
        return inner(placed) if target.packed else inner(*placed, **named)

    return module, run


def inputs(call: OpCall, batch: int = 2, seed: int = 0, dtype: torch.dtype = torch.float32) -> list[torch.Tensor]:
    """Random tensors that fit a call."""
    generator = torch.Generator().manual_seed(seed)
    return [drawn(x, tuple(int(d) for d in x.dims), batch, generator, dtype) for x in call.inputs]  # type: ignore[arg-type]


def drawn(type: Tensor, sizes: tuple[int, ...], batch: int, generator: torch.Generator,
          dtype: torch.dtype = torch.float32, range: int | None = None) -> torch.Tensor:
    """A random batch of a type: normal numbers, or whole ones of its range. A single one is a length, at least 1.

    `range` is that of the type in numbers, where it is symbolic.
    """
    if type.range is None:
        return torch.randn(batch, *sizes, generator=generator, dtype=dtype)
    low = 1 if sizes == (1,) else 0
    return torch.randint(low, range or type.highest_range, (batch, *sizes), generator=generator)
