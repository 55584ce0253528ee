"""Dense maps and products of matrices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import torch

from archlang.importing.aten.convolutions import bias_of, kernel_of
from archlang.importing.aten.elementwise import pointwise, softmax
from archlang.importing.aten.merging import pair
from archlang.importing.held import BATCH, Known, Ref
from archlang.importing.layouts import merged, regrouped, rows, squeezed, unrolled
from archlang.importing.reader import NoWordError, StepReader, origin
from archlang.importing.steps import Kernel, Quoted, Static

POINTWISE = {3: "conv", 4: "conv3d"}
"""The convolution that is a dense map at each place, by how many axes there are."""

LOW = -1e30
"""A number that a softmax sees as minus infinity, which no sum turns into a NaN."""

CROSSED = "its factors are cut into axes in different ways"

SHARED = "abcdeghlmnopqrstuvwxyz"
"""Names for the axes that both factors have. The rows of a product are `i`, what is summed `k`, its columns `j`."""


def _linear(r: StepReader, call: Mapping[str, Any]) -> Ref:
    ref = r.loose(call["input"])
    weight, bias = kernel_of(r, call), bias_of(r, call)
    out, features = weight.shape
    weights = {"weight": origin(weight)}
    if bias is not None:
        weights["bias"] = origin(bias)

    # Over the channels of a map, whose axes torch turned for it: a 1x1 convolution.
    sizes = r.sizes[ref.value]
    if len(sizes) in POINTWISE and ref.dims[-1] == (0,):
        kernel = Kernel((1,) * (len(sizes) - 1))
        weights["weight"] = origin(weight, (out, features, *kernel))
        args: dict[str, Static] = {"kernel": kernel, "channels": out, "bias": bias is not None}
        made = r.step(POINTWISE[len(sizes)], (ref.value,), (out, *sizes[1:]), args, weights)
        return ref.on(made.value)

    # Of a vector or a sequence the language has it; of anything else its rows are a sequence for a moment.
    args = {"features": out, "bias": bias is not None}
    if ref.regular and len(sizes) <= 2:
        value = r.plain(ref)
        return r.step("linear", (value,), (*r.sizes[value][:-1], out), args, weights)
    value, laid = rows(r, ref)
    made = r.step("linear", (value,), (*r.sizes[value][:-1], out), args, weights)
    return unrolled(r, made.value, laid)


# --- products of two tensors -----------------------------------------------------------------------------------------


def _matmul(r: StepReader, call: Mapping[str, Any]) -> Ref:
    kernel = _dense(r, _second(call))
    if kernel is not None and not isinstance(call["self"], Known):
        return _linear(r, {"input": call["self"], "weight": kernel})
    alone = _one_map(r, call["self"], _second(call))
    if alone is not None:
        return alone
    left, right = _operand(r, call["self"], _second(call)), _operand(r, _second(call), call["self"])
    # A vector of each sample is a matrix of one row.
    if len(left.dims) == 2 and left.dims[0] == (BATCH,) and len(right.dims) == 3:
        row = product(r, Ref(left.value, (left.dims[0], (), left.dims[1])), right)
        return Ref(row.value, (row.dims[0], row.dims[2]))
    if len(left.dims) < 3 or len(right.dims) < 3:
        raise NoWordError("one of its factors is a vector")
    return product(r, left, right)


def product(r: StepReader, left: Ref, right: Ref) -> Ref:
    """The product of matrices, `[..., i, k]` and `[..., k, j]`; axes before the last two are shared or spread."""
    if left.regular and right.regular and len(left.dims) == len(right.dims) == 3:
        a, b = r.plain(left), r.plain(right)
        return r.step("matmul", (a, b), (r.sizes[a][0], r.sizes[b][1]))
    if len(left.dims) != len(right.dims):
        raise NoWordError("its factors have different numbers of axes")

    left, right = merged(r, left), merged(r, right)
    factor = _factor(r, left, right) or _factor(r, right, left)
    if factor is not None:
        return factor
    left, right = squeezed(r, left), squeezed(r, right)
    before = zip(left.dims[:-2], right.dims[:-2], strict=True)
    shared = [_common(_sizes(r, left, dim), _sizes(r, right, other)) for dim, other in before]
    rows, columns = _sizes(r, left, left.dims[-2]), _sizes(r, right, right.dims[-1])
    summed = _common(_sizes(r, left, left.dims[-1]), _sizes(r, right, right.dims[-2]))

    # An axis that a side lacks is spread, and named on the other side alone.
    first = [size for size, dim in zip(shared, left.dims, strict=False) if dim]
    second = [size for size, dim in zip(shared, right.dims, strict=False) if dim]
    one = _atoms(r, left, [*_flat(first), *rows, *summed])
    other = _atoms(r, right, [*_flat(second), *summed, *columns])
    return _einsum(r, one, other, _Sections(shared, rows, summed, columns), (left, right))


def _factor(r: StepReader, number: Ref, other: Ref) -> Ref | None:
    """The product by a matrix of a single number for each sample, which is a factor; None for any other."""
    batch = [BATCH in dim for dim in number.dims]
    if prod(r.sizes[number.value]) != 1 or batch != [BATCH in dim for dim in other.dims]:
        return None
    sizes = r.sizes[other.value]
    spread = r.resized(number.value, (1,) * len(sizes))
    return other.on(r.step("mul", (other.value, spread), sizes).value)


def _sizes(r: StepReader, ref: Ref, dim: Sequence[int]) -> list[int]:
    return [r.extent(ref, (axis,)) for axis in dim]


def _common(one: list[int], two: list[int]) -> list[int]:
    """The sizes into which both sides cut an axis. What has none is spread. Raises `NoWordError` where cuts cross."""
    if not one or not two:
        return one or two

    found: list[int] = []
    while one and two:
        size, rest = sorted((one[0], two[0]))
        if rest % size:
            raise NoWordError(CROSSED)
        found.append(size)
        for queue in (one, two):
            queue[0] //= size
            if queue[0] == 1:
                queue.pop(0)
    if one or two:
        raise NoWordError(CROSSED)
    return found


def _flat(rows: Iterable[Sequence[int]]) -> list[int]:
    return [size for row in rows for size in row]


def _atoms(r: StepReader, ref: Ref, sizes: Sequence[int]) -> Ref:
    """A tensor cut into axes of these sizes, each one of its value's, or the batch."""
    cut = regrouped(r, ref, sizes)
    if cut is None or any(len(dim) != 1 for dim in cut.dims):
        raise NoWordError(CROSSED)
    return cut


