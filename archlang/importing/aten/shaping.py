"""Readers of operations that lay the same numbers out otherwise: sizes and orders of axes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

from archlang.importing.held import BATCH, Held, Ref
from archlang.importing.layouts import regrouped, squeezed
from archlang.importing.reader import AXES, NoWordError, StepReader
from archlang.importing.steps import Step

POOLED: Mapping[str, str] = {"adaptive_avg_pool": "global_avg_pool", "adaptive_max_pool": "global_max_pool"}
"""A pool to one cell, and what it is once it is flattened."""


def reshaped(r: StepReader, held: Held, result: Sequence[int]) -> Held:
    """A tensor under other sizes, the batch counted."""
    ref = r.loose(held)
    wanted = tuple(result[1:])
    if ref.regular and result[0] == r.batch:
        if r.logical(ref) == wanted:
            return ref
        known = _pooled(r, ref, wanted) or _moved(r, ref, wanted)
        if known is not None:
            return known
        # What has words for its axes is written here, where it belongs; longer rows where something reads them.
        if len(wanted) <= len(AXES) and prod(r.logical(ref)) == prod(wanted) and wanted:
            return r.tensor(Ref.of(r.resized(r.plain(ref), wanted), range(len(wanted))))

    # Before the batch an axis of size 1 would count as one with it.
    if BATCH not in ref.dims[0] and r.extent(ref, ref.dims[0]) == 1:
        ref = squeezed(r, ref)
    laid = regrouped(r, ref, result)
    if laid is not None:
        return laid
    if result[0] != r.batch or ref.dims[0] != (BATCH,):
        raise NoWordError("numbers of several samples are mixed")
    return Ref.of(r.resized(r.plain(ref), wanted), range(len(wanted)))


def _pooled(r: StepReader, ref: Ref, wanted: tuple[int, ...]) -> Ref | None:
    """The mean or the largest number of each channel, where a pool to one cell is flattened."""
    maker = r.makers.get(ref.value)
    if maker is None or len(wanted) != 1 or r.sizes[ref.value][1:] != (1, 1):
        return None
    if maker.op in POOLED:
        return r.step(POOLED[maker.op], maker.inputs, wanted)
    if maker.op == "reduce" and "by" not in maker.args and r.sizes[maker.inputs[0]][0] == wanted[0]:
        return r.step("global_avg_pool", maker.inputs, wanted)
    return None


def _moved(r: StepReader, ref: Ref, wanted: tuple[int, ...]) -> Ref | None:
    """Between maps and sequences, and channels that are shuffled: what has a word of its own."""
    sizes = r.sizes[ref.value]
    # [rows, columns, channels] into a row of places: a sequence.
    if ref.order == (1, 2, 0) and wanted == (sizes[1] * sizes[2], sizes[0]):
        return r.step("to_sequence", (ref.value,), wanted)
    # A sequence, turned, into a map.
    if ref.order == (1, 0) and len(wanted) == 3 and wanted[0] == sizes[1]:
        return r.step("to_map", (ref.value,), wanted, {"height": wanted[1], "width": wanted[2]})
    # A sequence into [rows, columns, channels]: a map whose axes are turned.
    if ref.plain and len(sizes) == 2 and len(wanted) == 3 and wanted[2] == sizes[1] > 1:
        made = r.step("to_map", (ref.value,), (wanted[2], *wanted[:2]), {"height": wanted[0], "width": wanted[1]})
        return Ref.of(made.value, (1, 2, 0))

    maker = r.makers.get(ref.value)
    if maker is not None and ref.order[:2] == (1, 0) and ref.order[2:] == tuple(range(2, len(sizes))):
        return _shuffled(r, maker, sizes, wanted)
    return None


def _shuffled(r: StepReader, maker: Step, sizes: tuple[int, ...], wanted: tuple[int, ...]) -> Ref | None:
    """[groups, channels a group, ...] turned and laid out again: a channel shuffle."""
    if maker.op != "reshape" or wanted != (sizes[0] * sizes[1], *sizes[2:]):
        return None
    if r.sizes[maker.inputs[0]] != wanted or len(wanted) != 3:
        return None
    return r.step("channel_shuffle", maker.inputs, wanted, {"groups": sizes[0]})


def _view(r: StepReader, call: Mapping[str, Any]) -> Held:
    return reshaped(r, call["self"], call["result"])


def _permute(r: StepReader, call: Mapping[str, Any]) -> Held:
    ref = r.loose(call["self"])
    return Ref(ref.value, tuple(ref.dims[dim] for dim in call["dims"]))


def _transpose(r: StepReader, call: Mapping[str, Any]) -> Held:
    ref = r.loose(call["self"])
    dims = list(ref.dims)
    # torch has three names for this.
    one, other = (call.get(f"dim{at}", call.get(f"axis{at}")) for at in (0, 1))
    dims[one], dims[other] = dims[other], dims[one]
    return Ref(ref.value, tuple(dims))


def _matrix_turned(r: StepReader, call: Mapping[str, Any]) -> Held:
    """`x.mT`, and `x.T` of a matrix."""
    return _transpose(r, {"self": call["self"], "dim0": -2, "dim1": -1})


def _expand(r: StepReader, call: Mapping[str, Any]) -> Held:
    """A tensor repeated along axes of size 1, which its readers do by themselves."""
    ref = r.loose(call["self"])
    before, after = tuple(r.extent(ref, dim) for dim in ref.dims), tuple(call["result"])
    # Sums and products spread it by themselves; whatever else reads it finds the wrong sizes, and is refused.
    if len(before) == len(after) and all(old in (1, new) for old, new in zip(before, after, strict=True)):
        return ref
    raise NoWordError("it repeats a tensor along an axis")


def _copied(r: StepReader, call: Mapping[str, Any]) -> Held:
    """The whole of a tensor written over."""
    ref = r.loose(call["src"])
    if tuple(r.extent(ref, dim) for dim in ref.dims) != tuple(call["result"]):
        raise NoWordError("it writes a smaller tensor over a larger one")
    return ref


VIEWS = (
    "view", "reshape", "_unsafe_view", "flatten", "unflatten", "unsqueeze", "squeeze", "view_as", "reshape_as", "ravel",
)

READERS: Mapping[str, Callable[[StepReader, Mapping[str, Any]], Any]] = {
    **dict.fromkeys(VIEWS, _view),
    "permute": _permute,
    "copy": _copied,
    "transpose": _transpose,
    "swapaxes": _transpose,
    "swapdims": _transpose,
    "t": _matrix_turned,
    "mT": _matrix_turned,
    "numpy_T": _matrix_turned,
    "expand": _expand,
    "expand_as": _expand,
}
