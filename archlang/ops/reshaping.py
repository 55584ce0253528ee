"""The same numbers in another form: flattened, permuted, cut, channels laid out as cells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archlang.ops.extents import Extent
from archlang.ops.kinds import Fault, Int, ListKind, OneOf
from archlang.ops.model import Arg, Function, Module, Op, OpCall
from archlang.ops.rules import AXIS, axis_index, axis_of, flow, need_at_least, need_divides, need_rank, replaced
from archlang.shapes import Dim, Tensor, divides, product

FLATTEN = Op(
    name="flatten", family="reshaping", carries=True,
    doc="All numbers of a sample in one vector, the last axis running fastest.",
    shape=lambda call: Tensor((call.x.elements,)),
    torch=Function("torch.flatten", lambda call: {"start_dim": 1}),
    example=flow("[32, 8, 8]", "flatten -> linear(10)"),
)


def _numbers(sizes: tuple[Dim, ...]) -> tuple[Dim, ...]:
    """Sizes for torch: a single symbolic one is -1, several are calculated from the input's sizes as it runs."""
    symbolic = [size for size in sizes if not isinstance(size, int)]
    # torch works out one -1; of two it cannot know which part of the numbers belongs to which.
    if len(symbolic) > 1:
        return sizes

    numbers: list[Dim] = []
    for size in sizes:
        if isinstance(size, int):
            numbers.append(size)
        else:
            numbers.append(-1)
    return tuple(numbers)


def _reshape_shape(call: OpCall) -> Tensor:
    sizes = list(call["sizes"])
    free = [i for i, size in enumerate(sizes) if size == -1]
    if len(free) > 1:
        raise Fault("wrong-count", "only one size may be -1", argument="sizes")

    if free:
        given = product([size for size in sizes if size != -1])
        if not isinstance(given, int):
            help = "write the size that it stands for: a symbol may be divided, as in `H // 2`"
            raise Fault("unknown-size", "-1 goes with sizes in numbers", argument="sizes", help=help)

        # What certainly does not divide is told in numbers of this tensor; the rule below tells of what is not known.
        if divides(given, call.x.elements) is False:
            text = f"{call.x} holds {call.x.elements} numbers, which is no multiple of {given}"
            raise Fault("wrong-count", text, argument="sizes")
        need_divides(given, call.x.elements, "reshape", "sizes")
        sizes[free[0]] = call.x.elements // given

    out = Tensor(tuple(sizes))
    if out.elements != call.x.elements:
        text = f"{call.x} holds {call.x.elements} numbers, {out} holds {out.elements}"
        raise Fault("wrong-count", text, argument="sizes")
    return out


RESHAPE = Op(
    name="reshape", family="reshaping", carries=True,
    doc="The same numbers in the same order under other sizes; one of them may be -1 and is worked out.",
    shape=_reshape_shape,
    torch=Function("archlang.layers.reshape", lambda call: {"sizes": _numbers(call.y.dims)}),
    args=(Arg("sizes", ListKind(OneOf((Extent(), Int(-1, -1))), 1, 8), doc="the sizes of a sample"),),
    example=flow("[64, 7, 7]", "reshape([64, 49])"),
)


def _order(call: OpCall) -> tuple[int, ...]:
    """The new order as indices of a sample's axes. Raises wrong-axis."""
    order = tuple(axis_index(axis, call.x, "axes") for axis in call["axes"])
    # `torch.permute` needs every axis once: a missing one would not be dropped, a second one not be copied.
    if sorted(order) != list(range(call.x.rank)):
        raise Fault("wrong-axis", f"each of the {call.x.rank} axes of {call.x} must be named once", argument="axes")
    return order


PERMUTE = Op(
    name="permute", family="reshaping", carries=True, order=_order,
    doc="The axes of a sample in another order.",
    shape=lambda call: Tensor(tuple(call.x.dims[i] for i in _order(call))),
    # torch counts the batch as dimension 0, which stays where it is.
    torch=Function("torch.permute", lambda call: {"dims": (0, *(i + 1 for i in _order(call)))}),
    args=(Arg("axes", ListKind(AXIS, 1), doc="the axes in their new order"),),
    example=flow("[49, 64]", "permute([features, positions])"),
)


def _to_sequence_shape(call: OpCall) -> Tensor:
    x = need_rank(call, 3, 4)
    return Tensor((product(x.dims[1:]), x.dims[0]))


TO_SEQUENCE = Op(
    name="to_sequence", family="reshaping", carries=True, gives=("sequence",),
    doc="A map as a sequence: each place is a position, row by row, its channels are the features.",
    shape=_to_sequence_shape, torch=Function("archlang.layers.to_sequence"),
    example=flow("[64, 7, 7]", "to_sequence -> attention(4)"),
)


def _to_map_shape(call: OpCall) -> Tensor:
    x = need_rank(call, 2)
    height, width = call["height"], call["width"]
    if height * width != x.dims[0]:
        text = f"{x} has {x.dims[0]} positions, a map of {height} rows and {width} columns has {height * width}"
        raise Fault("wrong-count", text, argument="height")
    return Tensor((x.dims[1], height, width))


TO_MAP = Op(
    name="to_map", family="reshaping", reads="sequence", carries=True,
    doc="A sequence as a map, its positions row by row: `to_sequence` undone.",
    shape=_to_map_shape,
    torch=Function("archlang.layers.to_map", lambda call: dict(
        zip(("height", "width"), _numbers((call["height"], call["width"])), strict=True)
    )),
    args=(Arg("height", Extent(), doc="rows"), Arg("width", Extent(), doc="columns")),
    example=flow("[49, 64]", "to_map(7, 7) -> conv(3x3, 32)"),
)

