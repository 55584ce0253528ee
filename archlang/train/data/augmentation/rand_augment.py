"""RandAugment (Cubuk et al. 2020): a few of fourteen changes for each image, all of one strength."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Generator, Tensor

from archlang.train.data.augmentation import colours

STRONGEST = 30
Change = Callable[[Tensor, Tensor, Tensor], Tensor]


def _affine(matrix: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Change:
    """A change by a map: from shares [batch] of the strongest, signs [batch] and the width."""
    def change(images: Tensor, share: Tensor, sign: Tensor) -> Tensor:
        width = torch.tensor(float(images.shape[-1]))
        return colours.moved(images, matrix(share.flatten(), sign.flatten(), width).to(images.device))

    return change


def _enhanced(change: Callable[[Tensor, Tensor], Tensor]) -> Change:
    """A change by 1 plus or minus up to 0.9."""
    return lambda images, share, sign: change(images, (1 + 0.9 * share * sign).to(images))


def _pixels(width: Tensor, share: Tensor) -> Tensor:
    """A share of 0.45 of the image's width, in whole pixels."""
    return (0.45 * width * share).round()


CHANGES: Mapping[str, Change] = {
    "identity": lambda images, share, sign: images,
    "autocontrast": lambda images, share, sign: colours.autocontrast(images),
    "equalize": lambda images, share, sign: colours.equalize(images),
    "rotate": _affine(lambda share, sign, width: colours.rotation(30 * share * sign)),
    "solarize": lambda images, share, sign: colours.solarize(images, (1 - share).to(images)),
    "posterize": lambda images, share, sign: colours.posterize(images, (8 - (4 * share).round()).to(images)),
    "contrast": _enhanced(colours.contrast),
    "color": _enhanced(colours.saturation),
    "brightness": _enhanced(colours.brightness),
    "sharpness": _enhanced(colours.sharpness),
    "shear_x": _affine(lambda share, sign, width: colours.shear(0.3 * share * sign, 0 * share)),
    "shear_y": _affine(lambda share, sign, width: colours.shear(0 * share, 0.3 * share * sign)),
    "translate_x": _affine(lambda share, sign, width: colours.translation(_pixels(width, share * sign), 0 * share)),
    "translate_y": _affine(lambda share, sign, width: colours.translation(0 * share, _pixels(width, share * sign))),
}
"""The fourteen changes of RandAugment (Cubuk et al. 2020), by a share from 0 to 1 of the strongest and a sign."""


def rand_augment(images: Tensor, generator: Generator, args: Mapping[str, Any]) -> Tensor:
    """`count` changes in turn, each image's drawn evenly among the fourteen.

    All are of the same strength; with `noise` that is the mean of a normal distribution, of which each is drawn.
    """
    # A strength of 30 is the strongest of each change.
    strength, noise = float(args["strength"]), float(args["noise"])
    share = torch.full((len(images), 1, 1, 1), strength / STRONGEST)
    for _ in range(int(args["count"])):
        if noise:
            drawn = strength + noise * torch.randn(len(images), 1, 1, 1, generator=generator)
            share = (drawn / STRONGEST).clamp(0, 1)
        which = torch.randint(len(CHANGES), (len(images),), generator=generator)
        sign = torch.randint(0, 2, (len(images), 1, 1, 1), generator=generator) * 2.0 - 1

        # Each change is calculated once, for the images that drew it.
        changed = images
        for number, change in enumerate(CHANGES.values()):
            rows = (which == number).nonzero().squeeze(1)
            if len(rows):
                at = rows.to(images.device)
                changed = changed.index_copy(0, at, change(images[at], share[rows], sign[rows]).to(images.dtype))
        images = changed
    return images
