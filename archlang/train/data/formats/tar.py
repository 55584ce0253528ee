"""A reader of tar archives that reads no more than it is asked for.

Python's own reads the whole of a header that calls itself long, gigabytes if it says so, before anybody can refuse.
Format: POSIX.1-1988 (ustar) with GNU long names and POSIX.1-2001 (pax) headers, of which only path and size count.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

BLOCK = 512
LONGEST_HEADER = 1 << 16
"""Bytes of a long name or a pax header; a path has at most 4,096."""

CHUNK = 1 << 20
REGULAR = (b"0", b"\0", b"7")
LONG_NAME, PAX, PAX_FOR_ALL = b"L", b"x", b"g"


class BrokenArchive(ValueError):
    """The reason for which bytes are no tar archive that can be read."""


class Stream(Protocol):
    """Bytes that are read once, from the first to the last."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end."""


@dataclass(frozen=True)
class ArchiveMember:
    """A regular file of an archive: its path and its bytes, which are read before the next member is asked for."""

    path: str
    size: int
    stream: Stream

    def read(self) -> bytes:
        """All its bytes. Raises `BrokenArchive` where the archive ends before."""
        return _exactly(self.stream, self.size)


class _Counted:
    """A stream that refuses to go on after so many bytes, and counts them."""

    def __init__(self, stream: BinaryIO, most: int) -> None:
        self.stream = stream
        self.most = most
        self.position = 0

    def read(self, size: int, /) -> bytes:
        raw = self.stream.read(size)
        self.position += len(raw)
        if self.position > self.most:
            raise BrokenArchive(f"it unpacks to more than {self.most} bytes")
        return raw


class Sought(_Counted):
    """A file of which only headers are read: what lies between them is left out."""

    def skip(self, size: int) -> None:
        """Go on after so many bytes. Raises `BrokenArchive` where the file ends before."""
        if self.position + size > self.most:
            raise BrokenArchive("it is cut off")
        self.stream.seek(size, 1)
        self.position += size


def members(stream: BinaryIO | Sought, most: int) -> Iterator[ArchiveMember]:
    """The regular files of an unpacked tar stream of at most `most` bytes, in order. Raises `BrokenArchive`."""
    counted = stream if isinstance(stream, Sought) else _Counted(stream, most)
    path: str | None = None
    size: int | None = None

    while True:
        header = counted.read(BLOCK)
        # A block of zeros marks the end; what follows is padding.
        if not header or header == bytes(BLOCK):
            return
        kind, length = _checked(header)

        if kind == LONG_NAME:
            path = _text(_long_header(counted, length).rstrip(b"\0"))
            continue
        if kind in (PAX, PAX_FOR_ALL):
            records = _pax_records(_long_header(counted, length))
            # A header for all members sets dates and the like, never the path of the next one.
            if kind == PAX:
                path, size = records.get("path", path), _size_of(records, size)
            continue

        # A pax header's size is right where that of the old header has too few digits.
        if size is not None:
            length = size
        end = counted.position + _padded(length)
        if kind in REGULAR:
            yield ArchiveMember(path or _name(header), length, counted)
        _skip(counted, end - counted.position)
        path, size = None, None


def _checked(header: bytes) -> tuple[bytes, int]:
    """The kind and the size that a header tells. Raises `BrokenArchive` where its checksum is wrong."""
    if len(header) < BLOCK:
        raise BrokenArchive("it is cut off")

    # The sum is over the header with blanks in the sum's own place.
    expected = sum(header[:148]) + 8 * ord(" ") + sum(header[156:])
    if _number(header[148:156]) != expected:
        raise BrokenArchive("a header of it has a wrong checksum")
    return header[156:157], _number(header[124:136])


def _number(field: bytes) -> int:
    """A number in octal digits, or, where its first bit is set, in binary (GNU)."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")

    digits = field.rstrip(b"\0 ").lstrip(b" ")
    if not digits:
        return 0
    if any(digit not in b"01234567" for digit in digits):
        raise BrokenArchive("a header of it has a number that is none")
    return int(digits, 8)


def _name(header: bytes) -> str:
    name = _text(header[:100].partition(b"\0")[0])
    prefix = _text(header[345:500].partition(b"\0")[0])
    is_ustar = header[257:263] == b"ustar\0"  # GNU keeps other things in the prefix's place
    if prefix and is_ustar:
        return f"{prefix}/{name}"
    return name


def _long_header(stream: _Counted, length: int) -> bytes:
    if length > LONGEST_HEADER:
        raise BrokenArchive(f"a header of it has {length} bytes; at most {LONGEST_HEADER} are read")
    return _exactly(stream, _padded(length))[:length]


def _pax_records(raw: bytes) -> dict[str, str]:
    """The records `LENGTH KEY=VALUE` of a pax header, each of which ends a line."""
    records: dict[str, str] = {}
    start = 0
    while start < len(raw):
        length, blank, _ = raw[start : start + 20].partition(b" ")
        if not blank or not length.isdigit() or not 0 < int(length) <= len(raw) - start:
            raise BrokenArchive("a header of it has a record that is none")

        key, _, value = raw[start + len(length) + 1 : start + int(length) - 1].partition(b"=")
        records[_text(key)] = _text(value)
        start += int(length)
    return records


def _size_of(records: dict[str, str], before: int | None) -> int | None:
    size = records.get("size")
    if size is None:
        return before
    if not (size.isascii() and size.isdigit() and len(size) < 20):
        raise BrokenArchive("a header of it has a size that is none")
    return int(size)


def _exactly(stream: Stream, size: int) -> bytes:
    # In pieces, so that a size which is not true takes no memory.
    parts = []
    while size > 0:
        part = stream.read(min(size, CHUNK))
        if not part:
            raise BrokenArchive("it is cut off")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _skip(stream: Stream, size: int) -> None:
    if isinstance(stream, Sought):
        stream.skip(size)
        return
    while size > 0:
        part = stream.read(min(size, CHUNK))
        if not part:
            raise BrokenArchive("it is cut off")
        size -= len(part)


def _padded(size: int) -> int:
    return -(-size // BLOCK) * BLOCK


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
