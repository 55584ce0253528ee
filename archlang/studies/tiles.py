"""Samples as small images for contact sheets."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from archlang.diagnostics import ArchError, error
from archlang.train.data.splits import Split
from archlang.views.sheet import Tile


def tile_of(image: torch.Tensor, caption: str = "") -> Tile:
    """An image [rows, columns] or [channels, rows, columns] from 0 to 1; of other numbers of channels their mean.

    A vector is one row of pixels. Raises `ArchError` (bad-data) for anything else.
    """
    image = image.detach().cpu().float()
    if image.ndim == 1:
        image = image[None]
    if image.ndim == 2:
        image = image[None]
    if image.ndim != 3:
        raise ArchError(error("bad-data", f"a sample {list(image.shape)} is no image that can be shown"))
    # One channel is grey and three are colours; of two, or of many, the mean is shown.
    if image.shape[0] not in (1, 3):
        image = image.mean(0, keepdim=True)

    # A NaN has no byte: it becomes black.
    pixels = (image.nan_to_num().clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).contiguous()
    return Tile(image.shape[2], image.shape[1], bytes(pixels.flatten().tolist()), caption)


def tiles_of(split: Split, rows: Sequence[int], captions: Sequence[str]) -> list[Tile]:
    """Samples of a split with what stands below them."""
    # A batch of no samples cannot be stacked.
    if not rows:
        return []
    return [tile_of(image, text) for image, text in zip(split.batch(rows)[0], captions, strict=True)]
