"""Data of whole numbers, such as tokens: kept as they are, and within the range that the network declares."""

from __future__ import annotations

from dataclasses import replace

import torch

from archlang.emit import first_outside
from archlang.graph.ir import Graph
from archlang.train.data.image_files import ImageFiles
from archlang.train.data.items import Items
from archlang.train.data.splits import Data, Joined, Split, Tensors
from archlang.train.data.user_data import ForeignSplit
from archlang.train.problems import bad_data


def whole_data(data: Data, graph: Graph) -> Data:
    """Data whose samples stay whole numbers, where the network's one input is declared to hold such.

    Raises `ArchError` (bad-data) for image files, which are none.
    """
    if len(graph.inputs) != 1 or graph.inputs[0].type.range is None:
        return data

    validation = None
    if data.validation is not None:
        validation = _whole(data.validation)
    return replace(data, train=_whole(data.train), test=_whole(data.test), validation=validation)


def _whole(split: Split) -> Split:
    if isinstance(split, Joined):
        return Joined(tuple(_whole(part) for part in split.parts))
    if isinstance(split, ImageFiles):
        raise bad_data("the network wants whole numbers such as tokens, the data holds image files")
    if isinstance(split, Tensors | Items | ForeignSplit):
        return replace(split, whole=True)
    return split


def whole_numbers(samples: torch.Tensor, range: int) -> torch.Tensor:
    """Samples as whole numbers from 0 below a range. Raises `ArchError` (bad-data) where they are none."""
    if samples.is_floating_point() and not bool((samples == samples.round()).all()):
        raise bad_data("the network wants whole numbers such as tokens, the data holds fractions")

    whole = samples.long()
    outside = first_outside(whole, range)
    if outside is not None:
        number, place = outside
        raise bad_data(f"the network wants whole numbers from 0 to {range - 1}, a sample holds {number}, "
                       f"at {list(place[1:])}")
    return whole
