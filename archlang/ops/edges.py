"""Edges of images, by fixed kernels."""

from __future__ import annotations

from archlang.ops.model import Function, Op, OpCall
from archlang.ops.rules import flow, need_rank
from archlang.shapes import Dim, Tensor


def _shape(call: OpCall) -> Tensor:
    _, height, width = need_rank(call, 3).dims
    return Tensor((2, height, width))


def _flops(call: OpCall) -> Dim:
    _, height, width = call.y.dims
    # Two kernels of 3x3 at every pixel, a multiply-add as two. The grey image is a sum, which is not counted.
    return 2 * 2 * 9 * height * width


SOBEL = Op(
    name="sobel", family="edges",
    doc="Horizontal and vertical edges of the grey image, two channels: Sobel's kernels, an eighth of them, borders "
    "repeated. Three channels are red, green and blue; of another number the mean is grey.",
    shape=_shape, flops=_flops, torch=Function("archlang.layers.sobel"),
    example=flow("[3, 32, 32]", "sobel -> conv(3x3, 64, bias = false) -> relu"),
)

OPS = (SOBEL,)
