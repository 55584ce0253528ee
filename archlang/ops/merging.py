"""The members of a bundle become one tensor: sums, products, concatenation."""

from __future__ import annotations

from archlang.ops.kinds import Fault, Real, TensorKind
from archlang.ops.model import Arg, Function, Op, OpCall
from archlang.ops.rules import AXIS, axis_of, flow, need_members, replaced, to_agree
from archlang.shapes import Dim, Tensor


def _members(name: str, target: str, doc: str, remains: bool = False) -> Op:
    return Op(
        name=name, family="merging", doc=doc, takes="bundle", remains=remains, commutes=True,
        shape=lambda call: need_members(call, name),
        torch=Function(target), example=flow("[64, 8, 8]", f"fork(2) -> each {{ conv(3x3, 32) }} -> {name}"),
    )


SCALE = Op(
    name="scale", family="merging", doc="Every number times the same one.", shape=lambda call: call.x,
    torch=Function("torch.mul", lambda call: {"other": call["by"]}),
    args=(Arg("by", Real(), doc="the factor"),), example=flow("[10]", "scale(0.5)"),
)

SHIFT = Op(
    name="shift", family="merging", doc="Every number plus the same one.", shape=lambda call: call.x,
    torch=Function("torch.add", lambda call: {"other": call["by"]}),
    args=(Arg("by", Real(), doc="what is added"),),
    example="input x: [32, 8, 8]\ngate = x -> global_avg_pool -> linear(32)\noutput x -> mul(gate -> shift(1))",
)


def _concat_shape(call: OpCall) -> Tensor:
    axis = axis_of(call)
    total: Dim = call.x.dims[axis]

    for index, other in enumerate(call.inputs[1:], 1):
        # With 0 at the axis, two tensors are equal if they agree everywhere else.
        if other.rank != call.x.rank or replaced(other, axis, 0) != replaced(call.x, axis, 0):
            raise Fault(
                "shape-mismatch", f"`concat` along `{call['axis']}` needs all other sizes equal, "
                f"but {call.x} and {other} differ", input=index, label=f"this is {other}", help=to_agree(call.x, other),
            )
        total = total + other.dims[axis]
    return replaced(call.x, axis, total)


CONCAT = Op(
    name="concat", family="merging", reads="line", takes="bundle",
    carries=True, shape=_concat_shape,
    doc="Tensors end to end along an axis: the members of a bundle, or `a -> concat(b, c)`.",
    joins=axis_of,
    # torch counts the batch as dimension 0; `packed`, as `torch.cat` takes one tuple of tensors.
    torch=Function("torch.cat", lambda call: {"dim": axis_of(call) + 1}, packed=True),
    args=(
        # None at least: the members of a bundle are inputs already.
        Arg("others", TensorKind(many=True, low=0), doc="further tensors, where what flows in is one"),
        Arg("axis", AXIS, "channels", "the axis along which they are joined: the first one unless given"),
    ),
    example=flow("[64, 8, 8]", "parallel { conv(1x1, 16); conv(3x3, 32) } -> concat"),
)


def _stack_shape(call: OpCall) -> Tensor:
    x = need_members(call, "stack")
    return Tensor((len(call.inputs), *x.dims))


STACK = Op(
    name="stack", family="merging", gives=("unnamed",), takes="bundle",
    carries=True, shape=_stack_shape,
    doc="The members of a bundle along a new first axis: vectors become a sequence.",
    torch=Function("torch.stack", lambda call: {"dim": 1}, packed=True),
    example=flow("[64]", "fork(3) -> each { linear(32) } -> stack"),
)

OPS = (
    SCALE, SHIFT,
    # Only a sum is as if a removed branch were 0: a mean would divide by fewer, a product would be 0.
    _members("sum", "archlang.layers.total", "The sum of a bundle's members.", remains=True),
    _members("mean", "archlang.layers.average", "The mean of a bundle's members."),
    _members("product", "archlang.layers.times", "The product of a bundle's members, number by number."),
    CONCAT,
    STACK,
)
