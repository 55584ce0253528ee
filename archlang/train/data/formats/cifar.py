"""CIFAR-10 and CIFAR-100 (Krizhevsky 2009) as published for Python: pickled batches, read without trusting them."""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy

from archlang.train.data.formats.arrays import split_of
from archlang.train.data.formats.published_files import PublishedFiles, PublishedLayout, broken, open_files
from archlang.train.data.splits import Data, Tensors

SIDE = 32


@dataclass(frozen=True)
class Version:
    """One of the two: where its files lie, which they are, and what its labels and their names are called inside."""

    layout: PublishedLayout
    train: tuple[str, ...]
    test: str
    meta: str
    labels: bytes
    names: bytes
    classes: int


TEN = Version(
    PublishedLayout("cifar10", ("cifar-10-batches-py",), ("cifar-10-python.tar.gz",)),
    tuple(f"data_batch_{n}" for n in range(1, 6)), "test_batch", "batches.meta", b"labels", b"label_names", 10,
)
HUNDRED = Version(
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


def _read(path: Path, version: Version) -> Data:
    files = open_files(path, version.layout, (*version.train, version.test, version.meta))
    classes = _names(files, version)
    train = _split(files, version.train, version)
    return Data(version.layout.name, train, _split(files, (version.test,), version), classes)


def _names(files: PublishedFiles, version: Version) -> tuple[str, ...] | None:
    if files.find(version.meta) is None:
        return None
    names = _table(files, version.meta).get(version.names)
    if not isinstance(names, list) or len(names) != version.classes:
        raise broken(version.meta, f"it does not name {version.classes} classes")
    return tuple(n.decode("ascii", "replace") if isinstance(n, bytes) else str(n) for n in names)


def _split(files: PublishedFiles, names: Sequence[str], version: Version) -> Tensors:
    images, labels = [], []
    for name in names:
        table = _table(files, name)
        rows, classes = table.get(b"data"), table.get(version.labels)
        if not isinstance(rows, numpy.ndarray) or rows.dtype != numpy.uint8 or rows.shape[1:] != (3 * SIDE * SIDE,):
            raise broken(name, f"it has no rows of {3 * SIDE * SIDE} bytes")
        if not isinstance(classes, list) or not all(type(c) is int for c in classes):
            raise broken(name, f"it has no list `{version.labels.decode()}` of whole numbers")
        images.append(rows)
        labels.append(split_of(name, rows, numpy.array(classes, numpy.int64), version.classes).labels.numpy())
    whole = numpy.concatenate(images).reshape(-1, 3, SIDE, SIDE)
    return split_of(names[0], whole, numpy.concatenate(labels), version.classes)


def _table(files: PublishedFiles, name: str) -> Mapping[bytes, Any]:
    try:
        found = _Plain(io.BytesIO(files.read(name)), encoding="bytes").load()
    except (pickle.UnpicklingError, EOFError, ValueError, TypeError, AttributeError, IndexError, KeyError,
            MemoryError, OverflowError, RecursionError, ImportError) as problem:
        raise broken(name, f"it is no table of arrays, bytes and numbers ({problem})") from None
    if not isinstance(found, dict):
        raise broken(name, "it is no table")
    return {key.encode() if isinstance(key, str) else key: value for key, value in found.items()}


class _Plain(pickle.Unpickler):
    """Reads arrays, bytes, texts, lists, tables and numbers; whatever else a pickle may name is refused."""

    def find_class(self, module: str, name: str) -> Any:
        """One of the few things that an array is written with. Raises `UnpicklingError` for everything else."""
        if module in ("numpy.core.multiarray", "numpy._core.multiarray") and name == "_reconstruct":
            return _blank
        if (module, name) in (("numpy", "ndarray"), ("numpy", "dtype")):
            return getattr(numpy, name)
        if (module, name) == ("_codecs", "encode"):
            return _encoded
        if module in ("__builtin__", "builtins") and name == "bytes":
            return _nothing
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")


def _blank(kind: type, shape: tuple[int, ...], code: object) -> numpy.ndarray:
    """An empty array, whose contents the pickle then sets."""
    return numpy.ndarray((0,), numpy.uint8)


def _nothing() -> bytes:
    """No bytes, as Python 3 writes them in an old pickle."""
    return b""


def _encoded(text: str, coding: str = "latin1") -> bytes:
    """Bytes, as Python 3 writes them in an old pickle."""
    return text.encode("latin1")
