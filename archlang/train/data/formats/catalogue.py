"""Published data sets and other files of the user's, by the names of their formats."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from archlang.diagnostics.text import one_line
from archlang.train.data.formats.cifar import cifar10, cifar20, cifar100
from archlang.train.data.formats.folders import folder, imagenet
from archlang.train.data.formats.mnist import mnist
from archlang.train.data.formats.named_folders import named_folders
from archlang.train.data.formats.parquet import parquet
from archlang.train.data.formats.shards import shards
from archlang.train.data.formats.stl import stl10
from archlang.train.data.formats.tables import npz
from archlang.train.data.formats.texts import text
from archlang.train.data.splits import Data
from archlang.train.problems import unknown_data

ROOT = "ARCHLANG_DATA"
"""The environment variable with the folder under which data sets lie."""

FORMATS: Mapping[str, tuple[Callable[[Path], Data], str]] = {
    "cifar10": (cifar10, "`cifar-10-batches-py` or `cifar-10-python.tar.gz`"),
    "cifar100": (cifar100, "`cifar-100-python` or `cifar-100-python.tar.gz`"),
    "cifar20": (cifar20, "`cifar-100-python` or `cifar-100-python.tar.gz`, for the 20 superclasses"),
    "mnist": (mnist, "`train-images-idx3-ubyte`, zipped or not, and the other three"),
    "stl10": (stl10, "`train_X.bin` and the others, or `stl10_binary.tar.gz`"),
    "imagenet": (imagenet, "`train` and `val` with a folder for each class"),
    "npz": (npz, "a file of arrays by the names of the network's inputs and `label`, or `train.npz` and `test.npz`"),
    "inputs": (named_folders, "a folder of images for each input of the network, and `label`; or `train` and `test`"),
    "text": (text, "a file of text, or one of whole numbers, `NAME.npy`; each position's label is what follows"),
    "shards": (shards, "`train-0000.tar`, ... and `test-0000.tar`, ..., as WebDataset writes them"),
    "parquet": (parquet, "`train-0000.parquet`, ... and `test-0000.parquet`, ..."),
    "folder": (folder, "a folder for each class, or `train` and `test` with them"),
}
"""Reader of each published format, and the files that it looks for."""


def read(name: str, place: str) -> Data:
    """The data set of a format, from `place`; without one from the folder of its name under `ARCHLANG_DATA`.

    Raises `ArchError`: unknown-data, bad-data.
    """
    reader, files = FORMATS[name]
    root = os.environ.get(ROOT)

    if place:
        path = _expanded(place)
    elif root:
        path = _expanded(root) / name
    else:
        help = (f"give its path, as in `{name}:PATH`, or set {ROOT} to the folder in which `{name}` lies",
                f"looked for there: {files}")
        raise unknown_data(f"where does the data `{name}` lie?", help=help)

    try:
        if not path.exists():
            raise unknown_data(f"there is no `{one_line(str(path), 120)}`", help=f"looked for there: {files}")
        return reader(path)
    except OSError as problem:  # a folder that may not be read, a name that is too long
        said = problem.strerror or str(problem)
        raise unknown_data(f"`{one_line(str(path), 120)}` cannot be read: {one_line(said, 120)}") from None


def _expanded(place: str) -> Path:
    """A path as it was typed, with `~` for the user's folder."""
    shown = one_line(place, 120)
    if "\0" in place:
        raise unknown_data(f"`{shown}` is no path")
    try:
        return Path(place).expanduser()
    except RuntimeError:  # `~name` of nobody
        raise unknown_data(f"`{shown}` begins with the folder of a user that does not exist") from None


__all__ = ["FORMATS", "ROOT", "read"]
