"""Noise that only training sees."""

from __future__ import annotations

from archlang.ops.kinds import Fault, Real, TensorKind
from archlang.ops.model import Arg, Module, Op, OpCall
from archlang.ops.rules import LINES, flow, need_rank
from archlang.ops.spreading import spread_shape
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


def _noise_shape(call: OpCall) -> Tensor:
    deviation = call.tensor("deviation")
    if deviation is not None and call["std"] is not None:
        raise Fault("conflicting-arguments", "the deviation is a tensor, or a number", argument="std",
                    help="leave out `deviation` or `std`")

    # A deviation may be smaller than what it moves, never larger: it would change the sizes in training alone.
    if spread_shape(call, "noise") != call.x:
        raise Fault("shape-mismatch", f"a deviation {deviation} does not fit {call.x}", input=1,
                    label=f"this is {deviation}")
    return call.x


def _std(call: OpCall) -> float:
    std: float | None = call["std"]
    return 1.0 if std is None else std


NOISE = Op(
    name="noise", family="regularisation", shape=_noise_shape,
    doc="In training, adds to each number a draw from a normal distribution around 0, whose deviation is a number or a "
    "tensor that learns; in evaluation it adds nothing, which is the mean. `mean -> noise(deviation)` is the sample of "
    "a variational autoencoder (Kingma and Welling 2014, section 2.4).",
    torch=Module("archlang.layers.Noise", lambda call: {"std": _std(call)}),
    args=(
        Arg("deviation", TensorKind(), None, "the deviation of each number, equal to what flows in or spread over it; "
            "auto: `std`", placed=True),
        Arg("std", Real(0), None, "the deviation of all numbers; auto: 1"),
    ),
    example="input x: [64]\nmean = x -> linear(16)\nspread = x -> linear(16) -> exp\n"
    "output mean -> noise(spread) -> linear(64)",
)

OPS = (DROPOUT, DROP_CHANNELS, DROP_PATH, NOISE)
