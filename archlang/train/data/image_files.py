"""A split of image files, decoded when a batch asks for them: memory holds one batch."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy
import torch
from PIL import Image, ImageOps

from archlang.train.data.formats.published_files import broken
from archlang.train.data.splits import from_image
from archlang.train.problems import bad_data

LOOKED_AT = 256
"""How many images, evenly spread, decide on size and colour."""

SIDE = 224
"""Rows and columns of images that differ in size."""

MARGIN = 0.0625
"""What is cut off each side of ImageNet's images: scaled so that 256 fit, the middle 224 remain."""

UNREADABLE = (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError)
"""What Pillow raises for a broken image."""


@dataclass(frozen=True)
class Look:
    """How images are made alike: columns and rows, in colour or grey, and the share cut off at each side."""

    size: tuple[int, int]
    colour: bool = True
    margin: float = 0.0


@dataclass(frozen=True)
class Images:
    """Files under a folder and their class numbers."""

    folder: Path
    names: tuple[str, ...]
    classes: torch.Tensor
    look: Look

    def __len__(self) -> int:
        return len(self.names)

    def batch(self, indices: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Images [batch, 1 or 3, rows, columns] from 0 to 1, and class numbers.

        Raises `ArchError` (bad-data), naming the file, where an image is broken or gone.
        """
        rows = list(indices)
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            images = list(pool.map(self._image, rows))
        return torch.stack(images), self.labels_at(rows)

    def labels_at(self, indices: Sequence[int]) -> torch.Tensor:
        """Class numbers [batch] alone; no image is read."""
        return self.classes[torch.as_tensor(list(indices), dtype=torch.int64)]

    def _image(self, index: int) -> torch.Tensor:
        name, look = self.names[index], self.look
        try:
            with Image.open(self.folder / name) as image:
                image.draft("RGB" if look.colour else "L", look.size)  # a large JPEG is decoded smaller
                found = _alike(image, look)
        except UNREADABLE as problem:
            raise broken(name, f"it is no image that can be read ({problem})") from None
        return from_image(found)


def look_of(folder: Path, names: Sequence[str]) -> Look:
    """How the images of a folder are made alike: in their one size, else as squares; grey where all of them are.

    Raises `ArchError` (bad-data), naming the file, where an image is broken.
    """
    if not names:
        raise bad_data("there are no images")
    sizes, colour = set(), False
    for name in names[:: -(-len(names) // LOOKED_AT)]:
        try:
            with Image.open(folder / name) as image:
                sizes.add(image.size)
                colour = colour or not (image.mode in ("1", "L", "LA", "I", "F") or image.mode.startswith("I;16"))
        except UNREADABLE as problem:
            raise broken(name, f"it is no image that can be read ({problem})") from None
    return Look(sizes.pop() if len(sizes) == 1 else (SIDE, SIDE), colour)


def _alike(image: Image.Image, look: Look) -> Image.Image:
    """The middle of an image in the wanted proportions, scaled, in colour or grey."""
    if image.mode.startswith("I;16") or image.mode == "I":
        deep = numpy.asarray(image, dtype=numpy.float32) / 65535
        image = Image.fromarray((deep.clip(0, 1) * 255).round().astype(numpy.uint8))
    image = image.convert("RGB" if look.colour else "L")
    if image.size == look.size and not look.margin:
        return image
    return ImageOps.fit(image, look.size, Image.Resampling.BILINEAR, bleed=look.margin)
