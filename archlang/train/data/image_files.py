"""Image files: opened safely, and a split of them, decoded when a batch asks for them: memory holds one batch."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import BinaryIO

import torch
from PIL import Image, UnidentifiedImageError
from torch.utils.data import get_worker_info

from archlang.atomic import open_regular, steady
from archlang.diagnostics import ArchError
from archlang.diagnostics.text import one_line
from archlang.emit import ImagePreparation
from archlang.layers.chance import SHARED
from archlang.train.data.kept_images import KeptImages
from archlang.train.data.pixels import TooManyPixels, is_grey, prepared, upright_size
from archlang.train.problems import bad_data

LOOKED_AT = 256
"""Images, evenly spread, that decide on size and colour."""

SIDE = 224
"""Rows and columns of images that differ in size."""

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "DIB", "WEBP", "TIFF", "PPM", "JPEG2000", "AVIF", "TGA", "PCX", "ICO",
           "SGI", "QOI")
"""Formats that are read: plain pixels. Of the others that Pillow knows, some start a program (EPS runs Ghostscript).

An MPO file is opened by the reader of JPEG; MPO has none of its own."""

TOO_LARGE = "has more pixels than are read"


class NoImage(Exception):
    """The reason for which a file is no image that can be read, as the end of a sentence that begins with its name."""


@cache
def readable() -> tuple[str, ...]:
    """Those of `FORMATS` for which the installed Pillow has a reader: a name without one would end its search."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def read_pixels(path: str | os.PathLike[str], preparation: ImagePreparation | None) -> torch.Tensor:
    """An image file as floats [channels, rows, columns] from 0 to 1, made ready by `pixels.prepared`.

    Raises `NoImage`, and `ArchError` (bad-data) where the network's channels are neither grey nor colour.
    """
    with opened(path) as image:
        return prepared(image, preparation)


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[Image.Image]:
    """An image file, its pixels not yet decoded. Raises `NoImage` for whatever goes wrong, in the body too."""
    with _as_no_image(), open_regular(path) as stream, steady(stream), Image.open(stream, formats=readable()) as image:
        yield image


@contextmanager
def opened_stream(stream: BinaryIO) -> Iterator[Image.Image]:
    """The image of an image file's bytes. Raises `NoImage` for whatever goes wrong, in the body too."""
    with _as_no_image(), Image.open(stream, formats=readable()) as image:
        yield image


@contextmanager
def _as_no_image() -> Iterator[None]:
    """Turn whatever goes wrong with an image file into `NoImage`."""
    try:
        yield
    except NoImage:
        raise
    except FileNotFoundError:
        raise NoImage("does not exist") from None
    except IsADirectoryError:
        raise NoImage("is a folder") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, TooManyPixels, MemoryError):
        raise NoImage(TOO_LARGE) from None
    except ArchError:
        raise
    except UnidentifiedImageError:
        raise NoImage("is no image that can be read") from None
    except Exception as problem:  # Pillow's readers of broken files raise nearly everything
        said = one_line(getattr(problem, "strerror", None) or str(problem), 120) or type(problem).__name__
        raise NoImage(f"is no image that can be read ({said})") from None


@contextmanager
def strict_about_size() -> Iterator[None]:
    """Within this, Pillow refuses images that are too large, and is silent about what it can read nevertheless.

    Filters of warnings belong to the process, not to a thread: threads that read images are started inside, and others
    that change filters wait.
    """
    with SHARED, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


@dataclass(frozen=True)
class ImageFiles:
    """Image files under a folder, their class numbers, and the sizes that they are brought to.

    `kept` has images that were decoded before.
    """

    folder: Path
    names: tuple[str, ...]
    classes: torch.Tensor
    preparation: ImagePreparation
    kept: KeptImages | None = field(default=None, compare=False, repr=False)

    def __len__(self) -> int:
        return len(self.names)

    def batch(self, indices: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Images [batch, channels, rows, columns] from 0 to 1, and class numbers.

        Raises `ArchError` (bad-data), naming the file, where an image is broken or gone.
        """
        rows = list(indices)
        with strict_about_size():
            # A worker is one of several already.
            if get_worker_info() is not None:
                images = [self._image(row) for row in rows]
            else:
                with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
                    images = list(pool.map(self._image, rows))
        return torch.stack(images), self.labels_at(rows)

    def labels_at(self, indices: Sequence[int]) -> torch.Tensor:
        """Class numbers [batch] alone; no image is read."""
        return self.classes[torch.as_tensor(list(indices), dtype=torch.int64)]

    def prepared_as(self, preparation: ImagePreparation) -> ImageFiles:
        """The same files, brought to other sizes."""
        return replace(self, preparation=preparation, kept=None)

    def keeping(self) -> ImageFiles:
        """The same files, each decoded once, where its image finds room."""
        return replace(self, kept=KeptImages(len(self), self.preparation.shape))

    def _image(self, index: int) -> torch.Tensor:
        if self.kept is None:
            return self._decoded(index)
        return self.kept.get(index, lambda: self._decoded(index))

    def _decoded(self, index: int) -> torch.Tensor:
        name = self.names[index]
        try:
            return read_pixels(self.folder / name, self.preparation)
        except NoImage as problem:
            raise broken_image(name, problem) from None


def common_preparation(folder: Path, names: Sequence[str], crop: float = 1.0) -> ImagePreparation:
    """The sizes of a folder's images: their one size, else squares of 224; one channel where all of them are grey.

    Raises `ArchError` (bad-data), naming the file, where an image is broken.
    """
    if not names:
        raise bad_data("there are no images")

    sizes: set[tuple[int, int]] = set()
    channels = 1
    for name in names[:: -(-len(names) // LOOKED_AT)]:
        try:
            with strict_about_size(), opened(folder / name) as image:
                sizes.add(upright_size(image))
                if not is_grey(image):
                    channels = 3
        except NoImage as problem:
            raise broken_image(name, problem) from None

    if len(sizes) > 1:
        return ImagePreparation(channels, SIDE, SIDE, crop)
    rows, columns = sizes.pop()
    return ImagePreparation(channels, rows, columns, crop)


def broken_image(name: str, problem: NoImage) -> Exception:
    """The error of an image of a data set that cannot be read; the caller raises it."""
    return bad_data(f"the file `{one_line(name, 120)}` {problem}")
