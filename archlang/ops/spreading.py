"""Element-wise operations on several tensors: sums, products, quotients; vectors and axes of size 1 are spread."""

from __future__ import annotations

from collections.abc import Sequence

from archlang.ops.kinds import Fault, TensorKind
from archlang.ops.model import Arg, Function, Op, OpCall
from archlang.ops.rules import LINE, NAMES, flow, to_agree
from archlang.shapes import Dim, Tensor

_TWO = "input x: [32, 8, 8]\noutput x -> conv(3x3, 32) -> {name}(x)"
_WIDE = {3: "a map", 4: "a volume"}
SPREADS = (
    "Equal tensors; a vector [C] is spread over the places of a map or volume of C channels, an axis of size 1 along "
    "that axis of the others."
)


def spread_shape(call: OpCall, what: str) -> Tensor:
    """The type of several tensors brought together number by number.

    Tensors are equal; or of equal rank, where an axis of the literal size 1 is spread along that of the others; or
    vectors [C] beside maps or volumes of C channels. Raises shape-mismatch with the first two types that do not fit.

    >>> str(spread_shape(OpCall((Tensor((8, 4, 4)), Tensor((8,)), Tensor((1, 4, 4))), {}), "add"))
    '[8, 4, 4]'
    """
    rank = max(x.rank for x in call.inputs)
    full = [index for index, x in enumerate(call.inputs) if x.rank == rank]
    base = call.inputs[full[0]]

    for index in full[1:]:
        together = _together(base, call.inputs[index])
        if together is None:
            raise _differ(call, what, index)
        base = together

    for index, x in enumerate(call.inputs):
        fits_channels = x.rank == 1 and rank >= 3 and x.dims[0] == base.dims[0]
        if x.rank != rank and not fits_channels:
            raise _differ(call, what, index)
    return base


def _together(one: Tensor, other: Tensor) -> Tensor | None:
    """The type of two tensors of one rank, axes of size 1 spread; None where they do not fit."""
    dims: list[Dim] = []
    for left, right in zip(one.dims, other.dims, strict=True):
        if left == right or right == 1:
            dims.append(left)
        elif left == 1:
            dims.append(right)
        else:
            return None
    return Tensor(tuple(dims))


def _differ(call: OpCall, what: str, index: int) -> Fault:
    """The fault of the tensor `index`, which does not fit those before it."""
    # The first tensor is what flows in: where it is the one that does not fit, the next says so.
    index = max(index, 1)
    first, other = call.x, call.inputs[index]
    return Fault(
        "shape-mismatch", f"`{what}` needs equal tensors, but {first} and {other} differ",
        input=index, label=f"this is {other}", help=_to_fit(first, other),
    )


def _to_fit(first: Tensor, other: Tensor) -> tuple[str, ...]:
    """Say how a vector is given the axis that it lacks, or else how two tensors come to be of one type."""
    vector, wide = sorted((first, other), key=lambda x: x.rank)
    if vector.rank == 1 and wide.rank == 2:
        size = vector.dims[0]
        as_row = f"`reshape([1, {size}])` spreads the vector over the positions of a sequence"
        return (f"{as_row}, `reshape([{size}, 1])` over {LINE.replace('a line', 'the length of a line')}",)
    if vector.rank == 1 and wide.rank > 2:
        return (f"a vector is spread over {_WIDE[wide.rank]} that has as many channels: `linear({wide.dims[0]})`",)
    if first.rank == other.rank and 1 in (*first.dims, *other.dims):
        return (_axis_that_differs(first, other),)
    return to_agree(first, other)


def _axis_that_differs(first: Tensor, other: Tensor) -> str:
    """Name the axis that keeps two tensors apart, of which one was meant to be spread."""
    words = NAMES.get(first.rank, ())
    # A tensor of more than four sizes has no words for them.
    for axis, left, right in zip(words, first.dims, other.dims, strict=False):
        if left != right and 1 not in (left, right):
            return f"an axis of size 1 is spread along the other's: on `{axis}` these have {left} and {right}"
    return SPREADS


def is_spread(inputs: Sequence[Tensor]) -> bool:
    """Tell whether some tensor is spread: not all of them are equal."""
    return any(x != inputs[0] for x in inputs[1:])


def _target(two: str, more: str, spread: str) -> Function:
    """Torch's function for two equal tensors, ours for more, and another where some are spread.

    A spread sum or product has a name of its own, so that no rewriting takes it for one of equal tensors.
    """

    def choose(call: OpCall) -> str:
        if is_spread(call.inputs):
            return f"archlang.layers.{spread}"
        return two if len(call.inputs) == 2 else more

    return Function(choose)


def _tensors(name: str, target: Function, doc: str, many: bool) -> Op:
    if many:
        further = Arg("others", TensorKind(many=True), doc="the other tensors")
    else:
        further = Arg("other", TensorKind(), doc="the other tensor")
    return Op(
        name=name, family="merging", doc=f"{doc} {SPREADS}", shape=lambda call: spread_shape(call, name),
        torch=target, args=(further,), example=_TWO.format(name=name), commutes=many,
    )


def _members_or_tensors(name: str, target: Function, doc: str) -> Op:
    return Op(
        name=name, family="merging", doc=f"{doc} Of the equal members of a bundle, or `a -> {name}(b)`. {SPREADS}",
        takes="bundle", equal=True, commutes=True, shape=lambda call: spread_shape(call, name), torch=target,
        args=(Arg("others", TensorKind(many=True, low=0), doc="further tensors, where what flows in is one"),),
        example=flow("[64, 8, 8]", f"fork(2) -> each {{ conv(3x3, 32) }} -> {name}"),
    )


OPS = (
    _tensors("add", _target("torch.add", "archlang.layers.total", "spread_total"),
             "The sum of tensors, number by number.", many=True),
    _tensors("mul", _target("torch.mul", "archlang.layers.times", "spread_times"),
             "The product of tensors, number by number.", many=True),
    _tensors("sub", _target("torch.sub", "torch.sub", "spread_difference"),
             "What flows in less the other tensor.", many=False),
    _tensors("div", _target("torch.div", "torch.div", "spread_quotient"),
             "What flows in divided by the other tensor.", many=False),
    _members_or_tensors("maximum", _target("archlang.layers.largest", "archlang.layers.largest", "spread_largest"),
                        "The largest of several tensors, number by number."),
    _members_or_tensors("minimum", _target("archlang.layers.smallest", "archlang.layers.smallest", "spread_smallest"),
                        "The smallest of several tensors, number by number."),
)
