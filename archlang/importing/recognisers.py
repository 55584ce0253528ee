"""The modules of torch, timm and torchvision that are known to be one operation of the language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from archlang.importing.leaves import Leaf, Recognise, Rows
from archlang.importing.rates import rate
from archlang.importing.rewritten import bilinear_attention, embedding_bag, gru_cell, lstm_cell, rnn_cell
from archlang.importing.steps import Static
from archlang.importing.windowed import partition_attention, shifted_window, timm_block


def _drop_path(module: Any) -> Leaf | None:
    if not module.drop_prob:
        return None
    # Where the kept samples are not scaled up, the language has no word.
    if not getattr(module, "scale_by_keep", True):
        return None
    return Leaf("drop_path", {"p": rate(float(module.drop_prob))}, {}, anywhere=True)


def _stochastic_depth(module: Any) -> Leaf | None:
    # A rate of 0 is the first of a row that rises; where it is none it is left out afterwards.
    if module.mode != "row":
        return None
    return Leaf("drop_path", {"p": rate(float(module.p)) or 0}, {}, anywhere=True)


def _multihead(module: Any) -> Leaf | None:
    """Attention of a sequence to itself."""
    same = module.kdim == module.vdim == module.embed_dim and module.batch_first
    if not same or module.bias_k is not None or module.add_zero_attn:
        return None
    kinds = ["weight"]
    args: dict[str, Static] = {"heads": module.num_heads}
    if module.in_proj_bias is None:
        args["bias"] = False
    else:
        kinds.append("bias")
    if module.dropout:
        args["dropout"] = float(module.dropout)

    weights: dict[str, str | Rows] = {}
    beside: dict[str, str | Rows] = {}
    size = module.embed_dim
    for kind in kinds:
        weights |= {f"project.{kind}": f"in_proj_{kind}", f"combine.{kind}": f"out_proj.{kind}"}
        beside |= {
            f"project.{kind}": Rows(f"in_proj_{kind}", 0, size), f"combine.{kind}": f"out_proj.{kind}",
            f"remember.{kind}": Rows(f"in_proj_{kind}", size, 3 * size),
        }
    return Leaf("attention", args, weights, beside)


def _timm_attention(module: Any) -> Leaf | None:
    """timm's attention with one dense map for queries, keys and values, as its vision transformers have it."""
    plain = all(isinstance(getattr(module, name, nn.Identity()), nn.Identity) for name in ("q_norm", "k_norm", "norm"))
    inside = module.qkv.out_features == 3 * module.qkv.in_features == 3 * module.proj.out_features
    # One probability cannot stand for weights of attention and what leaves it, unless both are 0.
    if not plain or not inside or module.proj.bias is None or module.attn_drop.p != module.proj_drop.p != 0:
        return None
    if getattr(module, "gate", None) is not None or abs(module.scale - module.head_dim**-0.5) > 1e-9:
        return None

    weights: dict[str, str | Rows] = {
        "project.weight": "qkv.weight", "combine.weight": "proj.weight", "combine.bias": "proj.bias",
    }
    args: dict[str, Static] = {"heads": module.num_heads}
    if module.qkv.bias is None:
        args["qkv_bias"] = False
    else:
        weights["project.bias"] = "qkv.bias"
    return Leaf("attention", args, weights)


RECOGNISED: Mapping[str, Recognise] = {
    "timm.layers.drop.DropPath": _drop_path,
    "torchvision.ops.stochastic_depth.StochasticDepth": _stochastic_depth,
    "torch.nn.modules.activation.MultiheadAttention": _multihead,
    "torch.nn.modules.rnn.LSTMCell": lstm_cell,
    "torch.nn.modules.rnn.GRUCell": gru_cell,
    "torch.nn.modules.rnn.RNNCell": rnn_cell,
    "torch.nn.modules.sparse.EmbeddingBag": embedding_bag,
    "timm.layers.non_local_attn.BilinearAttnTransform": bilinear_attention,
    "timm.layers.attention.Attention": _timm_attention,
    "timm.models.vision_transformer.Attention": _timm_attention,
    "torchvision.models.swin_transformer.ShiftedWindowAttention": shifted_window,
    "timm.models.swin_transformer.SwinTransformerBlock": timm_block,
    "torchvision.models.maxvit.PartitionAttentionLayer": partition_attention,
}
"""The recognisers by the full name of the class. A package's own is added here, or given to `import_model`."""
