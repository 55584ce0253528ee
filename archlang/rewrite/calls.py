"""Which calls a torch.fx graph can hold for the steps of fusion: functions, aten operations, methods, modules."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional

from archlang.layers.merging import total

aten: Any = torch.ops.aten

_CONV = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
_TRANSPOSED = ("input", "weight", "bias", "stride", "padding", "output_padding", "groups", "dilation")
_ATEN_CONV = ("input", "weight", "bias", "stride", "padding", "dilation", "transposed", "output_padding", "groups")
_NORM = ("input", "running_mean", "running_var", "weight", "bias", "training", "momentum", "eps")
_ATEN_NORM = ("input", "weight", "bias", "running_mean", "running_var", "training", "momentum", "eps")
_LEGIT_NORM = ("input", "weight", "bias", "running_mean", "running_var", "momentum", "eps")
_POOL = ("input", "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")
_PAD = ("input", "pad", "mode", "value")

DEFAULTS: dict[str, Any] = {
    "bias": None, "weight": None, "running_mean": None, "running_var": None, "stride": 1, "padding": 0, "dilation": 1,
    "groups": 1, "output_padding": 0, "transposed": False, "training": False, "eps": 1e-5, "ceil_mode": False,
    "count_include_pad": True, "divisor_override": None, "mode": "constant", "value": None, "dim": 0, "start": None,
    "end": None, "step": 1, "alpha": 1, "p": 0.5, "inplace": False, "use_input_stats": True,
}

CONVOLUTIONS: dict[Any, tuple[int, tuple[str, ...]]] = {}
"""A convolution's spatial sizes (0: a dense map; -1: as its weight says) and the names of its arguments."""
TRANSPOSED: dict[Any, tuple[int, tuple[str, ...]]] = {}
POOLS: dict[Any, tuple[int, tuple[str, ...]]] = {
    torch.avg_pool1d: (1, _POOL), torch._C._nn.avg_pool2d: (2, _POOL), torch._C._nn.avg_pool3d: (3, _POOL),
}
for _n in (1, 2, 3):
    CONVOLUTIONS[getattr(functional, f"conv{_n}d")] = CONVOLUTIONS[getattr(torch, f"conv{_n}d")] = (_n, _CONV)
    for _overload in ("default", "padding"):
        CONVOLUTIONS[getattr(getattr(aten, f"conv{_n}d"), _overload)] = (_n, _CONV)
    TRANSPOSED[getattr(functional, f"conv_transpose{_n}d")] = (_n, _TRANSPOSED)
    TRANSPOSED[getattr(torch, f"conv_transpose{_n}d")] = (_n, _TRANSPOSED)
    TRANSPOSED[getattr(getattr(aten, f"conv_transpose{_n}d"), "default" if _n == 1 else "input")] = (_n, _TRANSPOSED)
    POOLS[getattr(functional, f"avg_pool{_n}d")] = POOLS[getattr(aten, f"avg_pool{_n}d").default] = (_n, _POOL)
CONVOLUTIONS[functional.linear] = CONVOLUTIONS[aten.linear.default] = (0, _CONV[:3])
CONVOLUTIONS[aten.convolution.default] = (-1, _ATEN_CONV)

NORMS: dict[Any, tuple[str, ...]] = {
    functional.batch_norm: _NORM, torch.batch_norm: _ATEN_NORM, aten.batch_norm.default: _ATEN_NORM,
    aten._native_batch_norm_legit_no_training.default: _LEGIT_NORM,
    functional.instance_norm: ("input", "running_mean", "running_var", "weight", "bias", "use_input_stats",
                               "momentum", "eps"),
    torch.instance_norm: ("input", "weight", "bias", "running_mean", "running_var", "use_input_stats", "momentum",
                          "eps"),
    aten.instance_norm.default: ("input", "weight", "bias", "running_mean", "running_var", "use_input_stats",
                                 "momentum", "eps"),
}
TUPLE_NORMS = {aten._native_batch_norm_legit_no_training.default}
"""Norms that hand out their result as the first of several."""
PADS: dict[Any, tuple[str, tuple[str, ...]]] = {
    functional.pad: ("", _PAD), aten.pad.default: ("", _PAD),
    aten.constant_pad_nd.default: ("constant", ("input", "pad", "value")),
    **{getattr(aten, f"{mode}_pad{n}d").default: (word, ("input", "pad"))
       for mode, word in (("reflection", "reflect"), ("replication", "replicate")) for n in (1, 2, 3)},
}
SLICE = aten.slice.Tensor

