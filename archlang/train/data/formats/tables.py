"""Tables of arrays in numpy's files: `NAME.npz` with an array for each input of a network, and `label`."""

from __future__ import annotations

from pathlib import Path
from zipfile import BadZipFile

import numpy

from archlang.diagnostics.text import one_line
from archlang.train.data.named import NamedTensors, divided, named_arrays
from archlang.train.data.parts import PART_WORDS, part_of
from archlang.train.data.splits import Data
from archlang.train.problems import bad_data, unknown_data

MOST_BYTES = 1 << 34
"""Of all arrays of a file together, unpacked; more of them are a mistake, or meant to fill the memory."""


def npz(path: Path) -> Data:
    """The arrays of a file `NAME.npz`, or those of `train.npz`, `test.npz` and perhaps `val.npz` in a folder.

    Of a single file a fifth is kept for the test. Raises `ArchError`: unknown-data, bad-data.
    """
    if not path.is_dir():
        whole, classes = _read(path)
        return Data("npz", *divided(whole), classes=classes)

    files = {role: file for file in sorted(path.glob("*.npz")) if (role := part_of(file.stem)) is not None}
    if "train" not in files or len(files) < 2:
        raise unknown_data(f"`{one_line(str(path), 120)}` holds no `train.npz` beside a `test.npz` or `val.npz`")

    splits, names = [], set()
    for role in PART_WORDS:
        if role in files:
            split, classes = _read(files[role])
            splits.append(split)
            names.add(classes)
    if len(names) > 1:
        raise bad_data("the parts of the data name different classes", help="write class numbers instead")

    classes = names.pop()
    if len(splits) == 2:
        return Data("npz", splits[0], splits[1], classes)
    return Data("npz", splits[0], splits[2], classes, splits[1])


def _read(path: Path) -> tuple[NamedTensors, tuple[str, ...] | None]:
    """The arrays of a file by their names. Nothing in it is carried out: objects are refused."""
    shown = one_line(str(path), 120)
    if not path.is_file():
        raise unknown_data(f"`{shown}` does not exist")

    try:
        loaded = numpy.load(path, allow_pickle=False)
        if isinstance(loaded, numpy.ndarray):  # a single array, which has no names, whatever the file is called
            raise ValueError("it is a single array, as `numpy.save` writes it")

        with loaded as file:
            sizes = sum(entry.file_size for entry in file.zip.infolist())
            if sizes > MOST_BYTES:
                raise bad_data(f"`{shown}` unpacks to {sizes} bytes, more than are read")
            arrays = {name: file[name] for name in file.files}
    except (ValueError, OSError, KeyError, AttributeError, EOFError, BadZipFile) as problem:
        raise bad_data(f"`{shown}` is no table of arrays ({one_line(str(problem), 120)})") from None
    return named_arrays(arrays)
