"""The calls that fusion models: functions, aten operations, methods and modules, by family."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional

from archlang.layers.merging import total

aten: Any = torch.ops.aten

CONVOLUTIONS: dict[Any, int] = {functional.linear: 0, aten.linear.default: 0, aten.convolution.default: -1}
"""Convolutions by the sizes that they slide over; 0: a linear layer, -1: as many as the weight says."""

TRANSPOSED: dict[Any, int] = {}
"""Transposed convolutions by the sizes that they slide over."""

POOLS: dict[Any, int] = {}
"""Average pools by the sizes that they slide over."""

for _n in (1, 2, 3):
    CONVOLUTIONS[getattr(functional, f"conv{_n}d")] = _n
    # A padding by its name (`same`, `valid`) has an overload of its own.
    for _overload in ("default", "padding"):
        CONVOLUTIONS[getattr(getattr(aten, f"conv{_n}d"), _overload)] = _n

    TRANSPOSED[getattr(functional, f"conv_transpose{_n}d")] = _n
    TRANSPOSED[getattr(getattr(aten, f"conv_transpose{_n}d"), "default" if _n == 1 else "input")] = _n

    POOLS[getattr(functional, f"avg_pool{_n}d")] = _n
    POOLS[getattr(aten, f"avg_pool{_n}d").default] = _n

TUPLE_NORMS = {aten._native_batch_norm_legit_no_training.default}
"""Norms that hand out their result as the first of several; they never train."""

NORMS: set[Any] = {
    functional.batch_norm, torch.batch_norm, aten.batch_norm.default,
    functional.instance_norm, torch.instance_norm, aten.instance_norm.default, *TUPLE_NORMS,
}
"""Norms that can have stored statistics."""

# aten's names for the modes differ from those of `functional.pad`.
PADS: dict[Any, str] = {
    functional.pad: "", aten.pad.default: "", aten.constant_pad_nd.default: "constant",
    **{getattr(aten, f"{mode}_pad{n}d").default: word
       for mode, word in (("reflection", "reflect"), ("replication", "replicate")) for n in (1, 2, 3)},
}
"""Paddings by their mode; empty where an argument says the mode."""

SLICE = aten.slice.Tensor

DROPOUTS: set[Any] = {
    *(getattr(functional, name) for name in (
        "dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout")),
    *(op.default for op in (aten.dropout, aten.feature_dropout, aten.alpha_dropout, aten.feature_alpha_dropout)),
    torch.dropout, torch.feature_dropout, torch.alpha_dropout, torch.feature_alpha_dropout,
}
"""Functions that change nothing outside training."""

NAMED_DROPOUTS = {("torchvision.ops.stochastic_depth", "stochastic_depth"), ("timm.layers.drop", "drop_path")}
"""The same of other libraries, by module and name: torch.fx may keep them as one call. A name alone proves nothing."""

SUMS: dict[Any, int] = {
    **dict.fromkeys((operator.add, operator.iadd, torch.add, aten.add.Tensor, aten.add_.Tensor, "add", "add_"), 1),
    **dict.fromkeys((operator.sub, operator.isub, torch.sub, torch.subtract, aten.sub.Tensor, aten.sub_.Tensor,
                     "sub", "sub_"), -1),
}
"""Sums and differences by the sign of the second term."""

PRODUCTS: dict[Any, int] = {
    **dict.fromkeys((operator.mul, operator.imul, torch.mul, torch.multiply, aten.mul.Tensor, aten.mul_.Tensor,
                     aten.mul.Scalar, "mul", "mul_"), 1),
    **dict.fromkeys((operator.truediv, operator.itruediv, torch.div, aten.div.Tensor, aten.div_.Tensor, aten.div.Scalar,
                     "div", "div_"), -1),
}
"""Products and quotients by the power of the second factor."""

NEGATIVES: set[Any] = {operator.neg, torch.neg, aten.neg.default, "neg"}
TOTALS: set[Any] = {total, sum}
"""Sums of a list of tensors."""

CONCATENATIONS: set[Any] = {torch.cat, torch.concat, torch.concatenate, aten.cat.default}
FLATTENS: set[Any] = {torch.flatten, "flatten", aten.flatten.using_ints}

VIEWS: set[Any] = {
    "view", "reshape", "unsqueeze", "squeeze", "flatten", "detach", "contiguous", torch.reshape, torch.unsqueeze,
    torch.squeeze, torch.flatten, operator.getitem, aten.view.default, aten.unsqueeze.default,
    aten.reshape.default, aten.detach.default, aten.alias.default, aten.squeeze.dim,
}
"""Operations that a constant may go through on its way to where it is used."""

SHAPE_READS = {"size", "dim", "ndimension", "numel", "get_device"}
"""Methods that read the form of their tensor only."""
SHAPE_READS_OF_OTHER: set[Any] = {
    "reshape_as", "view_as", "expand_as",
    aten.reshape_as.default, aten.view_as.default, aten.expand_as.default,
}
"""Operations that read the form of their second tensor only."""
SHAPE_ATTRIBUTES = {"shape", "ndim", "dtype", "device"}

NORM_MODULES: dict[type, tuple[int, ...]] = {
    nn.BatchNorm1d: (0, 1), nn.BatchNorm2d: (2,), nn.BatchNorm3d: (3,), nn.SyncBatchNorm: (0, 1, 2, 3),
    nn.InstanceNorm1d: (1,), nn.InstanceNorm2d: (2,), nn.InstanceNorm3d: (3,),
}
"""Norms by the numbers of sizes that may follow the channels that they see."""

CONV_MODULES: dict[type, int] = {nn.Conv1d: 1, nn.Conv2d: 2, nn.Conv3d: 3, nn.Linear: 0}
TRANSPOSED_MODULES: dict[type, int] = {nn.ConvTranspose1d: 1, nn.ConvTranspose2d: 2, nn.ConvTranspose3d: 3}
POOL_MODULES: dict[type, int] = {nn.AvgPool1d: 1, nn.AvgPool2d: 2, nn.AvgPool3d: 3}
DROPOUT_MODULES: tuple[type, ...] = (
    nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout)
PAD_MODULES: dict[type, str] = {
    **{getattr(nn, f"{mode}Pad{n}d"): word for n in (1, 2, 3) for mode, word in (
        ("Zero", "constant"), ("Constant", "constant"), ("Reflection", "reflect"), ("Replication", "replicate"),
        ("Circular", "circular"))},
}

MODULES: tuple[type, ...] = (
    *CONV_MODULES, *TRANSPOSED_MODULES, *NORM_MODULES, *POOL_MODULES, *DROPOUT_MODULES, *PAD_MODULES, nn.Identity)
"""Every class of torch that fusion models."""

OVERRIDABLE = ("forward", "_conv_forward", "_check_input_dim", "_output_padding", "__call__", "_call_impl",
               "__getattr__", "__getattribute__")
"""Methods that a subclass must not change for it to compute what torch's class computes."""


def changes_nothing_of(kind: type, base: type) -> bool:
    """Tell whether a class computes what a class of torch does: it is that class, or overrides none of its methods."""
    # Exactly the same function objects: a subclass may override a method and call the base's, with anything around it.
    return issubclass(kind, base) and all(
        getattr(kind, name, None) is getattr(base, name, None) for name in OVERRIDABLE)


def named_dropout(target: Any) -> bool:
    """Tell whether a function is another library's dropout."""
    return (getattr(target, "__module__", ""), getattr(target, "__name__", "")) in NAMED_DROPOUTS


def is_shape_read(user: fx.Node, node: fx.Node) -> bool:
    """Tell whether a node reads only the form of another, not its numbers."""
    if user.op == "call_method" and user.target in SHAPE_READS:
        return True
    if user.target in SHAPE_READS_OF_OTHER and len(user.args) == 2:
        # `x.view_as(x)` reads the numbers of x too.
        return user.args[0] is not node
    return user.op == "call_function" and user.target is getattr and user.args[1] in SHAPE_ATTRIBUTES
