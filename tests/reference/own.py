"""Tensors of the file's own: an expression stands for one, and each use of it makes one with numbers of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.reference.values import Called, Flowing, Group, OpUse, Value, Where

if TYPE_CHECKING:
    from tests.reference.machine import Reference

NAME = "parameter"


def made(m: Reference, value: object, where: Where, beside: object) -> object:
    """The tensor that an expression of this kind stands for, its module in `where`; any other value as it is.

    A batch of it has as many rows as the tensor `beside` it.
    """
    called = NAME
    if isinstance(value, Called) and not value.bound:
        called, value_ = value.name, value.stage
    else:
        value_ = value
    if not isinstance(value_, OpUse) or value_.name != NAME:
        return value

    given = dict(zip(("sizes", "init", "trained"), value_.places, strict=False)) | dict(value_.names)
    sizes, trained = given["sizes"], given.get("trained", True)
    assert isinstance(sizes, list) and isinstance(trained, bool)
    path, rows = where.inside(where.name(called)).path, _rows(m, beside)
    return m.make(NAME, path, (), lambda u: u.weight("value", *sizes, trained=trained)[None].repeat(
        rows, *[1] * len(sizes)))


def _rows(m: Reference, beside: object) -> int:
    while isinstance(beside, Group):
        beside = beside.members[0]
    return beside.data.shape[0] if isinstance(beside, Value) else m.batch


def all_made(m: Reference, values: dict[str, object], where: Where, beside: Flowing) -> dict[str, object]:
    """Arguments by name, tensors of this kind made."""
    return {name: made(m, value, where, beside) for name, value in values.items()}
