"""Convolutions and transposed convolutions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from archlang.importing.aten.kernels import calculated
from archlang.importing.aten.parts import cut
from archlang.importing.held import BATCH, Known, Ref
from archlang.importing.layouts import beside
from archlang.importing.reader import NoWordError, StepReader, origin, window
from archlang.importing.steps import Kernel, Origin, Static, Word

ENDINGS = {1: "1d", 2: "", 3: "3d"}


def kernel_of(r: StepReader, call: Mapping[str, Any]) -> Known:
    """The kernel, which must be the model's own."""
    weight = call["weight"]
    if not isinstance(weight, Known):
        raise NoWordError("its kernel is calculated from the input")
    r.derived(weight)
    return weight


def bias_of(r: StepReader, call: Mapping[str, Any]) -> Known | None:
    """The bias, which must be the model's own."""
    bias = call.get("bias")
    if bias is not None and not isinstance(bias, Known):
        raise NoWordError("its bias is calculated from the input")
    if bias is not None:
        r.derived(bias)
    return bias


def padding_of(padding: object, kernel: Kernel, dilation: Kernel) -> Static | None:
    """The padding as the language says it; None where it is what a convolution has anyway."""
    if padding == "same":
        return None
    if padding == "valid":
        return Word("none")

    assert isinstance(padding, list | tuple | int)
    cells = window(padding, len(kernel))
    # What is left out keeps the size at stride 1; an even kernel has its odd cell after the end, which torch has not.
    if all(2 * p == d * (k - 1) for p, k, d in zip(cells, kernel, dilation, strict=True)):
        return None
    if not any(cells):
        return Word("none")
    return cells


def slid(size: int, kernel: int, stride: int, before_after: int, dilation: int) -> int:
    """Places of a kernel along an axis: `floor((size + padding - d (k - 1) - 1) / stride) + 1`."""
    return (size + before_after - dilation * (kernel - 1) - 1) // stride + 1


def _conv(r: StepReader, call: Mapping[str, Any], rank: int) -> Ref:
    weight, made = call["weight"], None
    if isinstance(weight, Known):
        made = calculated(weight, r.state)
    # A kernel that no formula of the language gives is stored as it came out.
    if made is None:
        weight = kernel_of(r, call)
    parts = beside(r, r.loose(call["input"]))
    kernel = Kernel(weight.shape[2:])
    if parts is not None and rank == max(ENDINGS):
        return _part_by_part(r, parts, lambda value: _slides(r, value, weight, kernel, call, made))
    if parts is not None and made is None:
        return parts.on(_slides(r, parts.value, weight, Kernel((1, *kernel)), _widened(call, rank)).value)
    return _slides(r, r.plain(r.tensor(call["input"])), weight, kernel, call, made)


def _part_by_part(r: StepReader, parts: Ref, one: Callable[[int], Ref]) -> Ref:
    """The same for each part of a sample by itself, where parts are volumes already: one layer, used often."""
    channels, count, *places = r.sizes[parts.value]
    apart = Ref.of(r.turned(parts.value, (1, 0, *range(2, len(places) + 2))), range(len(places) + 2))
    values = []
    for at in range(count):
        volume = cut(r, apart, 0, at, at + 1)
        values.append(one(r.resized(volume.value, (channels, *places))).value)
    made = r.step("stack", values, (count, *r.sizes[values[0]]), bundled=True)
    return Ref(made.value, ((BATCH, 0), *((axis,) for axis in range(1, len(places) + 2))))


def _widened(call: Mapping[str, Any], rank: int) -> dict[str, Any]:
    """The same convolution of a map of one more axis, along which it mixes nothing."""
    wider = dict(call)
    for name, one in (("stride", 1), ("dilation", 1), ("padding", 0)):
        if not isinstance(call[name], str):
            wider[name] = (one, *window(call[name], rank))
    return wider


