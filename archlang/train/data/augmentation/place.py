"""Augmentations of place: mirrored, moved, cut, turned, scaled, covered; each image by a draw of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.nn import functional

from archlang.train.data.augmentation import colours
from archlang.train.data.augmentation.draws import between, chance


def flip(images: torch.Tensor, generator: torch.Generator, args: Mapping[str, Any]) -> torch.Tensor:
    """Mirror each image left to right with probability `p` (one half)."""
    chosen = chance(images, generator, float(args["p"]))
    return torch.where(chosen, images.flip(-1), images)


def shift(images: torch.Tensor, generator: torch.Generator, args: Mapping[str, Any]) -> torch.Tensor:
    """Move each image by up to `by` pixels each way; its border is repeated."""
    return _window(images, generator, int(args["by"]), "replicate")


def crop(images: torch.Tensor, generator: torch.Generator, args: Mapping[str, Any]) -> torch.Tensor:
    """Pad each image with `pad` zeros on all sides and cut a window of its old size out at random."""
    return _window(images, generator, int(args["pad"]), "constant")


def crop_from(images: torch.Tensor, generator: torch.Generator, args: Mapping[str, Any]) -> torch.Tensor:
    """Cut a window of `rows` by `columns` out of each image at random: every place in it is as likely."""
    rows, columns = int(args["rows"]), int(args["columns"])
    down, across = images.shape[-2] - rows, images.shape[-1] - columns

    top = torch.randint(0, down + 1, (len(images), 1), generator=generator)
    left = torch.randint(0, across + 1, (len(images), 1), generator=generator)
    return _cut(images, top.to(images.device), left.to(images.device), rows, columns)


def rotate(images: torch.Tensor, generator: torch.Generator, args: Mapping[str, Any]) -> torch.Tensor:
    """Turn by up to so many degrees either way; what comes in from outside is 0."""
    degrees = float(args["degrees"]) * between(images, generator).flatten()
    return colours.moved(images, colours.rotation(degrees).to(images.device))


def scale(images: torch.Tensor, generator: torch.Generator, args: Mapping[str, Any]) -> torch.Tensor:
    """Make larger or smaller by a factor up to `1 + by`, from the middle."""
    # By powers, so that as many images become twice as large as half as large.
    factor = (1 + float(args["by"])) ** between(images, generator).flatten()
    return colours.moved(images, colours.scaling(factor).to(images.device))


def erase(images: torch.Tensor, generator: torch.Generator, args: Mapping[str, Any]) -> torch.Tensor:
    """Set a square at a random place to zero in each image with probability `p` (Zhong et al. 2020).

    Its sides are `share` of the image's, rounded, at least one pixel. Of up to `most` squares, which may overlap, each
    number from 1 on is as likely.
    """
    share, most = float(args["share"]), int(args["most"])
    inside = _square(images, generator, share)
    chosen = chance(images, generator, float(args["p"]))
    if most > 1:
        counts = torch.randint(1, most + 1, (len(images), 1, 1, 1), generator=generator).to(images.device)
        for number in range(1, most):
            inside = inside | (_square(images, generator, share) & (counts > number))
    return images.masked_fill(inside & chosen, 0.0)


def _square(images: torch.Tensor, generator: torch.Generator, share: float) -> torch.Tensor:
    """Mask of a square in each image, [batch, 1, height, width]."""
    height, width = images.shape[-2:]
    down, right = torch.rand(2, len(images), 1, generator=generator)

    # Drawn as where its corner stands among all places where the square fits.
    rows = _band(height, share, down)[:, None, :, None]
    columns = _band(width, share, right)[:, None, None, :]
    return (rows & columns).to(images.device)


def _band(size: int, share: float, start: torch.Tensor) -> torch.Tensor:
    """Mask of `size` places that lie in each image's band, [batch, size]; `start` [batch, 1] from 0 to 1 places it."""
    # A share that rounds to nothing would erase nothing, against the wish.
    length = max(1, round(size * share))
    first = ((size - length + 1) * start).floor()

    places = torch.arange(size)[None]
    return (places >= first) & (places < first + length)


def _window(images: torch.Tensor, generator: torch.Generator, pad: int, mode: str) -> torch.Tensor:
    """Each image cut out of its padded self at an offset of its own."""
    count, _, height, width = images.shape
    padded = functional.pad(images, (pad,) * 4, mode=mode)
    # Of 2 pad + 1 offsets, the middle one leaves the image where it was.
    top, left = torch.randint(0, 2 * pad + 1, (2, count, 1), generator=generator).to(images.device)
    return _cut(padded, top, left, height, width)


def _cut(images: torch.Tensor, top: torch.Tensor, left: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """The window of each image whose first row and column are given, [batch, 1] each."""
    count, channels = images.shape[:2]

    rows = (top + torch.arange(height, device=images.device))[:, None, :, None]
    columns = (left + torch.arange(width, device=images.device))[:, None, None, :]
    which = torch.arange(count, device=images.device)[:, None, None, None]
    planes = torch.arange(channels, device=images.device)[None, :, None, None]
    return images[which, planes, rows, columns]