DROPOUTS: dict[Any, tuple[str, ...]] = {
    **{getattr(functional, name): ("input", "p", "training", "inplace") for name in (
        "dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout")},
    **{op.default: ("input", "p", "training") for op in (
        aten.dropout, aten.feature_dropout, aten.alpha_dropout, aten.feature_alpha_dropout)},
    **dict.fromkeys((torch.dropout, torch.feature_dropout, torch.alpha_dropout, torch.feature_alpha_dropout),
                    ("input", "p", "training")),
}
NAMED_DROPOUTS = {"stochastic_depth": ("input", "p", "mode", "training"), "drop_path": ("input", "p", "training")}
"""Functions of other libraries that change nothing outside training; torch.fx may keep them as one call."""

_TWO = ("input", "other", "alpha")
SUMS: dict[Any, int] = {
    **dict.fromkeys((operator.add, operator.iadd, torch.add, aten.add.Tensor, aten.add_.Tensor, "add", "add_"), 1),
    **dict.fromkeys((operator.sub, operator.isub, torch.sub, torch.subtract, aten.sub.Tensor, aten.sub_.Tensor,
                     "sub", "sub_"), -1),
}
"""Sums and differences: the sign of the second term."""
PRODUCTS: dict[Any, int] = {
    **dict.fromkeys((operator.mul, operator.imul, torch.mul, torch.multiply, aten.mul.Tensor, aten.mul_.Tensor,
                     aten.mul.Scalar, "mul", "mul_"), 1),
    **dict.fromkeys((operator.truediv, operator.itruediv, torch.div, aten.div.Tensor, aten.div_.Tensor, aten.div.Scalar,
                     "div", "div_"), -1),
}
"""Products and quotients: the power of the second factor."""
NEGATIVES = {operator.neg, torch.neg, aten.neg.default, "neg"}
IN_PLACE = {operator.iadd, operator.isub, operator.imul, operator.itruediv}
TOTALS = {total, sum}
VIEWS = {"view", "reshape", "unsqueeze", "squeeze", "flatten", "detach", "contiguous", torch.reshape, torch.unsqueeze,
         torch.squeeze, torch.flatten, operator.getitem, aten.view.default, aten.unsqueeze.default,
         aten.reshape.default, aten.detach.default, aten.alias.default, aten.squeeze.dim}
"""What may be done to a constant on its way to where it is used."""
SHAPE_READS = {"size", "dim", "ndimension", "numel", "get_device"}
SHAPE_ATTRIBUTES = {"shape", "ndim", "dtype", "device"}

NORM_MODULES: dict[type, tuple[int, ...]] = {
    nn.BatchNorm1d: (0, 1), nn.BatchNorm2d: (2,), nn.BatchNorm3d: (3,), nn.SyncBatchNorm: (0, 1, 2, 3),
    nn.InstanceNorm1d: (1,), nn.InstanceNorm2d: (2,), nn.InstanceNorm3d: (3,),
}
"""How many sizes may follow the channels that a norm sees."""
CONV_MODULES: dict[type, int] = {nn.Conv1d: 1, nn.Conv2d: 2, nn.Conv3d: 3, nn.Linear: 0}
TRANSPOSED_MODULES: dict[type, int] = {nn.ConvTranspose1d: 1, nn.ConvTranspose2d: 2, nn.ConvTranspose3d: 3}
POOL_MODULES: dict[type, int] = {nn.AvgPool1d: 1, nn.AvgPool2d: 2, nn.AvgPool3d: 3}
DROPOUT_MODULES = (nn.modules.dropout._DropoutNd,)
PAD_MODULES: tuple[tuple[type, str], ...] = (
    (nn.modules.padding._ConstantPadNd, "constant"), (nn.modules.padding._ReflectionPadNd, "reflect"),
    (nn.modules.padding._ReplicationPadNd, "replicate"), (nn.modules.padding._CircularPadNd, "circular"),
)


def arguments(node: fx.Node, names: tuple[str, ...]) -> dict[str, Any]:
    """A call's arguments by name, defaults filled in; aten's own words for the input are taken for ours."""
    words = {"self": "input", "train": "training", "x": "input"}
    given = {words.get(key, key): value for key, value in node.kwargs.items()}
    return {**DEFAULTS, **dict(zip(names, node.args, strict=False)), **given}


def pair(node: fx.Node) -> tuple[Any, Any, Any]:
    """Both operands of a sum or product, and the factor of the second."""
    got = arguments(node, _TWO)
    return got.get("input"), got.get("other"), got["alpha"]


def in_place(node: fx.Node) -> bool:
    """Whether a node overwrites what it reads first."""
    if node.op == "call_method":
        name = str(node.target)
        return name.endswith("_") and not name.endswith("__")
    if node.op != "call_function":
        return False
    if node.target in IN_PLACE or node.kwargs.get("inplace") is True:
        return True
    name = getattr(node.target, "__name__", "").partition(".")[0]
    return name.endswith("_") and not name.endswith("__")
