"""Attention, by its equations."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from tests.reference.routing import softmax as _softmax

if TYPE_CHECKING:
    from tests.reference.machine import Use


def _dense(u: Use, name: str, x: Tensor, leaving: int, bias: bool) -> Tensor:
    made = torch.einsum("...i,oi->...o", x, u.weight(f"{name}.weight", leaving, x.shape[-1]))
    return made + u.weight(f"{name}.bias", leaving) if bias else made


def attention(u: Use, x: Tensor, *, heads: int, bias: bool = True, dropout: float = 0.0,
              causal: bool = False) -> Tensor:
    """`softmax(Q K' / sqrt(d)) V`, head by head (Vaswani et al. 2017, eq. 1)."""
    assert dropout == 0 or not u.training, "noise has no reference"
    positions, features = x.shape[1:]
    query, key, value = torch.split(_dense(u, "project", x, 3 * features, bias), features, 2)
    size, made = features // heads, []
    for part in (slice(h * size, (h + 1) * size) for h in range(heads)):
        scores = torch.einsum("bqd,bkd->bqk", query[..., part], key[..., part]) / math.sqrt(size)
        if causal:
            later = torch.ones(positions, positions, dtype=torch.bool, device=x.device).triu(1)
            scores = scores.masked_fill(later, -math.inf)
        made.append(torch.einsum("bqk,bkd->bqd", _softmax(scores, 2), value[..., part]))
    return _dense(u, "combine", torch.cat(made, 2), features, bias)


def squeeze_excite(u: Use, x: Tensor, *, ratio: int = 16, hidden: int | None = None, bias: bool = False) -> Tensor:
    """`x sigmoid(W2 relu(W1 mean(x)))` (Hu et al. 2018, eq. 2-4)."""
    channels = x.shape[1]
    inner = max(1, channels // ratio) if hidden is None else hidden
    squeezed = _dense(u, "squeeze", x.flatten(2).mean(2), inner, bias)
    gate = torch.sigmoid(_dense(u, "excite", squeezed.clamp(min=0), channels, bias))
    return torch.einsum("bc...,bc->bc...", x, gate)


def position_embedding(u: Use, x: Tensor) -> Tensor:
    """A learned number everywhere."""
    return x + u.weight("weight", *x.shape[1:])


def class_token(u: Use, x: Tensor) -> Tensor:
    """A learned position in front."""
    token = u.weight("weight", x.shape[2])
    return torch.stack([token.expand(x.shape[0], -1), *x.unbind(1)], 1)
