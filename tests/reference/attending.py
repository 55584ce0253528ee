"""Attention, by its equations."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from tests.reference.distances import encoding
from tests.reference.routing import softmax as _softmax
from tests.reference.static import rows as _rows

if TYPE_CHECKING:
    from tests.reference.machine import Use


def _dense(u: Use, name: str, x: Tensor, leaving: int, bias: bool) -> Tensor:
    made = torch.einsum("...i,oi->...o", x, u.weight(f"{name}.weight", leaving, x.shape[-1]))
    return made + u.weight(f"{name}.bias", leaving) if bias else made


def attention(u: Use, x: Tensor, *, heads: int, bias: bool = True, dropout: float = 0.0, causal: bool = False,
              mask: Tensor | None = None, memory: Tensor | None = None, kv_heads: int | None = None,
              window: int | None = None, positions: object = None, head_features: int | None = None,
              qkv_bias: bool | None = None, scale: float | None = None, added: Tensor | None = None) -> Tensor:
    """`softmax(Q K' / sqrt(d)) V`, head by head (Vaswani et al. 2017, eq. 1)."""
    assert dropout == 0 or not u.training, "noise has no reference"
    size, shared = head_features or x.shape[2] // heads, kv_heads or heads
    own = bias if qkv_bias is None else qkv_bias
    if memory is None:
        made = _dense(u, "project", x, (heads + 2 * shared) * size, own)
        query, key, value = torch.split(made, [heads * size, shared * size, shared * size], 2)
    else:
        query = _dense(u, "project", x, heads * size, own)
        key, value = torch.split(_dense(u, "remember", memory, 2 * shared * size, own), shared * size, 2)

    seen = _seen(x.shape[1], key.shape[1], causal, window, x.device)
    if mask is not None:
        seen = seen & (mask != 0 if mask.dim() == 3 else (mask != 0)[:, None])
    turn, by_distance = encoding(u, positions, heads, size, causal)
    heads_made = []
    for h in range(heads):
        group = h * shared // heads
        q = turn(query[..., h * size : (h + 1) * size])
        k = turn(key[..., group * size : (group + 1) * size])
        scores = torch.einsum("bqd,bkd->bqk", q, k) * (1 / math.sqrt(size) if scale is None else scale)
        if added is not None:
            scores = scores + (added if added.dim() == 3 else added[:, h])
        for i in range(scores.shape[1] if by_distance is not None else 0):
            row = torch.stack([by_distance(j - i, h).to(x) for j in range(scores.shape[2])])  # type: ignore[misc]
            scores = torch.cat([scores[:, :i], scores[:, i : i + 1] + row, scores[:, i + 1 :]], 1)
        shares = _softmax(scores.masked_fill(~seen, -1e300), 2) * seen
        heads_made.append(torch.einsum("bqk,bkd->bqd", shares, value[..., group * size : (group + 1) * size]))
    return _dense(u, "combine", torch.cat(heads_made, 2), x.shape[2], bias)


def position_scores(u: Use, x: Tensor, *, heads: int, positions: object, causal: bool = False) -> Tensor:
    """What an encoding adds to each score."""
    _, added = encoding(u, positions, heads, 2, causal)
    assert added is not None
    places = range(x.shape[1])
    rows = [torch.stack([torch.stack([added(j - i, h).to(x) for j in places]) for i in places]) for h in range(heads)]
    return torch.stack(rows).expand(len(x), -1, -1, -1)


def _seen(queries: int, keys: int, causal: bool, window: int | None, device: torch.device) -> Tensor:
    """Which keys each query sees: [1, queries, keys]."""
    rows = [[(j <= i or not causal) and (window is None or abs(i - j) < window) for j in range(keys)]
            for i in range(queries)]
    return torch.tensor(rows, device=device)[None]


def window_attention(u: Use, x: Tensor, *, heads: int, window: object, shift: object = 0, bias: bool = True,
                     qkv_bias: bool | None = None, dropout: float = 0.0, scale: float | None = None) -> Tensor:
    """Attention among places of one window that were near before the shift (Liu et al. 2021), place by place."""
    assert dropout == 0 or not u.training, "noise has no reference"
    (rows, columns), (down, right), (channels, height, width) = _rows(window, 2), _rows(shift, 2), x.shape[1:]
    numbers = u.weight("positions", (2 * rows - 1) * (2 * columns - 1), heads)
    own, size = bias if qkv_bias is None else qkv_bias, channels // heads
    factor = 1 / math.sqrt(size) if scale is None else scale
    made = _dense(u, "project", x.permute(0, 2, 3, 1), 3 * channels, own)
    query, key, value = made.chunk(3, 3)

    out = []
    for r, c in ((r, c) for r in range(height) for c in range(width)):
        near = [(a, b) for a in range(height) for b in range(width)
                if (a - down) // rows == (r - down) // rows and (b - right) // columns == (c - right) // columns]
        parts = []
        for h in range(heads):
            of = slice(h * size, (h + 1) * size)
            scores = torch.stack([
                (query[:, r, c, of] * key[:, a, b, of]).sum(1) * factor
                + numbers[(r - a + rows - 1) * (2 * columns - 1) + c - b + columns - 1, h] for a, b in near], 1)
            shares = _softmax(scores, 1)
            parts.append(sum(shares[:, i, None] * value[:, a, b, of] for i, (a, b) in enumerate(near)))
        out.append(torch.cat(parts, 1))  # type: ignore[arg-type]
    mixed = _dense(u, "combine", torch.stack(out, 1), channels, bias)
    return mixed.transpose(1, 2).reshape(x.shape)


def squeeze_excite(u: Use, x: Tensor, *, ratio: int = 16, hidden: int | None = None, bias: bool = False) -> Tensor:
    """`x sigmoid(W2 relu(W1 mean(x)))` (Hu et al. 2018, eq. 2-4)."""
    channels = x.shape[1]
    inner = max(1, channels // ratio) if hidden is None else hidden
    squeezed = _dense(u, "squeeze", x.flatten(2).mean(2), inner, bias)
    gate = torch.sigmoid(_dense(u, "excite", squeezed.clamp(min=0), channels, bias))
    return torch.einsum("bc...,bc->bc...", x, gate)


def position_embedding(u: Use, x: Tensor, *, most: int | None = None) -> Tensor:
    """A learned number everywhere; of `most` positions the first ones."""
    if most is not None:
        return x + u.weight("weight", most, x.shape[2])[: x.shape[1]]
    return x + u.weight("weight", *x.shape[1:])


def class_token(u: Use, x: Tensor) -> Tensor:
    """A learned position in front."""
    token = u.weight("weight", x.shape[2])
    return torch.stack([token.expand(x.shape[0], -1), *x.unbind(1)], 1)
