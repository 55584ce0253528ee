"""Images in a folder for each input of a network and one called `label`; files of one name belong together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import torch
from PIL import Image

from archlang.diagnostics.text import one_line
from archlang.train.data.image_files import NoImage, broken_image, opened, strict_about_size
from archlang.train.data.items import items_of
from archlang.train.data.labels import LABEL
from archlang.train.data.parts import PART_WORDS, part_of
from archlang.train.data.pixels import is_turned
from archlang.train.data.splits import Data, stratified
from archlang.train.problems import bad_data, unknown_data

CLASSES = ("1", "L", "P", "I", "I;16")
"""Kinds of images that hold a number for each pixel: a class. Others hold colours."""


@dataclass(frozen=True)
class NamedImages:
    """A data set of tables of images: `files` holds for each name the file of each sample."""

    files: Mapping[str, tuple[Path, ...]]

    def __len__(self) -> int:
        return len(next(iter(self.files.values())))

    def __getitem__(self, number: int) -> dict[str, Any]:
        """The images of a sample, and its label map or target image. Raises `ArchError` (bad-data)."""
        has_label = LABEL in self.files
        item: dict[str, Any] = {name: _image(files[number], has_label) for name, files in self.files.items()}
        if has_label:
            item[LABEL] = _label(item[LABEL], self.files[LABEL][number])
        return item


def named_folders(path: Path) -> Data:
    """Images in `train/NAME`, `test/NAME` and perhaps `val/NAME`; without such parts a fifth is kept for the test.

    Raises `ArchError`: unknown-data, bad-data.
    """
    shown = one_line(str(path), 120)
    if not path.is_dir():
        raise unknown_data(f"`{shown}` is no folder")

    parts = {role: folder for folder in _folders(path) if (role := part_of(folder.name)) is not None}
    if not parts:
        whole = _read(path)
        train, test = stratified(torch.zeros(len(whole), dtype=torch.int8))
        return Data("inputs", items_of(whole, train), items_of(whole, test))

    if "train" not in parts or len(parts) < 2:
        raise unknown_data(f"`{shown}` holds no `train` beside a `test` or `val`")
    splits = [items_of(_read(parts[role])) for role in PART_WORDS if role in parts]
    if len(splits) == 2:
        return Data("inputs", splits[0], splits[1])
    return Data("inputs", splits[0], splits[2], validation=splits[1])


def _folders(path: Path) -> list[Path]:
    return [place for place in sorted(path.iterdir()) if place.is_dir() and not place.name.startswith(".")]


def _read(path: Path) -> NamedImages:
    """The files of a part, of each name in the same order."""
    tables: dict[str, dict[str, Path]] = {}
    for folder in _folders(path):
        files = [file for file in sorted(folder.iterdir()) if not file.name.startswith(".")]
        tables[folder.name] = {file.stem: file for file in files}
        if len(tables[folder.name]) < len(files):
            raise bad_data(f"two files in `{one_line(folder.name, 60)}` differ in their endings alone")

    if not tables or set(tables) == {LABEL}:
        raise unknown_data(f"`{one_line(str(path), 120)}` holds no folder for an input")
    first = next(iter(tables))
    for name, table in tables.items():
        lacking = sorted(set(tables[first]) ^ set(table))
        if lacking:
            raise bad_data(f"`{one_line(lacking[0], 60)}` is not in both of `{one_line(first, 60)}` and "
                           f"`{one_line(name, 60)}`", help="files of one name, whatever their ending, belong together")

    stems = sorted(tables[first])
    return NamedImages({name: tuple(table[stem] for stem in stems) for name, table in tables.items()})


def _image(file: Path, lies_on_others: bool) -> Image.Image:
    """An image; where a label lies on it, or it is that label, one that is stored upright."""
    try:
        with strict_about_size(), opened(file) as image:
            # Asked before it is decoded: of a TIFF file nothing tells afterwards.
            if lies_on_others and is_turned(image):
                shown = f"{one_line(file.parent.name, 60)}/{one_line(file.name, 120)}"
                raise bad_data(f"`{shown}` is turned by a note of its camera (EXIF), and a label and its image must "
                               "lie on each other as they are stored",
                               help="turn its pixels instead: `PIL.ImageOps.exif_transpose`")
            image.load()
            return image.copy()
    except NoImage as problem:
        raise broken_image(file.name, problem) from None


def _label(image: Image.Image, file: Path) -> torch.Tensor:
    """A map of classes [rows, columns], or a target image [channels, rows, columns] from 0 to 1."""
    shown = one_line(file.name, 120)
    if image.mode in CLASSES:
        return torch.from_numpy(numpy.asarray(image).astype(numpy.int64))
    if image.mode == "RGB":
        return torch.from_numpy(numpy.asarray(image).astype(numpy.float32) / 255).permute(2, 0, 1).contiguous()
    raise bad_data(f"the label `{shown}` is an image of the kind {image.mode}",
                   help="grey images and palettes are maps of classes, RGB is a target image")
