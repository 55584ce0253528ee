"""Torch's own data: what a `DataLoader` of the user's reads, and streams (`IterableDataset`)."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Any

import numpy
import torch
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    default_collate,
)
from torch.utils.data._utils.collate import default_convert

from archlang.diagnostics.text import one_line
from archlang.train.data.items import length_of
from archlang.train.data.user_code import blamed
from archlang.train.problems import bad_data


class InOrder:
    """The items of a stream by their numbers: to go back, or to another epoch, is to begin it anew.

    All that the stream draws comes from the number of the epoch, wherever it is begun and whoever reads it.
    """

    is_stream = True

    def __init__(self, dataset: Any) -> None:
        if not hasattr(dataset, "__len__"):
            raise bad_data("a stream does not say how long it is", help="give its `IterableDataset` a `__len__`")
        self.dataset, self.count, self.epoch = dataset, length_of(dataset), 0
        self._iterator: Iterator[Any] | None = None
        self._next = 0
        self._chance: tuple[Any, ...] = ()

    def __len__(self) -> int:
        return length_of(self.dataset)

    def order(self, _generator: torch.Generator) -> list[int]:
        """Its own order, whatever is drawn."""
        return list(range(self.count))

    def enter(self, epoch: int) -> None:
        """Read another epoch from now on."""
        if epoch != self.epoch:
            self.epoch, self._iterator = epoch, None

    def __getitem__(self, number: int) -> Any:
        """The item of a number. Raises `ArchError` (bad-data) where the stream is shorter, or longer, than it says."""
        if self._iterator is None or number < self._next:
            _seed(self.epoch)
            self._iterator, self._next = iter(self.dataset), 0
        else:
            _restore(self._chance)

        # Items before it were read already where a training goes on: they are read again, and draw again.
        item = None
        while self._next <= number:
            item = self._advanced()
            self._next += 1
        if self._next == self.count and next(self._iterator, self) is not self:
            raise bad_data(f"a stream goes on after the {self.count} items that it says it has")
        # Whoever reads next draws by seeds of its own; the stream goes on where it was.
        self._chance = _states()
        return item

    def _advanced(self) -> Any:
        assert self._iterator is not None
        try:
            return next(self._iterator)
        except StopIteration:
            self._iterator = None
            message = f"a stream ended after {self._next} of the {self.count} items that it says it has"
            raise bad_data(message) from None


def taken_apart(value: Any) -> Any:
    """Data with the data sets of its loaders in their places, and its streams read by number."""
    if isinstance(value, DataLoader):
        return taken_apart(_dataset_of(value))
    if isinstance(value, IterableDataset):
        return InOrder(value)
    # Two or three of them are parts; longer lists are items.
    if isinstance(value, tuple | list) and len(value) in (2, 3) and any(_is_torchs(part) for part in value):
        return tuple(taken_apart(part) for part in value)
    if isinstance(value, Mapping) and any(_is_torchs(part) for part in value.values()):
        return {name: taken_apart(part) for name, part in value.items()}
    return value


def _is_torchs(value: Any) -> bool:
    return isinstance(value, DataLoader | IterableDataset)


def _dataset_of(loader: DataLoader[Any]) -> Any:
    """The data set of a loader that does nothing which batches of archlang would not do too."""
    with blamed("looking at the `DataLoader`"):
        sampler, batches, collate = loader.sampler, loader.batch_sampler, loader.collate_fn

    help = "give its `dataset`"
    if not isinstance(loader.dataset, IterableDataset):
        is_plain = type(sampler) is SequentialSampler or (type(sampler) is RandomSampler and not sampler.replacement)
        if not is_plain or type(batches) not in (BatchSampler, type(None)):
            shown = one_line(type(sampler if not is_plain else batches).__name__, 60)
            raise bad_data(f"a `DataLoader` draws its samples by `{shown}`, and a training draws its own batches",
                           help=help)
    if collate not in (default_collate, default_convert):
        raise bad_data("a `DataLoader` makes its batches by a `collate_fn` of its own",
                       help=f"{help}; what is done to a whole batch can be a batch transform")
    return loader.dataset


def _seed(epoch: int) -> None:
    """Seed the generators for an epoch of a stream."""
    torch.default_generator.manual_seed(epoch)
    random.seed(epoch)
    numpy.random.seed(epoch)


def _states() -> tuple[Any, ...]:
    return torch.get_rng_state(), random.getstate(), numpy.random.get_state()


def _restore(states: tuple[Any, ...]) -> None:
    torch.set_rng_state(states[0])
    random.setstate(states[1])
    numpy.random.set_state(states[2])
