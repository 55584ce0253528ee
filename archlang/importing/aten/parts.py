"""Readers of operations that take parts of a tensor: slices, single places, parts side by side, places in any order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import torch

from archlang.importing.aten.shaping import reshaped
from archlang.importing.held import BATCH, FinalStates, Held, Known, Ref
from archlang.importing.layouts import merged
from archlang.importing.reader import AXES, NoWordError, StepReader
from archlang.importing.steps import Static


def _slice(r: StepReader, call: Mapping[str, Any]) -> Held:
    ref = r.loose(call["self"])
    # The whole of an axis, as code cuts that fits every size.
    if call["step"] == 1 and call["result"][call["dim"]] == r.extent(ref, ref.dims[call["dim"]]):
        r.sized = True
        return ref
    if BATCH in ref.dims[call["dim"]]:
        raise NoWordError("it takes single samples of the batch")

    ref = merged(r, ref)
    axis = r.axis(ref, call["dim"])
    return cut(r, ref, axis, call["start"] or 0, call["end"], call["step"])


def cut(r: StepReader, ref: Ref, axis: int, start: int, stop: int | None, stride: int = 1) -> Ref:
    """The part of a tensor from `start` up to, and without, `stop` along an axis of the value."""
    sizes = list(r.sizes[ref.value])
    whole = sizes[axis]
    first, last, _ = slice(start, stop).indices(whole)
    if (first, last, stride) == (0, whole, 1):
        return ref

    # Where axes have no words, the one that is cut becomes the first of a sequence of all others.
    if len(sizes) not in AXES:
        return _cut_as_sequence(r, ref, axis, (first, last, stride))
    args: dict[str, Static] = {"start": first}
    if last != whole:
        args["stop"] = last
    if stride != 1:
        args["stride"] = stride
    if axis != 0:
        args["axis"] = r.word(ref, axis)
    sizes[axis] = len(range(first, last, stride))
    made = r.step("slice", (ref.value,), sizes, args)
    return ref.on(made.value)


def _cut_as_sequence(r: StepReader, ref: Ref, axis: int, part: tuple[int, int, int]) -> Ref:
    """A cut of a tensor of more axes than have words."""
    sizes = r.sizes[ref.value]
    before, after = prod(sizes[:axis]), prod(sizes[axis + 1:])
    if axis == 0:
        made = cut(r, Ref.of(r.resized(ref.value, (sizes[0], sizes[1], after // sizes[1])), range(3)), 0, *part)
        return ref.on(r.resized(made.value, (r.sizes[made.value][0], *sizes[1:])))
    map = Ref.of(r.resized(ref.value, (before, sizes[axis], after)), range(3))
    made = cut(r, map, 1, *part)
    length = r.sizes[made.value][1]
    return ref.on(r.resized(made.value, (*sizes[:axis], length, *sizes[axis + 1:])))


def _select(r: StepReader, call: Mapping[str, Any]) -> Held:
    held, index = call["self"], call["index"]
    if isinstance(held, FinalStates) and call["dim"] == 0:
        below = held.count - len(held.uppermost)
        if index % held.count >= below:
            state: Ref = held.uppermost[index % held.count - below]
            return state
    ref = r.loose(held)
    return selected(r, ref, call["dim"], call["index"], call["result"])


def selected(r: StepReader, ref: Ref, dim: int, index: int, result: Sequence[int]) -> Held:
    """Take one place of an axis, which goes."""
    axis = r.axis(ref, dim)
    index %= r.sizes[ref.value][axis]
    part = cut(r, ref, axis, index, index + 1)
    if part.regular:
        return reshaped(r, part, result)

    # The axis goes from the value, too, so that no later step has to name it.
    sizes = r.sizes[part.value]
    value = r.resized(part.value, sizes[:axis] + sizes[axis + 1:])
    left = [group for at, group in enumerate(part.dims) if at != dim % len(part.dims)]
    return Ref(value, tuple(tuple(one - (one > axis) for one in group) for group in left))


def _parts(r: StepReader, call: Mapping[str, Any]) -> Held:
    """The parts of a `split` or `chunk`, each a `slice`; those that nothing reads are left out."""
    ref = merged(r, r.loose(call["self"]))
    axis = r.axis(ref, call["dim"])
    # torch gives the sizes of the parts, whatever the call said: as many as there are, the last one smaller.
    start, parts = 0, []
    for result in call["result"]:
        length = result[call["dim"] % len(result)]
        parts.append(cut(r, ref, axis, start, start + length))
        start += length
    return tuple(parts)


def _unbind(r: StepReader, call: Mapping[str, Any]) -> Held:
    ref = r.loose(call["self"])
    return tuple(selected(r, ref, call["dim"], index, result) for index, result in enumerate(call["result"]))


def _index(r: StepReader, call: Mapping[str, Any]) -> Held:
    """Take given places of one axis, in any order."""
    given = [(dim, one) for dim, one in enumerate(call["indices"]) if one is not None]
    if len(given) != 1:
        raise NoWordError("its places are along several axes at once")
    return _picked(r, call["self"], *given[0])


def _index_select(r: StepReader, call: Mapping[str, Any]) -> Held:
    return _picked(r, call["self"], call["dim"], call["index"])


def _picked(r: StepReader, held: Held, dim: int, places: Held) -> Held:
    ref = merged(r, r.loose(held))
    if not isinstance(places, Known) or len(places.shape) != 1 or places.trained or places.derived:
        raise NoWordError("its places are calculated from the input, or are no row")
    # The text holds them, as the model does now.
    found = places.read(r.state)
    if found.is_floating_point() or found.dtype is torch.bool:
        raise NoWordError("its places are no whole numbers")
    axis = r.axis(ref, dim)
    whole = r.sizes[ref.value]
    return _pick(r, ref, axis, [int(one) % whole[axis] for one in found])


def _pick(r: StepReader, ref: Ref, axis: int, places: Sequence[int]) -> Ref:
    sizes = list(r.sizes[ref.value])
    sizes[axis] = len(places)
    args: dict[str, Static] = {"indices": tuple(places)}
    if axis != 0:
        args["axis"] = r.word(ref, axis)
    return ref.on(r.step("pick", (ref.value,), sizes, args).value)


def _flip(r: StepReader, call: Mapping[str, Any]) -> Held:
    ref = r.loose(call["self"])
    for dim in call["dims"]:
        axis = r.axis(ref, dim)
        ref = _pick(r, ref, axis, range(r.sizes[ref.value][axis])[::-1])
    return ref


READERS: Mapping[str, Callable[[StepReader, Mapping[str, Any]], Any]] = {
    "slice": _slice,
    "select": _select,
    "split": _parts,
    "split_with_sizes": _parts,
    "chunk": _parts,
    "tensor_split": _parts,
    "unbind": _unbind,
    "index": _index,
    "index_select": _index_select,
    "flip": _flip,
}
