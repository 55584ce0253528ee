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
KEY = "archlang"
SIZES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8}
"""The kinds of numbers a model file may hold, and the bytes of one."""

_NAME = re.compile(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*")
_OURS = b'{"__metadata__":{"archlang":'
_PICKLES = (b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", *(bytes((0x80, n)) for n in range(2, 6)))


@dataclass(frozen=True)
class Entry:
    """One tensor: its kind of number, its shape, and its bytes from `start` to `end` behind the header."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


@dataclass(frozen=True)
class Container:
    """A checked header. `raw` is the length and the header as they stand in the file; `end` the bytes behind them."""

    raw: bytes
    metadata: str
    table: Mapping[str, Entry]
    end: int


def refuse(name: str, message: str, **more: Any) -> ArchError:
    """The error of a file that is no model of ours; the caller raises it."""
    return ArchError(error(name, message, **more))


def read(file: BinaryIO) -> Container:
    """The checked header of a model file. Raises `ArchError` with one kind of error for each way to be wrong.

    unsafe-model: a pickle or archive, recognised by its first bytes; not-a-model: anything else that is no safetensors
    file; foreign-model: safetensors of others; truncated-model: too short; altered-model: ours, but not as written.
    """
    return _read(file, os.fstat(file.fileno()).st_size)


def read_bytes(data: bytes) -> Container:
    """The same of a file's bytes."""
    return _read(io.BytesIO(data), len(data))


def _read(file: BinaryIO, size: int) -> Container:
    length = _length(file.read(9), size)
    file.seek(0)
    raw = file.read(8 + length)
    if len(raw) < 8 + length:
        raise refuse("truncated-model", f"the file ends in its header: of {length:,} bytes {size - 8:,} are there")
    broken = "altered-model" if raw[8:].startswith(_OURS) else "not-a-model"
    header = _json(raw[8:], broken)
    metadata = _metadata(header)
    table = _table(header)
    end = max((entry.end for entry in table.values()), default=0)
    _whole(len(raw), end, size)
    return Container(raw, metadata, table, end)


def _length(head: bytes, size: int) -> int:
    """The header's length, once the first nine bytes look like those of a safetensors file."""
    if not head:
        raise refuse("not-a-model", "the file is empty")
    # The four high bytes of a length below 4 GiB are zero; no pickle or archive begins so.
    if head[8:9] == b"{" and head[4:8] == bytes(4):
        length: int = struct.unpack("<Q", head[:8])[0]
        if length > LONGEST_HEADER:
            said = f"the file claims a header of {length:,} bytes, past the {LONGEST_HEADER:,} allowed"
            raise refuse("not-a-model", said)
        return length
    if head.startswith(_PICKLES):
        raise refuse(
            "unsafe-model",
            "this is a pickle or an archive, as `torch.save` writes them; it could run code, so it was not opened",
            help="load it where you trust it, and save the weights of an archlang model with `archlang.save`",
        )
    if 4 < len(head) < 9 and head[4:8] == bytes(len(head[4:8])):
        raise refuse("truncated-model", f"the file ends after {size} bytes, before its header")
    raise refuse("not-a-model", "this is no model file: it does not begin like one")


def _json(raw: bytes, broken: str) -> dict[str, Any]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise ValueError("a key stands there twice")
        return found

    try:
        header = json.loads(raw.decode("utf-8"), object_pairs_hook=unique)
    except (ValueError, RecursionError) as problem:
        twice = "twice" in str(problem)
        said = "holds a key twice" if twice else "is no JSON"
        raise refuse(broken, f"the file's header {said}") from None
    if not isinstance(header, dict):
        raise refuse(broken, "the file's header is no JSON object")
    return header


def _metadata(header: dict[str, Any]) -> str:
    metadata = header.pop("__metadata__", None)
    if not isinstance(metadata, dict) or KEY not in metadata:
        raise refuse(
            "foreign-model",
            "this safetensors file was not made by archlang: it holds weights, but no network",
            help="compile the network and copy the weights with `model.load_state_dict`, then save it",
        )
    text = metadata[KEY]
    if len(metadata) != 1 or not isinstance(text, str):
        raise refuse("altered-model", f"the file's metadata must be the one text `{KEY}`")
    return text


def _table(header: dict[str, Any]) -> dict[str, Entry]:
    table = {name: _entry(name, fields) for name, fields in header.items()}
    at = 0
    for entry in sorted(table.values(), key=lambda e: (e.start, e.end)):
        if entry.start != at:
            raise refuse("altered-model", "the tensors of the file overlap or leave gaps")
        at = entry.end
    return table


def _entry(name: str, fields: Any) -> Entry:
    if len(name) > 2048 or not _NAME.fullmatch(name):
        raise refuse("altered-model", "the file holds a tensor with a name that archlang never writes")
    if not isinstance(fields, dict) or fields.keys() != {"dtype", "shape", "data_offsets"}:
        raise refuse("altered-model", f"the file's entry of `{name[:80]}` has unknown or missing fields")
    dtype, shape, offsets = fields["dtype"], fields["shape"], fields["data_offsets"]
    if not isinstance(dtype, str) or dtype not in SIZES:
        raise refuse("altered-model", f"`{name[:80]}` holds numbers of a kind that archlang never writes")
    if not (_counts(shape) and len(shape) <= 8 and _counts(offsets) and len(offsets) == 2):
        raise refuse("altered-model", f"the file's entry of `{name[:80]}` has no proper shape or place")
    start, end = offsets
    if end - start != product(list(shape)) * SIZES[dtype]:
        raise refuse("altered-model", f"the shape of `{name[:80]}` does not fit its bytes")
    return Entry(dtype, tuple(shape), start, end)


def _counts(values: Any) -> bool:
    return isinstance(values, list) and all(type(v) is int and 0 <= v < 1 << 53 for v in values)


def _whole(head: int, end: int, size: int) -> None:
    if head + end > size:
        raise refuse("truncated-model", f"the file ends too early: of {head + end:,} bytes {size:,} are there")
    if head + end < size:
        raise refuse("altered-model", f"{size - head - end:,} bytes follow the end of the last tensor")