def _slides(
    r: StepReader, value: int, weight: Known, kernel: Kernel, call: Mapping[str, Any],
    made: tuple[Static, Mapping[str, Origin]] | None = None,
) -> Ref:
    """The step of a convolution; `made` says of what its kernel is calculated."""
    bias = bias_of(r, call)
    sizes = r.sizes[value]
    out, groups, rank = weight.shape[0], call["groups"], len(kernel)
    stride, dilation = window(call["stride"], rank), window(call["dilation"], rank)

    args: dict[str, Static] = {"kernel": kernel}
    # Each channel by itself has a name of its own.
    name = "conv"
    if groups == sizes[0] and groups > 1:
        name = "depthwise_conv"
        if out != groups:
            args["multiplier"] = out // groups
    else:
        args["channels"] = out
        if groups > 1:
            args["groups"] = groups

    if set(stride) != {1}:
        args["stride"] = stride
    padding = padding_of(call["padding"], kernel, dilation)
    if padding is not None:
        args["padding"] = padding
    if set(dilation) != {1}:
        args["dilation"] = dilation
    # Said here, and left out again where the language would settle it so.
    args["bias"] = bias is not None

    weights = _weights(weight, bias)
    weights["weight"] = origin(weight, (*weight.shape[:2], *kernel))
    if made is not None:
        args["weights"], parts = made
        weights |= parts

    places = _places(call["padding"], sizes[1:], kernel, stride, dilation)
    return r.step(f"{name}{ENDINGS[rank]}", (value,), (out, *places), args, weights)


def _weights(weight: Known, bias: Known | None) -> dict[str, Origin]:
    weights = {"weight": origin(weight)}
    if bias is not None:
        weights["bias"] = origin(bias)
    return weights


def _places(padding: object, sizes: tuple[int, ...], kernel: Kernel, stride: Kernel, dilation: Kernel) -> list[int]:
    if padding == "same":
        return list(sizes)
    cells = Kernel((0,) * len(kernel))
    if not isinstance(padding, str):
        cells = window(padding, len(kernel))  # type: ignore[arg-type]
    rows = zip(sizes, kernel, stride, cells, dilation, strict=True)
    return [slid(size, k, s, 2 * p, d) for size, k, s, p, d in rows]


def _transposed(r: StepReader, call: Mapping[str, Any], rank: int) -> Ref:
    weight, bias = kernel_of(r, call), bias_of(r, call)
    value = r.plain(r.tensor(call["input"]))
    sizes = r.sizes[value]
    _, out, *rest = weight.shape
    kernel, groups = Kernel(rest), call["groups"]
    stride, dilation = window(call["stride"], rank), window(call["dilation"], rank)
    padding, extra = window(call["padding"], rank), window(call["output_padding"], rank)

    args: dict[str, Static] = {"kernel": kernel, "channels": out * groups}
    if set(stride) != {1}:
        args["stride"] = stride
    # Said in full: what is left out depends on stride and kernel together.
    args["padding"] = padding
    if not any(padding):
        args["padding"] = Word("none")
    if any(extra):
        args["output_padding"] = extra
    if set(dilation) != {1}:
        args["dilation"] = dilation
    if groups > 1:
        args["groups"] = groups
    args["bias"] = bias is not None

    rows = zip(sizes[1:], kernel, stride, padding, extra, dilation, strict=True)
    places = [(size - 1) * s - 2 * p + d * (k - 1) + e + 1 for size, k, s, p, e, d in rows]
    return r.step(f"conv_transpose{ENDINGS[rank]}", (value,), (out * groups, *places), args, _weights(weight, bias))


READERS: Mapping[str, Callable[[StepReader, Mapping[str, Any]], Any]] = {
    **{f"conv{rank}d": partial(_conv, rank=rank) for rank in ENDINGS},
    **{f"conv_transpose{rank}d": partial(_transposed, rank=rank) for rank in ENDINGS},
}
