"""Folders of images, a folder for each class; ImageNet is one of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import torch

from archlang.diagnostics.text import one_line
from archlang.train.data.formats.published_files import missing
from archlang.train.data.image_files import MARGIN, SIDE, Images, Look, look_of
from archlang.train.data.splits import Data, stratified
from archlang.train.problems import bad_data

ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".ppm", ".pgm", ".tif", ".tiff")
TESTS = ("test", "val")


def folder(path: Path) -> Data:
    """Images in a folder for each class, in `train` and `test` (or `val`), or, undivided, a fifth of each for the test.

    Images of one size keep it; others are cut to a square in their middle and scaled to 224x224.
    Raises `ArchError`: unknown-data, bad-data.
    """
    return _read("folder", path, None)


def imagenet(path: Path) -> Data:
    """ImageNet (Deng et al. 2009): `train/n01440764/...` and `val/n01440764/...`; the middle 224x224 of 256 rows.

    Raises `ArchError`: unknown-data, bad-data.
    """
    if not (path / "train").is_dir() or not any((path / name).is_dir() for name in TESTS):
        raise missing(path, ("train/n01440764", "val/n01440764"))
    return _read("imagenet", path, Look((SIDE, SIDE), True, MARGIN))


def _read(name: str, path: Path, look: Look | None) -> Data:
    if not path.is_dir():
        raise missing(path, ("a folder for each class",))
    tests = [part for part in TESTS if (path / part).is_dir()]
    if not (path / "train").is_dir() or not tests:
        return _divided(name, path, look)
    classes = _classes(path / "train")
    train, numbers = _listed(path, "train", classes)
    strange = sorted(set(_classes(path / tests[0])) - set(classes))
    if strange:
        said = f"`{tests[0]}` has the class `{one_line(strange[0], 60)}`, which `train` has not"
        raise bad_data(said, help="both need the same folders")
    test, others = _listed(path, tests[0], classes)
    look = look or look_of(path, train)
    return Data(name, Images(path, train, numbers, look), Images(path, test, others, look), classes)


def _divided(name: str, path: Path, look: Look | None) -> Data:
    classes = _classes(path)
    names, numbers = _listed(path, "", classes)
    look = look or look_of(path, names)
    parts = [Images(path, tuple(names[i] for i in rows), numbers[rows], look) for rows in stratified(numbers)]
    return Data(name, parts[0], parts[1], classes)


def _classes(path: Path) -> tuple[str, ...]:
    found = sorted(entry.name for entry in os.scandir(path) if entry.is_dir() and not entry.name.startswith("."))
    if not found:
        raise bad_data(f"`{one_line(str(path), 120)}` has no folders; each class is a folder of images")
    return tuple(found)


def _listed(path: Path, part: str, classes: Sequence[str]) -> tuple[tuple[str, ...], torch.Tensor]:
    """All images under a part, by class and then by name, and their class numbers."""
    names: list[str] = []
    numbers: list[int] = []
    for number, kind in enumerate(classes):
        found = sorted(_under(path / part / kind))
        names += [str(file.relative_to(path)) for file in found]
        numbers += [number] * len(found)
    if not names:
        raise bad_data(f"`{one_line(str(path / part), 120)}` has no images", help=f"looked for {', '.join(ENDINGS)}")
    return tuple(names), torch.tensor(numbers)


def _under(folder: Path) -> list[Path]:
    return [Path(place) / file for place, _, files in os.walk(folder) for file in files
            if file.lower().endswith(ENDINGS) and not file.startswith(".")]
