"""The files of a published data set, in a folder or in the archive as it is downloaded; nothing is unpacked to disk."""

from __future__ import annotations

import gzip
import lzma
import tarfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from archlang.diagnostics.text import one_line
from archlang.train.problems import bad_data, unknown_data

LARGEST = 1 << 30
"""Bytes of the largest file that is read whole (of the published ones, the largest has 221 million)."""

BROKEN = (OSError, EOFError, zlib.error, lzma.LZMAError, tarfile.TarError)
"""What reading a broken file raises."""


@dataclass(frozen=True)
class PublishedLayout:
    """Where a published data set keeps its files: the folders to look in, and the archives it is published as."""

    name: str
    folders: tuple[str, ...] = ()
    archives: tuple[str, ...] = ()


@dataclass(frozen=True)
class PublishedFiles:
    """PublishedFiles by name, in one folder, or in one archive (`held` has its members, read once)."""

    place: Path
    held: dict[str, bytes] | None = None

    def find(self, *names: str) -> str | None:
        """The first of these names that is there."""
        return next((name for name in names if self._has(name)), None)

    def read(self, *names: str) -> bytes:
        """The bytes of the first of these names that is there, unzipped where it ends in `.gz`.

        Raises `ArchError`: unknown-data where none is there, bad-data where it cannot be read.
        """
        name = self.find(*names)
        if name is None:
            raise missing(self.place, names)
        try:
            if self.held is not None:
                raw = self.held[name]
                return gzip.decompress(raw) if name.endswith(".gz") else raw
            with _plain(self.place / name) as stream:
                found = stream.read(LARGEST + 1)
        except BROKEN as problem:
            raise broken(name, str(problem) or "it is cut off") from None
        if len(found) > LARGEST:
            raise broken(name, f"it has more than {LARGEST} bytes")
        return found

    def _has(self, name: str) -> bool:
        return name in self.held if self.held is not None else (self.place / name).is_file()


def open_files(path: Path, layout: PublishedLayout, wanted: Sequence[str]) -> PublishedFiles:
    """The files of a data set: `path` is their folder, one above it, the archive, or a folder with the archive in it.

    `wanted` names the files; the first must be there. Raises `ArchError`: unknown-data, bad-data.
    """
    if path.is_file():
        return _unpacked(path, wanted)
    for folder in (path, *(path / inner for inner in layout.folders)):
        if (folder / wanted[0]).is_file():
            return PublishedFiles(folder)
    for name in layout.archives:
        if (path / name).is_file():
            return _unpacked(path / name, wanted)
    raise missing(path, (wanted[0], *layout.archives))


def missing(place: Path, names: Sequence[str]) -> Exception:
    """The error of a file that is not there; the caller raises it."""
    shown = one_line(str(place), 120)
    if not place.exists():
        return unknown_data(f"there is no `{shown}`", help=f"looked for {_either(names)} there")
    return unknown_data(f"`{shown}` has no {_either(names)}", help="give the folder, or the archive, that has it")


def broken(name: str, said: str) -> Exception:
    """The error of a file that is no good; the caller raises it."""
    return bad_data(f"the file `{one_line(name, 120)}` cannot be read: {one_line(said, 200)}")


def _either(names: Sequence[str]) -> str:
    return " or ".join(f"`{name}`" for name in names)


def _plain(path: Path) -> BinaryIO:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]


def _unpacked(path: Path, wanted: Sequence[str]) -> PublishedFiles:
    held: dict[str, bytes] = {}
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                name = member.name.rpartition("/")[2]
                if not member.isfile() or name not in wanted or name in held:
                    continue
                stream = archive.extractfile(member)
                if member.size > LARGEST or stream is None:
                    raise broken(name, f"it has more than {LARGEST} bytes")
                held[name] = stream.read()
    except BROKEN as problem:
        raise broken(path.name, str(problem)) from None
    return PublishedFiles(path, held)
