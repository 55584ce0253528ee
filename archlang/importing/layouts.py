"""Torch's layouts over the axes of values: other sizes for the same numbers, written where something reads them."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from archlang.importing.held import BATCH, Ref
from archlang.importing.reader import NoWordError, StepReader


def regrouped(r: StepReader, ref: Ref, wanted: Sequence[int]) -> Ref | None:
    """A tensor under other sizes, the batch counted, so that axes of its value are split or taken together.

    None where the sizes cut across axes, or through the batch.
    """
    atoms = [axis for dim in ref.dims for axis in dim]
    parts: dict[int, list[int]] = {axis: [] for axis in atoms}
    # An axis' part is known by the axis and how many of its parts stand before it.
    dims: list[list[tuple[int, int]]] = []
    queue = [(axis, r.extent(ref, (axis,))) for axis in atoms]

    for size in wanted:
        group: list[tuple[int, int]] = []
        while size > 1 or (queue and queue[0][1] == 1 and not group):
            if not queue:
                return None
            axis, left = queue.pop(0)
            if size % left == 0:
                taken, size = left, size // left
            elif left % size == 0 and axis != BATCH:
                queue.insert(0, (axis, left // size))
                taken, size = size, 1
            else:
                return None
            group.append((axis, len(parts[axis])))
            parts[axis].append(taken)
        dims.append(group)

    # Axes of a single number that nothing asked for go with what stands before them.
    for axis, left in queue:
        if left != 1:
            return None
        dims[-1].append((axis, len(parts[axis])))
        parts[axis].append(1)
    return _split(r, ref, parts, dims)


def squeezed(r: StepReader, ref: Ref) -> Ref:
    """A tensor whose value has no axis of size 1: torch's axes of that size are none of the value's."""
    sizes = r.sizes[ref.value]
    kept = [axis for axis, size in enumerate(sizes) if size != 1]
    if len(kept) == len(sizes):
        return ref
    if not kept:
        raise NoWordError("a product of single numbers")
    places = {axis: at for at, axis in enumerate(kept)} | {BATCH: BATCH}
    value = r.resized(ref.value, [sizes[axis] for axis in kept])
    return Ref(value, tuple(tuple(places[axis] for axis in dim if axis in places) for dim in ref.dims))


def _split(
    r: StepReader, ref: Ref, parts: dict[int, list[int]], dims: Sequence[Sequence[tuple[int, int]]]
) -> Ref:
    """Split the axes of a value into parts, and name each part by its place in the new value."""
    places = {(BATCH, 0): BATCH}
    sizes: list[int] = []
    for axis in range(len(r.sizes[ref.value])):
        for at, size in enumerate(parts[axis]):
            places[axis, at] = len(sizes)
            sizes.append(size)
    return Ref(r.resized(ref.value, sizes), tuple(tuple(places[part] for part in dim) for dim in dims))


def written(r: StepReader, ref: Ref) -> Ref:
    """A tensor whose value has its axes in torch's order, the batch wherever torch has it; layouts stay as they are."""
    axes = [axis for dim in ref.dims for axis in dim if axis != BATCH]
    value = r.turned(ref.value, axes)
    places = {axis: at for at, axis in enumerate(axes)} | {BATCH: BATCH}
    return Ref(value, tuple(tuple(places[axis] for axis in dim) for dim in ref.dims))


def merged(r: StepReader, ref: Ref) -> Ref:
    """A tensor whose value has one axis for each of torch's that runs over several; the batch may stand before it."""
    if all(len(dim) - (BATCH in dim) <= 1 for dim in ref.dims):
        return ref
    laid = written(r, ref)
    whole = r.sizes[laid.value]
    sizes: list[int] = []
    dims: list[tuple[int, ...]] = []
    for dim in laid.dims:
        axes = [axis for axis in dim if axis != BATCH]
        group = [BATCH] * (BATCH in dim)
        if axes:
            group.append(len(sizes))
            sizes.append(prod(whole[axis] for axis in axes))
        if dim[-1:] == (BATCH,):
            group.reverse()
        elif BATCH in dim[1:]:
            raise NoWordError("the batch stands among parts of samples")
        dims.append(tuple(group))
    return Ref(r.resized(laid.value, sizes), tuple(dims))


def beside(r: StepReader, ref: Ref) -> Ref | None:
    """A tensor whose first axis has samples and parts of samples, such as windows; None for any other.

    Its value is [channels, parts, places ...]: what works on each part alike works on such a map of one more axis.
    """
    first, channels, *places = ref.dims
    if first[0] != BATCH or len(first) == 1 or any(BATCH in dim for dim in ref.dims[1:]):
        return None
    turned = r.turned(ref.value, [axis for dim in (channels, first[1:], *places) for axis in dim])
    sizes = [r.extent(ref, dim) for dim in (channels, first[1:], *places)]
    return Ref(r.resized(turned, sizes), ((BATCH, 1), (0,), *((axis,) for axis in range(2, len(sizes)))))


def rows(r: StepReader, ref: Ref) -> tuple[int, Ref]:
    """A tensor as a sequence of what its last axis holds, and the layout to lay a result of that out again.

    Beside the value, [everything else, last axis], stands the layout of the tensor with its axes written in order: the
    result of an operation on the features gets that by `unrolled`.
    """
    laid = written(r, ref)
    sizes = r.sizes[laid.value]
    if BATCH in laid.dims[-1]:
        raise NoWordError("it works along the batch")
    last = r.extent(laid, laid.dims[-1])
    return r.resized(laid.value, (prod(sizes) // last, last)), laid


def unrolled(r: StepReader, made: int, laid: Ref) -> Ref:
    """The result of an operation on the rows of a tensor, laid out as the tensor was; its features may be others."""
    features = r.sizes[made][-1]
    last = laid.dims[-1]
    before = r.sizes[laid.value][: len(r.sizes[laid.value]) - len(last)]
    value = r.resized(made, (*before, features))
    return Ref(value, (*laid.dims[:-1], (len(before),)))
