"""Tokens, masks and lengths."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from tests.reference.machine import Use
    from tests.reference.values import Held


def embedding(u: Use, x: Tensor, *, features: int, init: object = None) -> Tensor:
    """The row of each token."""
    return u.weight("weight", u.range(x), features)[x.long()]


def unembed(u: Use, x: Tensor, *, table: Held) -> Tensor:
    """The product with each row of an embedding's table, which is the weight of another module."""
    number, made = next((i, step) for i, step in enumerate(u.machine.steps)
                        if step.name == "embedding" and step.path[: len(table.path)] == table.path)
    (rows, features), _ = made.weights["weight"]
    weight = replace(u, number=number, path=made.path).weight("weight", rows, features)
    return torch.stack([(x * weight[row]).sum(-1) for row in range(rows)], -1)


def length_mask(u: Use, x: Tensor, *, positions: int) -> Tensor:
    """1 before the length."""
    return u.whole(torch.cat([(x > p).long() for p in range(positions)], 1), 2)


def masked_mean(u: Use, x: Tensor, mask: Tensor) -> Tensor:
    """The sum of what counts, over how much that is."""
    total = torch.where(mask[:, :, None] != 0, x, 0).sum(1)
    return total / mask.sum(1, keepdim=True).clamp(min=1).to(x.dtype)


def sinusoidal_positions(u: Use, x: Tensor, *, base: float = 10000.0) -> Tensor:
    """Vaswani et al. 2017, section 3.5."""
    columns = []
    for f in range(x.shape[2]):
        rate = 1 / base ** (f // 2 * 2 / x.shape[2])
        wave = torch.sin if f % 2 == 0 else torch.cos
        columns.append(x[:, :, f] + wave(rate * torch.arange(x.shape[1], dtype=x.dtype, device=x.device)))
    return torch.stack(columns, 2)
