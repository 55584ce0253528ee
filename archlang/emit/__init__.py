"""Graph to torch: a checked graph becomes a `torch.fx.GraphModule` with ordinary weights."""

from archlang.emit.emit import emit, observing
from archlang.emit.grouping import Parallel
from archlang.emit.module import ArchModule
from archlang.emit.names import module_name, safe
from archlang.emit.numbers import first_outside
from archlang.record import ImagePreparation, Record

__all__ = [
    "ArchModule", "ImagePreparation", "Parallel", "Record", "emit", "first_outside", "module_name", "observing", "safe",
]
