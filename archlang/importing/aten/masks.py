"""Readers of comparisons, and of numbers behind masks: masks of the model's own, and those that the input decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from archlang.importing.aten.elementwise import first_of, pointwise
from archlang.importing.aten.merging import constant, pair, spread
from archlang.importing.aten.products import LOW
from archlang.importing.held import Held, Known, Mask, Ref
from archlang.importing.reader import NoWordError, StepReader
from archlang.importing.steps import State, Static


def _compared(r: StepReader, call: Mapping[str, Any], less: bool, equal: bool) -> Held:
    """`x > limit`, or with `less` `x < limit`; with `equal` the other of these, turned round."""
    ref, limit = call["self"], call["other"]
    if not isinstance(ref, Ref) or isinstance(limit, Mask):
        raise NoWordError("it compares what is no tensor of the input")
    # `x > y` is `x - y > 0`, and `x < limit` is `-x > -limit`.
    if not isinstance(limit, int | float):
        ref, limit = pair(r, {"self": ref, "other": limit}, "sub"), 0
    # `x >= limit` is where `x < limit` is not.
    if less != equal:
        ref, limit = pointwise(r, ref, "neg"), -limit
    args: dict[str, Static] = {}
    if limit != 0:
        args["limit"] = float(limit)
    return Mask(pointwise(r, ref, "above", args), turned=equal)


def _not(r: StepReader, call: Mapping[str, Any]) -> Held:
    mask = first_of(call)
    if not isinstance(mask, Mask):
        raise NoWordError("it turns round what is no mask")
    return Mask(mask.ref, not mask.turned)


def as_numbers(r: StepReader, mask: Mask) -> Held:
    """A mask as ones and zeros."""
    return _by_input(r, mask, 1, 0)


def _by_input(r: StepReader, mask: Mask, here: Held, elsewhere: Held) -> Held:
    """One tensor or number where a mask is 1, and another one elsewhere."""
    if mask.turned:
        here, elsewhere = elsewhere, here
    places = mask.ref
    first, second = (_beside(r, held, places) for held in (here, elsewhere))
    # What flows in is a tensor, if only of one number.
    if not isinstance(first, Ref):
        first = places.on(constant(r, float(first), len(r.sizes[places.value])))
    refs = [first, places]
    if isinstance(second, Ref):
        refs.append(second)
    if any(ref.dims != places.dims for ref in refs):
        refs = [r.straight(ref) for ref in refs]

    shapes = [r.sizes[ref.value] for ref in refs]
    if len({len(shape) for shape in shapes}) > 1:
        raise NoWordError("a mask and what it chooses have different numbers of axes")
    sizes = [max(along) for along in zip(*shapes, strict=True)]
    args: dict[str, Static] = {}
    if not isinstance(second, Ref) and second != 0:
        args["fill"] = float(second)
    values = [ref.value for ref in refs]
    made = r.step("choose", values, sizes, args, named=("mask", "other")[: len(values) - 1])
    return refs[0].on(made.value)


def _beside(r: StepReader, held: Held, places: Ref) -> Ref | float:
    """A tensor or a number, beside a mask."""
    if isinstance(held, Known) and held.number is not None:
        held = held.number
    if isinstance(held, int | float):
        if held == -torch.inf:
            r.remark(f"minus infinity, which a softmax reads, is {LOW:.0e}")
            return LOW
        return held
    if isinstance(held, Known):
        return spread(r, held, places)
    return r.loose(held)


def _masked_fill(r: StepReader, call: Mapping[str, Any]) -> Held:
    """A number in the place of those behind a mask."""
    return _chosen(r, call["mask"], call["value"], call["self"])


def _put(r: StepReader, call: Mapping[str, Any]) -> Held:
    """`x[mask] = number`."""
    given = call["indices"]
    if len(given) != 1 or not isinstance(given[0], Mask) or call.get("accumulate"):
        raise NoWordError("it writes at places that are no mask of the whole tensor")
    return _chosen(r, given[0], call["values"], call["self"])


def _where(r: StepReader, call: Mapping[str, Any]) -> Held:
    return _chosen(r, call["condition"], call["self"], call["other"])


def _chosen(r: StepReader, mask: Held, here: Held, elsewhere: Held) -> Held:
    """`mask here + (1 - mask) elsewhere` for a mask of the model's own; a choice by one that depends on the input."""
    if isinstance(mask, Mask):
        return _by_input(r, mask, here, elsewhere)
    if not isinstance(mask, Known):
        raise NoWordError("its mask is calculated from the input")

    def behind(state: State) -> Tensor:
        return mask.read(state).double()

    def before(state: State) -> Tensor:
        return 1.0 - mask.read(state).double()

    first = _masked(r, here, Known(mask.shape, behind, mask.names, key=f"{mask.key} behind"))
    second = _masked(r, elsewhere, Known(mask.shape, before, mask.names, key=f"{mask.key} before"))
    # What is the model's own stands second, beside what it is spread over.
    if isinstance(first, Known):
        first, second = second, first
    return pair(r, {"self": first, "other": second}, "add")


def _masked(r: StepReader, held: Held, mask: Known) -> Held:
    """A tensor times a mask; a number times a mask is a tensor of the model's own."""
    number = held
    if isinstance(held, Known):
        number = held.number
    if not isinstance(number, int | float):
        return pair(r, {"self": held, "other": mask}, "mul")
    if number == -torch.inf:
        number = LOW
        r.remark(f"minus infinity, which a softmax reads, is {LOW:.0e}")
    filled = float(number)
    return Known(mask.shape, lambda state: mask.read(state) * filled, mask.names, key=f"{mask.key} times {filled}")


READERS: Mapping[str, Callable[[StepReader, Mapping[str, Any]], Any]] = {
    "gt": partial(_compared, less=False, equal=False),
    "lt": partial(_compared, less=True, equal=False),
    "ge": partial(_compared, less=False, equal=True),
    "le": partial(_compared, less=True, equal=True),
    "logical_not": _not,
    "bitwise_not": _not,
    "masked_fill": _masked_fill,
    "where": _where,
    "index_put": _put,
}
