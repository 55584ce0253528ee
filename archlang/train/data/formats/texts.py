"""Text for language models: tokens in windows, each position's label the token that follows it."""

from __future__ import annotations

from pathlib import Path

import numpy
import torch

from archlang.diagnostics.text import one_line
from archlang.train.data.samples import plain_tensor
from archlang.train.data.splits import TEST_SHARE, Data
from archlang.train.data.windows import Windows
from archlang.train.problems import bad_data, unknown_data

MOST_BYTES = 1 << 32


def text(path: Path) -> Data:
    """A file's bytes as tokens 0 to 255, or the whole numbers of a file `NAME.npy`; its last fifth is the test.

    The windows are as long as the network's input. Raises `ArchError`: unknown-data, bad-data.
    """
    shown = one_line(str(path), 120)
    if not path.is_file():
        raise unknown_data(f"`{shown}` is no file")
    if path.stat().st_size > MOST_BYTES:
        raise bad_data(f"`{shown}` is larger than what is read")

    tokens = _tokens(path, shown)
    border = round(len(tokens) * (1 - TEST_SHARE))
    return Data("text", Windows(tokens[:border]), Windows(tokens[border:]))


def _tokens(path: Path, shown: str) -> torch.Tensor:
    if path.suffix != ".npy":
        return torch.frombuffer(bytearray(path.read_bytes()) or bytearray(1), dtype=torch.uint8)

    try:
        array = numpy.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError) as problem:
        raise bad_data(f"`{shown}` is no array ({one_line(str(problem), 120)})") from None
    if not isinstance(array, numpy.ndarray):  # a table of arrays, whatever the file is called
        array.close()
        raise bad_data(f"`{shown}` is no array but a table of them, as `numpy.savez` writes it")

    tokens = plain_tensor(array, f"`{shown}`")
    if tokens.ndim != 1 or tokens.is_floating_point():
        raise bad_data(f"`{shown}` is no line of whole numbers: {list(tokens.shape)} of {array.dtype}")
    return tokens
