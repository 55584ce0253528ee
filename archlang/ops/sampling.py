"""Maps read at places that are numbers of the network."""

from __future__ import annotations

from archlang.ops.kinds import Fault, Flag, TensorKind, Words
from archlang.ops.model import Arg, Function, Op, OpCall
from archlang.ops.rules import flow, need_rank
from archlang.shapes import Tensor

COORDINATES = Op(
    name="coordinates", family="reshaping",
    doc="The place of each cell of a map: its column and its row, two channels from -1 to 1 (with `concat` CoordConv, "
    "Liu et al. 2018; with `grid_sample` the grid that is moved).",
    shape=lambda call: Tensor((2, *need_rank(call, 3).dims[1:])),
    torch=Function("archlang.layers.coordinates", lambda call: {"align_corners": call["align_corners"]}),
    args=(Arg("align_corners", Flag(), False, "whether -1 and 1 are the middles of the outer cells, and not their "
              "outer edges"),),
    example=flow("[3, 32, 32]", "concat(x -> coordinates) -> conv(3x3, 16)"),
)


def _sample_shape(call: OpCall) -> Tensor:
    x, grid = need_rank(call, 3), need_rank(call, 3, index=1)
    if grid.dims[0] != 2:
        raise Fault("shape-mismatch", "a grid has two channels, the column and the row of each place", input=1,
                    label=f"this is {grid}", help="`coordinates` makes that of a map; `conv(3x3, 2)` moves it")
    return Tensor((x.dims[0], *grid.dims[1:]))


GRID_SAMPLE = Op(
    name="grid_sample", family="reshaping", shape=_sample_shape,
    doc="A map read at places of its own, columns and rows from -1 to 1 (Jaderberg et al. 2015, eq. 3-5). The places "
    "have gradients, but for `nearest`.",
    torch=Function("archlang.layers.grid_sample", lambda call: {
        "mode": call["mode"], "outside": call["outside"], "align_corners": call["align_corners"],
    }),
    args=(
        Arg("grid", TensorKind(), doc="the places, [2, height, width]: columns, then rows"),
        Arg("mode", Words(("bilinear", "nearest", "bicubic")), "bilinear", "how cells between are found"),
        Arg("outside", Words(("zeros", "border", "reflection")), "zeros", "what lies outside of the map"),
        Arg("align_corners", Flag(), False, "whether -1 and 1 are the middles of the outer cells, and not their "
            "outer edges"),
    ),
    example="input x: [8, 16, 16]\nmoved = x -> coordinates -> add(x -> conv(3x3, 2))\noutput x -> grid_sample(moved)",
)

OPS = (COORDINATES, GRID_SAMPLE)
