"""What nodes of a torch.fx graph mean, be they modules, functions or aten operations: steps of the algebra."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn.utils import parametrize

from archlang.rewrite import calls
from archlang.rewrite.algebra import Conv, Diagonal, Pool, Sizes, Step, Transposed, Window
from archlang.rewrite.report import Kept

HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


@dataclass(frozen=True)
class Link:
    """A node read as a step from what it reads; `weight` is a contraction's own; results take its dtype and format."""

    node: fx.Node
    source: fx.Node
    step: Step
    weight: Tensor | None = None
    trained: bool = False

    @property
    def free(self) -> bool:
        """Whether doing it twice costs nothing."""
        return isinstance(self.step, Window)

    @property
    def contraction(self) -> bool:
        """Whether it has a kernel."""
        return isinstance(self.step, Conv | Transposed)


def stored(module: nn.Module, node: object) -> Any:
    """The tensor that an argument names, None for none. Raises `Kept` where it is calculated."""
    if node is None:
        return None
    if not isinstance(node, fx.Node) or node.op != "get_attr":
        raise Kept("calculated-weights")
    found: Any = module
    for part in str(node.target).split("."):
        found = getattr(found, part)
    return found


def constant(module: nn.Module, node: object) -> Any:
    """The number or tensor that an argument always is, None where it depends on inputs."""
    if isinstance(node, bool) or not isinstance(node, int | float | fx.Node):
        return None
    if not isinstance(node, fx.Node):
        return node
    if node.op == "get_attr":
        found = stored(module, node)
        return found.detach() if isinstance(found, Tensor) else None
    if node.op not in ("call_function", "call_method") or node.target not in calls.VIEWS:
        return None
    inner = constant(module, node.args[0]) if node.args else None
    if not isinstance(inner, Tensor) or len(node.all_input_nodes) > 1 or node.kwargs:
        return None
    rest = node.args[1:]
    return getattr(inner, str(node.target))(*rest) if node.op == "call_method" else node.target(inner, *rest)  # type: ignore[operator]


def plain_kind(module: nn.Module, kinds: tuple[type, ...]) -> type:
    """Which of torch's classes a module behaves as. Raises `Kept` where something changes what it does."""
    if parametrize.is_parametrized(module):
        raise Kept("parametrised")
    if isinstance(module, nn.modules.lazy.LazyModuleMixin):
        raise Kept("no-weights-yet")
    if any(getattr(module, name) for name in HOOKS):
        raise Kept("hooks")
    for kind in kinds:
        methods = ("forward", "_conv_forward", "_check_input_dim", "__call__")
        same = all(getattr(type(module), m, None) is getattr(kind, m, None) for m in methods)
        if isinstance(module, kind) and same and "forward" not in vars(module):
            return kind
    raise Kept("own-class")


def sizes(value: Any, count: int) -> Sizes:
    """A number or some as `count` numbers. Raises `Kept` where one is calculated."""
    found = tuple(value) if isinstance(value, list | tuple) else (value,)
    if not all(isinstance(v, int) and not isinstance(v, bool) for v in found):
        raise Kept("calculated-weights")
    return found * count if len(found) == 1 else found


