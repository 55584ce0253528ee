"""Tables of samples in Parquet files: `parquet:PATH`, by pyarrow, one row group at a time.

A column for each input of the network, or one alone, and `label`. A cell is an image file's bytes, a table with them as
`bytes` (as Hugging Face's `datasets` writes images), or a list of numbers, which are of the kind that the column says:
bytes become 0 to 1 as those of an array do, and tokens keep all their digits.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy
import torch

from archlang.diagnostics import ArchError, error
from archlang.diagnostics.text import one_line
from archlang.train.data.formats.sharded import Ranges, data_of_shards
from archlang.train.data.formats.shards import image_of
from archlang.train.data.labels import LABEL
from archlang.train.data.ordering import BUFFER, mixed
from archlang.train.data.samples import NUMERIC
from archlang.train.data.splits import Data
from archlang.train.data.user_code import words_of
from archlang.train.problems import bad_data

KEPT_ROWS = 4 * BUFFER
"""Rows of decoded groups that a process keeps: samples of neighbouring groups are mixed."""


@dataclass
class ParquetRows:
    """The rows of some files, by their numbers through all of them; `groups` are those that lie together in a file."""

    files: tuple[Path, ...]
    groups: Ranges
    places: tuple[tuple[int, int], ...]  # of each group: its file, and its number there
    kinds: tuple[Mapping[str, numpy.dtype[Any]], ...]  # of each file: the kind of numbers of each column
    _kept: dict[int, list[dict[str, Any]]] = field(default_factory=dict, repr=False)

    is_stream = False

    def __len__(self) -> int:
        return self.groups[-1].stop

    def order(self, generator: torch.Generator) -> list[int]:
        """Row groups in a random order, and their rows mixed over a buffer."""
        return mixed(self.groups, generator)

    def __getitem__(self, number: int) -> Any:
        """The sample and its class, or a table of samples. Raises `ArchError` (bad-data), naming the file."""
        group = bisect_right(self.groups, number, key=lambda rows: rows.start) - 1
        row = self._rows(group)[number - self.groups[group].start]
        file = self.places[group][0]
        shown, kinds = f"{self.files[file].name}, row {number}", self.kinds[file]

        table = {name: _value(value, shown, kinds.get(name)) for name, value in row.items() if name != LABEL}
        if len(table) == 1:
            return next(iter(table.values())), row.get(LABEL)
        return {**table, LABEL: row.get(LABEL)}

    def _rows(self, group: int) -> list[dict[str, Any]]:
        if group not in self._kept:
            # The oldest go first, until what is left is less than a buffer's worth.
            while self._kept and sum(map(len, self._kept.values())) > KEPT_ROWS:
                self._kept.pop(next(iter(self._kept)))
            self._kept[group] = self._read(group)
        return self._kept[group]

    def _read(self, group: int) -> list[dict[str, Any]]:
        file, number = self.places[group]
        rows: list[dict[str, Any]] = _opened(self.files[file]).read_row_group(number).to_pylist()
        if len(rows) != len(self.groups[group]):
            raise bad_data(f"the file `{one_line(self.files[file].name, 120)}` has changed")
        return rows


def parquet(path: Path) -> Data:
    """The rows of `train-0000.parquet`, ..., `test-0000.parquet`, ... in a folder.

    Raises `ArchError`: unknown-data, bad-data, missing-tool.
    """
    return data_of_shards("parquet", path, "parquet", _rows_of)


def _rows_of(files: tuple[Path, ...]) -> ParquetRows:
    groups, places, kinds, start = [], [], [], 0
    for number, file in enumerate(files):
        opened = _opened(file)
        kinds.append(_kinds(opened.schema_arrow))
        facts = opened.metadata
        for group in range(facts.num_row_groups):
            count = facts.row_group(group).num_rows
            groups.append(range(start, start + count))
            places.append((number, group))
            start += count
    if not start:
        raise bad_data("the files hold no rows")
    return ParquetRows(files, tuple(groups), tuple(places), tuple(kinds))


def _kinds(schema: Any) -> dict[str, numpy.dtype[Any]]:
    """The kind of numbers of each column that holds lists of them, by its name.

    Rows come as lists of Python's numbers, which no longer tell a byte from a count.
    """
    kinds: dict[str, numpy.dtype[Any]] = {}
    for column in schema:
        kind = column.type
        # Lists in lists are an image; what a library adds to them is stored as such.
        while (inner := getattr(kind, "storage_type", None) or getattr(kind, "value_type", None)) is not None:
            kind = inner
        with suppress(NotImplementedError):  # a table, such as that of an image file's bytes
            found = numpy.dtype(kind.to_pandas_dtype())
            if found.kind in NUMERIC:
                kinds[column.name] = found
    return kinds


def _opened(file: Path) -> Any:
    """A file by pyarrow. Raises `ArchError`: missing-tool, bad-data."""
    try:
        module = import_module("pyarrow.parquet")
    except ImportError:
        message = "Parquet is read by pyarrow, which is not installed"
        raise ArchError(error("missing-tool", message, help='pip install "archlang[parquet]"')) from None
    try:
        return module.ParquetFile(file)
    except Exception as problem:  # pyarrow has errors of many kinds
        raise bad_data(f"the file `{one_line(file.name, 120)}` is no Parquet: {words_of(problem)}") from None


def _value(value: Any, shown: str, kind: numpy.dtype[Any] | None) -> Any:
    """A cell as a sample: an image, or an array of the column's kind of numbers."""
    if isinstance(value, dict) and isinstance(value.get("bytes"), bytes):
        value = value["bytes"]
    if isinstance(value, bytes):
        return image_of(value, shown)
    try:
        array = numpy.asarray(value)
    except ValueError:  # lists of different lengths
        array = numpy.asarray(None)
    if array.dtype.kind not in NUMERIC or not array.ndim or kind is None:
        raise bad_data(f"{one_line(shown, 120)}: a cell is neither an image nor a list of numbers")
    return array.astype(kind)
