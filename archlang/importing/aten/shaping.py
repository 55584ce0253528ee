"""Readers of operations that move numbers and calculate nothing: sizes, orders, parts, cells around."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import prod
from typing import Any

import torch

from archlang.importing.held import BATCH, FinalStates, Held, Known, Ref
from archlang.importing.layouts import regrouped
from archlang.importing.reader import AXES, NoWordError, StepReader
from archlang.importing.steps import Kernel, Static, Step, Word

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
        # What has words for its axes is written here, where it belongs; longer rows of axes only where something reads it.
        if len(wanted) <= len(AXES) and prod(r.logical(ref)) == prod(wanted) and wanted:
            return r.tensor(Ref.of(r.resized(r.plain(ref), wanted), range(len(wanted))))

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
    if ref.plain and len(sizes) == 2 and len(wanted) == 3 and wanted[2] == sizes[1]:
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
    one, other = call["dim0"], call["dim1"]
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


def _slice(r: StepReader, call: Mapping[str, Any]) -> Held:
    ref = r.loose(call["self"])
    if BATCH in ref.dims[call["dim"]]:
        if call["result"][call["dim"]] == r.extent(ref, ref.dims[call["dim"]]):
            return ref
        raise NoWordError("it takes single samples of the batch")

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
    if axis != 0 and len(sizes) not in AXES:
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
    map = Ref.of(r.resized(ref.value, (before, sizes[axis], after)), range(3))
    made = cut(r, map, 1, *part)
    length = r.sizes[made.value][1]
    return ref.on(r.resized(made.value, (*sizes[:axis], length, *sizes[axis + 1:])))


def _select(r: StepReader, call: Mapping[str, Any]) -> Held:
    held, index = call["self"], call["index"]
    if isinstance(held, FinalStates) and call["dim"] == 0:
        below = held.count - len(held.uppermost)
        if index % held.count >= below:
            return held.uppermost[index % held.count - below]
    ref = r.loose(held)
    return selected(r, ref, call["dim"], call["index"], call["result"])


def selected(r: StepReader, ref: Ref, dim: int, index: int, result: Sequence[int]) -> Held:
    """What stands at one place of an axis, which goes."""
    axis = r.axis(ref, dim)
    index %= r.sizes[ref.value][axis]
    part = cut(r, ref, axis, index, index + 1)
    if part.regular:
        return reshaped(r, part, result)

    # The axis goes from the value, too, so that no later step has to name it.
    sizes = r.sizes[part.value]
    value = r.resized(part.value, sizes[:axis] + sizes[axis + 1:])
    left = [group for at, group in enumerate(part.dims) if at != dim % len(part.dims)]
    return Ref(value, tuple(tuple(one - 1 if one > axis else one for one in group) for group in left))


def _parts(r: StepReader, call: Mapping[str, Any]) -> Held:
    """The parts of a `split` or `chunk`, each a `slice`; those that nothing reads are left out."""
    ref = r.loose(call["self"])
    axis = r.axis(ref, call["dim"])
    start, parts = 0, []
    for result in call["result"]:
        length = result[call["dim"] % len(result)]
        parts.append(cut(r, ref, axis, start, start + length))
        start += length
    return tuple(parts)


def _unbind(r: StepReader, call: Mapping[str, Any]) -> Held:
    ref = r.loose(call["self"])
    return tuple(selected(r, ref, call["dim"], index, result) for index, result in enumerate(call["result"]))


MODES = {"constant": "zeros", "reflect": "reflect", "replicate": "replicate", "circular": "circular"}


def _pad(r: StepReader, call: Mapping[str, Any]) -> Held:
    mode, cells = call.get("mode", "constant"), list(call["pad"])
    if mode == "constant" and call.get("value"):
        raise NoWordError(f"cells around a map are filled with {call['value']}")

    if not any(cells):
        held: Held = call["self"]
        return held
    value = r.plain(r.tensor(call["self"]))
    sizes = r.sizes[value]
    pairs = list(zip(cells[::2], cells[1::2], strict=True))  # the last axis first
    args: dict[str, Static] = {}
    if mode != "constant":
        args["mode"] = Word(MODES[mode])

    # All of a map alike is said in one step.
    alike = len({cell for pair in pairs for cell in pair}) == 1 and len(pairs) == len(sizes) - 1 >= 2
    if alike and cells[0] > 0:
        grown = [sizes[0], *(size + 2 * cells[0] for size in sizes[1:])]
        return r.step("pad", (value,), grown, {"size": cells[0], **args})
    return _padded(r, value, pairs, args)


def _padded(r: StepReader, value: int, pairs: list[tuple[int, int]], args: dict[str, Static]) -> Ref:
    ref = Ref.of(value, range(len(r.sizes[value])))
    for back, pair in enumerate(pairs):
        axis = len(ref.order) - 1 - back
        if pair == (0, 0):
            continue
        if axis < 0:
            raise NoWordError("it adds samples")
        # A negative number takes cells away.
        before, after = pair
        if min(pair) < 0:
            ref = cut(r, ref, axis, max(0, -before), r.sizes[ref.value][axis] + min(0, after))
            before, after = max(0, before), max(0, after)
        sizes = list(r.sizes[ref.value])
        sizes[axis] += before + after
        ref = r.step("pad", (ref.value,), sizes, {"size": (before, after), "axis": r.word(ref, axis), **args})
    return ref


def _upsample(r: StepReader, call: Mapping[str, Any], mode: str) -> Held:
    value = r.plain(r.tensor(call["input"]))
    sizes, after = r.sizes[value], tuple(call["result"][2:])
    args: dict[str, Static] = {}

    # A whole factor says the same for maps of every size.
    whole = all(new % old == 0 for new, old in zip(after, sizes[1:], strict=True))
    factors = {new // old for new, old in zip(after, sizes[1:], strict=True)}
    if whole and len(factors) == 1:
        args["factor"] = factors.pop()
        if args["factor"] == 1:
            return Ref.of(value, (0, 1, 2))
    elif call.get("scale_factors"):
        args["factor"] = tuple(float(factor) for factor in call["scale_factors"])
    else:
        args["size"] = Kernel(after)

    if mode != "nearest":
        args["mode"] = Word(mode)
    if call.get("align_corners"):
        args["align_corners"] = True
    return r.step("upsample", (value,), (sizes[0], *after), args)


def _pixels(r: StepReader, call: Mapping[str, Any], op: str, factor: str) -> Held:
    value = r.plain(r.tensor(call["self"]))
    return r.step(op, (value,), call["result"][1:], {"factor": call[factor]})


def _roll(r: StepReader, call: Mapping[str, Any]) -> Held:
    ref = r.loose(call["self"])
    if not call["dims"]:
        raise NoWordError("it rolls all samples as one row")
    axes = [r.axis(ref, dim) for dim in call["dims"]]
    args: dict[str, Static] = {"by": tuple(call["shifts"]), "axis": tuple(r.word(ref, axis) for axis in axes)}
    if len(axes) == 1:
        args = {"by": call["shifts"][0], "axis": r.word(ref, axes[0])}
    made = r.step("roll", (ref.value,), r.sizes[ref.value], args)
    return ref.on(made.value)


def _index(r: StepReader, call: Mapping[str, Any]) -> Held:
    """What stands at given places of one axis, in any order."""
    given = [(dim, one) for dim, one in enumerate(call["indices"]) if one is not None]
    if len(given) != 1:
        raise NoWordError("its places are along several axes at once")
    return _picked(r, call["self"], *given[0])


def _index_select(r: StepReader, call: Mapping[str, Any]) -> Held:
    return _picked(r, call["self"], call["dim"], call["index"])


def _picked(r: StepReader, held: Held, dim: int, places: Held) -> Held:
    ref = r.loose(held)
    if not isinstance(places, Known) or len(places.shape) != 1 or places.trained or places.derived:
        raise NoWordError("its places are calculated from the input, or are no row")
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


def _shuffle(r: StepReader, call: Mapping[str, Any]) -> Held:
    value = r.plain(r.tensor(call["self"] if "self" in call else call["input"]))
    return r.step("channel_shuffle", (value,), r.sizes[value], {"groups": call["groups"]})


VIEWS = ("view", "reshape", "_unsafe_view", "flatten", "unflatten", "unsqueeze", "squeeze", "view_as", "ravel")

READERS: Mapping[str, Callable[[StepReader, Mapping[str, Any]], Any]] = {
    **dict.fromkeys(VIEWS, _view),
    "permute": _permute,
    "transpose": _transpose,
    "swapaxes": _transpose,
    "swapdims": _transpose,
    "t": _matrix_turned,
    "mT": _matrix_turned,
    "numpy_T": _matrix_turned,
    "expand": _expand,
    "expand_as": _expand,
    "slice": _slice,
    "select": _select,
    "split": _parts,
    "split_with_sizes": _parts,
    "chunk": _parts,
    "unbind": _unbind,
    "pad": _pad,
    "constant_pad_nd": _pad,
    "upsample_nearest2d": partial(_upsample, mode="nearest"),
    "upsample_bilinear2d": partial(_upsample, mode="bilinear"),
    "upsample_bicubic2d": partial(_upsample, mode="bicubic"),
    "pixel_shuffle": partial(_pixels, op="pixel_shuffle", factor="upscale_factor"),
    "pixel_unshuffle": partial(_pixels, op="pixel_unshuffle", factor="downscale_factor"),
    "roll": _roll,
    "index": _index,
    "index_select": _index_select,
    "flip": _flip,
    "channel_shuffle": _shuffle,
}
