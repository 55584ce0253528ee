"""Readers of operations that bring tensors together: sums, products, joins."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from archlang.importing.aten.elementwise import pointwise
from archlang.importing.constants import unchanged
from archlang.importing.held import BATCH, Held, Known, Ref
from archlang.importing.layouts import beside, regrouped, written
from archlang.importing.reader import AXES, NoWordError, StepReader, origin
from archlang.importing.steps import Initial, Origin, Static, Word

FREE = ("add", "mul", "maximum", "minimum")
"""Operations whose two tensors may change places."""

BOUNDS = {"maximum": "low", "minimum": "high"}
"""The bound of `clamp` that a number is, beside a tensor."""


def pair(r: StepReader, call: Mapping[str, Any], op: str) -> Ref:
    """A sum, product, difference or quotient of two tensors, or of a tensor and a number."""
    left, right = call["self"], call["other"]
    # `x - alpha * y`: the factor is a step of its own.
    alpha = call.get("alpha", 1)
    if call.get("rounding_mode") is not None:
        raise NoWordError("it rounds the quotient")
    if alpha != 1 and isinstance(right, int | float):
        right = right * alpha
    elif alpha != 1:
        right = pointwise(r, r.loose(right), "scale", {"by": alpha})

    left, right = _number(left), _number(right)
    if isinstance(right, int | float):
        return _with_number(r, r.loose(left), float(right), op)
    if isinstance(left, int | float):
        return _number_first(r, float(left), r.loose(right), op)
    if isinstance(right, Known):
        return _with_known(r, r.loose(left), right, op)
    if isinstance(left, Known) and op in FREE:
        return _with_known(r, r.loose(right), left, op)
    if isinstance(left, Known):
        tensor = r.loose(right)
        return _joined(r, spread(r, left, tensor), tensor, op)
    return _joined(r, r.loose(left), r.loose(right), op)


def _number(held: Held) -> Held:
    """A tensor that holds one number everywhere is that number."""
    if isinstance(held, Known) and held.number is not None:
        return held.number
    return held


def _with_number(r: StepReader, ref: Ref, number: float, op: str) -> Ref:
    # Code that fits every size multiplies by 1, and adds 0.
    if op in ("mul", "div") and number == 1:
        return ref
    if op == "mul":
        return pointwise(r, ref, "scale", {"by": number})
    if op == "div":
        return pointwise(r, ref, "scale", {"by": 1 / number})
    if op in BOUNDS:
        return pointwise(r, ref, "clamp", {BOUNDS[op]: number})
    if op == "sub":
        number = -number
    if number == 0:
        return ref
    return pointwise(r, ref, "shift", {"by": number})


def _number_first(r: StepReader, number: float, ref: Ref, op: str) -> Ref:
    """`number op x`."""
    if op == "sub":
        return _with_number(r, pointwise(r, ref, "neg"), number, "add")
    if op == "div":
        inverse = pointwise(r, ref, "reciprocal")
        return _with_number(r, inverse, number, "mul")
    return _with_number(r, ref, number, op)


def constant(r: StepReader, number: float, rank: int) -> int:
    """The value of a tensor of one number that is kept and not learned, with an axis of size 1 for each of `rank`."""
    import torch

    sizes = (1,) * rank
    start = Initial("constant", (("value", number),))
    args: dict[str, Static] = {"sizes": sizes, "init": start, "trained": False}
    known = Known(sizes, lambda state: torch.full(sizes, number, dtype=_kind(state)), ())
    return r.step("parameter", (), sizes, args, {"value": origin(known)}).value


def _kind(state: Mapping[str, Any]) -> Any:
    """The kind of floating-point number that a model has."""
    import torch

    kinds = (value.dtype for value in state.values() if value.is_floating_point())
    return next(kinds, torch.float32)


AFFINE = {"mul": ("weight", "shift"), "add": ("bias", "scale")}
"""The weight of `affine` that a factor or an offset is, and the argument that says that the other is none."""


def _with_known(r: StepReader, ref: Ref, known: Known, op: str) -> Ref:
    """A tensor and one of the model's own."""
    # Places in a row, turned, are a sequence from here on.
    if ref.regular and len(ref.order) == 2:
        ref = Ref.of(r.plain(ref), (0, 1))
    if len(known.shape) == len(ref.dims):
        known = r.single(known)
    sizes = r.sizes[ref.value]
    place = _single_axis(r, ref, known)
    own = known.trained and not r.several.intersection(known.names)
    # A learned factor or offset for each channel has a word.
    if own and place is not None and op in AFFINE and len(sizes) in AXES:
        name, other = AFFINE[op]
        args: dict[str, Static] = {other: Word("none")}
        # Features are the last axis of a sequence, channels the first one of a map.
        if place != {1: 0, 2: 1}.get(len(sizes), 0):
            args["axis"] = r.word(ref, place)
        made = r.step("affine", (ref.value,), sizes, args, {name: origin(known, (sizes[place],))})
        return ref.on(made.value)
    # A number of its own for each position and feature.
    if own and op == "add" and len(sizes) == 2 and ref.plain and _aligned(ref, known)[1:] == sizes:
        return r.step("position_embedding", (ref.value,), sizes, {}, {"weight": origin(known, sizes)})
    if known.derived and op == "add" and len(sizes) == 2 and ref.plain and _aligned(ref, known)[1:] == sizes:
        learned = _first_positions(r, known, sizes)
        if learned is not None:
            most, whole = learned
            return r.step("position_embedding", (ref.value,), sizes, {"most": most}, {"weight": whole})
    return _joined(r, ref, spread(r, known, ref), op)


