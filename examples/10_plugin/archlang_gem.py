"""A plug-in: generalised-mean pooling, (mean of x^p)^(1/p) with a learned p (Radenovic et al. 2018)."""

from __future__ import annotations

from archlang.ops import Arg, Module, Op, OpCall, Weight
from archlang.ops.kinds import Real
from archlang.ops.rules import need_rank
from archlang.shapes import Tensor


def _shape(call: OpCall) -> Tensor:
    x = need_rank(call, 3)  # a map [channels, height, width]; anything else is an error at the file's line
    return Tensor((x.dims[0],))


GEM = Op(
    name="gem",
    family="pooling",
    doc="The generalised mean of each channel, between the mean (p = 1) and the largest number (p large).",
    shape=_shape,
    weights=lambda call: (Weight("p", ()),),
    torch=Module("archlang_gem_torch.GeM", lambda call: {"p": call["p"]}),
    args=(Arg("p", Real(1), 3.0, "where the learned exponent starts"),),
    example="input x: [64, 8, 8]\noutput x -> gem(p = 4)",
)
