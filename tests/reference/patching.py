"""Patches, their positions, their router and their experts, written from the document (PCE, section 4.1)."""

from __future__ import annotations

import math
from itertools import product
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from tests.reference import routing
from tests.reference.static import rows as _rows
from tests.reference.values import Choice, OpUse, Patches, Value, Word

if TYPE_CHECKING:
    from tests.reference.machine import Use


def cut(x: Tensor, size: tuple[int, int], stride: tuple[int, int]) -> tuple[list[Tensor], int, int]:
    """Windows of a map, row by row, zeros where they reach over its edge; how many rows and columns there are."""
    counts = []
    for cells, k, s in zip(x.shape[2:], size, stride, strict=True):
        count = 1
        while (count - 1) * s + k < cells:
            count += 1
        counts.append(count)
    whole = x.new_zeros(*x.shape[:2], counts[0] * stride[0] + size[0], counts[1] * stride[1] + size[1])
    whole = torch.cat((torch.cat((x, whole[:, :, : x.shape[2], x.shape[3] :]), 3), whole[:, :, x.shape[2] :]), 2)
    windows = [
        whole[:, :, i * stride[0] : i * stride[0] + size[0], j * stride[1] : j * stride[1] + size[1]]
        for i, j in product(range(counts[0]), range(counts[1]))
    ]
    return windows, counts[0], counts[1]


def patches(value: Value, size: object, stride: object) -> tuple[Tensor, Patches]:
    """All patches, one batch behind the other, and what they remember."""
    wide = _pair(size)
    step = wide if stride is None else _pair(stride)
    windows, rows, columns = cut(value.data, wide, step)
    return torch.cat(windows), Patches((), rows, columns, (value.sizes[1], value.sizes[2]), wide, step)


def _pair(size: object) -> tuple[int, int]:
    height, width = _rows(size, 2)
    return height, width


def placed(x: Tensor, grid: Patches) -> Tensor:
    """Four planes more: x and y of the patch, x and y of the pixel."""
    made = []
    batches = x.chunk(grid.rows * grid.columns)
    for batch, (i, j) in zip(batches, product(range(grid.rows), range(grid.columns)), strict=True):
        plane = torch.ones_like(batch[:, :1])
        height, width = batch.shape[2:]
        across = torch.tensor([_share(n, width) for n in range(width)], dtype=x.dtype, device=x.device)
        down = torch.tensor([[_share(n, height)] for n in range(height)], dtype=x.dtype, device=x.device)
        planes = [plane * _share(j, grid.columns), plane * _share(i, grid.rows), plane * across, plane * down]
        made.append(torch.cat([batch, *planes], 1))
    return torch.cat(made)


def _share(index: int, count: int) -> float:
    return index / (count - 1) if count > 1 else 0.0


def back(x: Tensor, grid: Patches) -> Tensor:
    """Each cell of the map: the mean of the patches over it."""
    batches = x.chunk(grid.rows * grid.columns)
    size = [n * now // k for n, now, k in zip(grid.size, x.shape[2:], grid.patch, strict=True)]
    step = [s * now // k for s, now, k in zip(grid.stride, x.shape[2:], grid.patch, strict=True)]
    lines = []
    for row in range(size[0]):
        cells = []
        for column in range(size[1]):
            over = [
                batch[:, :, row - i * step[0], column - j * step[1]]
                for batch, (i, j) in zip(batches, product(range(grid.rows), range(grid.columns)), strict=True)
                if 0 <= row - i * step[0] < x.shape[2] and 0 <= column - j * step[1] < x.shape[3]
            ]
            cells.append(sum(over[1:], over[0]) / len(over))
        lines.append(torch.stack(cells, 2))
    return torch.stack(lines, 2)


# --- the router ------------------------------------------------------------------------------------------------------

ADAPTIVE = ("max", "entropy", "gap", "form", "base")


def cosine(u: Use, e: Tensor, count: int, settings: tuple[object, ...]) -> Tensor:
    """The weights of the experts (eq. 2-11), divided by their sum. `settings`: all arguments but the embedding."""
    threshold, steepness, temperature, keep, start = settings
    keys = u.weight("keys", count, e.shape[1])
    if start is None or start == Word("kmeans"):
        u.weight("started", trained=False)
    cosines = [(e * k).sum(1) / (_length(e) * _length(k)) for k in keys]
    w = routing.softmax(torch.stack(cosines, 1) / temperature, 1)  # type: ignore[arg-type, operator]
    rank = [_before(w, i).sum(1) for i in range(count)]
    place = torch.stack(rank, 1)
    if isinstance(keep, Choice):
        kept = torch.where(place < keep.places[0], w, 0 * w)  # type: ignore[operator]
        return kept / kept.sum(1, keepdim=True)
    theta = _threshold(w, threshold)
    if theta is None:
        return w
    if keep == Word("hard"):
        kept = torch.where((w >= theta) | (place == 0), w, 0 * w)
    else:
        kept = w / (1 + torch.exp(-steepness * (w - theta)))  # type: ignore[operator]
    return kept / kept.sum(1, keepdim=True)


def _length(x: Tensor) -> Tensor:
    return (x * x).sum(-1).sqrt()


def _before(w: Tensor, i: int) -> Tensor:
    """Which weights come before the i-th when the largest is first; equal ones stay in order."""
    mine = w[:, i : i + 1]
    earlier = torch.tensor([j < i for j in range(w.shape[1])], device=w.device)
    return (w > mine) | ((w == mine) & earlier)


def _threshold(w: Tensor, threshold: object) -> Tensor | None:
    if isinstance(threshold, OpUse | Word):
        threshold = Choice(threshold.name if isinstance(threshold, OpUse) else threshold.text)
    assert threshold is None or isinstance(threshold, Choice)
    if threshold is not None and threshold.name == "none":
        return None
    if threshold is not None and threshold.name == "fixed":
        return torch.full_like(w[:, :1], threshold.places[0])  # type: ignore[arg-type]
    shares = (threshold or Choice("adaptive")).get(ADAPTIVE, (0.4, 0.3, 0.3, Word("document"), 1.0))
    largest, entropy, gap, form, base = shares
    count, ordered = w.shape[1], torch.sort(w, 1, descending=True).values
    spread = -(w * w.log()).sum(1) / math.log(count) if count > 1 else 0 * ordered[:, 0]
    if form == Word("authors"):
        spread = 1 - spread
    rest = ordered[:, 1 : 1 + min(4, count - 1)].mean(1) if count > 1 else 0 * ordered[:, 0]
    first = ordered[:, 0]
    apart = (first - rest) / (first + 1e-8)
    return (base * (largest * (1 - first) + entropy * spread + gap * apart))[:, None]  # type: ignore[operator, no-any-return]
