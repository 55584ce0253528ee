"""Data at hand by name: how each is made, and the options that its name may carry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from archlang.train.data.made.bottleneck import FOLDED, bottleneck
from archlang.train.data.made.harder import HARDER, harder
from archlang.train.data.made.images import CROPS, digits, mnist5k, photos
from archlang.train.data.made.options import DataOption, Values, read_options
from archlang.train.data.made.points import HEAPS, POINTS, blobs, moons, rings
from archlang.train.data.splits import Data


@dataclass(frozen=True)
class DataAtHand:
    """A data set at hand: `make` gives it from the values of its options."""

    make: Callable[[Values], Data]
    options: tuple[DataOption, ...]


def _images(make: Callable[[Values], Data], own: tuple[DataOption, ...] = ()) -> DataAtHand:
    """Images that can be made harder."""
    return DataAtHand(lambda values: harder(make(values), values), (*own, *HARDER))


MADE: Mapping[str, DataAtHand] = {
    "digits": _images(digits),
    "mnist5k": _images(mnist5k),
    "photos": _images(photos, CROPS),
    "moons": DataAtHand(moons, POINTS),
    "blobs": DataAtHand(blobs, HEAPS),
    "rings": DataAtHand(rings, POINTS),
    "bottleneck": DataAtHand(bottleneck, FOLDED),
}
"""Data sets that come with installed packages, or are made from a seed."""


def make(name: str, options: str) -> Data:
    """The data set `NAME:OPTIONS`, called so. Raises `ArchError`: unknown-data, bad-data, missing-tool."""
    made = MADE[name]
    # Read first: a mistake is told before seconds of making.
    data = made.make(read_options(name, options, made.options))
    # The name stands in logs and in the run, where it must say which data it was.
    if not options:
        return data
    return replace(data, name=f"{name}:{options}")
