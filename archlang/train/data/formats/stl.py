"""STL-10 (Coates et al. 2011) as published: bytes of colour images 96x96, column by column, and labels from 1."""

from __future__ import annotations

from pathlib import Path

import numpy

from archlang.train.data.formats.arrays import split_of
from archlang.train.data.formats.published_files import PublishedFiles, PublishedLayout, broken, open_files
from archlang.train.data.splits import Data, Tensors

SIDE = 96
IMAGE_BYTES = 3 * SIDE * SIDE

LAYOUT = PublishedLayout("stl10", ("stl10_binary",), ("stl10_binary.tar.gz",), unpacked=4 << 30)
"""The archive has 3 billion bytes, most of them images without labels."""

NAMES = "class_names.txt"
WANTED = ("train_X.bin", "train_y.bin", "test_X.bin", "test_y.bin", NAMES)


def stl10(path: Path) -> Data:
    """The 5,000 colour images 96x96 for training and 8,000 for the test in 10 classes. Raises: unknown-data, bad-data.

    The images without labels are left where they are.
    """
    files = open_files(path, LAYOUT, WANTED)
    train, test = (_split(files, part) for part in ("train", "test"))

    classes = None
    if files.find(NAMES):
        classes = tuple(files.read(NAMES, most=1 << 16).decode("utf-8", "replace").split())
        if len(set(classes)) != 10 or len(classes) != 10:
            raise broken(NAMES, "it does not name 10 classes")
    return Data("stl10", train, test, classes)


def _split(files: PublishedFiles, part: str) -> Tensors:
    name = f"{part}_X.bin"
    raw = files.read(name)
    if len(raw) % IMAGE_BYTES:
        raise broken(name, f"it has {len(raw)} bytes, which are no whole images of {IMAGE_BYTES}")

    # Numbered from 1 in the files, and written column by column.
    columns = numpy.frombuffer(bytearray(raw), numpy.uint8).reshape(-1, 3, SIDE, SIDE)
    labels = numpy.frombuffer(files.read(f"{part}_y.bin"), numpy.uint8).astype(numpy.int64) - 1
    return split_of(name, columns.transpose(0, 1, 3, 2), labels, 10)
