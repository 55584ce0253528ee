"""Sums of products over named axes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archlang.ops.kinds import Fault, String, TensorKind
from archlang.ops.model import Arg, Function, Op, OpCall
from archlang.shapes import Dim, Tensor, product

_FORM = 'such as "heads q f, heads k f -> heads q k": a row of names for each tensor, then that of the result'


def _terms(call: OpCall) -> tuple[list[list[str]], list[str]]:
    """The names of the axes of each tensor, and those of the result. Raises `Fault` for another form."""
    before, arrow, after = call["axes"].partition("->")
    names, kept = [part.split() for part in before.split(",")], after.split()
    if not arrow or "->" in after or "," in after or not kept:
        raise _wrong(f"the axes are a text {_FORM}")

    for row in (*names, kept):
        for name in row:
            if not name.isidentifier():
                raise _wrong(f"`{name[:40]}` is no name of an axis: letters, digits and `_`, with spaces between names")
        if len(set(row)) < len(row):
            raise _wrong(f"an axis is named twice in `{' '.join(row)[:80]}`")

    if len(names) != len(call.inputs):
        help = "the tensor that flows in is the first, another stands behind the text"
        raise Fault("wrong-count", f"the axes of {len(names)} tensors are named, and there are {len(call.inputs)}",
                    argument="axes", help=help)
    return names, kept


def _wrong(message: str) -> Fault:
    return Fault("wrong-kind", message, argument="axes")


def _axes_meant(row: list[str], x: Tensor) -> str:
    """Help for a number of names that a tensor does not have: `bij` is one name, `b i j` are three."""
    if len(row) == 1 and len(row[0]) == x.rank:
        return f"names have spaces between them: `{' '.join(row[0])}`"
    return f"`{' '.join(row)}` stands for {x}"


def _sizes(call: OpCall, names: list[list[str]]) -> dict[str, Dim]:
    """The size of each named axis. Raises wrong-count, shape-mismatch."""
    sizes: dict[str, Dim] = {}
    for index, (row, x) in enumerate(zip(names, call.inputs, strict=True)):
        if len(row) != x.rank:
            raise Fault("wrong-count", f"the axes that are named here are {len(row)}, and the tensor has {x.rank}",
                        argument="axes", help=_axes_meant(row, x))
        for name, size in zip(row, x.dims, strict=True):
            # Torch would spread an axis of size 1, and the sum would be another.
            if sizes.setdefault(name, size) != size:
                raise Fault("shape-mismatch", f"the axis `{name}` has {sizes[name]} and {size}", input=index,
                            label=f"this is {x}")
    return sizes


def _einsum_shape(call: OpCall) -> Tensor:
    names, kept = _terms(call)
    sizes = _sizes(call, names)
    for name in kept:
        if name not in sizes:
            raise Fault("undefined-name", f"no tensor has an axis `{name}`", argument="axes")
    return Tensor(tuple(sizes[name] for name in kept))


def _einsum_flops(call: OpCall) -> Dim:
    """Products of two tensors over all axes that one of them does not sum by itself first."""
    names, kept = _terms(call)
    if len(names) == 1:
        return 0

    sizes = _sizes(call, names)
    first, second = (set(row) for row in names)
    summed = (first & second) - set(kept)
    # Without a sum over both, torch multiplies number by number, which counts nothing.
    if not summed:
        return 0
    return 2 * product([sizes[name] for name in sizes if name in kept or name in summed])


def _einsum_arguments(call: OpCall) -> Mapping[str, Any]:
    """The axes as numbers, the batch being 0."""
    names, kept = _terms(call)
    number = {name: index for index, name in enumerate(dict.fromkeys(name for row in names for name in row), 1)}
    rows = [(0, *(number[name] for name in row)) for row in (*names, kept)]
    return {"terms": tuple(rows[:-1]), "to": rows[-1]}


EINSUM = Op(
    name="einsum", family="linear", shape=_einsum_shape, flops=_einsum_flops, gives=("unnamed",),
    doc="The sum of the products of one or two tensors over named axes: those that the result does not name are "
    "summed. The batch is not named. With one tensor it sums or permutes axes.",
    torch=Function("archlang.layers.einsum", _einsum_arguments),
    args=(
        Arg("axes", String(), doc=f"the names of the axes, {_FORM}"),
        Arg("other", TensorKind(), None, "the second tensor; auto: none"),
    ),
    example="input x: [4, 49, 16]\ninput y: [4, 20, 16]\n"
    'output x -> einsum("heads q f, heads k f -> heads q k", other = y)',
)

OPS = (EINSUM,)
