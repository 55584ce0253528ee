"""ONNX's operators as calls of torch: what networks that run forward are made of.

Each takes the attributes of a node and what enters it: tensors, or whole numbers and constants as arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy
import torch
from torch import Tensor
from torch.nn import functional

Attributes = Mapping[str, Any]
Operator = Callable[..., Any]


class Unsupported(Exception):
    """Raised for a form of an operator that is not read, with the reason."""


def whole(value: Any) -> list[int]:
    """The whole numbers of an array."""
    if isinstance(value, Tensor):
        raise Unsupported("a size is calculated from the numbers of a tensor")
    return [int(one) for one in numpy.asarray(value).reshape(-1)]


def option(given: Attributes, name: str, entering: Any) -> Any:
    """An argument that newer files hand in and older ones give as an attribute; None where neither does."""
    if entering is None:
        return given.get(name)
    return entering


def tensor(value: Any, like: Tensor) -> Any:
    """The partner of a tensor in a sum or product: a number where it is one."""
    if isinstance(value, Tensor):
        return value
    array = numpy.asarray(value)
    if array.size == 1:
        return array.item()
    return torch.from_numpy(array.copy()).to(like.dtype)


def paired(function: Callable[[Any, Any], Any]) -> Operator:
    """An operator of two tensors, or of a tensor and a number."""
    def run(_: Attributes, one: Any, other: Any) -> Any:
        like = one if isinstance(one, Tensor) else other
        return function(tensor(one, like), tensor(other, like))

    return run


def single(function: Callable[[Tensor], Tensor]) -> Operator:
    """An operator of one tensor, without attributes."""
    return lambda _, x: function(x)


# --- windows --------------------------------------------------------------------------------------------------------


def _padding(given: Attributes, x: Tensor, axes: int, value: float = 0.0) -> tuple[Tensor, list[int]]:
    """A map, and the padding that its operation takes; what differs from side to side is padded here."""
    automatic = given.get("auto_pad", b"NOTSET")
    if automatic not in (b"NOTSET", "NOTSET", b"VALID", "VALID"):
        raise Unsupported("`auto_pad` lets the size of the map decide")
    pads = list(given.get("pads", [0] * 2 * axes))
    before, behind = pads[:axes], pads[axes:]
    # What is the same on both sides is an argument of the operation: so a reader of the text has it.
    if before == behind:
        return x, before
    sides = [side for axis in reversed(range(axes)) for side in (before[axis], behind[axis])]
    return functional.pad(x, sides, value=value), [0] * axes


def conv(given: Attributes, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`Conv`."""
    axes = weight.dim() - 2
    x, padding = _padding(given, x, axes)
    function: Any = (functional.conv1d, functional.conv2d, functional.conv3d)[axes - 1]
    made: Tensor = function(x, weight, bias, given.get("strides", [1] * axes), padding,
                            given.get("dilations", [1] * axes), given.get("group", 1))
    return made


