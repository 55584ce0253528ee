"""Messages of a compiled model that is fed something else than its inputs, or fails while it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import torch
from torch import fx

from archlang.diagnostics import ArchError, Diagnostic, error
from archlang.emit.names import safe
from archlang.emit.numbers import whole_numbers_mismatch
from archlang.shapes import Dim, Poly, Tensor, linear, substitute
from archlang.source import Span
from archlang.wording import counted


@dataclass(frozen=True)
class Expected:
    """An input as the file declares it: its name, its type without the batch, and its place."""

    name: str
    type: Tensor
    span: Span

    def __deepcopy__(self, memo: dict[int, Any]) -> Expected:
        # It never changes, and a copy of a model has the same inputs.
        return self

    @property
    def text(self) -> str:
        """The type with the batch in front: `[batch, 3, 32, 32]`."""
        return "[" + ", ".join(["batch", *map(str, self.type.dims)]) + "]"


def check_inputs(expected: Sequence[Expected], args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any, ...]:
    """Compare the tensors of a call with the inputs that are declared; return them in the network's order.

    A batch may have any size. By keyword an input is given under its declared name, or by its number, `input_0`. Raises
    `ArchError` (input-shape).
    """
    given = (*args, *_ordered(expected, len(args), kwargs))
    if len(given) != len(expected):
        names = ", ".join(f"`{e.name}`" for e in expected)
        message = f"this network takes {counted(len(expected), 'input')} ({names}), this call has {len(given)}"
        raise ArchError(error("input-shape", message, _first_span(expected)))

    # A symbol of two inputs must have one value. Sizes of several symbols are compared once these are known.
    symbols: dict[str, int] = {}
    mismatches = [_mismatch(e, value, symbols) for e, value in zip(expected, given, strict=True)]
    if not any(mismatches):
        mismatches = [_mismatch(e, value, symbols, True) for e, value in zip(expected, given, strict=True)]
    problems = [mismatch for mismatch in mismatches if mismatch is not None]
    if problems:
        raise ArchError(problems)
    return given


def _first_span(expected: Sequence[Expected]) -> Span | None:
    """The place of the first input."""
    if not expected:
        return None
    return expected[0].span


def _ordered(expected: Sequence[Expected], positional: int, kwargs: Mapping[str, Any]) -> list[Any]:
    """The inputs that are given by keyword, in the network's order. Raises TypeError, as Python does for a function."""
    index_of = {f"input_{i}": i for i in range(len(expected))}
    # A name that generated code cannot have is written there with `_` behind it.
    index_of |= {safe(e.name): i for i, e in enumerate(expected)}
    index_of |= {e.name: i for i, e in enumerate(expected)}

    # A name that was given by place as well, or that is no input's.
    for name in kwargs:
        if index_of.get(name, -1) < positional:
            raise TypeError(f"this network takes no further input called {name!r}")
    return [kwargs[name] for name in sorted(kwargs, key=index_of.__getitem__)]


def _mismatch(
    expected: Expected, value: object, symbols: dict[str, int], known: bool = False
) -> Diagnostic | None:
    """The diagnostic of a value that does not fit its input; sizes of symbols are added to `symbols`.

    With `known`, all symbols are there, and sizes of several symbols are compared.
    """
    # Somebody traces a module that this one is part of: there is no tensor to look at. torch.jit.trace has one, whose
    # sizes it records: to compare them would become a warning.
    if isinstance(value, fx.Proxy) or torch._C._get_tracing_state() is not None:
        return None

    if not isinstance(value, torch.Tensor):
        message = f"the input `{expected.name}` must be a tensor {expected.text}, this is a {type(value).__name__}"
        return error("input-shape", message, expected.span)

    dims = expected.type.dims
    reason: str | None = ""
    if value.dim() == len(dims) + 1:
        reason = _first_reason(dims, list(value.shape[1:]), symbols, known)
    if reason is None:
        return whole_numbers_mismatch(expected.name, expected.type, value, expected.span, symbols)

    shape = "[" + ", ".join(map(str, value.shape)) + "]"
    message = f"the input `{expected.name}` must be {expected.text}, this is {shape}{reason}"
    return error("input-shape", message, expected.span, "declared here", help=_advice(dims, tuple(value.shape)))


