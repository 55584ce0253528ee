"""Tensors of the file's own, `parameter([49, 64])`: an expression stands for one, and every use makes it anew.

So a block, a turn of a loop and each use of a stage that holds the expression have weights of their own, as they do for
operations.
"""

from __future__ import annotations

from archlang.dataclass import dataclass
from archlang.elaborate.context import Build
from archlang.elaborate.values import POISON, BundleValue, Env, Flowing, Given, GridValue, Place, Poisoned, TensorValue
from archlang.graph.ir import Port
from archlang.ops.kinds import Fault
from archlang.ops.model import Op
from archlang.source import Span


@dataclass(frozen=True)
class OwnTensor:
    """A tensor of the file's own before a use makes it: the operation, its arguments, the name of its module."""

    op: Op
    given: Given
    name: str
    span: Span
    described = "a tensor of the file's own"


def made(b: Build, own: OwnTensor, place: Place, beside: Flowing | None) -> Flowing:
    """Make the tensor, its module in `place`; poison while code is only read. Raises `Poisoned` after a mistake.

    `beside` is what flows where the tensor is used: a batch of one has as many rows as of the other.
    """
    if b.surveying:
        return POISON
    rows = _of_as_many_rows(b, place, beside)
    if rows is None:
        raise Poisoned  # what is missing is an input, and that is reported

    path = (*place.path, place.unique(own.name))
    try:
        return b.emit(own.op, own.given.values, (rows,), path, place, own.span)[0]
    except Fault as fault:
        raise b.fault(fault, own.span, own.given, place) from None


def made_in(b: Build, own: OwnTensor, env: Env) -> Flowing:
    """Make the tensor where a flow starts with it. Raises `Poisoned` where no tensor may flow."""
    if env.place is None:
        message = "no tensor flows here: a `let`, a test and an argument hold static values and stages"
        raise b.refuse("misplaced-statement", message, own.span,
                       help=f"bind the tensor without `let`, in a line of its own: `name = {own.op.name}(...)`")
    return made(b, own, env.place, env.entering or env.flowing)


def _of_as_many_rows(b: Build, place: Place, beside: Flowing | None) -> TensorValue | None:
    """A tensor that tells the rows: the network's first input, unless patches or the rows of an expert flow here."""
    tensor = _first(beside)
    among_experts = any(member.kind == "experts" for member in place.members)
    if tensor is not None and (among_experts or b.rows_of([tensor]) != 1):
        return tensor
    if not b.graph.inputs:
        return None

    # The input is there all the time, so that nothing is kept in memory for its rows alone.
    first = b.graph.inputs[0]
    return TensorValue(Port(first.node), first.type)


def _first(value: Flowing | None) -> TensorValue | None:
    """A tensor of a value, if it holds one."""
    match value:
        case TensorValue():
            return value
        case GridValue():
            return value.tensor
        case BundleValue() if value.members:
            return _first(value.members[0])
    return None
