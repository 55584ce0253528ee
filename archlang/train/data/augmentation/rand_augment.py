"""RandAugment and the augmentations of light and shape: what is drawn, and what is done with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Generator, Tensor

from archlang.train.data.augmentation import colours as c

STRONGEST = 30
Change = Callable[[Tensor, Tensor, Tensor], Tensor]


def _affine(matrix: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Change:
    """A change by a map: from shares [batch] of the strongest, signs [batch] and the width."""
    def change(images: Tensor, share: Tensor, sign: Tensor) -> Tensor:
        width = torch.tensor(float(images.shape[-1]))
        return c.moved(images, matrix(share.flatten(), sign.flatten(), width).to(images.device))

    return change


def _enhanced(change: Callable[[Tensor, Tensor], Tensor]) -> Change:
    """A change by 1 plus or minus up to 0.9."""
    return lambda images, share, sign: change(images, (1 + 0.9 * share * sign).to(images))


CHANGES: Mapping[str, Change] = {
    "identity": lambda images, share, sign: images,
    "autocontrast": lambda images, share, sign: c.autocontrast(images),
    "equalize": lambda images, share, sign: c.equalize(images),
    "rotate": _affine(lambda share, sign, width: c.rotation(30 * share * sign)),
    "solarize": lambda images, share, sign: c.solarize(images, (1 - share).to(images)),
    "posterize": lambda images, share, sign: c.posterize(images, (8 - (4 * share).round()).to(images)),
    "contrast": _enhanced(c.contrast),
    "color": _enhanced(c.saturation),
    "brightness": _enhanced(c.brightness),
    "sharpness": _enhanced(c.sharpness),
    "shear_x": _affine(lambda share, sign, width: c.shear(0.3 * share * sign, 0 * share)),
    "shear_y": _affine(lambda share, sign, width: c.shear(0 * share, 0.3 * share * sign)),
    "translate_x": _affine(lambda share, sign, width: c.translation((0.45 * width * share * sign).round(), 0 * share)),
    "translate_y": _affine(lambda share, sign, width: c.translation(0 * share, (0.45 * width * share * sign).round())),
}
"""The fourteen changes of RandAugment (Cubuk et al. 2020), by a share from 0 to 1 of the strongest and a sign."""


def rand_augment(images: Tensor, generator: Generator, args: Mapping[str, Any]) -> Tensor:
    """`count` changes in turn, each image's drawn evenly among the fourteen, of the same strength."""
    share = torch.full((len(images), 1, 1, 1), int(args["strength"]) / STRONGEST)
    for _ in range(int(args["count"])):
        which = torch.randint(len(CHANGES), (len(images),), generator=generator)
        sign = torch.randint(0, 2, (len(images), 1, 1, 1), generator=generator) * 2.0 - 1
        made = images
        for place, change in enumerate(CHANGES.values()):
            rows = (which == place).nonzero().squeeze(1)
            if len(rows):
                at = rows.to(images.device)
                made = made.index_copy(0, at, change(images[at], share[rows], sign[rows]).to(images.dtype))
        images = made
    return images


def color_jitter(images: Tensor, generator: Generator, args: Mapping[str, Any]) -> Tensor:
    """Brightness, contrast and saturation, in this order, each by a factor from 1 - x to 1 + x."""
    for name, change in (("brightness", c.brightness), ("contrast", c.contrast), ("saturation", c.saturation)):
        images = change(images, (1 + float(args[name]) * _even(images, generator)).to(images))
    return images


def rotate(images: Tensor, generator: Generator, args: Mapping[str, Any]) -> Tensor:
    """By up to so many degrees either way; what comes in from outside is 0."""
    return c.moved(images, c.rotation(float(args["degrees"]) * _even(images, generator).flatten()).to(images.device))


def scale(images: Tensor, generator: Generator, args: Mapping[str, Any]) -> Tensor:
    """Larger or smaller by a factor up to `1 + by`, from the middle."""
    factor = (1 + float(args["by"])) ** _even(images, generator).flatten()
    return c.moved(images, c.scaling(factor).to(images.device))


def grayscale(images: Tensor, generator: Generator, args: Mapping[str, Any]) -> Tensor:
    """Without colour, with probability `p`."""
    chosen = torch.rand(len(images), 1, 1, 1, generator=generator) < float(args["p"])
    return torch.where(chosen.to(images.device), c.grey(images).expand_as(images), images)


def _even(images: Tensor, generator: Generator) -> Tensor:
    """A number for each image, evenly from -1 to 1."""
    return torch.rand(len(images), 1, 1, 1, generator=generator) * 2 - 1


AUGMENTATIONS = {
    "rand_augment": rand_augment, "color_jitter": color_jitter, "rotate": rotate, "scale": scale,
    "grayscale": grayscale,
}
