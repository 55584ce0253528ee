"""Maps of another size: cells repeated or blended."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from archlang.ops.extents import AnySizeOf
from archlang.ops.kinds import Fault, Flag, ListKind, OneOf, Real, SizeOf, Words
from archlang.ops.model import Arg, Function, Module, Op, OpCall
from archlang.ops.rules import flow, need_at_least, need_rank
from archlang.shapes import Dim, Tensor

_FINEST = 1024
"""The finest part of 1 that a factor of a symbolic size may have."""


def _factors(call: OpCall) -> tuple[float, ...]:
    """The factor by which a map grows: along its rows, along its columns."""
    factor = call["factor"]
    if isinstance(factor, tuple):
        return factor
    return (factor, factor)


def _enlarged(cells: Dim, times: float) -> Dim:
    """`floor(cells * times)`, as torch calculates it. Raises unknown-size."""
    if isinstance(cells, int):
        return int(cells * times)

    # Torch multiplies in binary: 100 * 1.15 gives it 114. Only halves, quarters and so on are exact for all sizes.
    exact = Fraction(times)
    if exact.denominator > _FINEST:
        message = f"how many cells {cells} times {times} are is rounded differently for each size"
        help = "a symbolic size takes factors of halves, quarters and so on, such as 1.5; or give `size`"
        raise Fault("unknown-size", message, argument="factor", help=help)
    return (cells * exact.numerator) // exact.denominator


def _upsample_shape(call: OpCall) -> Tensor:
    x = need_rank(call, 3)
    factor, size = call["factor"], call["size"]
    if factor is None and size is None:
        raise Fault("missing-argument", "one of `factor` and `size` is wanted")
    if factor is not None and size is not None:
        raise Fault("wrong-count", "one of `factor` and `size` is wanted")
    if call["align_corners"] and call["mode"] == "nearest":
        message = "`nearest` copies cells and has no corners to align"
        raise Fault("conflicting-arguments", message, argument="align_corners", help="`mode = bilinear` or `bicubic`")

    argument = "size"
    if size is None:
        argument = "factor"
        size = [_enlarged(cells, times) for cells, times in zip(x.dims[1:], _factors(call), strict=True)]
    for extent in size:
        need_at_least(extent, 1, "out-of-range", f"a map has at least one cell, this has {extent}", argument)
    return Tensor((x.dims[0], *size))


def _upsample_arguments(call: OpCall) -> Mapping[str, Any]:
    arguments: dict[str, Any] = {"size": None, "scale_factor": None, "mode": call["mode"]}
    if call["size"] is not None:
        arguments["size"] = tuple(call["size"])
    # Floats, as torch's module keeps them.
    if call["factor"] is not None:
        arguments["scale_factor"] = tuple(float(times) for times in _factors(call))
    # Torch takes the argument only where there is something between cells to work out.
    if call["mode"] != "nearest":
        arguments["align_corners"] = call["align_corners"]
    return arguments


UPSAMPLE = Op(
    name="upsample", family="reshaping",
    doc="A map of another size by repeating or blending cells. `factor = 1.5` gives `floor(1.5 * size)` cells; where "
    "that is rounded, cells lie as far apart as the factor says, and with `size` as the two sizes say.",
    shape=_upsample_shape, torch=Module("torch.nn.Upsample", _upsample_arguments),
    sized=Function("torch.nn.functional.interpolate", _upsample_arguments),
    args=(
        Arg("factor", OneOf((SizeOf(2), Real(0, above=True), ListKind(Real(0, above=True), 2, 2))), None,
            "how many times larger, less than 1 for smaller; [rows, columns] where they differ"),
        Arg("size", AnySizeOf(2), None, "the size that leaves, instead of a factor; `maps.size` is that of a map"),
        Arg("mode", Words(("nearest", "bilinear", "bicubic")), "nearest", "how cells between are found"),
        Arg("align_corners", Flag(), False, "whether the middles of the corner cells stay in place, and not the "
            "corners themselves"),
    ),
    example=flow("[64, 8, 8]", "upsample(factor = 2, mode = bilinear)"),
)

OPS = (UPSAMPLE,)
