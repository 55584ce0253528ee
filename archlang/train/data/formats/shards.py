"""Samples in tar archives, as WebDataset writes them: `shards:PATH`, read where they lie, never unpacked.

The files of one name without their endings are one sample: `0007.jpg` and `0007.cls`, or `0007.left.png`,
`0007.right.png` and `0007.cls` for a network with the inputs `left` and `right`.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy
import torch
from PIL import Image

from archlang.atomic import open_regular
from archlang.diagnostics.text import one_line
from archlang.train.data.formats.sharded import Ranges, data_of_shards, whole_number
from archlang.train.data.formats.tar import ArchiveMember, BrokenArchive, Sought, members
from archlang.train.data.image_files import NoImage, broken_image, opened_stream, strict_about_size
from archlang.train.data.labels import LABEL
from archlang.train.data.ordering import mixed
from archlang.train.data.splits import Data
from archlang.train.problems import bad_data

CLASS = "cls"
"""The ending of a file that holds a class number as text."""

ARRAY = "npy"
"""The ending of a file that holds an array, as numpy writes it."""

MOST_BYTES = 1 << 28
"""Of one file of a sample."""


@dataclass(frozen=True)
class TarPlace:
    """A file in an archive: its ending, where its bytes begin and how many they are."""

    ending: str
    start: int
    size: int


@dataclass(frozen=True)
class TarSamples:
    """The samples of some archives, by their numbers through all of them."""

    files: tuple[Path, ...]
    samples: tuple[tuple[int, tuple[TarPlace, ...]], ...]
    shards: Ranges = field(repr=False)

    is_stream = False

    def __len__(self) -> int:
        return len(self.samples)

    def order(self, generator: torch.Generator) -> list[int]:
        """Archives in a random order, and their samples mixed over a buffer: a disk reads on, and does not jump."""
        return mixed(self.shards, generator)

    def __getitem__(self, number: int) -> Any:
        """The sample and its class, or a table of samples. Raises `ArchError` (bad-data), naming the archive."""
        shard, places = self.samples[number]
        file, table = self.files[shard], {}
        with open_regular(file) as stream:
            for place in places:
                name, _, ending = place.ending.rpartition(".")
                raw = _bytes(stream, file, place)
                if ending == CLASS:
                    table[LABEL] = whole_number(raw, f"{file.name}, sample {number}")
                else:
                    table[name] = _value(raw, ending, f"{file.name}, sample {number}")

        # Without names a network has one input, and needs no table.
        label = table.pop(LABEL, None)
        if list(table) == [""]:
            return table[""], label
        return {**table, LABEL: label}


def shards(path: Path) -> Data:
    """The samples of `train-0000.tar`, ..., `test-0000.tar`, ... and perhaps `val-0000.tar`, ... in a folder.

    Raises `ArchError`: unknown-data, bad-data.
    """
    return data_of_shards("shards", path, "tar", _samples)


def _samples(files: tuple[Path, ...]) -> TarSamples:
    """The samples of archives. Only headers are read. Raises `ArchError` (bad-data) for an archive that is cut."""
    samples: list[tuple[int, tuple[TarPlace, ...]]] = []
    ranges = []
    for number, file in enumerate(files):
        first, shown = len(samples), one_line(file.name, 120)
        try:
            with open_regular(file) as stream:
                groups = _groups(stream, file.stat().st_size)
        except BrokenArchive as problem:
            raise bad_data(f"the shard `{shown}` cannot be read: {problem}") from None
        if not groups:
            raise bad_data(f"the shard `{shown}` holds no samples")
        samples += [(number, tuple(places)) for places in groups.values()]
        ranges.append(range(first, len(samples)))
    return TarSamples(files, tuple(samples), tuple(ranges))


def _groups(stream: BinaryIO, size: int) -> Mapping[str, list[TarPlace]]:
    """The files of each sample, by what their names have in common."""
    groups: dict[str, list[TarPlace]] = {}
    # Headers alone are read, so that an archive of gigabytes takes as many reads as it has files.
    sought = Sought(stream, size)
    for member in members(sought, size):
        if not _is_hidden(member):
            folder, slash, name = member.path.rpartition("/")
            key, _, ending = name.partition(".")
            groups.setdefault(f"{folder}{slash}{key}", []).append(TarPlace(ending, sought.position, member.size))
    return groups


def _is_hidden(member: ArchiveMember) -> bool:
    return any(part.startswith(".") and part != "." for part in member.path.split("/"))


def _bytes(stream: BinaryIO, file: Path, place: TarPlace) -> bytes:
    if place.size > MOST_BYTES:
        raise bad_data(f"a sample of the shard `{one_line(file.name, 120)}` has {place.size} bytes, more than are read")
    # The index may be older than the archive.
    stream.seek(place.start)
    raw = stream.read(place.size)
    if len(raw) < place.size:
        raise bad_data(f"the shard `{one_line(file.name, 120)}` has become shorter")
    return raw


def _value(raw: bytes, ending: str, shown: str) -> Any:
    """An image, or an array."""
    if ending == ARRAY:
        try:
            return numpy.load(io.BytesIO(raw), allow_pickle=False)
        except (ValueError, OSError, EOFError) as problem:
            raise bad_data(f"{one_line(shown, 120)}: no array ({one_line(str(problem), 120)})") from None
    return image_of(raw, shown)


def image_of(raw: bytes, shown: str) -> Image.Image:
    """An image file's bytes as an image. Raises `ArchError` (bad-data)."""
    try:
        with strict_about_size(), opened_stream(io.BytesIO(raw)) as image:
            image.load()
            return image.copy()
    except NoImage as problem:
        raise broken_image(shown, problem) from None
