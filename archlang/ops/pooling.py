"""Pools: windows, the whole map, a grid of cells of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from archlang.ops.extents import AnySizeOf
from archlang.ops.facts import SLIDING
from archlang.ops.kinds import Fault, Flag, Int, SizeOf, Words
from archlang.ops.model import Arg, Function, Module, Op, OpCall
from archlang.ops.rules import LINES, features_of, flow, need_at_least, need_rank
from archlang.ops.values import Extents, Size
from archlang.ops.windows import (
    KERNELS,
    Pairs,
    half_at_most,
    padding_fits,
    slide,
    symmetric,
    trimmed,
    window_padding,
    window_pairs,
)
from archlang.shapes import Dim, Tensor, at_least

INPUTS = {1: "[16, 32]", 2: "[16, 32, 32]", 3: "[16, 8, 32, 32]"}


def _name(rank: int, name: str) -> str:
    """`max_pool` over maps, the common case, and `max_pool1d`, `max_pool3d`."""
    if rank == 2:
        return name
    return f"{name}{rank}d"


def _parts(call: OpCall) -> tuple[Size, Size, Size, Pairs]:
    """Size, stride, dilation, padding. A pool without a stride tiles; one with a stride keeps the size at stride 1."""
    size: Size = call["size"]
    dilation: Size = call.args.get("dilation", Size((1,) * len(size)))  # torch's means know no dilation

    # torch's `ceil_mode` counts places with equal padding on both sides, which `same` need not give.
    auto = "same"
    if call["stride"] is None or call["ceil"]:
        auto = "none"
    stride: Size = call["stride"] or size
    return size, stride, dilation, window_pairs(call, size, stride, dilation, auto)


def _rounded_up(size: Dim, reach: int, stride: int, padding: int) -> Dim:
    """Places when a last, partial window counts too, unless it began in the padding after the end."""
    places: Dim = (size + 2 * padding - reach + stride - 1) // stride + 1

    # torch drops a last window that would begin behind the map: it held padding alone.
    outside = at_least((places - 1) * stride - padding - size, 0)
    if outside is None:
        help = f"with a window of at least {stride + padding} cells, or a size that {stride} is known to divide, it is"
        raise Fault("unknown-size", f"whether a last window over {size} cells begins in the padding is not known",
                    argument="ceil", help=help)
    if outside:
        return places - 1
    return places


def _window_shape(call: OpCall) -> Tensor:
    """[channels, *places]. Raises what its rules raise, and wrong-kind for `ceil` with an uneven padding."""
    size, stride, dilation, padding = _parts(call)
    x = need_rank(call, len(size) + 1, words=LINES)
    # A causal window ends at a cell of the line, however much of it lies before.
    if call["padding"] != "causal":
        half_at_most(padding, size, dilation)
    padding_fits(x, padding)

    places = slide(x.dims[1:], size, stride, dilation, padding)
    if not call["ceil"]:
        return Tensor((x.dims[0], *places))

    # Only torch's own module rounds up: what stands in for it where padding is uneven does not.
    if not _even(padding, size):
        raise Fault("wrong-kind", "`ceil` goes with a padding of the same number before and after, at most half of the "
                    "window's size", argument="padding")

    reach = [d * (k - 1) + 1 for k, d in zip(size, dilation, strict=True)]
    axes = zip(x.dims[1:], reach, stride, padding, strict=True)
    rounded = [_rounded_up(cells, r, s, before) for cells, r, s, (before, _) in axes]
    return Tensor((x.dims[0], *rounded))


def _mean_of_volume_shape(call: OpCall) -> Tensor:
    """As of any window, but torch means volumes over no window larger than they are, whatever their padding."""
    shape = _window_shape(call)
    for cells, k in zip(call.x.dims[1:], call["size"], strict=True):
        message = f"a mean over {k} cells needs a volume with as many, here are {cells}"
        need_at_least(cells, k, "kernel-too-large", message, "size")
    return shape


def _needed(call: OpCall) -> Pairs:
    """The padding without what no window reaches: torch's own pools then do more often."""
    size, stride, dilation, padding = _parts(call)
    reach = Size(d * (k - 1) + 1 for k, d in zip(size, dilation, strict=True))
    sizes = call.x.dims[1:]
    return trimmed(padding, sizes, slide(sizes, size, stride, dilation, padding), reach, stride)


