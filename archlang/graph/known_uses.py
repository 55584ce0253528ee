"""The uses of operations that were judged already: a network repeats few of them many times."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from types import NoneType

from archlang.dataclass import dataclass
from archlang.ops.model import Op, OpCall
from archlang.ops.values import InputAt, Size
from archlang.shapes import Tensor

Judge = Callable[[Op, OpCall], tuple[Tensor, ...]]

_PLAIN = frozenset({int, float, bool, str, NoneType, Size, InputAt})
"""The types of arguments that are equal only where they mean the same; of any other it is not known."""


@dataclass
class KnownUses:
    """The types out of each use of an operation, by its operation, the types that entered and its arguments."""

    results: dict[tuple[object, ...], tuple[Op, tuple[Tensor, ...]]] = field(default_factory=dict)

    def types_out(self, op: Op, call: OpCall, judge: Judge) -> tuple[Tensor, ...]:
        """Types out of a call, as `judge` gives them. A use that it raises `Fault` for is judged again every time."""
        key = use_key(op, call)
        if key is None:
            return judge(op, call)

        known = self.results.get(key)
        if known is None or known[0] is not op:
            known = self.results[key] = op, judge(op, call)
        return known[1]


def use_key(op: Op, call: OpCall) -> tuple[object, ...] | None:
    """The key that a use is known by; None where an argument is of a type that may hide a difference."""
    # The types of the numbers belong to it: 1, 1.0 and true are equal, and shape rules may tell them apart.
    key: list[object] = [op.name, call.inputs]
    for name, value in call.args.items():
        if type(value) not in _PLAIN:
            return None
        key += (name, type(value), value)
    return tuple(key)
