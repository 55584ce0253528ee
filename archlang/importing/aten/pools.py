"""Pools: windows, grids of cells, means and extremes along axes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from archlang.importing.aten.convolutions import ENDINGS, slid
from archlang.importing.held import BATCH, Held, Ref, Unsaid
from archlang.importing.layouts import rows, unrolled
from archlang.importing.reader import AXES, NoWordError, StepReader, window
from archlang.importing.steps import Kernel, Static, Word


def _window_pool(r: StepReader, call: Mapping[str, Any], op: str, rank: int) -> Ref:
    value = r.plain(r.tensor(call["self"]))
    sizes = r.sizes[value]
    size = window(call["kernel_size"], rank)
    # torch's stride, too, is the size where none is given.
    stride = size
    if _given(call["stride"]):
        stride = window(call["stride"], rank)
    padding, dilation = window(call["padding"], rank), window(call.get("dilation", 1), rank)
    ceil = bool(call["ceil_mode"])

    args: dict[str, Static] = {"size": size}
    if stride != size:
        args["stride"] = stride
    # Without a stride, and with `ceil`, a pool has no padding; else it keeps the size at stride 1.
    keeps = stride != size and not ceil
    half = all(2 * p == d * (k - 1) for p, k, d in zip(padding, size, dilation, strict=True))
    if any(padding) and not (keeps and half):
        args["padding"] = padding
    elif not any(padding) and keeps:
        args["padding"] = Word("none")

    if ceil:
        args["ceil"] = True
    if set(dilation) != {1}:
        args["dilation"] = dilation
    if "count_include_pad" in call and not call["count_include_pad"] and any(padding):
        args["count_padding"] = False
    if call.get("divisor_override") is not None:
        raise NoWordError("its mean divides by a number of its own")

    rows = zip(sizes[1:], size, stride, padding, dilation, strict=True)
    places = [_places(row, ceil) for row in rows]
    return r.step(f"{op}{ENDINGS[rank]}", (value,), (sizes[0], *places), args)


def _given(stride: object) -> bool:
    return isinstance(stride, int) or bool(stride)


def _places(row: tuple[int, int, int, int, int], ceil: bool) -> int:
    """The places of a window along an axis; with `ceil` a last, partial window counts too."""
    size, k, s, p, d = row
    places = slid(size, k, s, 2 * p, d)
    rest = (size + 2 * p - d * (k - 1) - 1) % s
    # torch leaves out a last window that would begin in the padding behind the end.
    if ceil and rest and places * s < size + p:
        return places + 1
    return places


def _adaptive(r: StepReader, call: Mapping[str, Any], op: str, rank: int) -> Ref:
    value = r.plain(r.tensor(call["self"]))
    sizes = r.sizes[value]
    given = call["output_size"]
    if isinstance(given, int):
        given = (given,) * rank
    # None keeps the cells of an axis; there is no grid of none.
    cells = tuple(cell or size for cell, size in zip(given, sizes[1:], strict=True))
    if cells == sizes[1:]:
        r.sized = True
        return Ref.of(value, range(rank + 1))
    return r.step(f"{op}{ENDINGS[rank]}", (value,), (sizes[0], *cells), {"size": Kernel(cells)})


def _with_places(r: StepReader, call: Mapping[str, Any], op: str, rank: int) -> Held:
    """A pool that hands out the places of its numbers beside them."""
    places = Unsaid("the places of the largest numbers are read")
    if op.startswith("adaptive"):
        return _adaptive(r, call, op, rank), places
    return _window_pool(r, call, op, rank), places


def reduced(r: StepReader, call: Mapping[str, Any], by: str) -> Ref:
    """A mean, sum or extreme along axes, which go or stay with size 1."""
    ref = r.loose(call["self"])
    dims = call.get("dim")
    if isinstance(dims, int):
        dims = (dims,)
    if not dims:
        raise NoWordError("it runs over the batch, too")
    # Axes that torch laid end to end are written so before a part of them goes.
    if any(len(ref.dims[dim]) != 1 for dim in dims):
        ref = r.tensor(ref)
    # Axes of larger tensors have no words: they become rows of what is reduced.
    if len(r.sizes[ref.value]) not in AXES and len(dims) == 1:
        return _along_rows(r, ref, dims[0] % len(ref.dims), by, bool(call.get("keepdim", False)))

    axes = sorted(r.axis(ref, dim) for dim in dims)
    sizes = r.sizes[ref.value]
    keep = bool(call.get("keepdim", False))
    # The means of a map's channels are what networks end with.
    if not keep and ref.regular and by in GLOBAL and len(sizes) == 3 and axes == [1, 2]:
        return r.step(GLOBAL[by], (ref.value,), sizes[:1])
    if not keep and ref.regular and by in GLOBAL and len(sizes) == 2 and axes == [0]:
        return r.step(GLOBAL[by], (ref.value,), sizes[1:])
    return _reduce(r, ref, axes, by, keep)


GLOBAL: Mapping[str, str] = {"mean": "global_avg_pool", "max": "global_max_pool"}


def _along_rows(r: StepReader, ref: Ref, dim: int, by: str, keep: bool) -> Ref:
    """The same along one axis of a tensor of any number of axes, which stands last for a moment."""
    others = (*ref.dims[:dim], *ref.dims[dim + 1:])
    value, laid = rows(r, Ref(ref.value, (*others, ref.dims[dim])))
    made = _reduce(r, Ref.of(value, (0, 1)), [1], by, True)
    found = unrolled(r, made.value, laid)
    *before, last = found.dims
    if keep:
        return Ref(found.value, (*before[:dim], last, *before[dim:]))
    flat = r.resized(found.value, r.sizes[found.value][:-1])
    return Ref(flat, tuple(before))


def _reduce(r: StepReader, ref: Ref, axes: Sequence[int], by: str, keep: bool) -> Ref:
    sizes = r.sizes[ref.value]
    if len(sizes) not in AXES:
        raise NoWordError("it runs along axes of a tensor of more than four, which have no names")
    words = tuple(r.word(ref, axis) for axis in axes)
    args: dict[str, Static] = {"axis": words[0]}
    if len(words) > 1:
        args["axis"] = words
    if by != "mean":
        args["by"] = Word(by)
    if keep:
        args["keep"] = True
        left = list(sizes)
        for axis in axes:
            left[axis] = 1
        return ref.on(r.step("reduce", (ref.value,), left, args).value)

    left = [size for axis, size in enumerate(sizes) if axis not in axes]
    # One number of a sample: torch has no axis for it, a value has one.
    if not left:
        whole = r.step("reduce", (ref.value,), (1,) * len(sizes), {**args, "keep": True})
        return Ref(r.resized(whole.value, (1,)), ((BATCH, 0),))
    made = r.step("reduce", (ref.value,), left, args)
    # The axes that stay keep the order in which torch had them.
    places = {axis: at for at, axis in enumerate(axis for axis in range(len(sizes)) if axis not in axes)}
    places[BATCH] = BATCH
    kept = [dim for dim in ref.dims if dim[:1] not in [(axis,) for axis in axes]]
    return Ref(made.value, tuple(tuple(places[axis] for axis in dim) for dim in kept))


READERS: Mapping[str, Callable[[StepReader, Mapping[str, Any]], Any]] = {
    **{f"max_pool{rank}d": partial(_window_pool, op="max_pool", rank=rank) for rank in ENDINGS},
    **{f"avg_pool{rank}d": partial(_window_pool, op="avg_pool", rank=rank) for rank in ENDINGS},
    **{f"adaptive_avg_pool{rank}d": partial(_adaptive, op="adaptive_avg_pool", rank=rank) for rank in ENDINGS},
    **{f"adaptive_max_pool{rank}d": partial(_with_places, op="adaptive_max_pool", rank=rank) for rank in ENDINGS},
    **{f"max_pool{rank}d_with_indices": partial(_with_places, op="max_pool", rank=rank) for rank in ENDINGS},
    "mean": partial(reduced, by="mean"),
    "sum": partial(reduced, by="sum"),
    "amax": partial(reduced, by="max"),
    "amin": partial(reduced, by="min"),
}