_PARTS = OneOf((Int(2, 1024), ListKind(Extent(1), 2, 1024)))
_CUT_AXIS = Arg("axis", AXIS, "channels", "the axis that is cut: the first one unless given")


def _split_shape(call: OpCall) -> tuple[Tensor, ...]:
    """One tensor a part."""
    axis, parts = axis_of(call), call["parts"]
    size = call.x.dims[axis]

    # `torch.chunk` makes the last part smaller, or fewer parts than it was asked for: that is refused here.
    if isinstance(parts, int):
        need_divides(parts, size, "split", "parts")
        return (replaced(call.x, axis, size // parts),) * parts

    whole: Dim = sum(parts)
    if whole != size:
        raise Fault("wrong-count", f"the parts add up to {whole}, the axis has {size}", argument="parts")
    return tuple(replaced(call.x, axis, part) for part in parts)


def _split_target(call: OpCall) -> str:
    if isinstance(call["parts"], int):
        return "torch.chunk"
    return "torch.split"


def _split_arguments(call: OpCall) -> Mapping[str, Any]:
    # torch's own words for a number of equal parts, and for the size of each.
    name = "split_size_or_sections"
    if isinstance(call["parts"], int):
        name = "chunks"
    return {name: call["parts"], "dim": axis_of(call) + 1}


SPLIT = Op(
    name="split", family="reshaping", reads="line", carries=True,
    doc="Cuts a tensor into a bundle of parts along an axis.",
    shape=_split_shape,
    torch=Function(_split_target, _split_arguments),
    args=(
        Arg("parts", _PARTS, doc="how many equal parts, or the size of each"),
        _CUT_AXIS,
    ),
    example=flow("[64, 16, 16]", "split(2) -> each { conv(3x3, 32) } -> concat"),
)


def _slice_shape(call: OpCall) -> Tensor:
    axis = axis_of(call)
    size, start, stop = call.x.dims[axis], call["start"], call["stop"]

    if not isinstance(start, int):
        need_at_least(start, 0, "out-of-range", f"indices start at 0, this is {start}", "start")
    # Python's slices end quietly where the axis does: a network would get less than was asked for.
    if stop is not None:
        need_at_least(stop - start, 1, "out-of-range", f"nothing lies from {start} to {stop}", "stop")
        need_at_least(size - stop, 0, "out-of-range", f"the axis ends at {size}, before {stop}", "stop")
        size = stop

    need_at_least(size - start, 1, "out-of-range", f"the axis ends at {size}: nothing starts at {start}", "start")
    # The first index counts whatever the stride: a rest of the division is one more.
    return replaced(call.x, axis, (size - start + call["stride"] - 1) // call["stride"])


SLICE = Op(
    name="slice", family="reshaping", carries=True,
    doc="The part of a tensor from `start` up to, and without, `stop`: every index, or each `stride`-th.",
    shape=_slice_shape,
    torch=Function("archlang.layers.cut", lambda call: {
        "dim": axis_of(call) + 1, "start": call["start"], "stop": call["stop"], "stride": call["stride"],
    }),
    args=(
        Arg("start", Extent(0), doc="the first index, from 0"),
        Arg("stop", Extent(1), None, "auto: the end"),
        Arg("stride", Int(1), 1, "from each index to the next"),
        _CUT_AXIS,
    ),
    example=flow("[64, 16, 16]", "slice(0, stop = 32)"),
)


def _shuffle_shape(call: OpCall) -> Tensor:
    x, factor = need_rank(call, 3), call["factor"]
    need_divides(factor * factor, x.dims[0], "pixel_shuffle needs factor * factor parts of the channels", "factor")
    return Tensor((x.dims[0] // (factor * factor), x.dims[1] * factor, x.dims[2] * factor))


def _unshuffle_shape(call: OpCall) -> Tensor:
    x, factor = need_rank(call, 3), call["factor"]
    # A rest of rows or columns would belong to no cell of the smaller map.
    for size in x.dims[1:]:
        need_divides(factor, size, "pixel_unshuffle cuts the map into cells", "factor")
    return Tensor((x.dims[0] * factor * factor, x.dims[1] // factor, x.dims[2] // factor))


PIXEL_SHUFFLE = Op(
    name="pixel_shuffle", family="reshaping", carries=True,
    doc="Lays groups of factor * factor channels out as cells of a larger map (Shi et al. 2016).",
    shape=_shuffle_shape, torch=Module("torch.nn.PixelShuffle", lambda call: {"upscale_factor": call["factor"]}),
    args=(Arg("factor", Int(1), doc="how many times larger"),),
    example=flow("[64, 8, 8]", "pixel_shuffle(2)"),
)

PIXEL_UNSHUFFLE = Op(
    name="pixel_unshuffle", family="reshaping", carries=True,
    doc="Stacks the cells of each factor x factor square as channels: pixel_shuffle undone.",
    shape=_unshuffle_shape, torch=Module("torch.nn.PixelUnshuffle", lambda call: {"downscale_factor": call["factor"]}),
    args=(Arg("factor", Int(1), doc="how many times smaller"),),
    example=flow("[3, 32, 32]", "pixel_unshuffle(2)"),
)

OPS = (FLATTEN, RESHAPE, PERMUTE, TO_SEQUENCE, TO_MAP, SPLIT, SLICE, PIXEL_SHUFFLE, PIXEL_UNSHUFFLE)
