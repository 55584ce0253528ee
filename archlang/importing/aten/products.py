"""Dense maps and products of matrices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from archlang.importing.aten.convolutions import bias_of, kernel_of
from archlang.importing.held import Known, Ref
from archlang.importing.reader import NoWordError, StepReader, origin
from archlang.importing.steps import Kernel, Static


def _linear(r: StepReader, call: Mapping[str, Any]) -> Ref:
    ref = r.tensor(call["input"])
    weight, bias = kernel_of(r, call), bias_of(call)
    out, features = weight.shape
    weights = {"weight": origin(weight)}
    if bias is not None:
        weights["bias"] = origin(bias)

    sizes = r.sizes[ref.value]
    if len(sizes) <= 2:
        value = r.plain(ref)
        args: dict[str, Static] = {"features": out, "bias": bias is not None}
        return r.step("linear", (value,), (*r.sizes[value][:-1], out), args, weights)

    # Over the channels of a map, whose axes torch turned for it: a 1x1 convolution.
    if len(sizes) == 3 and ref.order[-1] == 0:
        weights["weight"] = origin(weight, (out, features, 1, 1))
        args = {"kernel": Kernel((1, 1)), "channels": out, "bias": bias is not None}
        made = r.step("conv", (ref.value,), (out, *sizes[1:]), args, weights)
        return Ref(made.value, ref.order)
    raise NoWordError("a dense map runs over an axis that is neither features nor channels")


def _matmul(r: StepReader, call: Mapping[str, Any]) -> Ref:
    left, right = _operand(r, call["self"]), _operand(r, _second(call))
    a, b = r.plain(left), r.plain(right)
    first, second = r.sizes[a], r.sizes[b]
    if len(first) != 2 or len(second) != 2:
        raise NoWordError("a product of tensors that are no matrices for each sample; attention in modules of one's "
                          "own is among these")
    return r.step("matmul", (a, b), (first[0], second[1]))


def _operand(r: StepReader, held: Any) -> Ref:
    """A factor; a matrix of the model's own has no axis for the batch."""
    if isinstance(held, Known) and len(held.shape) == 2:
        return r.parameter(held, held.shape)
    return r.tensor(held)


def _second(call: Mapping[str, Any]) -> Any:
    return call["other"] if "other" in call else call["mat2"]


def _addmm(r: StepReader, call: Mapping[str, Any]) -> Ref:
    """`x W + b`, a dense map whose kernel is turned."""
    turned = call["mat2"]
    if not isinstance(turned, Known) or call["beta"] != 1 or call["alpha"] != 1:
        raise NoWordError("its matrix is calculated from the input, or it is scaled")
    kernel = Known(turned.shape[::-1], lambda state: turned.read(state).T.contiguous(), turned.names,
                   key=f"{turned.key} turned")
    return _linear(r, {"input": call["mat1"], "weight": kernel, "bias": call["self"]})


READERS: Mapping[str, Callable[[StepReader, Mapping[str, Any]], Any]] = {
    "linear": _linear, "matmul": _matmul, "bmm": _matmul, "mm": _matmul, "addmm": _addmm,
}

