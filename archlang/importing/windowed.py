"""Attention in windows of maps, as torchvision and timm have it: one operation in the place of layouts and products."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import Tensor

from archlang.importing.leaves import Leaf, OtherForward, Rows
from archlang.importing.steps import Kernel, Static

HIDDEN = "what a shift brings beside each other is hidden by minus infinity, and by -100 in the torch model"


def shifted_window(module: Any) -> Leaf | None:
    """Attention in windows that may be shifted, channels last (Swin)."""
    # The language leaves out weights of attention, and not what leaves it.
    if module.dropout:
        return None
    return Leaf("window_attention", {}, {}, settle=lambda shape: _shifted(module, shape))


def _shifted(module: Any, shape: tuple[int, ...]) -> Leaf | None:
    """The same for a map of these sizes; None where windows do not tile it, so that zeros are put around it."""
    _, *sides, _ = shape
    window = tuple(module.window_size)
    if any(side % cells for side, cells in zip(sides, window, strict=True)):
        return None

    args: dict[str, Static] = {"heads": module.num_heads, "window": Kernel(window)}
    # Along a side of a single window there is nothing to shift.
    shift = Kernel(
        by if cells < side else 0 for by, cells, side in zip(module.shift_size, window, sides, strict=True)
    )
    note = ""
    if any(shift):
        args["shift"], note = shift, HIDDEN
    if module.attention_dropout:
        args["dropout"] = float(module.attention_dropout)
    weights: dict[str, str | Rows] = {"positions": "relative_position_bias_table"}
    for ours, theirs, said in (("project", "qkv", "qkv_bias"), ("combine", "proj", "bias")):
        weights[f"{ours}.weight"] = f"{theirs}.weight"
        if getattr(module, theirs).bias is None:
            args[said] = False
        else:
            weights[f"{ours}.bias"] = f"{theirs}.bias"
    # Without a bias behind the heads there would be none before them, either.
    if "bias" in args and "qkv_bias" not in args:
        args["qkv_bias"] = True
    return Leaf("window_attention", args, weights, places=True, note=note, sized=True)


def timm_block(module: Any) -> OtherForward | None:
    """A block of timm's Swin, whose attention is cut into windows by the block, channels last.

    Its table of positions, its shifts and its mask of -100 are those of torchvision's.
    """
    attention = module.attn
    window, shift = tuple(module.window_size), tuple(module.shift_size)
    inside = attention.qkv.out_features == 3 * module.dim and attention.proj.in_features == module.dim
    # The language leaves out weights of attention, and not what leaves it.
    if not inside or attention.proj_drop.p or attention.proj.bias is None:
        return None

    args: dict[str, Static] = {"heads": attention.num_heads, "window": Kernel(window)}
    note = ""
    if any(shift):
        args["shift"], note = Kernel(shift), HIDDEN
    if attention.attn_drop.p:
        args["dropout"] = float(attention.attn_drop.p)
    weights: dict[str, str | Rows] = {
        "positions": "relative_position_bias_table", "project.weight": "qkv.weight", "combine.weight": "proj.weight",
        "combine.bias": "proj.bias",
    }
    if attention.qkv.bias is None:
        args["qkv_bias"] = False
    else:
        weights["project.bias"] = "qkv.bias"
    leaf = Leaf("window_attention", args, weights, places=True, note=note, sized=True)

    def forward(x: Tensor) -> Tensor:
        batch, *sides, channels = x.shape
        # Where windows do not tile the map zeros are put around it; a single window that is shifted is none, either.
        tiled = all(side % cells == 0 for side, cells in zip(sides, window, strict=True))
        whole = any(by and side <= cells for side, cells, by in zip(sides, window, shift, strict=True))
        if not tiled or whole:
            made: Tensor = type(module).forward(module, x)
            return made
        x = x + module.drop_path1(attention(module.norm1(x)))
        x = x.reshape(batch, -1, channels)
        x = x + module.drop_path2(module.mlp(module.norm2(x)))
        return x.reshape(batch, *sides, channels)

    # What the block's own code cuts into windows, [windows * batch, places, channels], is read as it is.
    return OtherForward(forward, {"attn": replace(leaf, settle=lambda shape: leaf if len(shape) == 4 else None)})


def partition_attention(module: Any) -> OtherForward | None:
    """Attention in windows, or over a grid of places that are as far apart as the windows are wide (MaxViT).

    A grid is windows of a map whose rows and columns stand in another order: with rows `(window, place)` turned into
    `(place, window)` a grid's places lie side by side.
    """
    heads = module.attn_layer[1]
    side = heads.size
    if type(heads).__name__ != "RelativePositionalMultiHeadAttention" or heads.merge.bias is None:
        return None
    args: dict[str, Static] = {"heads": heads.n_heads, "window": Kernel((side, side))}
    # The scores are smaller than usual: their factor is that of all features, not of a head's.
    if heads.n_heads > 1:
        args["scale"] = heads.scale_factor
    weights: dict[str, str | Rows] = {"positions": "relative_position_bias_table"}
    for ours, theirs in (("project", "to_qkv"), ("combine", "merge")):
        weights |= {f"{ours}.{kind}": f"{theirs}.{kind}" for kind in ("weight", "bias")}
    leaf = Leaf("window_attention", args, weights, places=True)

    def forward(x: Tensor) -> Tensor:
        rows, columns = x.shape[2] // module.p, x.shape[3] // module.p
        turns = module.partition_type == "grid" and module.p > 1
        if turns:
            x = _turned(x, rows, module.p, columns)
        x = x.permute(0, 2, 3, 1)
        x = x + module.stochastic_dropout(module.attn_layer(x))
        x = x + module.stochastic_dropout(module.mlp_layer(x))
        x = x.permute(0, 3, 1, 2)
        if turns:
            x = _turned(x, module.p, rows, module.p, columns)
        return x

    return OtherForward(forward, {"attn_layer.1": leaf})


def _turned(x: Tensor, rows: int, inner: int, columns: int, last: int | None = None) -> Tensor:
    """A map whose rows `(rows, inner)` and columns `(columns, last)` stand in the order `(inner, rows)` and so on."""
    batch, channels, height, width = x.shape
    cut = x.reshape(batch, channels, rows, inner, columns, last or inner)
    return cut.permute(0, 1, 3, 2, 5, 4).reshape(batch, channels, height, width)