def _first_positions(r: StepReader, known: Known, sizes: Sequence[int]) -> tuple[int, Origin] | None:
    """The size of a table of positions whose first ones these are, and the table; None for any other numbers."""
    positions, features = sizes
    table = r.state.get("".join(known.names[:1]))
    if len(known.names) != 1 or table is None or table.shape[-1] != features or table.numel() <= positions * features:
        return None
    name, most = known.names[0], table.numel() // features
    if not unchanged(known.read, name, r.state, positions):
        return None
    return most, Origin(lambda state: state[name].reshape(most, features), (name,), "positions")


def _aligned(ref: Ref, known: Known) -> tuple[int, ...]:
    """The sizes of a tensor of the model's own beside a whole tensor, in torch's order, 1 where it is spread."""
    shape = (1,) * (len(ref.dims) - len(known.shape)) + known.shape
    if len(shape) > len(ref.dims):
        raise NoWordError("a tensor of the model has more axes than what it meets")
    if any(BATCH in dim and size != 1 for dim, size in zip(ref.dims, shape, strict=True)):
        raise NoWordError("a tensor of the model has a size for the batch")
    return shape


def _single_axis(r: StepReader, ref: Ref, known: Known) -> int | None:
    """The only axis along which a tensor of the model's own differs, as the value counts; None for several."""
    shape = _aligned(ref, known)
    long = [place for place, size in enumerate(shape) if size != 1]
    if len(long) != 1 or len(ref.dims[long[0]]) != 1 or shape[long[0]] != r.extent(ref, ref.dims[long[0]]):
        return None
    return ref.dims[long[0]][0]


def spread(r: StepReader, known: Known, beside: Ref) -> Ref:
    """A tensor of the model's own, laid out as the tensor beside it is."""
    shape = _aligned(beside, known)
    if any(size not in (1, r.extent(beside, dim)) for size, dim in zip(shape, beside.dims, strict=True)):
        raise NoWordError("a tensor of the model is larger than what it meets")

    # Torch's axes are cut as those of the value are, then turned as the value lies.
    atoms = [(axis, size) for dim, size in zip(beside.dims, shape, strict=True) for axis in dim if axis != BATCH]
    whole = r.sizes[beside.value]
    cut = tuple(min(size, whole[axis]) for axis, size in atoms)
    back = tuple(sorted(range(len(atoms)), key=lambda place: atoms[place][0]))
    sizes = tuple(cut[place] for place in back)
    turned = Known(
        (1, *sizes), lambda state: known.read(state).reshape(cut).permute(back).contiguous(), known.names,
        known.trained, known.derived, key=known.key,
    )
    return beside.on(r.parameter(turned, sizes, back).value)


def _joined(r: StepReader, left: Ref, right: Ref, op: str) -> Ref:
    """Two tensors number by number; an axis of size 1 is spread, as in the language."""
    if left.dims != right.dims:
        left, right = _alike(r, left, right)

    first, second = r.sizes[left.value], r.sizes[right.value]
    sizes = [max(a, b) for a, b in zip(first, second, strict=True)]
    if any(a != b and 1 not in (a, b) for a, b in zip(first, second, strict=True)):
        raise NoWordError(f"tensors of {list(first)} and {list(second)} meet")

    inputs = [left.value, right.value]
    # What is spread stands behind the tensor that it is spread over.
    if op in FREE and tuple(sizes) != first and tuple(sizes) == second:
        inputs.reverse()
    made = r.step(op, r.apart(*inputs), sizes, free=op in FREE and first == second)
    return left.on(made.value)


def _alike(r: StepReader, left: Ref, right: Ref) -> tuple[Ref, Ref]:
    """Two tensors in one layout."""
    if len(left.dims) != len(right.dims):
        raise NoWordError("two tensors of different numbers of axes meet")
    if left.dims[0] == right.dims[0] == (BATCH,):
        return r.straight(left), r.straight(right)

    # The batch stands elsewhere: the second is cut as the first is, and laid out so.
    left = written(r, left)
    atoms = [axis for dim in left.dims for axis in dim]
    wanted: list[int] = []
    for mine, other in zip(left.dims, right.dims, strict=True):
        # What is spread along an axis stays at size 1.
        if len(mine) == 1 and r.extent(right, other) == 1:
            wanted.append(1)
        else:
            wanted += [r.extent(left, (axis,)) for axis in mine]
    cut = regrouped(r, right, wanted)
    if cut is None or any(len(dim) != 1 for dim in cut.dims):
        raise NoWordError("two tensors are cut into axes in different ways")
    right = written(r, cut)
    if [dim == (BATCH,) for dim in right.dims] != [axis == BATCH for axis in atoms]:
        raise NoWordError("two tensors have the batch at different places")
    return left, left.on(right.value)


