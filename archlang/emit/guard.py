"""What a compiled model says when it is fed something else than its inputs, or fails while it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import torch
from torch import fx

from archlang.diagnostics import ArchError, Diagnostic, error
from archlang.shapes import Dim, Poly, Symbol, Tensor
from archlang.source import Span


@dataclass(frozen=True)
class Expected:
    """An input as the file declares it."""

    name: str
    type: Tensor
    span: Span

    def __deepcopy__(self, memo: dict[int, Any]) -> Expected:
        return self  # nothing in it changes

    @property
    def text(self) -> str:
        """The type with the batch in front: `[batch, 3, 32, 32]`."""
        return "[" + ", ".join(["batch", *map(str, self.type.dims)]) + "]"


def check_inputs(expected: Sequence[Expected], args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any, ...]:
    """The tensors of a call in the network's order, compared with what it takes; a batch may have any size.

    By keyword an input goes under its own name or the generated code's. Raises `ArchError` (input-shape).
    """
    given = (*args, *_ordered(expected, len(args), kwargs))
    if len(given) != len(expected):
        names = ", ".join(f"`{e.name}`" for e in expected)
        message = f"this network takes {_count(len(expected))} ({names}), this call has {len(given)}"
        raise ArchError(error("input-shape", message, expected[0].span if expected else None))
    symbols: dict[str, int] = {}
    wrong = [found for e, value in zip(expected, given, strict=True) if (found := _mismatch(e, value, symbols))]
    if wrong:
        raise ArchError(wrong)
    return given


def _ordered(expected: Sequence[Expected], done: int, kwargs: Mapping[str, Any]) -> list[Any]:
    names = {e.name: i for i, e in enumerate(expected)} | {f"input_{i}": i for i in range(len(expected))}
    unknown = [name for name in kwargs if names.get(name, -1) < done]
    if unknown:
        raise TypeError(f"this network takes no further input called {unknown[0]!r}")
    return [kwargs[name] for name in sorted(kwargs, key=names.__getitem__)]


def _count(number: int) -> str:
    return "1 input" if number == 1 else f"{number} inputs"


def _mismatch(expected: Expected, value: object, symbols: dict[str, int]) -> Diagnostic | None:
    if isinstance(value, fx.Proxy):
        return None  # somebody traces a module that this one is part of
    if not isinstance(value, torch.Tensor):
        what = f"the input `{expected.name}` must be a tensor {expected.text}, this is a {type(value).__name__}"
        return error("input-shape", what, expected.span)
    dims = expected.type.dims
    if value.dim() == len(dims) + 1:
        sizes = list(value.shape[1:])
        reason = next((r for d, s in zip(dims, sizes, strict=True) if (r := _size(d, s, symbols)) is not None), None)
        if reason is None:
            return None
    else:
        reason = ""
    shape = "[" + ", ".join(map(str, value.shape)) + "]"
    message = f"the input `{expected.name}` must be {expected.text}, this is {shape}" + reason
    return error("input-shape", message, expected.span, "declared here", help=_advice(dims, tuple(value.shape)))


def _size(dim: Dim, size: Any, symbols: dict[str, int]) -> str | None:
    """None where a size fits, else what to add to the message (maybe nothing)."""
    if not isinstance(dim, Poly):
        return None if size == dim else ""
    atom = dim.terms[0][0][0] if len(dim.terms) == 1 and len(dim.terms[0][0]) == 1 else None
    if not isinstance(atom, Symbol) or not isinstance(size, int):  # a size that torch.export keeps symbolic
        return None
    if symbols.setdefault(atom.name, size) != size:
        return f": `{atom.name}` cannot be {symbols[atom.name]} and {size}"
    if size % atom.divisor:
        return f": {atom.divisor} must divide `{atom.name}`"
    return None if atom.low <= size <= atom.high else f": `{atom.name}` goes from {atom.low} to {atom.high}"


def _advice(dims: tuple[Dim, ...], shape: tuple[int, ...]) -> tuple[str, ...]:
    if shape == dims:
        return ("the batch is missing: `x.unsqueeze(0)` makes a batch of one",)
    if len(dims) == 3 and shape[1:] == (*dims[1:], dims[0]):
        return ("channels stand before rows and columns: `x.permute(0, 3, 1, 2)`",)
    return ()


def explain(module: fx.GraphModule, failure: Exception) -> None:
    """Append to an exception's text where in the `.arch` file the operation stands that failed, if one of them did."""
    node = _failing_node(module, failure.__traceback__)
    facts = node.meta.get("archlang") if node is not None else None
    if facts is None:
        return
    place = f"in `{facts['op']}` ({facts['path']})\n  --> {facts['span']}"
    if len(failure.args) == 1 and isinstance(failure.args[0], str):
        failure.args = (f"{failure.args[0]}\n{place}",)
    else:
        failure.add_note(place)


def _failing_node(module: fx.GraphModule, traceback: TracebackType | None) -> fx.Node | None:
    code = type(module).forward.__code__
    while traceback is not None and traceback.tb_frame.f_code is not code:
        traceback = traceback.tb_next
    if traceback is None:
        return None
    # Each line of generated code assigns the variable that has its node's name.
    name = module.code.split("\n")[traceback.tb_lineno - 1].partition("=")[0].strip()
    return next((node for node in module.graph.nodes if node.name == name), None)
