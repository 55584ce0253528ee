"""MNIST (LeCun et al. 1998) and all that is published like it: idx files, zipped or not."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import numpy

from archlang.train.data.formats.arrays import split_of
from archlang.train.data.formats.published_files import LARGEST, PublishedFiles, broken, missing
from archlang.train.data.splits import Data, Tensors

FOLDERS = ("", "raw", "MNIST/raw")
BYTES = 0x08


def mnist(path: Path) -> Data:
    """The 70,000 grey images 28x28 of handwritten digits, 10,000 for the test. Raises: unknown-data, bad-data."""
    places = [PublishedFiles(path / folder) for folder in FOLDERS]
    files = next((place for place in places if place.find(*_spellings("train-images", 3))), None)
    if files is None:
        raise missing(path, _spellings("train-images", 3)[:2])

    train, test = (_split(files, part) for part in ("train", "t10k"))
    if train.samples.shape[1:] != test.samples.shape[1:]:
        raise broken("t10k-images", "its images have another size than those for training")
    return Data("mnist", train, test, tuple(str(n) for n in range(10)))


def _split(files: PublishedFiles, part: str) -> Tensors:
    images = _array(files, f"{part}-images", 3)
    return split_of(f"{part}-images", images[:, None], _array(files, f"{part}-labels", 1), 10)


def _spellings(stem: str, rank: int) -> tuple[str, ...]:
    bare = (f"{stem}-idx{rank}-ubyte", f"{stem}.idx{rank}-ubyte")
    return tuple(f"{name}{end}" for name in bare for end in ("", ".gz"))


def _array(files: PublishedFiles, stem: str, rank: int) -> numpy.ndarray:
    """An idx file of bytes: two zeros, the kind, the rank, each size as 32 bits (largest byte first), the bytes."""
    names = _spellings(stem, rank)
    name, raw = files.find(*names) or names[0], files.read(*names)
    start = 4 + 4 * rank
    # Two zeros, then the kind of numbers and their rank: anything else is another file.
    if len(raw) < start or raw[:4] != bytes((0, 0, BYTES, rank)):
        raise broken(name, f"it is no idx file of bytes with {rank} sizes")

    sizes = struct.unpack(f">{rank}I", raw[4:start])
    count = math.prod(sizes)
    if not count:
        raise broken(name, f"one of its sizes is zero: {list(sizes)}")
    if len(raw) - start != count or count > LARGEST:
        raise broken(name, f"its sizes ask for {count} bytes, it has {len(raw) - start}")
    # Copied, since torch wants memory that may be written.
    return numpy.frombuffer(bytearray(raw), numpy.uint8, count, start).reshape(sizes)