def _concat(r: StepReader, call: Mapping[str, Any]) -> Held:
    held = [one for one in call["tensors"] if not _empty(one)]
    first = next((one for one in held if isinstance(one, Ref)), None)
    if first is None:
        raise NoWordError("it joins tensors of the model alone")
    if len(held) == 1:
        return held[0]  # type: ignore[no-any-return]  # a list of one joins nothing

    # One by one before the batch, as ONNX has a stack.
    lone = [Ref(one.value, one.dims[1:]) for one in held if isinstance(one, Ref) and one.dims[0] == ()]
    if len(lone) == len(held) and call["dim"] in (0, -len(first.dims)):
        return _stack(r, {"tensors": lone, "dim": 0})

    # Parts of samples that stand beside the samples.
    parts = [beside(r, one) for one in held if isinstance(one, Ref)]
    laid = [one for one in parts if one is not None]
    if len(laid) == len(held):
        return _end_to_end(r, laid, r.axis(laid[0], call["dim"]))

    token = _class_token(r, held, call["dim"])
    if token is not None:
        return token
    # What is the model's own lies as torch has it, so that all others must, too.
    alike = all(isinstance(one, Ref) and one.regular and first.regular and one.order == first.order for one in held)
    refs = [r.tensor(one) for one in held]
    if not alike:
        refs = [r.straight(ref) for ref in refs]
    axis = r.axis(refs[0], call["dim"])
    return _end_to_end(r, refs, axis)


def _class_token(r: StepReader, held: Sequence[Held], dim: int) -> Ref | None:
    """A learned position put before a sequence."""
    if len(held) != 2 or dim != 1:
        return None
    known, ref = held
    if not isinstance(known, Known) or not isinstance(ref, Ref) or not known.trained or len(ref.order) != 2:
        return None
    if r.several.intersection(known.names):
        return None
    value = r.plain(ref)
    positions, features = r.sizes[value]
    if known.shape != (1, 1, features):
        return None
    return r.step("class_token", (value,), (positions + 1, features), {}, {"weight": origin(known, (features,))})


def _empty(held: Held) -> bool:
    """Tell whether a tensor holds no number: torch leaves such out."""
    return isinstance(held, Known) and 0 in held.shape


def _end_to_end(r: StepReader, refs: Sequence[Ref], axis: int) -> Ref:
    """A join of tensors of one order along an axis of theirs."""
    sizes = list(r.sizes[refs[0].value])
    sizes[axis] = sum(r.sizes[ref.value][axis] for ref in refs)
    args: dict[str, Static] = {}
    if axis != 0:
        args["axis"] = r.word(refs[0], axis)

    made = r.step("concat", r.apart(*(ref.value for ref in refs)), sizes, args)
    return refs[0].on(made.value)


def _stack(r: StepReader, call: Mapping[str, Any]) -> Held:
    """Tensors side by side along a new axis, which stands first in the language."""
    numbers = _numbers(r, call["tensors"])
    if numbers:
        row = r.step("concat", r.apart(*numbers), (len(numbers),)).value
        if call["dim"] % 2 == 0:
            return Ref(row, ((0,), (BATCH,)))
        return Ref.of(row, (0,))
    values = [r.plain(r.tensor(one)) for one in call["tensors"]]
    sizes = r.sizes[values[0]]
    rank = len(sizes) + 2
    dim = call["dim"] % rank
    if len(set(values)) < len(values):
        raise NoWordError("it lays a tensor beside itself")

    made = r.step("stack", values, (len(values), *sizes), bundled=True)
    # Before the batch, as in `torch.stack(branches).sum(0)`.
    if dim == 0:
        return Ref(made.value, ((0,), (BATCH,), *((axis,) for axis in range(1, rank - 1))))
    # Where torch has the new axis elsewhere, the axes are turned.
    order = list(range(1, rank - 1))
    order.insert(dim - 1, 0)
    return Ref.of(made.value, order)


def _numbers(r: StepReader, held: Sequence[Held]) -> list[int]:
    """The values of tensors that have one number for each sample; none where there is another one among them."""
    lone = [one.value for one in held if isinstance(one, Ref) and len(one.dims) == 1 and r.sizes[one.value] == (1,)]
    if len(lone) == len(held) > 1:
        return lone
    return []


def _rsub(r: StepReader, call: Mapping[str, Any]) -> Ref:
    return pair(r, {"self": call["other"], "other": call["self"], "alpha": call.get("alpha", 1)}, "sub")


READERS: Mapping[str, Callable[[StepReader, Mapping[str, Any]], Any]] = {
    **{name: partial(pair, op=name) for name in ("add", "sub", "mul", "div", "maximum", "minimum")},
    "rsub": _rsub,
    "cat": _concat,
    "stack": _stack,
    "concat": _concat,
}
