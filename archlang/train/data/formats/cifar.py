"""CIFAR-10 and CIFAR-100 (Krizhevsky 2009) as published for Python: pickled batches, read without trusting them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy

from archlang.train.data.formats import pickles
from archlang.train.data.formats.arrays import require_labels, split_of
from archlang.train.data.formats.pickle_arrays import BrokenPickle, array_of
from archlang.train.data.formats.published_files import PublishedFiles, PublishedLayout, broken, open_files
from archlang.train.data.splits import Data, Tensors

SIDE = 32
ROW = 3 * SIDE * SIDE
"""Bytes of an image."""


@dataclass(frozen=True)
class CifarVersion:
    """One of the two: where its files lie, which they are, and what its labels and their names are called inside."""

    layout: PublishedLayout
    train: tuple[str, ...]
    test: str
    meta: str
    labels: bytes
    names: bytes
    classes: int


TEN = CifarVersion(
    PublishedLayout("cifar10", ("cifar-10-batches-py",), ("cifar-10-python.tar.gz",)),
    tuple(f"data_batch_{n}" for n in range(1, 6)), "test_batch", "batches.meta", b"labels", b"label_names", 10,
)
HUNDRED = CifarVersion(
    PublishedLayout("cifar100", ("cifar-100-python",), ("cifar-100-python.tar.gz",)),
    ("train",), "test", "meta", b"fine_labels", b"fine_label_names", 100,
)

TWENTY = replace(
    HUNDRED, layout=replace(HUNDRED.layout, name="cifar20"), labels=b"coarse_labels", names=b"coarse_label_names",
    classes=20,
)


def cifar10(path: Path) -> Data:
    """The 60,000 colour images 32x32 in 10 classes, 10,000 of them for the test. Raises: unknown-data, bad-data."""
    return _read(path, TEN)


def cifar100(path: Path) -> Data:
    """The 60,000 colour images 32x32 in 100 classes, 10,000 of them for the test. Raises: unknown-data, bad-data."""
    return _read(path, HUNDRED)


def cifar20(path: Path) -> Data:
    """The images of CIFAR-100 in its 20 superclasses, from the same files. Raises: unknown-data, bad-data."""
    return _read(path, TWENTY)


def _read(path: Path, version: CifarVersion) -> Data:
    files = open_files(path, version.layout, (*version.train, version.test, version.meta))
    classes = _names(files, version)
    train = _split(files, version.train, version)
    return Data(version.layout.name, train, _split(files, (version.test,), version), classes)


def _names(files: PublishedFiles, version: CifarVersion) -> tuple[str, ...] | None:
    # Old copies come without the names; classes are numbers then.
    if files.find(version.meta) is None:
        return None

    names = _table(files, version.meta).get(version.names)
    if not isinstance(names, list) or not all(type(name) in (bytes, str) for name in names):
        raise broken(version.meta, f"it has no list `{version.names.decode()}` of texts")
    if len(names) != version.classes:
        raise broken(version.meta, f"it does not name {version.classes} classes")
    # A pickle of Python 2 holds bytes.
    return tuple(name.decode("ascii", "replace") if isinstance(name, bytes) else name for name in names)


def _split(files: PublishedFiles, names: Sequence[str], version: CifarVersion) -> Tensors:
    images, labels = [], []
    for name in names:
        table = _table(files, name)
        rows = _rows(name, table.get(b"data"))
        numbers = _numbers(name, table.get(version.labels), version)
        require_labels(name, rows, numbers, version.classes)
        images.append(rows)
        labels.append(numbers)

    # Each image is its red, then its green, then its blue pixels, row by row.
    every = numpy.concatenate(images).reshape(-1, 3, SIDE, SIDE)
    return split_of(names[0], every, numpy.concatenate(labels), version.classes)


def _rows(name: str, value: Any) -> numpy.ndarray:
    """The images of a file, [count, 3072] of bytes."""
    try:
        rows = array_of(value)
    except BrokenPickle as problem:
        raise broken(name, f"it has no rows of {ROW} bytes ({problem})") from None
    if rows.dtype != numpy.uint8 or rows.shape[1:] != (ROW,):
        raise broken(name, f"it has no rows of {ROW} bytes")
    return rows


def _numbers(name: str, value: Any, version: CifarVersion) -> numpy.ndarray:
    """The class numbers of a file, [count]."""
    if not isinstance(value, list) or not all(type(number) is int for number in value):
        raise broken(name, f"it has no list `{version.labels.decode()}` of whole numbers")

    # Before they become 64 bits, which they may be past.
    wrong = next((number for number in value if not 0 <= number < version.classes), None)
    if wrong is not None:
        raise broken(name, f"it has the label {wrong}; there are the classes 0 to {version.classes - 1}")
    return numpy.array(value, numpy.int64)


def _table(files: PublishedFiles, name: str) -> Mapping[Any, Any]:
    try:
        table = pickles.loads(files.read(name))
    except BrokenPickle as problem:
        raise broken(name, f"it is no table of arrays, bytes and numbers ({problem})") from None

    if not isinstance(table, dict):
        raise broken(name, "it is no table")
    # Keys of Python 2 are bytes, those of a copy written by Python 3 are texts.
    return {key.encode() if isinstance(key, str) else key: value for key, value in table.items()}
