"""What routers compute (Tissera 2023, chapter 3), member by member."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from tests.reference.norms import standardize

if TYPE_CHECKING:
    from tests.reference.machine import Use


def softmax(x: Tensor, dim: int) -> Tensor:
    """exp(x) over its sum, the largest taken off first."""
    raised = (x - x.amax(dim, keepdim=True).detach()).exp()
    return raised / raised.sum(dim, keepdim=True)


def pooled(x: Tensor) -> Tensor:
    """What a gate sees: the mean of each channel of a map, of each feature of a sequence; a vector as it is."""
    if x.dim() == 2:
        return x
    return x.sum(1) / x.shape[1] if x.dim() == 3 else x.flatten(2).sum(2) / x[0, 0].numel()


def gates(u: Use, inputs: Sequence[Tensor], count: int, hidden: int) -> Tensor:
    """[batch, m, n]: for each input a softmax over the outputs (eq. 3.3-3.5; eq. 3.9 without hidden units)."""
    return torch.stack([softmax(a, 1) for a in _scores(u, inputs, count, hidden)], 1)


def _scores(u: Use, inputs: Sequence[Tensor], count: int, hidden: int) -> list[Tensor]:
    z = [pooled(x) for x in inputs]
    m, features = len(z), z[0].shape[1]
    if hidden == 0:
        weight = u.weight("weight", m, count, features)
        return [torch.einsum("bk,jk->bj", z[i], weight[i]) for i in range(m)]
    first, second = u.weight("squeeze", m, hidden, features), u.weight("excite", m, count, hidden)
    inner = [torch.einsum("bk,hk->bh", z[i], first[i]).clamp(min=0) for i in range(m)]
    return [torch.einsum("bh,jh->bj", inner[i], second[i]) for i in range(m)]


class _Under:
    """A use whose statistics lie in a part of the module."""

    def __init__(self, use: Use, part: str) -> None:
        self.use, self.part, self.training = use, part, use.training

    def weight(self, name: str, *shape: int, trained: bool = True) -> Tensor:
        return self.use.weight(f"{self.part}.{name}", *shape, trained=trained)

    def change(self, name: str, value: Tensor) -> None:
        self.use.change(f"{self.part}.{name}", value)

    def centres(self, axis: int) -> None:
        """What enters are scores made inside the module, not the input of the operation."""


def sparse(
    u: Use, x: Tensor, count: int, hidden: object, keep: object, standardized: object, capacity: object = None,
    divided: object = "held",
) -> Tensor:
    """[batch, n]: the `keep` largest gates over their sum, held as a number; the others 0 (section 5.3).

    With a capacity, an expert that has `ceil(capacity keep batch / n)` rows takes no more; first choices go first.
    """
    assert isinstance(hidden, int) and isinstance(keep, int)
    (scores,) = _scores(u, (x,), count, hidden)
    g = softmax(standardize(_Under(u, "standardize"), scores) if standardized else scores, 1)  # type: ignore[arg-type]
    columns = []
    for j in range(count):
        mine = g[:, j]
        larger = [(g[:, k] > mine) | ((g[:, k] == mine) & (k < j)) for k in range(count) if k != j]
        before = sum(one.to(g.dtype) for one in larger) if larger else 0 * mine
        columns.append(torch.where(before < keep, mine, 0 * mine))  # type: ignore[operator]
    kept = torch.stack(columns, 1)
    total = kept.sum(1, keepdim=True)
    shares = {"held": kept / total.detach(), "divided": kept / total, "whole": kept}[getattr(divided, "text", "held")]
    if capacity is None or g.is_meta:  # where only sizes are worked out there are no queues
        return shares

    room = math.ceil(capacity * keep * len(g) / count)  # type: ignore[operator]
    full, allowed = [0] * count, torch.zeros_like(shares)
    for choice in range(keep):
        for row in range(len(g)):
            expert = sorted(range(count), key=lambda j: (-g[row, j].item(), j))[choice]
            if full[expert] < room:
                allowed[row, expert] = 1
            full[expert] += 1
    return shares * allowed


def combined(g: Tensor, inputs: Sequence[Tensor], columns: Sequence[int]) -> tuple[Tensor, ...]:
    """`Y_j = sum_i g_ij X_i` (eq. 3.7)."""
    return tuple(_sum([_scaled(x, g[:, i, j]) for i, x in enumerate(inputs)]) for j in columns)


def stitched(u: Use, inputs: Sequence[Tensor], count: int) -> tuple[Tensor, ...]:
    """The same sum with weights that are learned by themselves."""
    weight = u.weight("weight", len(inputs), count)
    return tuple(_sum([x * weight[i, j] for i, x in enumerate(inputs)]) for j in range(count))


def mixed(u: Use, x: Tensor, made: Tensor, beta: object) -> Tensor:
    """`beta f(x) + (1 - beta) x`, beta through a sigmoid where it is learned."""
    share = 1 / (1 + torch.exp(-u.weight("logit"))) if beta is None else beta
    return share * made + (1 - share) * x  # type: ignore[operator]


def _scaled(x: Tensor, by: Tensor) -> Tensor:
    return x * by.reshape(-1, *(1,) * (x.dim() - 1))


def _sum(parts: Sequence[Tensor]) -> Tensor:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total