def conv_transpose(given: Attributes, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`ConvTranspose`."""
    axes = weight.dim() - 2
    pads = list(given.get("pads", [0] * 2 * axes))
    if pads[:axes] != pads[axes:] or "output_shape" in given or "auto_pad" in given:
        raise Unsupported("its padding differs from side to side")
    function: Any = (functional.conv_transpose1d, functional.conv_transpose2d, functional.conv_transpose3d)[axes - 1]
    made: Tensor = function(x, weight, bias, given.get("strides", [1] * axes), pads[:axes],
                            given.get("output_padding", [0] * axes), given.get("group", 1),
                            given.get("dilations", [1] * axes))
    return made


def max_pool(given: Attributes, x: Tensor) -> Tensor:
    """`MaxPool`, without the indices."""
    size = given["kernel_shape"]
    axes = len(size)
    x, padding = _padding(given, x, axes, -torch.inf)
    function: Any = (functional.max_pool1d, functional.max_pool2d, functional.max_pool3d)[axes - 1]
    made: Tensor = function(x, size, given.get("strides", [1] * axes), padding, given.get("dilations", [1] * axes),
                            bool(given.get("ceil_mode", 0)))
    return made


def average_pool(given: Attributes, x: Tensor) -> Tensor:
    """`AveragePool`."""
    size = given["kernel_shape"]
    axes = len(size)
    counts = bool(given.get("count_include_pad", 0))
    pads = list(given.get("pads", [0] * 2 * axes))
    if pads[:axes] != pads[axes:] and not counts:
        raise Unsupported("its padding differs from side to side, and does not count")
    x, padding = _padding(given, x, axes)
    function: Any = (functional.avg_pool1d, functional.avg_pool2d, functional.avg_pool3d)[axes - 1]
    made: Tensor = function(x, size, given.get("strides", [1] * axes), padding, bool(given.get("ceil_mode", 0)), counts)
    return made


def global_average_pool(_: Attributes, x: Tensor) -> Tensor:
    """`GlobalAveragePool`."""
    return x.mean(list(range(2, x.dim())), keepdim=True)


def resize(given: Attributes, x: Tensor, _roi: Any = None, scales: Any = None, sizes: Any = None) -> Tensor:
    """`Resize`, to the nearest or between neighbours, as torch writes it."""
    mode = _word(given.get("mode", b"nearest"))
    placing = _word(given.get("coordinate_transformation_mode", b"half_pixel"))
    if sizes is not None and numpy.asarray(sizes).size:
        wanted = whole(sizes)[2:]
    else:
        wanted = [int(size * float(scale)) for size, scale in zip(x.shape[2:], list(scales)[2:], strict=True)]
    if mode == "nearest" and placing == "asymmetric" and _word(given.get("nearest_mode", b"")) == "floor":
        return functional.interpolate(x, wanted, mode="nearest")
    if mode == "linear" and placing in ("half_pixel", "pytorch_half_pixel", "align_corners") and x.dim() == 4:
        return functional.interpolate(x, wanted, mode="bilinear", align_corners=placing == "align_corners")
    raise Unsupported(f"`{mode}` with `{placing}` is another rule than torch's")


# --- products and norms ---------------------------------------------------------------------------------------------


def gemm(given: Attributes, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`Gemm`, as a linear layer."""
    if given.get("alpha", 1.0) != 1.0 or given.get("beta", 1.0) != 1.0 or given.get("transA", 0):
        raise Unsupported("it is scaled, or takes its input turned")
    if not given.get("transB", 0):
        weight = weight.t()
    return functional.linear(x, weight, bias)


def matmul(_: Attributes, one: Tensor, other: Tensor) -> Tensor:
    """`MatMul`; by a weight it is a linear layer."""
    # Its bias, if there is one, is a sum behind it.
    if isinstance(other, torch.nn.Parameter) and other.dim() == 2:
        return functional.linear(one, other.t())
    return one @ other


def batch_norm(given: Attributes, x: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    """`BatchNormalization`, with what it has remembered."""
    return functional.batch_norm(x, mean, variance, weight, bias, False, 0.0, given.get("epsilon", 1e-5))


def layer_norm(given: Attributes, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`LayerNormalization`."""
    axis = given.get("axis", -1) % x.dim()
    return functional.layer_norm(x, list(x.shape[axis:]), weight, bias, given.get("epsilon", 1e-5))


# --- activations ----------------------------------------------------------------------------------------------------


def clip(given: Attributes, x: Tensor, low: Any = None, high: Any = None) -> Tensor:
    """`Clip`, its ends as inputs or attributes."""
    ends = [option(given, "min", low), option(given, "max", high)]
    least, most = (float(end) if end is not None else None for end in ends)
    # It has a name of its own.
    if (least, most) == (0.0, 6.0):
        return functional.relu6(x)
    return x.clamp(least, most)


def hard_sigmoid(given: Attributes, x: Tensor) -> Tensor:
    """`HardSigmoid`."""
    # torch's is the one of MobileNetV3, with a sixth; ONNX's default is a fifth.
    slope = given.get("alpha", 0.2)
    if abs(slope - 1 / 6) > 1e-6 or given.get("beta", 0.5) != 0.5:
        raise Unsupported("its slope is another one than torch's")
    return functional.hardsigmoid(x)


def gelu(given: Attributes, x: Tensor) -> Tensor:
    """`Gelu`."""
    return functional.gelu(x, approximate=_word(given.get("approximate", b"none")))


# --- layouts --------------------------------------------------------------------------------------------------------


def reshape(_: Attributes, x: Tensor, shape: Any) -> Tensor:
    """`Reshape`; 0 keeps a size."""
    return x.reshape([x.shape[at] if size == 0 else size for at, size in enumerate(whole(shape))])


def flatten(given: Attributes, x: Tensor) -> Tensor:
    """`Flatten` from the axis behind the samples on."""
    if given.get("axis", 1) != 1:
        raise Unsupported("it joins samples")
    return x.flatten(1)


def unsqueeze(given: Attributes, x: Tensor, axes: Any = None) -> Tensor:
    """`Unsqueeze`, its axes as an input or an attribute."""
    places = whole(option(given, "axes", axes))
    for axis in sorted(place % (x.dim() + len(places)) for place in places):
        x = x.unsqueeze(axis)
    return x


def squeeze(given: Attributes, x: Tensor, axes: Any = None) -> Tensor:
    """`Squeeze`."""
    places = whole(_needed(option(given, "axes", axes), "which axes go is not said"))
    for axis in sorted((place % x.dim() for place in places), reverse=True):
        x = x.squeeze(axis)
    return x


def cut(
    given: Attributes, x: Tensor, starts: Any = None, ends: Any = None, axes: Any = None, steps: Any = None
) -> Tensor:
    """`Slice`."""
    begins, stops = whole(option(given, "starts", starts)), whole(option(given, "ends", ends))
    places, strides = list(range(len(begins))), [1] * len(begins)
    named = option(given, "axes", axes)
    if named is not None:
        places = whole(named)
    if steps is not None:
        strides = whole(steps)
    # torch has no slice that goes backwards.
    if min(strides) < 1:
        raise Unsupported("it goes backwards")
    index = [slice(None)] * x.dim()
    for begin, stop, place, stride in zip(begins, stops, places, strides, strict=True):
        index[place % x.dim()] = slice(begin, stop, stride)
    return x[tuple(index)]


def split(given: Attributes, x: Tensor, sizes: Any = None) -> tuple[Tensor, ...]:
    """`Split`."""
    axis = given.get("axis", 0)
    wanted = option(given, "split", sizes)
    if wanted is None:
        return tuple(x.chunk(_needed(given.get("num_outputs"), "how many parts it makes is not said"), axis))
    return tuple(torch.split(x, whole(wanted), axis))


def where(_: Attributes, condition: Any, one: Any, other: Any) -> Tensor:
    """`Where`, by a mask that is no matter of the input."""
    if isinstance(condition, Tensor):
        raise Unsupported("the input decides about its mask")
    like = one if isinstance(one, Tensor) else other
    mask = torch.from_numpy(numpy.asarray(condition).copy())
    return torch.where(mask, tensor(one, like), tensor(other, like))


def gather(given: Attributes, x: Tensor, indices: Any) -> Tensor:
    """`Gather`: rows of a table, or single places along an axis."""
    axis = given.get("axis", 0) % x.dim()
    # Indices that come in are words of a table.
    if isinstance(indices, Tensor):
        if axis != 0 or x.dim() != 2:
            raise Unsupported("its indices are calculated")
        return functional.embedding(indices.long(), x)
    if numpy.ndim(indices) == 0:
        return x.select(axis, int(indices))
    raise Unsupported("it picks several places")


def pad(given: Attributes, x: Tensor, pads: Any = None, value: Any = None, axes: Any = None) -> Tensor:
    """`Pad`."""
    amounts = whole(option(given, "pads", pads))
    if axes is not None and whole(axes) != list(range(x.dim())):
        raise Unsupported("it pads some axes")
    half = len(amounts) // 2
    sides = [side for axis in reversed(range(half)) for side in (amounts[axis], amounts[half + axis])]
    # Axes in front that are not padded: torch pads from the last one on.
    while sides[-2:] == [0, 0]:
        del sides[-2:]
    modes = {"edge": "replicate", "constant": "constant", "reflect": "reflect"}
    mode = _needed(modes.get(_word(given.get("mode", b"constant"))), "its border is of another kind than torch's")
    if mode != "constant":
        return functional.pad(x, sides, mode=mode)
    filling = 0.0
    if value is not None and numpy.size(value):
        filling = float(value)
    return functional.pad(x, sides, value=filling)


def reduced(function: Callable[[Tensor, Sequence[int], bool], Tensor]) -> Operator:
    """An operator over axes, given as an input or an attribute."""
    def run(given: Attributes, x: Tensor, axes: Any = None) -> Tensor:
        places = list(range(x.dim()))
        named = option(given, "axes", axes)
        if named is not None:
            places = whole(named)
        return function(x, places, bool(given.get("keepdims", 1)))

    return run


def _needed(value: Any, reason: str) -> Any:
    """A value that must be there. Raises Unsupported."""
    if value is None:
        raise Unsupported(reason)
    return value


def _word(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode()
    return str(value)


OPERATORS: Mapping[str, Operator] = {
    "Conv": conv, "ConvTranspose": conv_transpose, "MaxPool": max_pool, "AveragePool": average_pool,
    "GlobalAveragePool": global_average_pool, "Resize": resize, "Pad": pad,
    "Gemm": gemm, "MatMul": matmul, "BatchNormalization": batch_norm, "LayerNormalization": layer_norm,
    "Relu": single(torch.relu), "Sigmoid": single(torch.sigmoid), "Tanh": single(torch.tanh),
    "HardSwish": single(functional.hardswish), "Softplus": single(functional.softplus), "Mish": single(functional.mish),
    "Exp": single(torch.exp), "Log": single(torch.log), "Sqrt": single(torch.sqrt), "Neg": single(torch.neg),
    "Abs": single(torch.abs), "Reciprocal": single(torch.reciprocal), "Erf": single(torch.erf),
    "Clip": clip, "HardSigmoid": hard_sigmoid, "Gelu": gelu,
    "LeakyRelu": lambda given, x: functional.leaky_relu(x, given.get("alpha", 0.01)),
    "Elu": lambda given, x: functional.elu(x, given.get("alpha", 1.0)),
    "Softmax": lambda given, x: x.softmax(given.get("axis", -1)),
    "LogSoftmax": lambda given, x: x.log_softmax(given.get("axis", -1)),
    "Add": paired(lambda a, b: a + b), "Sub": paired(lambda a, b: a - b), "Mul": paired(lambda a, b: a * b),
    "Div": paired(lambda a, b: a / b), "Pow": paired(lambda a, b: a**b),
    "Concat": lambda given, *parts: torch.cat(parts, given["axis"]),
    "Transpose": lambda given, x: x.permute(given.get("perm", list(range(x.dim()))[::-1])),
    "Flatten": flatten, "Reshape": reshape, "Unsqueeze": unsqueeze, "Squeeze": squeeze, "Slice": cut, "Split": split,
    "Gather": gather,
    "Expand": lambda _, x, shape: x.expand(numpy.broadcast_shapes(tuple(x.shape), tuple(whole(shape)))),
    "ReduceMean": reduced(lambda x, axes, keep: x.mean(list(axes), keep)),
    "ReduceSum": reduced(lambda x, axes, keep: x.sum(list(axes), keep)),
    "ReduceMax": reduced(lambda x, axes, keep: x.amax(list(axes), keep)),
    "Where": where, "Identity": lambda _, x: x, "Dropout": lambda _, x, *rest: x,
}
"""Every operator that is read, by its name in ONNX's own domain."""
