"""Small data sets in the published formats."""

from __future__ import annotations

import gzip
import pickle
import struct
import tarfile
from pathlib import Path

import numpy
from PIL import Image

NAMES = [f"kind{n}".encode() for n in range(10)]


def pixels(count: int, side: int, seed: int = 0) -> numpy.ndarray:
    """Random bytes [count, 3, side, side]."""
    return numpy.random.default_rng(seed).integers(0, 256, (count, 3, side, side), dtype=numpy.uint8)


def batch(count: int, seed: int = 0, key: bytes = b"labels", classes: int = 10) -> dict[bytes, object]:
    """A table as CIFAR's batches have it."""
    return {b"data": pixels(count, 32, seed).reshape(count, 3072), key: [(i + seed) % classes for i in range(count)]}


def write(path: Path, table: object) -> None:
    """A table pickled as Python 2 would, by protocol 2."""
    path.write_bytes(pickle.dumps(table, protocol=2))


def cifar10(folder: Path) -> Path:
    """CIFAR-10 with four images a batch."""
    inner = folder / "cifar-10-batches-py"
    inner.mkdir(parents=True)
    for n in range(1, 6):
        write(inner / f"data_batch_{n}", batch(4, n))
    write(inner / "test_batch", batch(4, 9))
    write(inner / "batches.meta", {b"label_names": NAMES, b"num_cases_per_batch": 4})
    return folder


def cifar100(folder: Path) -> Path:
    """CIFAR-100 with six images to train on and three for the test."""
    inner = folder / "cifar-100-python"
    inner.mkdir(parents=True)
    for name, count, seed in (("train", 6, 90), ("test", 3, 1)):
        held = batch(count, seed, b"fine_labels", 100)
        write(inner / name, {**held, b"coarse_labels": [label // 5 for label in held[b"fine_labels"]]})
    write(inner / "meta", {b"fine_label_names": [f"f{n}".encode() for n in range(100)],
                           b"coarse_label_names": [f"c{n}".encode() for n in range(20)]})
    return folder


def packed(folder: Path, archive: Path) -> Path:
    """All that lies in a folder, as a `.tar.gz`."""
    with tarfile.open(archive, "w:gz") as tar:
        for entry in sorted(folder.iterdir()):
            tar.add(entry, entry.name)
    return archive


def idx(path: Path, array: numpy.ndarray) -> None:
    """An idx file of bytes, zipped where its name ends in `.gz`."""
    raw = bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)


def mnist(folder: Path, end: str = "") -> Path:
    """MNIST with twelve images to train on and five for the test, 28x28."""
    folder.mkdir(parents=True, exist_ok=True)
    for part, count in (("train", 12), ("t10k", 5)):
        idx(folder / f"{part}-images-idx3-ubyte{end}", pixels(count, 28)[:, 0])
        idx(folder / f"{part}-labels-idx1-ubyte{end}", numpy.arange(count, dtype=numpy.uint8) % 10)
    return folder


def stl10(folder: Path) -> Path:
    """STL-10 with three images each."""
    inner = folder / "stl10_binary"
    inner.mkdir(parents=True)
    for part, seed in (("train", 1), ("test", 2)):
        (inner / f"{part}_X.bin").write_bytes(pixels(3, 96, seed).transpose(0, 1, 3, 2).tobytes())
        (inner / f"{part}_y.bin").write_bytes(bytes([1, 10, 5]))
    (inner / "class_names.txt").write_bytes(b"\n".join(NAMES) + b"\n")
    return folder


def images(folder: Path, parts: tuple[str, ...] = ("train", "test"), count: int = 6, side: int = 8) -> Path:
    """Dark and light images in a folder for each class, in parts."""
    for part in parts:
        for kind, shade in (("dark", 20), ("light", 200)):
            (folder / part / kind).mkdir(parents=True)
            for n in range(count):
                Image.new("RGB", (side, side), (shade, shade + n, shade)).save(folder / part / kind / f"{n}.png")
    return folder
