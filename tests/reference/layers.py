"""Attention over layers (Bird 2022, section 3), layer by layer and place by place."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from tests.reference.recurrent import lstm
from tests.reference.routing import softmax

if TYPE_CHECKING:
    from tests.reference.machine import Use


def _rows(x: Tensor) -> Tensor:
    """[batch, places, features]: a vector has one place, a map one for each of its cells."""
    if x.dim() == 2:
        return x[:, None]
    return x if x.dim() == 3 else x.flatten(2).transpose(1, 2)


def _back(made: Tensor, like: Tensor) -> Tensor:
    if like.dim() == 2:
        return made[:, 0]
    return made if like.dim() == 3 else made.transpose(1, 2).reshape(like.shape[0], -1, *like.shape[2:])


def _contracted(u: Use, parts: Sequence[Tensor], leaving: int) -> Tensor:
    """`W [x_1, ..., x_L] + b`, block by block."""
    weight = u.weight("contract.weight", leaving, sum(p.shape[2] for p in parts))
    total, at = u.weight("contract.bias", leaving).expand(*parts[0].shape[:2], leaving), 0
    for part in parts:
        block = weight[:, at : at + part.shape[2]]
        total, at = total + torch.einsum("bpi,oi->bpo", part, block), at + part.shape[2]
    return total


def innate_static(u: Use, layers: Sequence[Tensor], features: int) -> Tensor:
    """Concatenation and a many-to-few dense map."""
    return _back(_contracted(u, [_rows(x) for x in layers], features), layers[0])


def static_vector(u: Use, layers: Sequence[Tensor], features: int | None = None) -> Tensor:
    """Each layer scaled by its element of a vector that sums to 1, then concatenation and contraction."""
    a = softmax(u.weight("logits", len(layers)), 0)
    rows = [_rows(x) for x in layers]
    return _back(_contracted(u, [x * a[i] for i, x in enumerate(rows)], features or rows[0].shape[2]), layers[0])


def self_attention(u: Use, layers: Sequence[Tensor], heads: int = 1, features: int | None = None) -> Tensor:
    """Queries and keys of each layer's mean, values everywhere; each head by itself."""
    rows = [_rows(x) for x in layers]
    width = rows[0].shape[2]
    weight, bias = u.weight("project.weight", 3 * width, width), u.weight("project.bias", 3 * width)
    dense = [(weight[k * width : (k + 1) * width], bias[k * width : (k + 1) * width]) for k in range(3)]
    query, key = ([torch.einsum("bi,oi->bo", x.mean(1), w) + c for x in rows] for w, c in dense[:2])
    value = [torch.einsum("bpi,oi->bpo", x, dense[2][0]) + dense[2][1] for x in rows]
    size, taken = width // heads, []
    for q in query:
        parts = []
        for h in (slice(i * size, (i + 1) * size) for i in range(heads)):
            scores = torch.stack([(q[:, h] * k[:, h]).sum(1) for k in key], 1) / math.sqrt(size)
            a = softmax(scores, 1)
            parts.append(sum(v[..., h] * a[:, j, None, None] for j, v in enumerate(value)))
        taken.append(torch.cat(parts, 2))  # type: ignore[arg-type]
    return _back(_contracted(u, taken, features or width), layers[0])


class _Under:
    """A use whose weights lie in a part of the module."""

    def __init__(self, use: Use, part: str) -> None:
        self.use, self.part, self.training = use, part, use.training

    def weight(self, name: str, *shape: int) -> Tensor:
        return self.use.weight(f"{self.part}.{name}", *shape)


def recurrent(u: Use, layers: Sequence[Tensor], hidden: int) -> Tensor:
    """A long short-term memory from layer to layer at each place, then a contraction of its states."""
    rows = torch.stack([_rows(x) for x in layers], 2)
    states = lstm(_Under(u, "lstm"), rows.flatten(0, 1), hidden=hidden)  # type: ignore[arg-type]
    states = states.unflatten(0, rows.shape[:2])
    return _back(_contracted(u, list(states.unbind(2)), hidden), layers[0])


def mean(u: Use, layers: Sequence[Tensor]) -> Tensor:
    """All layers alike."""
    return sum(layers[1:], layers[0]) / len(layers)
