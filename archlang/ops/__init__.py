"""Operations, structures and settings: the catalogue that files, views and the torch side all read."""

from archlang.ops.catalogue import CATALOGUE
from archlang.ops.kinds import Fault
from archlang.ops.model import REQUIRED, Arg, Catalogue, Function, Module, Op, OpCall, Setting, Structure, Weight
from archlang.ops.plugins import catalogue_with
from archlang.ops.values import Option, Placed, Size, Weighted

__all__ = [
    "CATALOGUE", "REQUIRED", "Arg", "Catalogue", "Fault", "Function", "Module", "Op", "OpCall", "Option", "Placed",
    "Setting", "Size", "Structure", "Weight", "Weighted", "catalogue_with",
]
