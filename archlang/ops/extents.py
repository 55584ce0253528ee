"""Kinds of arguments that take symbolic sizes: they decide where numbers go, and not how many weights there are."""

from __future__ import annotations

from archlang.dataclass import dataclass
from archlang.ops.kinds import Fault, Int, Kind, SizeOf
from archlang.ops.values import Extents, Size, sized
from archlang.shapes import LARGEST, Dim, Poly, at_least


@dataclass(frozen=True)
class Extent(Kind):
    """A whole number of at least `low` that may be symbolic, as in `reshape([H * W, 64])`.

    A number that is known is at most `high`.
    """

    low: int = 1
    high: int | None = None

    @property
    def text(self) -> str:
        return f"a size of at least {self.low}"

    def accept(self, value: object) -> Dim:
        if isinstance(value, Poly):
            return value
        if isinstance(value, Size | Extents):
            help = "its rows and columns stand one by one: `to_map(maps.height, maps.width)`"
            raise Fault("wrong-kind", f"{self.text} is wanted here, this is the size {value}", help=help)
        return Int(self.low, self.high).accept(value)


@dataclass(frozen=True)
class AnySizeOf(Kind):
    """A size of `rank` numbers of at least 1, each of which may be symbolic: that of another map, as a rule."""

    rank: int = 2

    @property
    def text(self) -> str:
        return f"{SizeOf(self.rank).text}, or that of a map, such as `maps.size`"

    def accept(self, value: object) -> Size | Extents:
        if getattr(value, "is_tensor", False):
            help = "its height and width are its `.size`"
            raise Fault("wrong-kind", "a size is wanted here, this is a tensor", help=help)
        if isinstance(value, int | Poly) and not isinstance(value, bool):
            value = sized((value,) * self.rank)
        if not isinstance(value, Size | Extents) or len(value) != self.rank:
            raise self.wrong(value)

        for size in value:
            if at_least(size, 1) is False or at_least(size, LARGEST + 1) is True:
                raise Fault("out-of-range", f"a size with numbers from 1 to {LARGEST} is wanted here, this is {value}")
        return value
