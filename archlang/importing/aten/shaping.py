"""Readers of operations that move numbers and calculate nothing: sizes, orders, parts, cells around."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import prod
from typing import Any

from archlang.importing.held import Held, Ref
from archlang.importing.reader import NoWordError, StepReader
from archlang.importing.steps import Kernel, Static, Step, Word

POOLED: Mapping[str, str] = {"adaptive_avg_pool": "global_avg_pool", "adaptive_max_pool": "global_max_pool"}
"""A pool to one cell, and what it is once it is flattened."""


def reshaped(r: StepReader, held: Held, sizes: Sequence[int]) -> Held:
    """A tensor under other sizes, the batch not counted."""
    ref, wanted = r.tensor(held), tuple(sizes)
    before = r.logical(ref)
    if before == wanted:
        return ref
    if prod(before) != prod(wanted):
        raise NoWordError("numbers of several samples are mixed")

    pooled = _pooled(r, ref, wanted)
    if pooled is not None:
        return pooled
    moved = _moved(r, ref, wanted)
    if moved is not None:
        return moved

    value = r.plain(ref)
    if len(wanted) == 1:
        return r.step("flatten", (value,), wanted)
    if len(wanted) > 4 or not wanted:
        raise NoWordError(f"a tensor of {len(wanted)} axes beside the batch")
    return r.step("reshape", (value,), wanted, {"sizes": wanted})


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
        return Ref(made.value, (1, 2, 0))

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
    return reshaped(r, call["self"], call["result"][1:])


def _permute(r: StepReader, call: Mapping[str, Any]) -> Held:
    ref = r.tensor(call["self"])
    rank = len(ref.order) + 1
    dims = [dim % rank for dim in call["dims"]]
    return _turned(ref, dims)


def _turned(ref: Ref, dims: Sequence[int]) -> Ref:
    if dims[0] != 0:
        raise NoWordError("it moves the batch")
    return Ref(ref.value, tuple(ref.order[dim - 1] for dim in dims[1:]))


def _transpose(r: StepReader, call: Mapping[str, Any]) -> Held:
    ref = r.tensor(call["self"])
    rank = len(ref.order) + 1
    one, other = call["dim0"] % rank, call["dim1"] % rank
    dims = list(range(rank))
    dims[one], dims[other] = other, one
    return _turned(ref, dims)


def _expand(r: StepReader, call: Mapping[str, Any]) -> Held:
    """A tensor repeated along axes of size 1, which its readers do by themselves."""
    held: Held = call["self"]
    ref = r.tensor(held)
    before, after = r.logical(ref), tuple(call["result"][1:])
    # Sums and products spread it by themselves; whatever else reads it finds the wrong sizes, and is refused.
    if len(before) == len(after) and all(old in (1, new) for old, new in zip(before, after, strict=True)):
        return ref
    raise NoWordError("it repeats a tensor along an axis")


def _slice(r: StepReader, call: Mapping[str, Any]) -> Held:
    ref = r.tensor(call["self"])
    rank = len(ref.order) + 1
    if call["dim"] % rank == 0:
        if call["result"][0] == call["batch"] and not call["start"]:
            return ref
        raise NoWordError("it takes single samples of the batch")
    if call["step"] != 1:
        raise NoWordError(f"it takes every {call['step']}th index")

    axis = r.axis(ref, call["dim"])
    return cut(r, ref, axis, call["start"] or 0, call["end"])


def cut(r: StepReader, ref: Ref, axis: int, start: int, stop: int | None) -> Ref:
    """The part of a tensor from `start` up to, and without, `stop` along an axis of the value."""
    sizes = list(r.sizes[ref.value])
    whole = sizes[axis]
    first, last, _ = slice(start, stop).indices(whole)
    if (first, last) == (0, whole):
        return ref

    args: dict[str, Static] = {"start": first}
    if last != whole:
        args["stop"] = last
    if axis != 0:
        args["axis"] = r.word(ref, axis)
    sizes[axis] = last - first
    made = r.step("slice", (ref.value,), sizes, args)
    return Ref(made.value, ref.order)


def _select(r: StepReader, call: Mapping[str, Any]) -> Held:
    ref = r.tensor(call["self"])
    axis = r.axis(ref, call["dim"])
    index = call["index"] % r.sizes[ref.value][axis]
    part = cut(r, ref, axis, index, index + 1)
    return reshaped(r, part, call["result"][1:])


def _parts(r: StepReader, call: Mapping[str, Any]) -> Held:
    """The parts of a `split` or `chunk`, each a `slice`; those that nothing reads are left out."""
    ref = r.tensor(call["self"])
    axis = r.axis(ref, call["dim"])
    start, parts = 0, []
    for result in call["result"]:
        length = result[call["dim"] % len(result)]
        parts.append(cut(r, ref, axis, start, start + length))
        start += length
    return tuple(parts)


def _unbind(r: StepReader, call: Mapping[str, Any]) -> Held:
    ref = r.tensor(call["self"])
    axis = r.axis(ref, call["dim"])
    return tuple(
        reshaped(r, cut(r, ref, axis, index, index + 1), result[1:]) for index, result in enumerate(call["result"])
    )


MODES = {"constant": "zeros", "reflect": "reflect", "replicate": "replicate", "circular": "circular"}


def _pad(r: StepReader, call: Mapping[str, Any]) -> Held:
    mode, cells = call.get("mode", "constant"), list(call["pad"])
    if mode == "constant" and call.get("value"):
        raise NoWordError(f"cells around a map are filled with {call['value']}")

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
    ref = Ref(value, tuple(range(len(r.sizes[value]))))
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
            return Ref(value, (0, 1, 2))
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
    ref = r.tensor(call["self"])
    if not call["dims"]:
        raise NoWordError("it rolls all samples as one row")
    axes = [r.axis(ref, dim) for dim in call["dims"]]
    args: dict[str, Static] = {"by": tuple(call["shifts"]), "axis": tuple(r.word(ref, axis) for axis in axes)}
    if len(axes) == 1:
        args = {"by": call["shifts"][0], "axis": r.word(ref, axes[0])}
    made = r.step("roll", (ref.value,), r.sizes[ref.value], args)
    return Ref(made.value, ref.order)


def _shuffle(r: StepReader, call: Mapping[str, Any]) -> Held:
    value = r.plain(r.tensor(call["self"] if "self" in call else call["input"]))
    return r.step("channel_shuffle", (value,), r.sizes[value], {"groups": call["groups"]})


VIEWS = ("view", "reshape", "_unsafe_view", "flatten", "unflatten", "unsqueeze", "squeeze", "view_as", "ravel")

READERS: Mapping[str, Callable[[StepReader, Mapping[str, Any]], Any]] = {
    **dict.fromkeys(VIEWS, _view),
    "permute": _permute,
    "transpose": _transpose,
    "swapaxes": _transpose,
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
    "channel_shuffle": _shuffle,
}