def convolution(weight: Tensor, bias: Tensor | None, got: dict[str, Any], mode: str = "zeros") -> Conv:
    """A convolution by the arguments of torch's function."""
    count = weight.dim() - 2
    dilation, extent = sizes(got["dilation"], count), tuple(weight.shape[2:])
    if got["padding"] == "same":
        whole = [d * (k - 1) for d, k in zip(dilation, extent, strict=True)]
        lo, hi = tuple(w // 2 for w in whole), tuple(w - w // 2 for w in whole)
    else:
        lo = hi = sizes(0 if got["padding"] == "valid" else got["padding"], count)
    wide = None if bias is None else bias.detach().double()
    return Conv(weight.detach().double(), wide, sizes(got["stride"], count), dilation, lo, hi, got["groups"], mode)


def transposed(weight: Tensor, bias: Tensor | None, got: dict[str, Any]) -> Transposed:
    """A transposed convolution by the arguments of torch's function."""
    stride, padding, output_padding, dilation = (
        sizes(got[name], weight.dim() - 2) for name in ("stride", "padding", "output_padding", "dilation"))
    return Transposed(weight.detach().double(), None if bias is None else bias.detach().double(), stride, padding,
                      output_padding, dilation, got["groups"])


def pool(count: int, got: dict[str, Any]) -> Pool:
    """An average pool by the arguments of torch's function. Raises `Kept`."""
    size = sizes(got["kernel_size"], count)
    stride = sizes(got["stride"], count) if got["stride"] not in (None, [], ()) else size
    padding = sizes(got["padding"], count)
    if got["ceil_mode"] or (any(padding) and not got["count_include_pad"] and got["divisor_override"] is None):
        raise Kept("pooling")
    return Pool(size, stride, padding, padding, 1 / (got["divisor_override"] or torch.Size(size).numel()))


def window(pads: Any, mode: str, value: Any) -> Window | None:
    """A padding by the arguments of torch's function: last axis first, before and behind. None where others do it."""
    found = sizes(pads, 1)
    if mode == "constant" and value not in (None, 0):
        return None
    if mode != "constant" and min(found, default=0) < 0:
        return None  # torch crops before it extends
    lo, hi = found[0::2][::-1], found[1::2][::-1]
    if len(lo) != len(hi):
        return None
    while len(lo) > 1 and not lo[0] and not hi[0]:
        lo, hi = lo[1:], hi[1:]
    return Window(lo, hi, "zeros" if mode == "constant" else mode)


def cropping(index: Any, rank: int | None) -> Window | None:
    """`x[..., a:-b, c:]` as a window; None for any other index."""
    parts = index if isinstance(index, tuple) else (index,)
    if not parts or Ellipsis in parts[1:]:
        return None
    if parts[0] is Ellipsis:
        cuts, counted = parts[1:], True
    else:
        if rank is not None:
            parts = (*parts, *[slice(None)] * (rank - len(parts)))
        if len(parts) < 3 or any(_cut(p) != (0, 0) for p in parts[:2]):
            return None
        cuts, counted = parts[2:], rank is not None
    found = [_cut(p) for p in cuts]
    if not found or None in found:
        return None
    lo, hi = zip(*[f for f in found if f is not None], strict=True)
    return Window(lo, hi, counted=counted)


def _cut(part: Any) -> tuple[int, int] | None:
    """What a slice leaves out on both sides, as negative numbers; None where that depends on the size."""
    if not isinstance(part, slice) or part.step not in (None, 1):
        return None
    start, stop = part.start or 0, part.stop
    if not isinstance(start, int) or start < 0:
        return None
    if stop is None or (isinstance(stop, int) and stop > 2**62):
        return -start, 0
    return (-start, stop) if isinstance(stop, int) and stop < 0 else None


def diagonal(scale: Any, shift: Any, spatial: int | None, like: Tensor, rank: int | None) -> Diagonal | None:
    """A product or sum with a constant, as it broadcasts: one number, or one by channel; None for any other."""
    dtype, found = None, spatial
    wide: list[Tensor | None] = []
    for value in (scale, shift):
        if value is None or not isinstance(value, Tensor):
            wide.append(None if value is None else torch.tensor(float(value), dtype=torch.float64, device=like.device))
            continue
        if not value.is_floating_point() or (value.dim() > 1 and (rank is None or value.dim() > rank)
                                             and value.dim() != _trailing(value) + 1):
            return None
        dtype = value.dtype if value.dim() else None
        if value.numel() == 1:
            wide.append(value.reshape(()).double())
            continue
        found = _trailing(value)
        if value.numel() != value.shape[-found - 1]:
            return None
        wide.append(value.reshape(-1).double())
    one = torch.ones((), dtype=torch.float64, device=like.device)
    return Diagonal(one if wide[0] is None else wide[0], wide[1], found, dtype)


def _trailing(value: Tensor) -> int:
    """How many sizes of 1 follow the last other one."""
    count = 0
    while count < value.dim() and value.shape[-1 - count] == 1:
        count += 1
    return min(count, value.dim() - 1)


def slicing(node: fx.Node, rank: int | None) -> tuple[Any, Window | None]:
    """What a node cuts, and how."""
    if node.target is operator.getitem:
        return node.args[0], cropping(node.args[1], rank)
    got = calls.arguments(node, ("input", "dim", "start", "end", "step"))
    axis = got["dim"] if got["dim"] < 0 or rank is None else got["dim"] - rank
    if axis >= 0 or (rank is not None and axis < 2 - rank):
        return got["input"], None
    part = slice(got["start"], got["end"], got["step"])
    return got["input"], cropping((Ellipsis, part, *[slice(None)] * (-axis - 1)), rank)
