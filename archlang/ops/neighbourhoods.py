"""Windows of maps as vectors, and back."""

from __future__ import annotations

from archlang.ops.extents import AnySizeOf
from archlang.ops.kinds import Fault, SizeOf
from archlang.ops.model import Arg, Function, Op, OpCall
from archlang.ops.rules import flow, need_divides, need_rank
from archlang.ops.values import Size
from archlang.ops.windows import Pairs, as_pad, padding_fits, padding_kind, pairs, slide, window_padding, window_pairs
from archlang.shapes import Dim, Tensor, product


def _stride(call: OpCall) -> Size:
    """The steps between two windows: given, or the size, so that windows tile the map."""
    stride: Size | None = call["stride"]
    return stride or call["size"]


def _padding(call: OpCall) -> Pairs:
    """Cells around the map: as those of a pool, none where the stride is not given."""
    auto = "none" if call["stride"] is None else "same"
    return window_pairs(call, call["size"], _stride(call), call["dilation"], auto)


def _unfold_shape(call: OpCall) -> Tensor:
    x, padding = need_rank(call, 3), _padding(call)
    padding_fits(x, padding)
    places = slide(x.dims[1:], call["size"], _stride(call), call["dilation"], padding)
    return Tensor((product(places), x.dims[0] * product(call["size"])))


def _around(call: OpCall) -> tuple[tuple[int, ...], str] | None:
    padding = as_pad(_padding(call))
    return (padding, "constant") if any(padding) else None


_ONE = Size((1, 1))
_WINDOW = (
    Arg("size", SizeOf(2), doc="the window's size"),
    Arg("stride", SizeOf(2), None, "steps between two windows; auto: the window's size"),
    Arg("padding", window_padding(2), None, "cells around the map; auto: none if the stride is not given, else what "
        "keeps the size at stride 1"),
    Arg("dilation", SizeOf(2), _ONE, "steps between a window's cells"),
)

UNFOLD = Op(
    name="unfold", family="reshaping", shape=_unfold_shape, pad=_around,
    doc="Every window of a map as a position of a sequence, row by row; its features are the window's cells of the "
    "first channel, then those of the second, and so on.",
    torch=Function("archlang.layers.unfold", lambda call: {
        "size": tuple(call["size"]), "stride": tuple(_stride(call)), "dilation": tuple(call["dilation"]),
    }),
    args=_WINDOW, example=flow("[3, 32, 32]", "unfold(4x4) -> linear(64) -> attention(4)"),
)


def _fold_padding(call: OpCall) -> Pairs:
    auto = "none" if call["stride"] is None else "same"
    return pairs(call["padding"], call["size"], call["dilation"], auto)


def _fold_shape(call: OpCall) -> Tensor:
    x, cells, padding = need_rank(call, 2), product(call["size"]), _fold_padding(call)
    assert isinstance(cells, int)
    need_divides(cells, x.dims[1], "features are the cells of a window, channel by channel", "size")
    channels: Dim = x.dims[1] // cells

    out = Tensor((channels, *call["to"]))
    padding_fits(out, padding)
    places = product(slide(tuple(call["to"]), call["size"], _stride(call), call["dilation"], padding))
    if places != x.dims[0]:
        raise Fault("wrong-count", f"{x} has {x.dims[0]} positions, a map of {call['to']} has {places} windows",
                    argument="to")
    return out


FOLD = Op(
    name="fold", family="reshaping", shape=_fold_shape,
    doc="A sequence of windows as the map that they are of: `unfold` turned round. Where windows overlap, their cells "
    "are added.",
    torch=Function("archlang.layers.fold", lambda call: {
        "to": tuple(call["to"]), "size": tuple(call["size"]), "stride": tuple(_stride(call)),
        "dilation": tuple(call["dilation"]), "padding": _fold_padding(call),
    }),
    args=(
        Arg("to", AnySizeOf(2), doc="the map's size; `maps.size` is that of a map"), *_WINDOW[:2],
        Arg("padding", padding_kind(2), None, "cells around the map that are cut off; auto: as those of `unfold`"),
        _WINDOW[3],
    ),
    example=flow("[3, 32, 32]", "unfold(4x4) -> fold(32x32, 4x4)"),
)

OPS = (UNFOLD, FOLD)
