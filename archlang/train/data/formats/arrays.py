"""From the arrays of files to splits: sizes and labels are checked before anything is trained on them."""

from __future__ import annotations

import numpy
import torch

from archlang.train.data.formats.published_files import broken
from archlang.train.data.splits import Tensors


def split_of(name: str, images: numpy.ndarray, labels: numpy.ndarray, classes: int) -> Tensors:
    """A split of images [count, channels, rows, columns] of bytes, with class numbers 0 to `classes - 1`.

    Raises `ArchError` (bad-data), naming the file, where there are none or they do not fit together.
    """
    # torch takes neither negative strides nor other integers as class numbers.
    require_labels(name, images, labels, classes)
    return Tensors(torch.from_numpy(numpy.ascontiguousarray(images)), torch.from_numpy(labels.astype(numpy.int64)))


def require_labels(name: str, images: numpy.ndarray, labels: numpy.ndarray, classes: int) -> None:
    """Raises `ArchError` (bad-data), naming the file, unless each image has a class number from 0."""
    if not images.size:
        raise broken(name, "it has no images")
    if labels.shape != (len(images),):
        raise broken(name, f"it has {len(images)} images and {labels.size} labels")

    strange = labels[(labels < 0) | (labels >= classes)]
    if strange.size:
        raise broken(name, f"it has the label {strange[0]}; there are the classes 0 to {classes - 1}")
