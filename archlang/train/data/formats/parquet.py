"""Tables of samples in Parquet files: `parquet:PATH`, by pyarrow, one row group at a time.

A column for each input of the network, or one alone, and `label`. A cell is an image file's bytes, a table with them as
`bytes` (as Hugging Face's `datasets` writes images), or a list of numbers.
"""

from __future__ import annotations

from bisect import bisect_right
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
        shown = f"{self.files[self.places[group][0]].name}, row {number}"

        table = {name: _value(value, shown) for name, value in row.items() if name != LABEL}
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
    groups, places, start = [], [], 0
    for number, file in enumerate(files):
        facts = _opened(file).metadata
        for group in range(facts.num_row_groups):
            count = facts.row_group(group).num_rows
            groups.append(range(start, start + count))
            places.append((number, group))
            start += count
    if not start:
        raise bad_data("the files hold no rows")
    return ParquetRows(files, tuple(groups), tuple(places))


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


def _value(value: Any, shown: str) -> Any:
    """A cell as a sample: an image, or an array."""
    if isinstance(value, dict) and isinstance(value.get("bytes"), bytes):
        value = value["bytes"]
    if isinstance(value, bytes):
        return image_of(value, shown)
    try:
        array = numpy.asarray(value)
    except ValueError:  # lists of different lengths
        array = numpy.asarray(None)
    if array.dtype.kind not in "buif" or not array.ndim:
        raise bad_data(f"{one_line(shown, 120)}: a cell is neither an image nor a list of numbers")
    return array.astype(numpy.float32)
