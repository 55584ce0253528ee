"""The order in which samples are read, where not every order costs the same: streams, and shards of large files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import torch

from archlang.train.data.splits import splits_in

BUFFER = 4096
"""Samples that are mixed with one another where shards are read one after the other."""


@runtime_checkable
class OrderedItems(Protocol):
    """A data set that is read best in an order of its own.

    `is_stream` says that it can be read in this order alone, from its first item, by one process at a time.
    """

    is_stream: bool

    def order(self, generator: torch.Generator, /) -> list[int]:
        """The items of an epoch, each once."""


def ordered_items(split: Any) -> OrderedItems | None:
    """The data set behind a split that has an order of its own."""
    for inner in splits_in(split):
        dataset = getattr(inner, "dataset", None)
        if isinstance(dataset, OrderedItems):
            return dataset
    return None


def order_of(split: Any, generator: torch.Generator) -> list[int]:
    """The samples of an epoch, each once, in a random order."""
    ordered = ordered_items(split)
    if ordered is not None:
        return ordered.order(generator)
    return torch.randperm(len(split), generator=generator).tolist()


def is_stream(split: Any) -> bool:
    """Tell whether a split can be read from its first sample on alone."""
    ordered = ordered_items(split)
    return ordered is not None and ordered.is_stream


def looked_at(split: Any, most: int) -> range:
    """So many samples that tell of all: evenly spread, or, where that would read everything, the first ones."""
    if ordered_items(split) is not None:
        return range(min(most, len(split)))
    return range(0, len(split), max(1, len(split) // most))[:most]


def mixed(shards: Sequence[range], generator: torch.Generator) -> list[int]:
    """All numbers of some ranges: the ranges in a random order, and neighbours mixed over `BUFFER` of them.

    >>> order = mixed([range(3), range(3, 6)], torch.Generator().manual_seed(0))
    >>> sorted(order), order != sorted(order)
    ([0, 1, 2, 3, 4, 5], True)
    """
    shuffled = torch.randperm(len(shards), generator=generator).tolist()
    sequence = [number for shard in shuffled for number in shards[shard]]
    places = torch.rand(len(sequence), generator=generator).tolist()

    # Each number takes the place of one that waits, which is read now.
    waiting, order = sequence[:BUFFER], []
    for number, place in zip(sequence[BUFFER:], places, strict=False):
        at = int(place * len(waiting))
        order.append(waiting[at])
        waiting[at] = number
    return [*order, *(waiting[at] for at in torch.randperm(len(waiting), generator=generator).tolist())]
