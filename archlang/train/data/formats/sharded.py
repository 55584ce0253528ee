"""Parts of data that lie in several large files each: `train-0000.tar`, `train-0001.tar`, `test-0000.tar`."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from archlang.diagnostics.text import one_line
from archlang.train.data.items import items_of
from archlang.train.data.parts import PART_WORDS, part_of
from archlang.train.data.splits import Data
from archlang.train.problems import bad_data, unknown_data

Ranges = tuple[range, ...]
"""The numbers of the samples of each shard."""

_NUMBER = re.compile(r"[-_. ]*[0-9]+(-of-[0-9]+)?$")


def data_of_shards(name: str, path: Path, ending: str, read: Callable[[tuple[Path, ...]], Any]) -> Data:
    """The data of the shards in a folder, each part read by `read`.

    Raises `ArchError`: unknown-data where there are none of training or none of testing, bad-data.
    """
    shown = one_line(str(path), 120)
    if not path.is_dir():
        raise unknown_data(f"`{shown}` is no folder of shards",
                           help=f"it holds `train-0000.{ending}`, ... and `test-0000.{ending}`, ...")

    # By name, so that the numbers of samples do not depend on the file system.
    parts: dict[str, list[Path]] = {}
    for file in sorted(path.glob(f"*.{ending}")):
        role = part_of(_NUMBER.sub("", file.stem))
        if role is None:
            raise unknown_data(f"the shard `{one_line(file.name, 120)}` is of no part of the data",
                               help=f"names begin with one, as in `train-0000.{ending}`: {', '.join(PART_WORDS)}")
        parts.setdefault(role, []).append(file)

    if "train" not in parts or len(parts) < 2:
        raise unknown_data(f"`{shown}` holds no `train-0000.{ending}` beside a `test-0000.{ending}`")
    splits = [items_of(read(tuple(parts[role]))) for role in PART_WORDS if role in parts]
    if len(splits) == 2:
        return Data(name, splits[0], splits[1])
    return Data(name, splits[0], splits[2], validation=splits[1])


def whole_number(raw: bytes, shown: str) -> int:
    """A class number that is written as text. Raises `ArchError` (bad-data)."""
    text = raw[:40].decode("ascii", "replace").strip()
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise bad_data(f"{one_line(shown, 120)}: `{one_line(text, 40)}` is no class number")
    return int(text)