@dataclass(frozen=True)
class _Sections:
    """The sizes that the axes of a product are cut into: shared ones, the rows, what is summed, and the columns."""

    shared: Sequence[Sequence[int]]
    rows: Sequence[int]
    summed: Sequence[int]
    columns: Sequence[int]


def _einsum(r: StepReader, left: Ref, right: Ref, cut: _Sections, whole: tuple[Ref, Ref]) -> Ref:
    """The product as sums over named axes, which may lie in any order."""
    letters = iter(SHARED)
    groups = [[next(letters) for _ in row] for row in cut.shared]
    rows, summed, columns = _numbered("i", cut.rows), _numbered("k", cut.summed), _numbered("j", cut.columns)
    first = [name for group, dim in zip(groups, whole[0].dims, strict=False) if dim for name in group]
    second = [name for group, dim in zip(groups, whole[1].dims, strict=False) if dim for name in group]
    places = (
        dict(zip([*first, *rows, *summed], left.dims, strict=True)),
        dict(zip([*second, *summed, *columns], right.dims, strict=True)),
    )
    batch = {name for sides in places for name, dim in sides.items() if dim == (BATCH,)}
    if len(batch) > 1 or any(name in batch for name in summed):
        raise NoWordError("it sums over the batch, or its factors have it at different places")

    # The sums come out as torch lays them out, wherever the factors had their axes; the batch is not named.
    result = [name for group in (*groups, rows, columns) for name in group if name not in batch]
    sizes = dict(zip([name for group in groups for name in group], _flat(cut.shared), strict=True))
    sizes |= dict(zip([*rows, *columns], [*cut.rows, *cut.columns], strict=True))
    terms = [_term(side, r.sizes[ref.value]) for side, ref in zip(places, (left, right), strict=True)]
    axes = f"{terms[0]}, {terms[1]} -> {' '.join(result)}"
    made = r.step(
        "einsum", r.apart(left.value, right.value), [sizes[name] for name in result], {"axes": Quoted(axes)},
        named=("other",),
    )
    at = {name: place for place, name in enumerate(result)} | dict.fromkeys(batch, BATCH)
    return Ref(made.value, tuple(tuple(at[name] for name in group) for group in (*groups, rows, columns)))


def _numbered(letter: str, sizes: Sequence[int]) -> list[str]:
    return [f"{letter}{at or ''}" for at in range(len(sizes))]


def _term(places: Mapping[str, tuple[int, ...]], sizes: Sequence[int]) -> str:
    """The names of a factor's axes in the order in which its value has them."""
    named = {dim[0]: name for name, dim in places.items() if dim != (BATCH,)}
    return " ".join(named[axis] for axis in range(len(sizes)))


