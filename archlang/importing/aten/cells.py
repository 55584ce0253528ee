"""Readers of operations that add, move and spread cells of a map: padding, resizing, rolling, shuffling."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch

from archlang.importing.aten.elementwise import first_of
from archlang.importing.aten.merging import pair
from archlang.importing.aten.parts import cut
from archlang.importing.held import BATCH, Held, Ref
from archlang.importing.layouts import merged
from archlang.importing.reader import NoWordError, StepReader, window
from archlang.importing.steps import Kernel, Static, Word

MOST_FILLING = 1024.0
"""The largest number of cells around a map: of larger ones the rounding would show in the map itself."""

MODES = {"constant": "zeros", "reflect": "reflect", "replicate": "replicate", "circular": "circular"}


def _pad(r: StepReader, call: Mapping[str, Any]) -> Held:
    mode, cells = call.get("mode", "constant"), list(call["pad"])
    if mode == "constant" and call.get("value") == -torch.inf:
        # A window over such cells holds a cell of the edge, too. Whatever else reads them fails the comparison.
        mode = "replicate"
        r.remark("minus infinity around a map, for a max pool, is written as copies of the map's edge")
    if not any(cells):
        held: Held = call["self"]
        return held
    if mode == "constant" and call.get("value"):
        return _filled(r, call, float(call["value"]))
    pairs = list(zip(cells[::2], cells[1::2], strict=True))  # the last axis first
    ref = r.loose(call["self"])
    # Where samples and parts of them are one axis, the others are padded as they lie.
    if ref.dims[0] != (BATCH,):
        return _padded(r, merged(r, ref), pairs, _mode(mode))
    value = r.plain(r.tensor(ref))
    sizes = r.sizes[value]
    args = _mode(mode)

    # All of a map alike is said in one step.
    alike = len({cell for pair in pairs for cell in pair}) == 1 and len(pairs) == len(sizes) - 1 >= 2
    if alike and cells[0] > 0:
        grown = [sizes[0], *(size + 2 * cells[0] for size in sizes[1:])]
        return r.step("pad", (value,), grown, {"size": cells[0], **args})
    return _padded(r, Ref.of(value, range(len(sizes))), pairs, args)


def _mode(mode: str) -> dict[str, Static]:
    """The argument that says what new cells hold; none for zeros."""
    if mode == "constant":
        return {}
    return {"mode": Word(MODES[mode])}


def _filled(r: StepReader, call: Mapping[str, Any], number: float) -> Held:
    """Cells of another number than 0: it is taken off before, and added again behind."""
    if not abs(number) <= MOST_FILLING:
        raise NoWordError(f"cells around a map are filled with {number}")
    lowered = pair(r, {"self": call["self"], "other": number}, "sub")
    return pair(r, {"self": _pad(r, {**call, "self": lowered, "value": 0}), "other": number}, "add")


def _padded(r: StepReader, ref: Ref, pairs: list[tuple[int, int]], args: Mapping[str, Static]) -> Ref:
    for back, cells in enumerate(pairs):
        if cells == (0, 0):
            continue
        if BATCH in ref.dims[-1 - back]:
            raise NoWordError("it adds samples")
        axis = r.axis(ref, -1 - back)
        # A negative number takes cells away.
        before, after = cells
        if min(cells) < 0:
            ref = cut(r, ref, axis, max(0, -before), r.sizes[ref.value][axis] + min(0, after))
            before, after = max(0, before), max(0, after)
        sizes = list(r.sizes[ref.value])
        sizes[axis] += before + after
        made = r.step("pad", (ref.value,), sizes, {"size": (before, after), "axis": r.word(ref, axis), **args})
        ref = ref.on(made.value)
    return ref


def _upsample(r: StepReader, call: Mapping[str, Any], mode: str) -> Held:
    value = r.plain(r.tensor(call["input"]))
    sizes, after = r.sizes[value], tuple(call["result"][2:])
    args: dict[str, Static] = {}

    # A size that code gave fits this map alone.
    if not call.get("scale_factors"):
        r.sized = True
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
    ref = merged(r, r.loose(call["self"]))
    if not call["dims"]:
        raise NoWordError("it rolls all samples as one row")
    axes = [r.axis(ref, dim) for dim in call["dims"]]
    args: dict[str, Static] = {"by": tuple(call["shifts"]), "axis": tuple(r.word(ref, axis) for axis in axes)}
    if len(axes) == 1:
        args = {"by": call["shifts"][0], "axis": r.word(ref, axes[0])}
    made = r.step("roll", (ref.value,), r.sizes[ref.value], args)
    return ref.on(made.value)


def _windows(r: StepReader, call: Mapping[str, Any]) -> Held:
    """Every window of a map as a column, which the language has as a position of a sequence."""
    value = r.plain(r.tensor(call["self"]))
    _, features, positions = call["result"]
    made = r.step("unfold", (value,), (positions, features), _sliding(call))
    return Ref.of(made.value, (1, 0))


def _from_windows(r: StepReader, call: Mapping[str, Any]) -> Held:
    """Columns of windows as the map that they are of; where windows overlap, their cells are added."""
    ref = r.tensor(call["self"])
    value = r.plain(Ref(ref.value, (ref.dims[0], ref.dims[2], ref.dims[1])))
    args: dict[str, Static] = {"to": window(call["output_size"], 2), **_sliding(call)}
    return r.step("fold", (value,), call["result"][1:], args)


def _sliding(call: Mapping[str, Any]) -> dict[str, Static]:
    """All arguments of a window that slides: what is left out would depend on its size and stride together."""
    padding: Static = window(call["padding"], 2)
    if not any(window(call["padding"], 2)):
        padding = Word("none")
    args: dict[str, Static] = {
        "size": window(call["kernel_size"], 2), "stride": window(call["stride"], 2), "padding": padding,
    }
    if set(window(call["dilation"], 2)) != {1}:
        args["dilation"] = window(call["dilation"], 2)
    return args


def _shuffle(r: StepReader, call: Mapping[str, Any]) -> Held:
    value = r.plain(r.tensor(first_of(call)))
    return r.step("channel_shuffle", (value,), r.sizes[value], {"groups": call["groups"]})


READERS: Mapping[str, Callable[[StepReader, Mapping[str, Any]], Any]] = {
    "pad": _pad,
    "im2col": _windows,
    "col2im": _from_windows,
    "constant_pad_nd": _pad,
    "upsample_nearest2d": partial(_upsample, mode="nearest"),
    "upsample_bilinear2d": partial(_upsample, mode="bilinear"),
    "upsample_bicubic2d": partial(_upsample, mode="bicubic"),
    "pixel_shuffle": partial(_pixels, op="pixel_shuffle", factor="upscale_factor"),
    "pixel_unshuffle": partial(_pixels, op="pixel_unshuffle", factor="downscale_factor"),
    "roll": _roll,
    "channel_shuffle": _shuffle,
}
