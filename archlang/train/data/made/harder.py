"""Harder kinds of image data, made by a seed: fewer images, turned, cluttered, two to a canvas, in two styles."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch.nn import functional

from archlang.train.data.augmentation import colours
from archlang.train.data.made.options import DataOption, Values, number
from archlang.train.data.pixels import scaled
from archlang.train.data.splits import Data, Tensors
from archlang.train.problems import unknown_data

HARDER = (
    DataOption("train", low=2, high=10**6),
    DataOption("longtailed", bare=100, low=1, high=10000),
    DataOption("rotated", bare=180, low=1, high=180),
    DataOption("cluttered", bare=6, low=1, high=100),
    DataOption("pairs", bare="both", words=("both", "left", "right")),
    DataOption("styles", bare="two", words=("two",)),
    DataOption("seed", default=0),
)
"""Options that all images at hand take, in the order in which they are applied."""

PIECE = 3.5
"""The side of an image over that of a piece of clutter: 8 of 28 pixels (Mnih et al. 2014)."""


@dataclass(frozen=True)
class Drawn:
    """Images [count, channels, rows, columns] from 0 to 1, their labels, and the generator of all that is drawn."""

    images: torch.Tensor
    labels: torch.Tensor
    generator: torch.Generator


def harder(data: Data, values: Values) -> Data:
    """Data of images changed as the options ask, the test part as the training part, but for `train` and `longtailed`.

    Raises `ArchError` (unknown-data) for options that exclude each other, or ask for more than there is.
    """
    if values["cluttered"] is not None and values["pairs"] is not None:
        raise unknown_data("`cluttered` and `pairs` exclude each other: either needs the canvas")
    train, test = data.train, data.test
    assert isinstance(train, Tensors) and isinstance(test, Tensors)

    # Two generators: how many images are trained on must not change the test.
    seed = number(values, "seed")
    first = Drawn(train.samples, train.labels, torch.Generator().manual_seed(2 * seed))
    second = Drawn(test.samples, test.labels, torch.Generator().manual_seed(2 * seed + 1))

    first = fewer(first, values)
    changed = [changed_images(part, values) for part in (first, second)]
    train, test = (Tensors(part.images, part.labels) for part in changed)
    return replace(data, train=train, test=test)


def fewer(part: Drawn, values: Values) -> Drawn:
    """As many images as `train` says, the same number of each class but for one; then as a long tail, if asked for."""
    classes = int(part.labels.max()) + 1
    counts = torch.bincount(part.labels, minlength=classes)

    if values["train"] is not None:
        wanted = number(values, "train")
        if wanted < classes:
            raise unknown_data(f"`train={wanted}` leaves some of the {classes} classes without an image")
        # What does not divide goes to the first classes.
        share = torch.full((classes,), wanted // classes) + (torch.arange(classes) < wanted % classes)
        if bool((share > counts).any()):
            raise unknown_data(f"`train={wanted}` asks for {int(share.max())} images of a class; there are "
                               f"{int(counts.min())}")
        counts = share

    if values["longtailed"] is not None:
        # Class c keeps ratio^(-c / (C - 1)) of its images (Cui et al. 2019), at least one.
        ratio = number(values, "longtailed")
        kept = counts.double() * ratio ** (-torch.arange(classes).double() / (classes - 1))
        counts = kept.round().long().clamp_min(1)

    if values["train"] is None and values["longtailed"] is None:
        return part
    rows = []
    for label, count in enumerate(counts.tolist()):
        here = (part.labels == label).nonzero().flatten()
        rows.append(here[torch.randperm(len(here), generator=part.generator)[:count]])
    chosen = torch.cat(rows).sort().values
    return replace(part, images=part.images[chosen], labels=part.labels[chosen])


def changed_images(part: Drawn, values: Values) -> Drawn:
    """A part after all changes of its images; without any, its bytes stay bytes."""
    if all(values[name] is None for name in ("rotated", "cluttered", "pairs", "styles")):
        return part

    part = replace(part, images=scaled(part.images))
    if values["rotated"] is not None:
        part = rotated(part, number(values, "rotated"))
    if values["cluttered"] is not None:
        part = cluttered(part, number(values, "cluttered"))
    if values["pairs"] is not None:
        part = pairs(part, str(values["pairs"]))
    if values["styles"] is not None:
        part = two_styles(part)
    return part


def rotated(part: Drawn, degrees: int) -> Drawn:
    """Each image turned by an angle drawn from -degrees to degrees; what comes in from outside is black."""
    angles = (2 * torch.rand(len(part.images), generator=part.generator) - 1) * degrees
    turns = colours.rotation(angles)
    # Bilinear, unlike the augmentation of that name, whose nearest neighbours leave ragged strokes.
    grid = functional.affine_grid(turns, list(part.images.shape), align_corners=False)
    turned = functional.grid_sample(part.images, grid, padding_mode="zeros", align_corners=False)
    return replace(part, images=turned.clamp(0, 1))


def cluttered(part: Drawn, pieces: int) -> Drawn:
    """Each image somewhere on a canvas of twice its sides, among pieces of others, as in Mnih et al. (2014)."""
    count, channels, rows, columns = part.images.shape
    canvas = torch.zeros(count, channels, 2 * rows, 2 * columns)
    high, wide = max(1, round(rows / PIECE)), max(1, round(columns / PIECE))

    # Pieces first, so that the image itself is whole; where two meet, the brighter is seen.
    for _ in range(pieces):
        other = part.images[_below(part, count)]
        piece = _window(other, _below(part, rows - high + 1), _below(part, columns - wide + 1), high, wide)
        _paint(canvas, piece, _below(part, 2 * rows - high + 1), _below(part, 2 * columns - wide + 1))
    _paint(canvas, part.images, _below(part, rows + 1), _below(part, columns + 1))
    return replace(part, images=canvas)


def pairs(part: Drawn, labelled: str) -> Drawn:
    """Each image and another one on a canvas of twice its sides: one in the left half, one in the right, at any height.

    The labels are both, [count, 2], the left one first; or the one of the side that is named.
    """
    count, channels, rows, columns = part.images.shape
    other = _below(part, count)
    canvas = torch.zeros(count, channels, 2 * rows, 2 * columns)

    # A coin says which of the two is left, or the other side would be a repetition of the training part.
    is_left = torch.rand(count, generator=part.generator) < 0.5
    own = torch.arange(count)
    left, right = torch.where(is_left, own, other), torch.where(is_left, other, own)
    for which, start in ((left, 0), (right, columns)):
        _paint(canvas, part.images[which], _below(part, rows + 1), torch.full((count,), start))

    both = torch.stack((part.labels[left], part.labels[right]), 1)
    labels = {"both": both, "left": both[:, 0], "right": both[:, 1]}[labelled]
    return replace(part, images=canvas, labels=labels)


def two_styles(part: Drawn) -> Drawn:
    """Each image as it is or, by a coin, as dark outlines on white: one minus its local contrast in 3x3 pixels."""
    highest = functional.max_pool2d(part.images, 3, 1, 1)
    lowest = -functional.max_pool2d(-part.images, 3, 1, 1)
    outlined = torch.rand(len(part.images), generator=part.generator) < 0.5
    return replace(part, images=torch.where(outlined[:, None, None, None], 1 - (highest - lowest), part.images))


def _below(part: Drawn, bound: int) -> torch.Tensor:
    """A number from 0 below a bound for each image."""
    return torch.randint(0, bound, (len(part.images),), generator=part.generator)


def _window(images: torch.Tensor, top: torch.Tensor, left: torch.Tensor, rows: int, columns: int) -> torch.Tensor:
    """A window of each image at a place of its own."""
    down, across = top[:, None] + torch.arange(rows), left[:, None] + torch.arange(columns)
    which = torch.arange(len(images))
    return images[which[:, None, None], :, down[:, :, None], across[:, None, :]].permute(0, 3, 1, 2)


def _paint(canvas: torch.Tensor, images: torch.Tensor, top: torch.Tensor, left: torch.Tensor) -> None:
    """Lay each image on its canvas at a place of its own; where something is already, the brighter stays."""
    rows, columns = images.shape[-2:]
    down, across = top[:, None] + torch.arange(rows), left[:, None] + torch.arange(columns)
    which = torch.arange(len(canvas))
    place = (which[:, None, None], slice(None), down[:, :, None], across[:, None, :])
    canvas[place] = torch.maximum(canvas[place], images.permute(0, 2, 3, 1))
