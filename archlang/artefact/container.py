"""The outside of a model file: a length, a header of JSON, bytes. Read and checked here before any library sees it.

safetensors takes duplicate keys, unknown fields and odd names as they come; this reader takes none of them. It needs
no torch, opens no pickle, and allocates no more than the header's 16 MiB.
"""

from __future__ import annotations

import io
import json
import os
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from archlang.diagnostics import ArchError, error
from archlang.limits import MIB
from archlang.shapes import product

LONGEST_HEADER = 16 * MIB
LONGEST_NAME = 2_048
MOST_AXES = 8
LARGEST_COUNT = 1 << 53
"""Bounds on a header: bytes, characters of a tensor's name, its axes, and any number in it."""

KEY = "archlang"
"""The one key of the metadata."""

SIZES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8}
"""The kinds of numbers that a model file may hold, and the bytes of one."""

_NAME = re.compile(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*")
_OURS = b'{"__metadata__":{"archlang":'
_ZIPS = (b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"BZh", b"\xfd7zXZ")
_PICKLES = tuple(bytes((0x80, protocol)) for protocol in range(2, 6))


@dataclass(frozen=True)
class Entry:
    """One tensor: its kind of number, its shape, and its bytes from `start` to `end` behind the header."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


@dataclass(frozen=True)
class Container:
    """A checked header.

    Args:
        raw: the length and the header as they stand in the file.
        metadata: the text of the one metadata key.
        table: the tensors by name.
        end: the number of bytes behind the header.
    """

    raw: bytes
    metadata: str
    table: Mapping[str, Entry]
    end: int


def refuse(name: str, message: str, **more: Any) -> ArchError:
    """The error of a file that is no model of ours; the caller raises it."""
    return ArchError(error(name, message, **more))


def read(file: BinaryIO) -> Container:
    """Read and check the header of a model file. Raises `ArchError` with one kind of error for each way to be wrong.

    unsafe-model: a pickle or archive, recognised by its first bytes; not-a-model: anything else that is no safetensors
    file; foreign-model: safetensors of others; truncated-model: too short; altered-model: ours, but not as written.
    """
    return _read(file, os.fstat(file.fileno()).st_size)


def read_bytes(data: bytes) -> Container:
    """Read and check the header of a file's bytes, as `read` does."""
    return _read(io.BytesIO(data), len(data))


def _read(file: BinaryIO, size: int) -> Container:
    """Read a header, cheapest checks first."""
    # Eight bytes of length, and the brace that a header begins with.
    length = _length(file.read(9), size)
    file.seek(0)
    raw = file.read(8 + length)
    if len(raw) < 8 + length:
        raise refuse("truncated-model", f"the file ends in its header: of {length:,} bytes {size - 8:,} are there")

    # A broken header that begins as ours was ours once.
    broken = "not-a-model"
    if raw[8:].startswith(_OURS):
        broken = "altered-model"

    header = _json(raw[8:], broken)
    metadata = _metadata(header)
    table = _table(header)
    end = max((entry.end for entry in table.values()), default=0)
    _check_length(len(raw), end, size)
    return Container(raw, metadata, table, end)


def _length(head: bytes, size: int) -> int:
    """The header's length, once the first nine bytes look like those of a safetensors file."""
    if not head:
        raise refuse("not-a-model", "the file is empty")

    # The four high bytes of a length below 4 GiB are zero; no pickle or archive begins so.
    if head[8:9] == b"{" and head[4:8] == bytes(4):
        length: int = struct.unpack("<Q", head[:8])[0]
        if length > LONGEST_HEADER:
            message = f"the file claims a header of {length:,} bytes, past the {LONGEST_HEADER:,} allowed"
            raise refuse("not-a-model", message)
        return length

    if head.startswith(_ZIPS + _PICKLES):
        raise refuse(
            "unsafe-model",
            "this is a pickle or an archive, as `torch.save` writes them; it could run code, so it was not opened",
            help="load it where you trust it, and save the weights of an archlang model with `archlang.save`",
        )

    # Five to eight bytes of a length whose high bytes are zero so far.
    if 4 < len(head) < 9 and head[4:8] == bytes(len(head[4:8])):
        raise refuse("truncated-model", f"the file ends after {size} bytes, before its header")
    raise refuse("not-a-model", "this is no model file: it does not begin like one")


def _json(raw: bytes, broken: str) -> dict[str, Any]:
    """The header as a JSON object without duplicate keys; `broken` is the kind of error of any other."""
    try:
        header = json.loads(raw.decode("utf-8"), object_pairs_hook=_without_duplicates)
    except _DuplicateKeyError:
        raise refuse(broken, "the file's header holds a key twice") from None
    # Brackets nested thousands deep are what a hostile file may hold: Python's parser gives up by RecursionError.
    except (ValueError, RecursionError):
        raise refuse(broken, "the file's header is no JSON") from None

    if not isinstance(header, dict):
        raise refuse(broken, "the file's header is no JSON object")
    return header


class _DuplicateKeyError(ValueError):
    """A key stands in a JSON object twice."""


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of a list of pairs. Raises _DuplicateKeyError: which of two values counts is for nobody to guess."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise _DuplicateKeyError
    return fields


def _metadata(header: dict[str, Any]) -> str:
    """Take the metadata out of a header and return its one text."""
    metadata = header.pop("__metadata__", None)
    if not isinstance(metadata, dict) or KEY not in metadata:
        raise refuse(
            "foreign-model",
            "this safetensors file was not made by archlang: it holds weights, but no network",
            help="compile the network and copy the weights with `model.load_state_dict`, then save it",
        )

    text = metadata[KEY]
    # Texts that nobody reads would be a place to hide something in.
    if len(metadata) != 1 or not isinstance(text, str):
        raise refuse("altered-model", f"the file's metadata must be the one text `{KEY}`")
    return text


def _table(header: dict[str, Any]) -> dict[str, Entry]:
    """The tensors of a header, whose bytes must follow each other without gaps."""
    table = {name: _entry(name, fields) for name, fields in header.items()}

    # Bytes between tensors would be read by nobody, and overlapping tensors would count one byte twice.
    position = 0
    for entry in sorted(table.values(), key=lambda e: (e.start, e.end)):
        if entry.start != position:
            raise refuse("altered-model", "the tensors of the file overlap or leave gaps")
        position = entry.end
    return table


def _entry(name: str, fields: Any) -> Entry:
    """One checked tensor of a header."""
    if len(name) > LONGEST_NAME or not _NAME.fullmatch(name):
        raise refuse("altered-model", "the file holds a tensor with a name that archlang never writes")
    if not isinstance(fields, dict) or fields.keys() != {"dtype", "shape", "data_offsets"}:
        raise refuse("altered-model", f"the file's entry of `{name[:80]}` has unknown or missing fields")

    dtype, shape, offsets = fields["dtype"], fields["shape"], fields["data_offsets"]
    if not isinstance(dtype, str) or dtype not in SIZES:
        raise refuse("altered-model", f"`{name[:80]}` holds numbers of a kind that archlang never writes")
    if not (_counts(shape) and len(shape) <= MOST_AXES and _counts(offsets) and len(offsets) == 2):
        raise refuse("altered-model", f"the file's entry of `{name[:80]}` has no proper shape or place")

    start, end = offsets
    if end - start != product(list(shape)) * SIZES[dtype]:
        raise refuse("altered-model", f"the shape of `{name[:80]}` does not fit its bytes")
    return Entry(dtype, tuple(shape), start, end)


def _counts(values: Any) -> bool:
    """True for a list of integers that can be counts; `True` is an integer for Python, but none here."""
    return isinstance(values, list) and all(type(v) is int and 0 <= v < LARGEST_COUNT for v in values)


def _check_length(head: int, end: int, size: int) -> None:
    """Compare the file's length with that of its header and its tensors."""
    if head + end > size:
        raise refuse("truncated-model", f"the file ends too early: of {head + end:,} bytes {size:,} are there")
    if head + end < size:
        raise refuse("altered-model", f"{size - head - end:,} bytes follow the end of the last tensor")
