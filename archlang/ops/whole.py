"""Whole numbers, such as tokens and masks: what operations make of them, and which of them take any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from archlang.ops.kinds import Fault, TensorKind
from archlang.ops.model import Op, OpCall
from archlang.shapes import Dim, Tensor, at_least

FLOWS_IN = "in"
"""What flows in, among the arguments of `Op.whole`."""


def types_out(op: Op, call: OpCall) -> tuple[Tensor, ...]:
    """Return the types that an operation makes of a call's. Raises `Fault`, `whole-numbers` among them.

    What moves numbers keeps their range: its shape rule sees sizes alone.
    """
    if op.carries:
        range = _common_range(op, call.inputs)
        bare = tuple(replace(x, range=None) for x in call.inputs)
        return tuple(replace(out, range=range) for out in _as_tuple(op.shape(replace(call, inputs=bare))))

    _refuse_whole(op, call)
    return _as_tuple(op.shape(call))


def need_whole(call: OpCall, what: str, index: int = 0, most: Dim = 50257) -> Dim:
    """Return the range of an input of whole numbers. Raises `whole-numbers` for any other.

    `most` is the range that the message proposes: the size of what is looked up in, where that is known.
    """
    x = call.inputs[index]
    if x.range is not None:
        return x.range

    sizes = ", ".join(map(str, x.dims))
    help = f"declare their range where they enter: `input name: [{sizes}] (range = {most})`"
    raise Fault("whole-numbers", f"`{what}` takes whole numbers, this tensor holds any numbers", input=index,
                label=f"this is {x}", help=help)


def need_mask(call: OpCall, argument: str, what: str) -> Tensor | None:
    """Return the mask that an argument took, or None. Raises `whole-numbers` for a tensor of another range than 2."""
    if call.tensor(argument) is None:
        return None
    return need_mask_at(call, call[argument].index, what)


def need_mask_at(call: OpCall, index: int, what: str) -> Tensor:
    """Return the input `index`, if it is a mask. Raises `whole-numbers` for a tensor of another range than 2."""
    mask = call.inputs[index]
    if mask.range == 2:
        return mask

    sizes = ", ".join(map(str, mask.dims))
    raise Fault("whole-numbers", f"`{what}` takes a mask of 0 and 1", input=index, label=f"this is {mask}",
                help=f"declare it as one: `input mask: [{sizes}] (range = 2)`, or compare: `x -> above(0.5)`")


def need_over(mask: Tensor, wanted: Tensor, what: str, index: int) -> None:
    """Nothing, if a mask is over the wanted positions. Raises shape-mismatch."""
    if mask.dims != wanted.dims:
        raise Fault("shape-mismatch", f"`{what}` wants a mask over the positions, {wanted}", input=index,
                    label=f"this is {mask}")


def need_lengths(call: OpCall, index: int, positions: Dim, what: str) -> None:
    """Nothing, if an input holds the length of each sample, [1], within these positions.

    Raises `whole-numbers`, wrong-count, out-of-range. Where the positions are symbolic, the model that runs tells.
    """
    x, longest = call.inputs[index], need_whole(call, what, index) - 1
    if x.dims != (1,):
        raise Fault("wrong-count", "a sample has one length here, [1]", input=index, label=f"this is {x}")

    # A length past the end could only mean the end: what the data says would be lost.
    if at_least(positions - longest, 0) is False:
        help = f"the lengths of {positions} positions are `[1] (range = {positions + 1})`"
        raise Fault("out-of-range", f"these lengths go up to {longest}, and there are {positions} positions",
                    input=index, label=f"this is {x}", help=help)


def _as_tuple(outputs: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    if isinstance(outputs, tuple):
        return outputs
    return (outputs,)


def _common_range(op: Op, inputs: Sequence[Tensor]) -> Dim | None:
    """The range of what leaves: the largest of those that enter. Raises `whole-numbers` where only some have one."""
    ranges = [x.range for x in inputs if x.range is not None]
    if not ranges:
        return None

    if len(ranges) < len(inputs):
        index = next(i for i, x in enumerate(inputs) if x.range is not None)
        raise Fault("whole-numbers", f"`{op.name}` brings whole numbers and others together", input=index,
                    label=f"this is {inputs[index]}", help="`embedding(features)` before it makes features of them")

    # Of symbolic ranges it may depend on the input which is the largest.
    largest = next((one for one in ranges if all(at_least(one - other, 0) for other in ranges)), None)
    if largest is None:
        shown = " and ".join(str(x) for x in inputs)
        raise Fault("unknown-size", f"which of the ranges of {shown} is the largest is not known")
    return largest


def _refuse_whole(op: Op, call: OpCall) -> None:
    """Raise `whole-numbers` for an input of whole numbers that the operation does not take."""
    # A tensor of the file's own reads another for the number of its rows alone.
    if op.own:
        return

    taken = set(_taken(op, call))
    for index, x in enumerate(call.inputs):
        if x.range is None or index in taken:
            continue

        help = ["`embedding(features)` before it makes features of tokens"]
        if x.range == 2:
            help = ["a mask goes into an argument such as `attention(heads, mask = m)`"]
        raise Fault("whole-numbers", f"`{op.name}` calculates, and these are whole numbers that stand for something",
                    input=index, label=f"this is {x}", help=help)


def _taken(op: Op, call: OpCall) -> list[int]:
    """The indices of the inputs that may hold whole numbers."""
    taken = [index for name, index in call.named.items() if name in op.whole]

    # What flows in stands first, then come the tensors of arguments that must be given.
    if FLOWS_IN in op.whole:
        taken.append(0)
    required = [arg.name for arg in op.args if isinstance(arg.kind, TensorKind) and arg.default is not None]
    taken += [index for index, name in enumerate(required, 1) if name in op.whole]
    return taken