def _one_map(r: StepReader, held: Any, matrices: Any) -> Ref | None:
    """A dense map where a row of tensors, each under a map of its own, is one tensor: `[1, batch, k] @ [1, k, j]`."""
    if not isinstance(held, Ref) or not isinstance(matrices, Known) or not matrices.trained:
        return None
    if len(matrices.shape) != 3 or matrices.shape[0] != 1 or len(held.dims) != 3 or held.dims[1] != (BATCH,):
        return None
    if r.extent(held, held.dims[0]) != 1 or r.extent(held, held.dims[2]) != prod(r.sizes[held.value]):
        return None
    features = r.resized(held.value, matrices.shape[1:2])
    own = Known(matrices.shape[1:], lambda state: matrices.read(state)[0], matrices.names, key=f"{matrices.key} first")
    made = _linear(r, {"input": Ref.of(features, (0,)), "weight": _turned(own)})
    return Ref(made.value, ((), *made.dims))


def _dense(r: StepReader, held: Any) -> Known | None:
    """The kernel of a dense map, where the second factor is a learned matrix, turned or as it is: `x @ weight.T`."""
    if not isinstance(held, Known) or not held.trained or len(held.shape) != 2 or len(held.names) != 1:
        return None
    name, = held.names
    whole = r.state.get(name)
    # As it is called elsewhere: an embedding that scores its own words has one kernel.
    if whole is not None and tuple(whole.shape) == held.shape[::-1] and torch.equal(held.read(r.state), whole.T):
        return Known(tuple(whole.shape), lambda state: state[name], held.names, trained=True)
    return _turned(held)


def _turned(matrix: Known) -> Known:
    """A matrix the other way round, as a dense map has its kernel."""
    return Known(matrix.shape[::-1], lambda state: matrix.read(state).T.contiguous(), matrix.names,
                 key=f"{matrix.key} turned")


def _operand(r: StepReader, held: Any, other: Any) -> Ref:
    """A factor beside another one; a matrix of the model's own has no axis for the batch."""
    if isinstance(held, Known) and len(held.shape) == 2:
        return r.parameter(held, held.shape)
    # Nor have several of them, one for each part that stands before the batch in the other factor.
    if isinstance(held, Known) and isinstance(other, Ref) and BATCH not in other.dims[0]:
        own = r.parameter(held, held.shape)
        return Ref(own.value, tuple((axis,) for axis in range(len(held.shape))))
    return r.loose(held)


def _second(call: Mapping[str, Any]) -> Any:
    return call.get("other", call.get("mat2"))


def _attended(r: StepReader, call: Mapping[str, Any]) -> Ref:
    """torch's own attention of queries to keys, by its definition: products, a softmax, products."""
    query, key, value = (r.loose(call[name]) for name in ("query", "key", "value"))
    if call.get("enable_gqa"):
        raise NoWordError("its heads share keys")
    scale = call.get("scale")
    if scale is None:
        scale = r.extent(query, query.dims[-1]) ** -0.5

    # The keys turned: nothing is written, the sums just name their axes in another order.
    keys = Ref(key.value, (*key.dims[:-2], key.dims[-1], key.dims[-2]))
    scores = pointwise(r, product(r, query, keys), "scale", {"by": float(scale)})
    mask = call.get("attn_mask")
    if call.get("is_causal"):
        mask = _later(r.extent(query, query.dims[-2]), r.extent(key, key.dims[-2]))
    if mask is not None:
        scores = pair(r, {"self": scores, "other": mask}, "add")
    shares = softmax(r, {"self": scores, "dim": -1}, "softmax")
    if call.get("dropout_p"):
        shares = pointwise(r, shares, "dropout", {"p": float(call["dropout_p"])})
    return product(r, shares, value)


def _later(queries: int, keys: int) -> Known:
    """Numbers that keep a position from seeing later ones, once they are added to the scores."""
    made = torch.full((queries, keys), LOW).triu(1)
    return Known((queries, keys), lambda state: made, key=f"later {queries} {keys}", made=made)


def _addmm(r: StepReader, call: Mapping[str, Any]) -> Ref:
    """`x W + b`, a dense map whose kernel is turned."""
    turned = call["mat2"]
    if not isinstance(turned, Known) or call["beta"] != 1 or call["alpha"] != 1:
        raise NoWordError("its matrix is calculated from the input, or it is scaled")
    return _linear(r, {"input": call["mat1"], "weight": _turned(turned), "bias": call["self"]})


def _baddbmm(r: StepReader, call: Mapping[str, Any]) -> Any:
    """A product of matrices and what is added to it: the scores of attention, and its mask."""
    if call["beta"] != 1 or call["alpha"] != 1:
        raise NoWordError("it is scaled")
    made = product(r, _operand(r, call["batch1"], call["batch2"]), _operand(r, call["batch2"], call["batch1"]))
    return pair(r, {"self": made, "other": call["self"]}, "add")


READERS: Mapping[str, Callable[[StepReader, Mapping[str, Any]], Any]] = {
    "linear": _linear, "matmul": _matmul, "bmm": _matmul, "mm": _matmul, "addmm": _addmm,
    "baddbmm": _baddbmm,
    "scaled_dot_product_attention": _attended,
}
