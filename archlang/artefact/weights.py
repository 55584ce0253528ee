"""The weights of two model files beside each other, compared by their bytes and without torch."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from archlang.artefact.container import Container, Entry, read
from archlang.artefact.reading import opened
from archlang.diagnostics.text import one_line
from archlang.limits import MIB

SHOWN = 3
"""Names that are told of tensors that differ."""


@dataclass(frozen=True)
class WeightsComparison:
    """The tensors of two model files by their names: equal bit for bit, different, and in one file alone."""

    equal: tuple[str, ...]
    different: tuple[str, ...]
    before: tuple[str, ...]
    after: tuple[str, ...]

    def __str__(self) -> str:
        both = len(self.equal) + len(self.different)
        said = f"all {both} tensors are equal"
        if self.different:
            names = ", ".join(f"`{one_line(name, 80)}`" for name in self.different[:SHOWN])
            more = " ..." if len(self.different) > SHOWN else ""
            said = f"{len(self.different)} of {both} tensors differ: {names}{more}"
        alone = [f"{len(names)} in {file} alone" for names, file in ((self.before, "A"), (self.after, "B")) if names]
        return "; ".join((f"weights: {said}", *alone))


def compared_weights(before: str | os.PathLike[str], after: str | os.PathLike[str]) -> WeightsComparison:
    """Compare the tensors of two model files. Raises ArchError as `network_of_file` does."""
    with opened(before) as first, opened(after) as second:
        old, new = read(first), read(second)
        both = [name for name in old.table if name in new.table]
        equal = [name for name in both if _alike(first, old, second, new, name)]

    return WeightsComparison(
        tuple(equal), tuple(name for name in both if name not in set(equal)),
        tuple(name for name in old.table if name not in new.table),
        tuple(name for name in new.table if name not in old.table),
    )


def _alike(first: BinaryIO, old: Container, second: BinaryIO, new: Container, name: str) -> bool:
    """Tell whether two files hold the same tensor of a name, a mebibyte at a time."""
    here, there = old.table[name], new.table[name]
    if (here.dtype, here.shape) != (there.dtype, there.shape):
        return False
    return all(a == b for a, b in zip(_parts(first, old, here), _parts(second, new, there), strict=True))


def _parts(file: BinaryIO, head: Container, entry: Entry) -> Iterator[bytes]:
    """The bytes of a tensor."""
    at, end = len(head.raw) + entry.start, len(head.raw) + entry.end
    while at < end:
        # Both files are read in turns, and either may be the same one.
        file.seek(at)
        part = file.read(min(MIB, end - at))
        yield part
        at += max(len(part), 1)
