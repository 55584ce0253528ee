"""Dense maps and products."""

from __future__ import annotations

from archlang.ops.convolution import INIT
from archlang.ops.kinds import Fault, Flag, Int, TensorKind
from archlang.ops.model import Arg, Function, Module, Op, OpCall, Weight
from archlang.ops.rules import flow, known, need_rank
from archlang.shapes import Dim, Tensor, product


def _linear_shape(call: OpCall) -> Tensor:
    x = need_rank(call, 1, 2)
    known(x.dims[-1], "features")
    return Tensor((*x.dims[:-1], call["features"]))


def _linear_weights(call: OpCall) -> tuple[Weight, ...]:
    """The matrix [out features, in features], and the bias [out features]."""
    weight = Weight("weight", (call["features"], call.x.dims[-1]), init=call["init"])

    # A bias that is still open counts until the graph settles it.
    if call["bias"] is False:
        return (weight,)
    return weight, Weight("bias", (call["features"],))


def _linear_flops(call: OpCall) -> Dim:
    # Over all sizes that enter: the matrix is applied at every position of a sequence.
    return 2 * product(call.x.dims) * int(call["features"])


LINEAR = Op(
    name="linear", family="linear", reads="sequence",
    doc="A dense map W x + b of a vector, or of every position of a sequence.",
    shape=_linear_shape, weights=_linear_weights, flops=_linear_flops,
    torch=Module("torch.nn.Linear", lambda call: {
        "in_features": call.x.dims[-1], "out_features": call["features"], "bias": call["bias"] is not False,
    }),
    habit=("", "features", "bias"),
    # The bias runs along the last axis, where a convolution's runs along the first.
    biased=-1, mixes=lambda call: (call.x.rank - 1, 1),
    args=(
        Arg("features", Int(1), doc="features that leave"),
        Arg("bias", Flag(), None, "whether b is learned; auto: yes, unless its only consumer takes the mean of every "
            "feature off, as a batch norm or `standardize` does"),
        INIT,
    ),
    example=flow("[3, 32, 32]", "flatten -> linear(10)"),
)


def _matmul_shape(call: OpCall) -> Tensor:
    a, b = need_rank(call, 2), need_rank(call, 2, index=1)
    if a.dims[1] != b.dims[0]:
        help = f"the first is {a}"
        if a.dims[1] == b.dims[1]:
            help = "the second has to be transposed: `permute([features, positions])` exchanges its axes"
        raise Fault("shape-mismatch", f"matmul needs [a, b] and [b, c]: {a} and {b} do not fit", input=1,
                    label=f"this is {b}", help=help)
    return Tensor((a.dims[0], b.dims[1]))


MATMUL = Op(
    name="matmul", family="linear", doc="The product of two matrices [a, b] and [b, c] of each sample.",
    shape=_matmul_shape, flops=lambda call: 2 * call.x.dims[0] * call.x.dims[1] * call.y.dims[1],
    torch=Function("torch.matmul"),
    args=(Arg("other", TensorKind(), doc="the second matrix"),),
    example="input x: [49, 64]\noutput x -> matmul(x -> permute([features, positions]))",
)

OPS = (LINEAR, MATMUL)
