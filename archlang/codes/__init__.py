"""Branch codes: the assignment of a network's branches to classes; designed, judged, read and written.

>>> ten = Code(("1100", "0011", "1010", "0101"))
>>> ten.distance, ten.columns, ten.optimal
(2, (2, 2, 2, 2), True)

`design` and `bounded_design` load numpy and scipy when they are first used; the rest is plain Python.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from archlang.codes.bounds import Bound, bounds, johnson, mean_distance
from archlang.codes.code import Code
from archlang.codes.contract import Contract, faults, impossible
from archlang.codes.table import read, read_text, write

if TYPE_CHECKING:
    from archlang.codes.designing import Design, bounded_design, design

__all__ = [
    "Bound", "Code", "Contract", "Design", "bounded_design", "bounds", "design", "faults", "impossible", "johnson",
    "mean_distance", "read", "read_text", "write",
]

_LAZY = ("Design", "bounded_design", "design")
"""Names whose module imports numpy and scipy, which take longer to load than everything else here."""


def __getattr__(name: str) -> object:
    # Python asks here for any name that the module lacks, such as `__path__`.
    if name not in _LAZY:
        raise AttributeError(f"module 'archlang.codes' has no attribute {name!r}")

    return getattr(import_module("archlang.codes.designing"), name)
