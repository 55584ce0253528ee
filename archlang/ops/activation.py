"""Activations: a function of each number, or a distribution along one axis."""

from __future__ import annotations

from archlang.ops.facts import Result
from archlang.ops.kinds import Real, Words
from archlang.ops.model import Arg, Module, Op, OpCall, Weight
from archlang.ops.rules import AXIS, axis_of, flow, known, need_divides, replaced
from archlang.ops.values import Option
from archlang.shapes import Tensor


def _same(call: OpCall) -> Tensor:
    return call.x


def _plain(name: str, target: str, doc: str, *args: Arg, gives: tuple[Result, ...] = ()) -> Op:
    """One that needs no more than torch's module; its arguments have torch's names."""
    return Op(
        name=name, family="activation", doc=doc, shape=_same, args=args,
        torch=Module(f"torch.nn.{target}", lambda call: dict(call.args)),
        example=flow("[10]", name), gives=gives,
    )


def _slopes(call: OpCall) -> int:
    """The number of learned slopes."""
    if call["params"] == "channels":
        return known(call.x.dims[0], "channels")
    return 1


def _prelu_shape(call: OpCall) -> Tensor:
    _slopes(call)  # refuses a symbolic number of channels
    return call.x


def _prelu_weights(call: OpCall) -> tuple[Weight, ...]:
    start: Option | None = Option("constant", "initialiser", {"value": call["slope"]})
    # torch's own start: an initialiser of ours would say the same again in every printed network.
    if call["slope"] == 0.25:
        start = None
    return (Weight("weight", (_slopes(call),), init=start),)


PRELU = Op(
    name="prelu", family="activation", shape=_prelu_shape, weights=_prelu_weights,
    doc="x where it is positive, a learned multiple of it elsewhere (He et al. 2015).",
    torch=Module("torch.nn.PReLU", lambda call: {"num_parameters": _slopes(call), "init": call["slope"]}),
    args=(
        Arg("params", Words(("one", "channels")), "one", "one slope for all, or one a channel"),
        Arg("slope", Real(), 0.25, "where the slopes start"),
    ),
    example=flow("[32, 16, 16]", "prelu(params = channels)"),
)


def _axis(call: OpCall) -> int:
    """The axis that the function runs along, among the sizes of one sample."""
    if call["axis"] is not None:
        return axis_of(call)

    # The last axis of a vector or sequence holds the features; a map's channels come first.
    if call.x.rank <= 2:
        return call.x.rank - 1
    return 0


def _along_shape(call: OpCall) -> Tensor:
    _axis(call)  # refuses an axis that the tensor does not have
    return call.x


def _along(name: str, target: str, doc: str, gives: tuple[Result, ...] = ()) -> Op:
    return Op(
        name=name, family="activation", doc=doc, shape=_along_shape, reads="sequence",
        # torch counts the batch as dimension 0.
        torch=Module(f"torch.nn.{target}", lambda call: {"dim": _axis(call) + 1}),
        args=(Arg("axis", AXIS, None, "the axis; auto: the features of a vector or sequence, the channels of a map"),),
        example=flow("[10]", name), gives=gives,
    )


def _glu_shape(call: OpCall) -> Tensor:
    axis = _axis(call)
    need_divides(2, call.x.dims[axis], "`glu` gates one half by the other")
    return replaced(call.x, axis, call.x.dims[axis] // 2)


GLU = Op(
    name="glu", family="activation", reads="sequence",
    doc="The first half along an axis times an activation of the second half: a act(b) (Dauphin et al. 2017). With "
    "silu it is SwiGLU, with gelu GEGLU, with relu ReGLU, with none bilinear (Shazeer 2020, eq. 5).",
    shape=_glu_shape,
    torch=Module("archlang.layers.GLU", lambda call: {"dim": _axis(call) + 1, "activation": call["activation"]}),
    args=(
        Arg("activation", Words(("sigmoid", "silu", "gelu", "relu", "none")), "sigmoid", "what the gate goes through"),
        Arg("axis", AXIS, None, "the axis; auto: the features of a vector or sequence, the channels of a map"),
    ),
    example=flow("[49, 64]", "linear(256, bias = false) -> glu(activation = silu) -> linear(64, bias = false)"),
)

SLOPE = "the slope below zero"
OPS = (
    _plain("relu", "ReLU", "x where it is positive, else 0."),
    _plain("relu6", "ReLU6", "x kept between 0 and 6."),
    _plain("leaky_relu", "LeakyReLU", "x where it is positive, a small multiple of it elsewhere.",
           Arg("negative_slope", Real(), 0.01, SLOPE)),
    PRELU,
    _plain("elu", "ELU", "x where it is positive, alpha (exp(x) - 1) elsewhere (Clevert et al. 2016).",
           Arg("alpha", Real(0, above=True), 1.0, "minus the value far below zero")),
    _plain("selu", "SELU", "An elu that keeps mean 0 and variance 1 (Klambauer et al. 2017)."),
    _plain("celu", "CELU", "An elu with a continuous slope (Barron 2017).",
           Arg("alpha", Real(0, above=True), 1.0, "minus the value far below zero")),
    _plain("gelu", "GELU", "x times the normal distribution function of x (Hendrycks and Gimpel 2016).",
           Arg("approximate", Words(("none", "tanh")), "none", "whether tanh stands in for the error function")),
    _plain("silu", "SiLU", "x sigmoid(x), also called swish."),
    _plain("mish", "Mish", "x tanh(softplus(x)) (Misra 2019)."),
    _plain("hardswish", "Hardswish", "x relu6(x + 3) / 6 (Howard et al. 2019)."),
    _plain("hardsigmoid", "Hardsigmoid", "relu6(x + 3) / 6.", gives=("chances",)),
    _plain("sigmoid", "Sigmoid", "1 / (1 + exp(-x)).", gives=("chances",)),
    _plain("tanh", "Tanh", "The hyperbolic tangent."),
    _plain("softplus", "Softplus", "log(1 + exp(beta x)) / beta.",
           Arg("beta", Real(0, above=True), 1.0, "how sharp the bend is")),
    _along("softmax", "Softmax", "exp(x) divided by its sum along an axis.", gives=("shares",)),
    _along("log_softmax", "LogSoftmax", "The logarithm of softmax, computed safely."),
    GLU,
    Op(
        name="identity", family="activation", carries=True, doc="What comes in.",
        shape=_same, torch=Module("torch.nn.Identity"),
        example=flow("[10]", "identity"),
    ),
)
