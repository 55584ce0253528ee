"""Data in its parts, and how one part becomes two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from archlang.train.data.input_place import InputPlace
from archlang.train.data.label_place import LabelPlace
from archlang.train.data.pixels import scaled
from archlang.train.problems import bad_data

TEST_SHARE = 0.2

NO_LABEL = -1
"""The label of a sample that has none."""


class Split(Protocol):
    """A part of the data."""

    def __len__(self) -> int:
        """Count the samples."""

    def batch(self, indices: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Samples by index: floats [batch, ...] (images [batch, channels, height, width] from 0 to 1), and labels."""


@dataclass(frozen=True)
class Tensors:
    """A split that lies in memory: samples [count, ...] (bytes count as 0..255) and labels [count, ...]."""

    samples: torch.Tensor
    labels: torch.Tensor
    whole: bool = False
    """Whether the samples are whole numbers, such as tokens, and stay what they are."""

    def __post_init__(self) -> None:
        require_pairs(self.samples, self.labels)

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, indices: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Samples by index, as floats, or as they are where they are whole numbers."""
        rows = torch.as_tensor(indices, dtype=torch.int64)
        if self.whole:
            return self.samples[rows], self.labels[rows]
        return scaled(self.samples[rows]), self.labels[rows]


@dataclass(frozen=True)
class Joined:
    """Several splits as one: all samples of a data set."""

    parts: tuple[Split, ...]

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    def batch(self, indices: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Samples by index, the first part's first, in the order of the indices."""
        read: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

        start = 0
        for part in self.parts:
            here = [i for i in indices if start <= i < start + len(part)]
            if here:
                samples, labels = part.batch([i - start for i in here])
                read |= {i: (samples[row], labels[row]) for row, i in enumerate(here)}
            start += len(part)

        return torch.stack([read[i][0] for i in indices]), torch.stack([read[i][1] for i in indices])


def splits_in(split: Any) -> Iterator[Any]:
    """A split and those that it is made of, at any depth."""
    yield split
    # One that renumbers labels has a `split`, one of several inputs a `source`, a joined one `parts`.
    inner = [getattr(split, name) for name in ("split", "source") if hasattr(split, name)]
    for part in (*inner, *getattr(split, "parts", ())):
        yield from splits_in(part)


@dataclass(frozen=True)
class Data:
    """The data that a network is trained and judged on; `classes` names the labels 0, 1, ... where the data knows them.

    The best epoch of a training is chosen on `validation`, where there is one, and the test part is only told;
    without one, it is chosen on the test part. `label_places` says where labels with names lie in the rows of labels,
    `input_places` the same of a network's several inputs.
    """

    name: str
    train: Split
    test: Split
    classes: tuple[str, ...] | None = None
    validation: Split | None = None
    label_places: tuple[LabelPlace, ...] = ()
    input_places: tuple[InputPlace, ...] = ()

    @property
    def parts(self) -> tuple[Split, ...]:
        """All parts: training, validation where there is one, test."""
        if self.validation is None:
            return self.train, self.test
        return self.train, self.validation, self.test


def stratified(labels: torch.Tensor, share: float = TEST_SHARE, seed: int = 0) -> tuple[list[int], list[int]]:
    """Indices of a training and a test part; the test part has `share` of every class, rounded, drawn by the seed.

    >>> train, test = stratified(torch.tensor([0] * 10 + [1] * 5))
    >>> len(train), len(test), sum(i < 10 for i in test)
    (12, 3, 2)
    """
    generator = torch.Generator().manual_seed(seed)
    is_test = torch.zeros(len(labels), dtype=torch.bool)

    for value in sorted(set(labels.tolist())):
        rows = (labels == value).nonzero().flatten()
        drawn = rows[torch.randperm(len(rows), generator=generator)]
        # Rounded for each class by itself, so that a rare class is not lost to the test by chance.
        is_test[drawn[: round(len(rows) * share)]] = True

    return (~is_test).nonzero().flatten().tolist(), is_test.nonzero().flatten().tolist()


def divide(samples: torch.Tensor, labels: torch.Tensor) -> tuple[Tensors, Tensors]:
    """A training and a test split of tensors: by class where the labels are whole numbers, else as they come."""
    require_pairs(samples, labels)

    kinds = torch.zeros(len(labels))
    if labels.ndim == 1 and not labels.is_floating_point():
        kinds = labels

    train, test = stratified(kinds)
    if not test:
        # Whole numbers that are no classes, such as ages: hardly any of them stands twice.
        train, test = stratified(torch.zeros(len(labels)))
    return Tensors(samples[train], labels[train]), Tensors(samples[test], labels[test])


def require_pairs(samples: torch.Tensor, labels: torch.Tensor) -> None:
    """Raises `ArchError` (bad-data) unless there are samples of one axis or more, and a label for each."""
    if samples.ndim < 2 or labels.ndim < 1 or len(samples) != len(labels):
        shapes = f"samples {list(samples.shape)}, labels {list(labels.shape)}"
        raise bad_data(f"there is no label for each sample: {shapes}")
