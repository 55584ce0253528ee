"""Readers of sums over axes that are given by letters, of norms and variances."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from math import prod
from typing import Any

from archlang.importing.aten.elementwise import pointwise
from archlang.importing.aten.merging import pair
from archlang.importing.aten.pools import reduced
from archlang.importing.held import BATCH, Held, Known, Ref, Unsaid
from archlang.importing.reader import NoWordError, StepReader
from archlang.importing.steps import Quoted


def _vector_norm(r: StepReader, call: Mapping[str, Any]) -> Held:
    """The Euclidean length, or the sum of absolute numbers, along axes."""
    order = call.get("ord", call.get("p", 2))
    if order not in (1, 2):
        raise NoWordError(f"a norm of order {order}")
    ref = r.loose(call["self"])
    sums = pointwise(r, ref, {1: "abs", 2: "square"}[order])
    total = reduced(r, {**call, "self": sums}, "sum")
    if order == 1:
        return total
    return pointwise(r, total, "sqrt")


def _variance(r: StepReader, call: Mapping[str, Any], root: bool = False, mean: bool = False) -> Held:
    """The mean square of what differs from the mean, over n - correction numbers."""
    ref = r.loose(call["self"])
    dims = call["dim"]
    if not dims:
        raise NoWordError("it runs over the batch, too")
    count = prod(r.extent(ref, ref.dims[dim]) for dim in dims)
    # torch divides by one less than there are, unless it is told otherwise in one of two ways.
    correction = call.get("correction", int(call.get("unbiased", True)))
    if correction is None:
        correction = 1

    middle = reduced(r, {"self": ref, "dim": dims, "keepdim": True}, "mean")
    squares = pointwise(r, pair(r, {"self": ref, "other": middle}, "sub"), "square")
    found = reduced(r, {"self": squares, "dim": dims, "keepdim": call["keepdim"]}, "mean")
    if correction:
        found = pointwise(r, found, "scale", {"by": count / (count - correction)})
    if root:
        found = pointwise(r, found, "sqrt")
    if not mean:
        return found
    return found, reduced(r, {"self": ref, "dim": dims, "keepdim": call["keepdim"]}, "mean")


def _extreme(r: StepReader, call: Mapping[str, Any], by: str) -> Held:
    """The largest or smallest number along an axis; where it stands has no word."""
    if call.get("dim") is None:
        raise NoWordError("it runs over the batch, too")
    return reduced(r, call, by), Unsaid("the place of the largest number is read")


def _einsum(r: StepReader, call: Mapping[str, Any]) -> Held:
    """Sums over axes that are named by letters, one of them the batch."""
    before, arrow, after = call["equation"].replace(" ", "").partition("->")
    terms = before.split(",")
    if not arrow or "." in before or not 1 <= len(terms) <= 2:
        raise NoWordError("its axes are not written out, or are of more than two tensors")

    # Each tensor's letters are sorted as the axes of its value lie; the batch has no name in the language.
    rows, values, batch = [], [], set()
    sizes: dict[str, int] = {}
    for letters, held in zip(terms, call["tensors"], strict=True):
        named, value = _named(r, letters, held)
        batch |= {letter for letter, axis in named.items() if axis == BATCH}
        order = sorted((axis, letter) for letter, axis in named.items() if axis != BATCH)
        sizes |= {letter: r.sizes[value][axis] for axis, letter in order}
        rows.append(" ".join(letter for _, letter in order))
        values.append(value)
    if len(batch) != 1 or not batch <= set(after):
        raise NoWordError("it sums over the batch, or has it twice")

    kept = [letter for letter in after if letter not in batch]
    if not kept:
        raise NoWordError("nothing of a sample is left but one number")
    axes = Quoted(f"{', '.join(rows)} -> {' '.join(kept)}")
    second = ("other",)[: len(values) - 1]
    made = r.step("einsum", r.apart(*values), [sizes[letter] for letter in kept], {"axes": axes}, named=second)
    places = {letter: at for at, letter in enumerate(kept)} | dict.fromkeys(batch, BATCH)
    return Ref(made.value, tuple((places[letter],) for letter in after))


def _named(r: StepReader, letters: str, held: Any) -> tuple[dict[str, int], int]:
    """The axis of the value for each letter, and the value; a tensor of the model's own has no batch."""
    if isinstance(held, Known):
        value = r.parameter(held, held.shape).value
        return dict(zip(letters, range(len(letters)), strict=True)), value
    ref = r.loose(held)
    if any(len(dim) != 1 for dim in ref.dims):
        ref = r.tensor(ref)
    return {letter: axis for letter, (axis,) in zip(letters, ref.dims, strict=True)}, ref.value


def _with_product(r: StepReader, call: Mapping[str, Any], op: str) -> Held:
    """`x + value * a * b`, or `x + value * a / b`."""
    joined = pair(r, {"self": call["tensor1"], "other": call["tensor2"]}, op)
    return pair(r, {"self": call["self"], "other": joined, "alpha": call.get("value", 1)}, "add")


def _running_sum(r: StepReader, call: Mapping[str, Any]) -> Held:
    """The sum of all numbers up to each place along an axis."""
    ref = r.loose(call["self"])
    axis = r.axis(ref, call["dim"])
    made = r.step("cumsum", (ref.value,), r.sizes[ref.value], {"axis": r.word(ref, axis)})
    return ref.on(made.value)


READERS: Mapping[str, Callable[[StepReader, Mapping[str, Any]], Any]] = {
    "linalg_vector_norm": _vector_norm,
    "norm": _vector_norm,
    "var": _variance,
    "std": partial(_variance, root=True),
    "var_mean": partial(_variance, mean=True),
    "std_mean": partial(_variance, root=True, mean=True),
    "max": partial(_extreme, by="max"),
    "min": partial(_extreme, by="min"),
    "einsum": _einsum,
    "cumsum": _running_sum,
    "addcmul": partial(_with_product, op="mul"),
    "addcdiv": partial(_with_product, op="div"),
}
