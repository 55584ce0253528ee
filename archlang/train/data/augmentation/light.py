"""Augmentations of light and colour, each image by a draw of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Generator, Tensor, where

from archlang.train.data.augmentation import colours
from archlang.train.data.augmentation.draws import between, chance


def color_jitter(images: Tensor, generator: Generator, args: Mapping[str, Any]) -> Tensor:
    """Brightness, contrast and saturation, in this order, each by a factor from 1 - x to 1 + x; then hue by -x to x."""
    changes = (("brightness", colours.brightness), ("contrast", colours.contrast), ("saturation", colours.saturation))
    for name, change in changes:
        # Drawn also where the change is none: later draws must not depend on the arguments.
        factor = 1 + float(args[name]) * between(images, generator)
        images = change(images, factor.to(images))

    # Not drawn where it is off: trainings from before there was hue must stay what they were.
    if float(args.get("hue", 0.0)) == 0.0:
        return images
    return colours.hue(images, (float(args["hue"]) * between(images, generator)).to(images))


def grayscale(images: Tensor, generator: Generator, args: Mapping[str, Any]) -> Tensor:
    """Without colour, with probability `p`."""
    chosen = chance(images, generator, float(args["p"]))
    return where(chosen, colours.grey(images).expand_as(images), images)
