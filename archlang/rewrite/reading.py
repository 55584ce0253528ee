"""What nodes of a torch.fx graph mean, whether they call modules or functions: contractions and batch norms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional
from torch.nn.utils import parametrize

_CONV = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
_TRANSPOSED = ("input", "weight", "bias", "stride", "padding", "output_padding", "groups", "dilation")
_NORM = ("input", "running_mean", "running_var", "weight", "bias", "training", "momentum", "eps")
_DEFAULTS = {"groups": 1, "training": False, "eps": 1e-5}

CONTRACTION_FUNCTIONS: dict[Any, tuple[str, ...]] = {
    **dict.fromkeys((functional.conv1d, functional.conv2d, functional.conv3d), _CONV),
    **dict.fromkeys((functional.conv_transpose1d, functional.conv_transpose2d, functional.conv_transpose3d),
                    _TRANSPOSED),
    functional.linear: ("input", "weight", "bias"),
}
CONTRACTION_RANKS: dict[Any, int | None] = {
    **{kind: n + 2 for n, kind in enumerate((nn.Conv1d, nn.Conv2d, nn.Conv3d), start=1)},
    **{kind: n + 2 for n, kind in enumerate(
        (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d), start=1)},
    functional.conv1d: 3, functional.conv2d: 4, functional.conv3d: 5,
    functional.conv_transpose1d: 3, functional.conv_transpose2d: 4, functional.conv_transpose3d: 5,
    nn.Linear: 2, functional.linear: 2,
}
"""Ranks, batch included, at which axis 1 of what a contraction makes holds its output channels."""
NORM_RANKS: dict[type, tuple[int, ...]] = {
    nn.BatchNorm1d: (2, 3), nn.BatchNorm2d: (4,), nn.BatchNorm3d: (5,), nn.SyncBatchNorm: (2, 3, 4, 5),
}
"""Ranks that a batch norm takes."""


class Kept(Exception):
    """Why a candidate stays as it is."""


@dataclass(frozen=True)
class Contraction:
    """A convolution or dense map: its weights, and what its node calls (`module` is None for a function)."""

    node: fx.Node
    kind: Any
    weight: Tensor
    bias: Tensor | None
    groups: int
    module: nn.Module | None

    @property
    def transposed(self) -> bool:
        """Whether the weight's second axis counts output channels."""
        return "ranspose" in self.kind.__name__

    @property
    def channels(self) -> int:
        """Channels (or features) that leave."""
        return self.weight.shape[1] * self.groups if self.transposed else self.weight.shape[0]


@dataclass(frozen=True)
class Norm:
    """A batch norm in evaluation mode, as `y = scale x + shift` by channel; both in float64."""

    node: fx.Node
    kind: Any
    scale: Tensor
    shift: Tensor
    dtype: torch.dtype


def value(module: fx.GraphModule, node: object) -> Any:
    """The tensor that an argument names, None for none. Raises `Kept` where it is calculated."""
    if node is None:
        return None
    if not isinstance(node, fx.Node) or node.op != "get_attr":
        raise Kept("its weights are calculated, not stored")
    found: Any = module
    for part in str(node.target).split("."):
        found = getattr(found, part)
    return found


def arguments(node: fx.Node, names: tuple[str, ...]) -> dict[str, Any]:
    """A call's arguments by name, defaults filled in."""
    return {**_DEFAULTS, **dict(zip(names, node.args, strict=False)), **node.kwargs}


def source(node: fx.Node) -> object:
    """What a node reads first."""
    return node.args[0] if node.args else node.kwargs.get("input")


def is_norm(module: fx.GraphModule, node: fx.Node) -> bool:
    """Whether a node is a batch norm of any form."""
    if node.op == "call_module":
        return isinstance(module.get_submodule(str(node.target)), nn.modules.batchnorm._BatchNorm)
    return node.op == "call_function" and node.target is functional.batch_norm


def read_norm(module: fx.GraphModule, node: fx.Node) -> Norm:
    """A batch norm's scale and shift. Raises `Kept`."""
    if node.op == "call_function":
        got = arguments(node, _NORM)
        training, eps, kind = got["training"], got["eps"], functional.batch_norm
        mean, variance, weight, bias = (value(module, got.get(n)) for n in _NORM[1:5])
    else:
        norm: Any = module.get_submodule(str(node.target))
        kind = plain_kind(norm, tuple(NORM_RANKS))
        training, eps = norm.training, norm.eps
        mean, variance, weight, bias = norm.running_mean, norm.running_var, norm.weight, norm.bias
    if training is not False:
        raise Kept("it is in training mode")
    if mean is None or variance is None:
        raise Kept("it keeps no running statistics")
    scale = (variance.detach().double() + eps).rsqrt()
    scale = scale if weight is None else scale * weight.detach().double()
    shift = -mean.detach().double() * scale
    shift = shift if bias is None else shift + bias.detach().double()
    if not scale.is_meta and not (scale.isfinite().all() and shift.isfinite().all()):
        raise Kept("its statistics give no finite scale")
    return Norm(node, kind, scale, shift, variance.dtype)


def read_contraction(module: fx.GraphModule, node: object) -> Contraction | None:
    """The contraction that a node calls, None where it is something else. Raises `Kept`."""
    if not isinstance(node, fx.Node):
        return None
    if node.op == "call_function" and node.target in CONTRACTION_FUNCTIONS:
        got = arguments(node, CONTRACTION_FUNCTIONS[node.target])
        weight, bias = value(module, got.get("weight")), value(module, got.get("bias"))
        return Contraction(node, node.target, weight, bias, got["groups"], None)
    if node.op != "call_module":
        return None
    kinds = tuple(kind for kind in CONTRACTION_RANKS if isinstance(kind, type))
    found = module.get_submodule(str(node.target))
    if not isinstance(found, kinds):
        return None
    called: Any = found
    kind = plain_kind(called, kinds)
    return Contraction(node, kind, called.weight, called.bias, getattr(called, "groups", 1), called)


def plain_kind(module: nn.Module, kinds: tuple[type, ...]) -> type:
    """Which of torch's classes a module behaves as. Raises `Kept` where something changes what it does."""
    if parametrize.is_parametrized(module):
        raise Kept("its weights are parametrised")
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    if any(getattr(module, name) for name in hooks):
        raise Kept("it has hooks, which would be lost")
    if isinstance(module, nn.modules.lazy.LazyModuleMixin):
        raise Kept("its weights are not there yet")
    for kind in kinds:
        methods = ("forward", "_conv_forward", "_check_input_dim", "__call__")
        same = all(getattr(type(module), m, None) is getattr(kind, m, None) for m in methods)
        if isinstance(module, kind) and same and "forward" not in vars(module):
            return kind
    raise Kept("its class computes something of its own")
