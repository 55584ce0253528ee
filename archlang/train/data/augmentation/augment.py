"""Augmentations: calculated on whole batches of images, drawn from a generator that the training seeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.nn import functional

from archlang.diagnostics import ArchError, error
from archlang.ops.values import Option
from archlang.train.data.augmentation import rand_augment

Augmentation = Callable[[torch.Tensor, torch.Generator, Mapping[str, Any]], torch.Tensor]


def flip(images: torch.Tensor, generator: torch.Generator, args: Mapping[str, Any]) -> torch.Tensor:
    """Mirror each image left to right with probability `p` (one half)."""
    chosen = _chance(images, generator, float(args["p"]))
    return torch.where(chosen, images.flip(-1), images)


def shift(images: torch.Tensor, generator: torch.Generator, args: Mapping[str, Any]) -> torch.Tensor:
    """Move each image by up to `by` pixels each way; its border is repeated."""
    return _window(images, generator, int(args["by"]), "replicate")


def crop(images: torch.Tensor, generator: torch.Generator, args: Mapping[str, Any]) -> torch.Tensor:
    """Pad each image with `pad` zeros on all sides and cut a window of its old size out at random."""
    return _window(images, generator, int(args["pad"]), "constant")


def erase(images: torch.Tensor, generator: torch.Generator, args: Mapping[str, Any]) -> torch.Tensor:
    """Set a square at a random place to zero in each image with probability `p` (Zhong et al. 2020).

    Its sides are `share` of the image's, rounded, at least one pixel.
    """
    height, width = images.shape[-2:]
    down, right = torch.rand(2, len(images), 1, generator=generator)
    rows = _band(height, float(args["share"]), down)[:, None, :, None]
    inside = rows & _band(width, float(args["share"]), right)[:, None, None, :]
    return images.masked_fill(inside.to(images.device) & _chance(images, generator, float(args["p"])), 0.0)


AUGMENTATIONS: Mapping[str, Augmentation] = {
    "flip": flip, "shift": shift, "crop": crop, "erase": erase, **rand_augment.AUGMENTATIONS,
}


def augment(images: torch.Tensor, options: Sequence[Option], generator: torch.Generator) -> torch.Tensor:
    """Images [batch, channels, height, width] after the augmentations, in order; other samples stay as they are.

    The generator lies on the CPU, so that a seed means the same on every device.
    """
    if images.ndim != 4:
        return images
    for option in options:
        given = {name: value for name, value in option.args.items() if value is not None}
        images = AUGMENTATIONS[option.name](images, generator, given)
    return images


def check(options: Sequence[Option]) -> None:
    """Raises `ArchError` (not-available) for an augmentation that this version has not."""
    missing = [option.name for option in options if option.name not in AUGMENTATIONS]
    said = "the augmentation `{}` is not part of this version"
    if missing:
        raise ArchError([error("not-available", said.format(name)) for name in missing])


def _chance(images: torch.Tensor, generator: torch.Generator, p: float) -> torch.Tensor:
    return (torch.rand(len(images), 1, 1, 1, generator=generator) < p).to(images.device)


def _band(size: int, share: float, start: torch.Tensor) -> torch.Tensor:
    """Which of `size` places lie in each image's band, [batch, size]; `start` [batch, 1] from 0 to 1 places it."""
    length = max(1, round(size * share))
    first = ((size - length + 1) * start).floor()
    places = torch.arange(size)[None]
    return (places >= first) & (places < first + length)


def _window(images: torch.Tensor, generator: torch.Generator, pad: int, mode: str) -> torch.Tensor:
    """Each image cut out of its padded self at an offset of its own."""
    count, channels, height, width = images.shape
    padded = functional.pad(images, (pad,) * 4, mode=mode)
    top, left = torch.randint(0, 2 * pad + 1, (2, count, 1), generator=generator).to(images.device)
    rows = (top + torch.arange(height, device=images.device))[:, None, :, None]
    columns = (left + torch.arange(width, device=images.device))[:, None, None, :]
    which = torch.arange(count, device=images.device)[:, None, None, None]
    planes = torch.arange(channels, device=images.device)[None, :, None, None]
    return padded[which, planes, rows, columns]
