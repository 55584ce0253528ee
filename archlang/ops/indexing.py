"""Choices among numbers: masks out of comparisons, one tensor or another by a mask, parts by their indices."""

from __future__ import annotations

from dataclasses import replace

from archlang.ops.kinds import Fault, Int, ListKind, Real, TensorKind
from archlang.ops.model import Arg, Function, Op, OpCall
from archlang.ops.rules import AXIS, axis_of, flow, need_at_least, replaced
from archlang.ops.spreading import SPREADS, spread_shape
from archlang.ops.whole import need_mask_at, need_whole
from archlang.shapes import LARGEST, Dim, Tensor

ABOVE = Op(
    name="above", family="indexing", shape=lambda call: replace(call.x, range=2),
    doc="The mask of the numbers that are larger than a limit: 1 there, 0 elsewhere. It has no gradient.",
    torch=Function("torch.gt", lambda call: {"other": call["limit"]}),
    args=(Arg("limit", Real(), 0.0, "what a number must exceed"),),
    example=flow("[32, 16, 16]", "choose(x -> above(0.5))"),
)


def _choose_shape(call: OpCall) -> Tensor:
    """The type of what flows in, the mask and the other tensor together, spread as in sums."""
    need_mask_at(call, 1, "choose")
    if call.tensor("other") is not None and call["fill"] is not None:
        raise Fault("conflicting-arguments", "where the mask is 0 stands the other tensor, or a number",
                    argument="fill", help="leave out `other` or `fill`")

    bare = tuple(replace(x, range=None) for x in call.inputs)
    return spread_shape(replace(call, inputs=bare), "choose")


def _fill(call: OpCall) -> float:
    fill: float | None = call["fill"]
    return 0.0 if fill is None else fill


CHOOSE = Op(
    name="choose", family="indexing", whole=("mask",), shape=_choose_shape,
    doc=f"What flows in where the mask is 1, another tensor or a number where it is 0. {SPREADS}",
    torch=Function("archlang.layers.choose", lambda call: {"fill": _fill(call)}),
    args=(
        Arg("mask", TensorKind(), doc="where what flows in stays, of range 2"),
        Arg("other", TensorKind(), None, "what stands elsewhere; auto: `fill`"),
        Arg("fill", Real(), None, "the number that stands elsewhere; auto: 0"),
    ),
    example="input x: [49, 64]\ninput seen: [49, 1] (range = 2)\noutput x -> choose(seen, fill = -1)",
)


# --- by indices ------------------------------------------------------------------------------------------------------


def _pick_shape(call: OpCall) -> Tensor:
    axis = axis_of(call)
    size = call.x.dims[axis]
    largest = max(call["indices"])
    message = f"indices go from 0, and {largest} is past the end of {size}"
    need_at_least(size, largest + 1, "out-of-range", message, "indices")
    return replaced(call.x, axis, len(call["indices"]))


PICK = Op(
    name="pick", family="indexing", carries=True, shape=_pick_shape,
    doc="The parts of a tensor at some indices along an axis, in the order that is written; one may come twice.",
    torch=Function("archlang.layers.pick", lambda call: {"dim": axis_of(call) + 1, "indices": call["indices"]}),
    args=(
        Arg("indices", ListKind(Int(0, LARGEST), 1, 4096), doc="which, counted from 0"),
        Arg("axis", AXIS, "channels", "the axis that they are along: the first one unless given"),
    ),
    example=flow("[3, 32, 32]", "pick([2, 1, 0])"),
)


def _gather_shape(call: OpCall) -> Tensor:
    axis, indices = axis_of(call), call.inputs[1]
    size, range = call.x.dims[axis], need_whole(call, "gather", 1, call.x.dims[axis])
    message = f"these indices go up to {range - 1}, and the axis has {size}"
    need_at_least(size - range, 0, "out-of-range", message)

    if indices.rank == 1:
        return replace(replaced(call.x, axis, indices.dims[0]), range=call.x.range)
    _need_beside(call, axis, indices)
    return Tensor(indices.dims, range=call.x.range)


def _need_beside(call: OpCall, axis: int, indices: Tensor) -> None:
    """Nothing, if indices differ from what flows in along the axis alone. Raises shape-mismatch."""
    def others(dims: tuple[Dim, ...]) -> tuple[Dim, ...]:
        return (*dims[:axis], *dims[axis + 1 :])

    if indices.rank != call.x.rank or others(indices.dims) != others(call.x.dims):
        help = f"{replaced(call.x, axis, 1)} with any number along the axis, or [n] for the same everywhere"
        raise Fault("shape-mismatch", f"these indices do not fit {call.x}", input=1, label=f"this is {indices}",
                    help=help)


GATHER = Op(
    name="gather", family="indexing", whole=("in", "indices"), shape=_gather_shape,
    doc="The parts of a tensor at indices that are numbers of each sample. Indices [n] take the same along all other "
    "axes, and indices of as many axes as the tensor a number for each.",
    torch=Function("archlang.layers.gather", lambda call: {"dim": axis_of(call) + 1}),
    args=(
        Arg("indices", TensorKind(), doc="which, counted from 0: whole numbers of a range within the axis"),
        Arg("axis", AXIS, "channels", "the axis that they are along: the first one unless given"),
    ),
    example="input x: [49, 64]\ninput kept: [12] (range = 49)\noutput x -> gather(kept, axis = positions)",
)

def _argmax_shape(call: OpCall) -> Tensor:
    axis = axis_of(call)
    left = (*call.x.dims[:axis], *call.x.dims[axis + 1 :])
    # Of a vector a single number is left, which is a tensor of one.
    return Tensor(left or (1,), range=call.x.dims[axis])


ARGMAX = Op(
    name="argmax", family="indexing", reads="line", shape=_argmax_shape,
    doc="The index of the largest number along an axis, a whole number; of equal ones any. The axis goes; of a vector "
    "[1] is left. It has no gradient.",
    torch=Function("torch.argmax", lambda call: {"dim": axis_of(call) + 1, "keepdim": call.x.rank == 1}),
    args=(Arg("axis", AXIS, "channels", "the axis: the first one unless given"),),
    example="input x: [49, 64]\ncodes = parameter([10, 64])\n"
    "near = x -> matmul(codes -> permute([features, positions])) -> argmax(axis = features)\n"
    "output codes -> gather(near, axis = positions)",
)

DETACH = Op(
    name="detach", family="indexing", carries=True, shape=lambda call: call.x,
    doc="The same numbers, behind which nothing learns: no gradient passes. `x -> add(q -> sub(x) -> detach)` is q, "
    "with the gradient of x (van den Oord et al. 2017, VQ-VAE).",
    torch=Function("torch.detach"), example=flow("[64]", "detach -> linear(10)"),
)

OPS = (ABOVE, CHOOSE, PICK, GATHER, ARGMAX, DETACH)