def _even(padding: Pairs, size: Size) -> bool:
    """Tell whether torch takes this padding: as much after as before, and at most half of the window."""
    # torch compares with the size, not with the reach: a dilated window may have less padding than it reaches over.
    return symmetric(padding) and all(before <= k // 2 for (before, _), k in zip(padding, size, strict=True))


def _window_target(kind: str, rank: int) -> Callable[[OpCall], str]:
    """torch's pool, or the layer that pads first; both compute the same."""
    def target(call: OpCall) -> str:
        if _even(_needed(call), call["size"]):
            return f"torch.nn.{kind}Pool{rank}d"
        return f"archlang.layers.Uneven{kind}Pool"

    return target


def _with_padding(call: OpCall, arguments: dict[str, Any]) -> Mapping[str, Any]:
    """The arguments with the padding as the target takes it: one number an axis for torch, pairs for our layer."""
    padding = _needed(call)
    if _even(padding, call["size"]):
        return {**arguments, "padding": tuple(before for before, _ in padding), "ceil_mode": call["ceil"]}
    return {**arguments, "padding": padding}


def _max_arguments(call: OpCall) -> Mapping[str, Any]:
    size, stride, dilation, _ = _parts(call)
    return _with_padding(call, {
        "kernel_size": tuple(size), "stride": tuple(stride), "dilation": tuple(dilation),
    })


def _avg_arguments(call: OpCall) -> Mapping[str, Any]:
    size, stride, _, _ = _parts(call)
    return _with_padding(call, {
        "kernel_size": tuple(size), "stride": tuple(stride), "count_include_pad": call["count_padding"],
    })


def _windows(rank: int) -> tuple[Arg, ...]:
    auto = "cells around the map; auto: none if the stride is not given, else what keeps the size at stride 1"
    return (
        Arg("size", SizeOf(rank), doc="the window's size"),
        Arg("stride", SizeOf(rank), None, "steps between two windows; auto: the window's size"),
        Arg("padding", window_padding(rank), None, auto),
        Arg("ceil", Flag(), False, "whether a last, partial window counts too"),
    )


def _max_pool(rank: int) -> Op:
    return Op(
        name=_name(rank, "max_pool"), family="pooling", doc="The largest number in each window of each channel.",
        shape=_window_shape, torch=Module(_window_target("Max", rank), _max_arguments), gives=SLIDING[rank],
        habit=("size", "stride", "padding", "dilation"),
        args=(*_windows(rank), Arg("dilation", SizeOf(rank), Size((1,) * rank), "steps between a window's cells")),
        example=flow(INPUTS[rank], f"{_name(rank, 'max_pool')}({KERNELS[rank]}, stride = 2)"),
    )


def _avg_pool(rank: int) -> Op:
    shape = _window_shape
    if rank == 3:
        shape = _mean_of_volume_shape

    return Op(
        name=_name(rank, "avg_pool"), family="pooling", doc="The mean of each window of each channel.",
        shape=shape,
        torch=Module(_window_target("Avg", rank), _avg_arguments), gives=SLIDING[rank],
        habit=("size", "stride", "padding", "ceil", "count_padding"),
        args=(*_windows(rank), Arg("count_padding", Flag(), True, "whether padding counts in the mean, as zeros")),
        example=flow(INPUTS[rank], f"{_name(rank, 'avg_pool')}({KERNELS[rank]})"),
    )


def _global_shape(call: OpCall) -> Tensor:
    # Two sizes are a sequence here, whose features are left; a line [channels, length] has `global_avg_pool1d`.
    return Tensor((features_of(need_rank(call, 2, 3, 4)),))


def _line_shape(call: OpCall) -> Tensor:
    return Tensor((need_rank(call, 2, words=LINES).dims[0],))


def _dims(call: OpCall) -> tuple[int, ...]:
    """torch's dimensions that are pooled: positions, or all places. They count the batch as 0."""
    if call.x.rank == 2:
        return (1,)
    return tuple(range(2, call.x.rank + 1))


def _global(kind: str, target: str, doc: str) -> tuple[Op, Op]:
    return (
        Op(
            name=f"global_{kind}_pool", family="pooling", shape=_global_shape, reads="sequence",
            doc=f"{doc} of each channel of a map or volume, or of each feature of a sequence over its positions.",
            torch=Function(target, lambda call: {"dim": _dims(call)}),
            example=flow("[512, 7, 7]", f"global_{kind}_pool -> linear(10)"),
        ),
        Op(
            name=f"global_{kind}_pool1d", family="pooling", shape=_line_shape, reads="line",
            doc=f"{doc} of each channel of a line [channels, length].",
            torch=Function(target, lambda call: {"dim": (2,)}),
            example=flow("[16, 32]", f"global_{kind}_pool1d"),
        ),
    )


def _adaptive_shape(call: OpCall) -> Tensor:
    size: Size | Extents = call["size"]
    for extent in size:
        need_at_least(extent, 1, "out-of-range", f"a grid has at least one cell, this has {extent}", "size")
    return Tensor((need_rank(call, len(size) + 1, words=LINES).dims[0], *size))


def _adaptive(rank: int, kind: str, words: str) -> Op:
    name = _name(rank, f"adaptive_{kind.lower()}_pool")
    return Op(
        name=name, family="pooling", shape=_adaptive_shape,
        doc=f"The {words} of each cell of a grid laid over the map, of a given size whatever the map's.",
        torch=Module(f"torch.nn.Adaptive{kind}Pool{rank}d", lambda call: {"output_size": tuple(call["size"])}),
        sized=Function(f"torch.nn.functional.adaptive_{kind.lower()}_pool{rank}d",
                       lambda call: {"output_size": tuple(call["size"])}),
        gives=SLIDING[rank],
        args=(Arg("size", AnySizeOf(rank), doc="the grid's size; `maps.size` is that of a map"),),
        example=flow(INPUTS[rank], f"{name}({KERNELS[rank]})"),
    )


PYRAMID = Op(
    name="pyramid_pool", family="pooling",
    doc="Pools a map into grids of several sizes and lays all cells end to end: a vector of C (1 + 4 + 16) numbers "
    "for `pyramid_pool(1, 2, 4)`, whatever the map's size (He et al. 2014).",
    shape=lambda call: Tensor((need_rank(call, 3).dims[0] * sum(n * n for n in call["levels"]),)),
    torch=Module("archlang.layers.PyramidPool", lambda call: {"levels": call["levels"], "mode": call["mode"]}),
    args=(
        Arg("levels", Int(1), doc="cells a side of each grid", many=True),
        Arg("mode", Words(("avg", "max")), "avg", "what a cell holds"),
    ),
    example=flow("[16, 32, 32]", "pyramid_pool(1, 2, 4)"),
)

OPS = (
    *(_max_pool(rank) for rank in (2, 1, 3)),
    *(_avg_pool(rank) for rank in (2, 1, 3)),
    *_global("avg", "torch.mean", "The mean"),
    # `torch.max` with a dimension hands out indices too, and takes one dimension alone.
    *_global("max", "torch.amax", "The largest number"),
    *(_adaptive(rank, "Avg", "mean") for rank in (2, 1, 3)),
    *(_adaptive(rank, "Max", "largest number") for rank in (2, 1, 3)),
    PYRAMID,
)