def _first_reason(dims: Sequence[Dim], sizes: Sequence[Any], symbols: dict[str, int], known: bool) -> str | None:
    """None if all sizes fit, else the text to add to the message for the first that does not."""
    for dim, size in zip(dims, sizes, strict=True):
        reason = _size(dim, size, symbols, known)
        if reason is not None:
            return reason
    return None


def _size(dim: Dim, size: Any, symbols: dict[str, int], known: bool) -> str | None:
    """None if a size fits, else the text to add to the message, which may be empty."""
    if not isinstance(dim, Poly):
        if size == dim:
            return None
        return ""

    # torch.export may keep a size symbolic: there is no number to compare.
    if not isinstance(size, int):
        return None
    told = linear(dim)
    if told is None:
        return _of_several(dim, size, symbols, known)

    symbol, factor, offset = told
    value = (size - offset) / factor
    if value.denominator != 1:
        return f": no `{symbol.name}` makes {dim} this size"

    number = int(value)
    if symbols.setdefault(symbol.name, number) != number:
        return f": `{symbol.name}` cannot be {symbols[symbol.name]} and {number}"
    if number % symbol.divisor:
        return f": {symbol.divisor} must divide `{symbol.name}`"
    if not symbol.low <= number <= symbol.high:
        return f": `{symbol.name}` goes from {symbol.low} to {symbol.high}"
    return None


def _of_several(dim: Poly, size: int, symbols: dict[str, int], known: bool) -> str | None:
    """None if a size that no single symbol can be told from fits, else the text to add to the message."""
    if not known:
        return None
    try:
        expected = substitute(dim, symbols)
    except KeyError:  # torch.export kept the size of a symbol symbolic
        return None
    if expected == size:
        return None
    return f": {dim} is {expected} here"


def _advice(dims: tuple[Dim, ...], shape: tuple[int, ...]) -> tuple[str, ...]:
    """The help for the two usual mistakes."""
    if shape == dims:
        return ("the batch is missing: `x.unsqueeze(0)` makes a batch of one",)
    if len(dims) == 3 and shape[1:] == (*dims[1:], dims[0]):
        return ("channels stand before rows and columns: `x.permute(0, 3, 1, 2)`",)
    return ()


def explain(module: fx.GraphModule, failure: Exception) -> None:
    """Append the place of the failing operation in the `.arch` file to an exception's text, if one of them failed."""
    node = _failing_node(module, failure.__traceback__)
    if node is None or "archlang" not in node.meta:
        return

    facts = node.meta["archlang"]
    place = f"in `{facts['op']}` ({facts['path']})\n  --> {facts['span']}"

    # Many exceptions show their one text only; a note is the way for all others.
    if len(failure.args) == 1 and isinstance(failure.args[0], str):
        failure.args = (f"{failure.args[0]}\n{place}",)
    else:
        failure.add_note(place)


def _failing_node(module: fx.GraphModule, traceback: TracebackType | None) -> fx.Node | None:
    """The node of the line of generated code that an exception came through."""
    code = type(module).forward.__code__
    while traceback is not None and traceback.tb_frame.f_code is not code:
        traceback = traceback.tb_next
    if traceback is None:
        return None

    # Each line of generated code assigns the variable that has its node's name, or looks up a module for one behind it.
    nodes = {node.name: node for node in module.graph.nodes}
    lines = module.code.split("\n")[traceback.tb_lineno - 1 :]
    assigned = (line.partition("=")[0].strip() for line in lines)
    return next((nodes[name] for name in assigned if name in nodes), None)
