"""Noise that only training sees."""

from __future__ import annotations

from archlang.ops.kinds import Real
from archlang.ops.model import Arg, Module, Op, OpCall
from archlang.ops.rules import LINES, flow, need_rank
from archlang.shapes import Tensor

_P = Real(0, 1)


def _same(call: OpCall) -> Tensor:
    return call.x


DROPOUT = Op(
    name="dropout", family="regularisation", shape=_same,
    doc="In training, each number is 0 with probability p, and else divided by 1 - p.",
    torch=Module("torch.nn.Dropout", lambda call: {"p": call["p"]}),
    args=(Arg("p", _P, 0.5, "probability"),),
    example=flow("[128]", "dropout(0.1) -> linear(10)"),
)

DROP_CHANNELS = Op(
    name="drop_channels", family="regularisation", shape=lambda call: need_rank(call, 2, 3, 4, words=LINES),
    doc="In training, each whole channel is 0 with probability p, and else divided by 1 - p (Tompson et al. 2015).",
    # `Dropout1d` to `Dropout3d` count the axes behind the channels.
    torch=Module(lambda call: f"torch.nn.Dropout{call.x.rank - 1}d", lambda call: {"p": call["p"]}),
    args=(Arg("p", _P, 0.5, "probability"),),
    example=flow("[32, 16, 16]", "drop_channels(0.1)"),
)

DROP_PATH = Op(
    name="drop_path", family="regularisation", shape=_same,
    doc="In training, each whole sample is 0 with probability p, and else divided by 1 - p: at the end of a residual "
    "branch it leaves the branch out (Huang et al. 2016).",
    # torch has none: its dropouts leave out numbers or channels, this one whole samples.
    torch=Module("archlang.layers.DropPath", lambda call: {"p": call["p"]}),
    args=(Arg("p", Real(0, 1), 0.1, "probability"),),
    example=flow("[32, 16, 16]", "residual { conv(3x3, 32) -> batch_norm -> drop_path(0.1) }"),
)

OPS = (DROPOUT, DROP_CHANNELS, DROP_PATH)
