"""Readers of torch's operations, a file a family: each says one call in the words of the language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from archlang.importing.aten import (
    cells,
    convolutions,
    elementwise,
    masks,
    merging,
    norms,
    parts,
    pools,
    products,
    recurrent,
    shaping,
    sums,
)
from archlang.importing.reader import StepReader

Read = Callable[[StepReader, Mapping[str, Any]], Any]
"""Reads one call: the arguments by the names of torch's own declaration, tensors as they are held."""

READERS: Mapping[str, Read] = {
    **convolutions.READERS, **norms.READERS, **elementwise.READERS, **pools.READERS, **products.READERS,
    **merging.READERS, **shaping.READERS, **parts.READERS, **cells.READERS, **recurrent.READERS, **sums.READERS,
    **masks.READERS,
}
"""The readers by the name of the operation, without `aten::`, the overload and the `_` of one that works in place."""

__all__ = ["READERS", "Read"]
