"""The files of a published data set, in a folder or in the archive as it is downloaded; nothing is unpacked to disk."""

from __future__ import annotations

import bz2
import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from archlang.atomic import open_regular, steady
from archlang.diagnostics.text import one_line
from archlang.train.data.formats.tar import BrokenArchive, members
from archlang.train.problems import bad_data, unknown_data

LARGEST = 1 << 30
"""Bytes of the largest file that is read whole (of the published ones, the largest has 221 million)."""

BROKEN = (OSError, EOFError, zlib.error, BrokenArchive)
"""Errors of reading a broken file."""

XZ = b"\xfd7zXZ\0"


@dataclass(frozen=True)
class PublishedLayout:
    """The places of a published data set's files: the folders to look in, and the archives it is published as.

    `unpacked` is the most bytes that an archive may unpack to: a small file may hold any number of zeros.
    """

    name: str
    folders: tuple[str, ...] = ()
    archives: tuple[str, ...] = ()
    unpacked: int = 1 << 30


@dataclass(frozen=True)
class PublishedFiles:
    """Files by name, in one folder, or in one archive (`held` has its members, read once)."""

    place: Path
    held: dict[str, bytes] | None = None

    def find(self, *names: str) -> str | None:
        """The first of these names that is there."""
        return next((name for name in names if self._has(name)), None)

    def read(self, *names: str, most: int = LARGEST) -> bytes:
        """The bytes of the first of these names that is there, unzipped where it ends in `.gz`.

        Raises `ArchError`: unknown-data where none is there, bad-data where it cannot be read or has more than `most`.
        """
        name = self.find(*names)
        if name is None:
            raise missing(self.place, names)

        try:
            with self._opened(name) as stream:
                # One byte more than allowed: enough to know that the file is too large.
                raw = stream.read(most + 1)
        except BROKEN as problem:
            raise broken(name, str(problem) or "it is cut off") from None
        if len(raw) > most:
            raise broken(name, f"it has more than {most} bytes")
        return raw

    def _has(self, name: str) -> bool:
        if self.held is not None:
            return name in self.held
        return (self.place / name).is_file()

    @contextmanager
    def _opened(self, name: str) -> Iterator[BinaryIO]:
        if self.held is not None:
            yield _unzipped(io.BytesIO(self.held[name]), name)
            return
        with open_regular(self.place / name) as file, steady(file):
            yield _unzipped(file, name)


def _unzipped(file: BinaryIO, name: str) -> BinaryIO:
    if name.endswith(".gz"):
        return gzip.open(file)  # type: ignore[return-value]
    return file


def open_files(path: Path, layout: PublishedLayout, wanted: Sequence[str]) -> PublishedFiles:
    """The files of a data set: `path` is their folder, one above it, the archive, or a folder with the archive in it.

    `wanted` names the files; the first must be there. Raises `ArchError`: unknown-data, bad-data.
    """
    if path.is_file():
        return _unpacked(path, layout, wanted)

    for folder in (path, *(path / inner for inner in layout.folders)):
        if (folder / wanted[0]).is_file():
            return PublishedFiles(folder)

    for name in layout.archives:
        if (path / name).is_file():
            return _unpacked(path / name, layout, wanted)
    raise missing(path, (wanted[0], *layout.archives))


def missing(place: Path, names: Sequence[str]) -> Exception:
    """The error of a file that is not there; the caller raises it."""
    shown = one_line(str(place), 120)
    return unknown_data(f"`{shown}` has no {_either(names)}", help="give the folder, or the archive, that has it")


def broken(name: str, said: str) -> Exception:
    """The error of a file that is no good; the caller raises it."""
    return bad_data(f"the file `{one_line(name, 120)}` cannot be read: {one_line(said, 200)}")


def _either(names: Sequence[str]) -> str:
    return " or ".join(f"`{name}`" for name in names)


def _unpacked(path: Path, layout: PublishedLayout, wanted: Sequence[str]) -> PublishedFiles:
    """The wanted files of an archive, by their names without folders."""
    held: dict[str, bytes] = {}

    # The first of a name counts: a later one would stand in for what was looked at.
    try:
        with open_regular(path) as raw, _decompressed(raw) as stream, steady(raw):
            for member in members(stream, layout.unpacked):
                name = member.path.rpartition("/")[2]
                if name not in wanted or name in held:
                    continue
                if member.size > LARGEST:
                    raise broken(name, f"it has more than {LARGEST} bytes")
                held[name] = member.read()
    except BROKEN as problem:
        raise broken(path.name, str(problem) or "it is cut off") from None
    return PublishedFiles(path, held)


def _decompressed(raw: BinaryIO) -> BinaryIO:
    """An archive's bytes unpacked, by how they begin: gzip, bzip2 or as they are."""
    start = raw.read(len(XZ))
    # The first bytes tell, whatever the file is called.
    raw.seek(0)
    if start.startswith(b"\x1f\x8b"):
        return gzip.open(raw)  # type: ignore[return-value]
    if start.startswith(b"BZh"):
        return bz2.open(raw)  # type: ignore[return-value]
    if start == XZ:
        raise BrokenArchive("it is packed by xz, which may ask for gigabytes; unpack it first")
    return raw
