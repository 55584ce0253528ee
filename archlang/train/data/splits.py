"""Data for training: images with labels, split in two, from scikit-learn's digits or from a function of the user's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy
import torch
from PIL import Image

from archlang.train.problems import bad_data

TEST_SHARE = 0.2

NO_LABEL = -1
"""The label of a sample that has none."""


class Split(Protocol):
    """A part of the data."""

    def __len__(self) -> int:
        """How many samples it has."""

    def batch(self, indices: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Samples by index: floats [batch, ...] (images [batch, channels, height, width] from 0 to 1), and labels."""


@dataclass(frozen=True)
class Tensors:
    """A split that lies in memory: samples [count, ...] (bytes count as 0..255) and labels [count]."""

    samples: torch.Tensor
    labels: torch.Tensor

    def __post_init__(self) -> None:
        _paired(self.samples, self.labels)

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, indices: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Samples by index, as floats."""
        rows = torch.as_tensor(indices, dtype=torch.int64)
        return scaled(self.samples[rows]), self.labels[rows]


@dataclass(frozen=True)
class Items:
    """A split over a torch `Dataset` of (sample, label) pairs or of samples alone, which get the label -1.

    They are read as they are needed; `rows` picks some of them.
    """

    dataset: Any
    rows: Sequence[int] = field(default=())

    def __len__(self) -> int:
        return len(self.rows)

    def batch(self, indices: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Samples by index, stacked. Raises `ArchError` (bad-data) where the items do not fit together."""
        pairs = [self._pair(self.rows[i]) for i in indices]
        samples = [as_sample(sample) for sample, _ in pairs]
        if len({s.shape for s in samples}) > 1:
            raise bad_data("the samples differ in size", help="resize them in the function that gives the data")
        return torch.stack(samples), torch.stack([torch.as_tensor(label) for _, label in pairs])

    def _pair(self, row: int) -> tuple[Any, Any]:
        item = self.dataset[row]
        if isinstance(item, (torch.Tensor, numpy.ndarray, Image.Image)):
            return item, NO_LABEL
        if not isinstance(item, (tuple, list)) or len(item) != 2:
            raise bad_data("an item of the data is no pair of a sample and a label")
        return item[0], item[1]


@dataclass(frozen=True)
class Data:
    """What a network is trained and judged on; `classes` names the labels 0, 1, ... where the data knows them."""

    name: str
    train: Split
    test: Split
    classes: tuple[str, ...] | None = None


def scaled(samples: torch.Tensor) -> torch.Tensor:
    """Samples as floats; bytes 0..255 become 0..1."""
    if samples.dtype == torch.uint8:
        return samples.float() / 255
    return samples.float()


def as_sample(value: Any) -> torch.Tensor:
    """One sample as floats: a tensor, an array [rows, columns(, channels)] or a Pillow image."""
    if isinstance(value, Image.Image):
        return from_image(value)
    if isinstance(value, numpy.ndarray):
        tensor = torch.from_numpy(numpy.ascontiguousarray(value))
        return scaled(tensor.permute(2, 0, 1) if tensor.ndim == 3 and tensor.shape[2] in (1, 3, 4) else tensor)
    if isinstance(value, torch.Tensor):
        return scaled(value)
    raise bad_data("a sample is neither a tensor nor an array nor an image")


def from_image(image: Image.Image) -> torch.Tensor:
    """A Pillow image as floats [1 or 3, rows, columns] from 0 to 1; transparency is dropped."""
    if image.mode.startswith("I;16") or image.mode == "I":
        grey = torch.from_numpy(numpy.asarray(image, dtype=numpy.float32).copy())
        return (grey / 65535).clamp(0, 1)[None]
    kept = image if image.mode in ("L", "RGB") else image.convert("L" if image.mode in ("1", "LA", "F") else "RGB")
    pixels = torch.from_numpy(numpy.asarray(kept, dtype=numpy.uint8).copy())
    return scaled(pixels[None] if pixels.ndim == 2 else pixels.permute(2, 0, 1))


def stratified(labels: torch.Tensor, share: float = TEST_SHARE, seed: int = 0) -> tuple[list[int], list[int]]:
    """Indices of a training and a test part; the test part has `share` of every class, rounded, drawn by the seed.

    >>> train, test = stratified(torch.tensor([0] * 10 + [1] * 5))
    >>> len(train), len(test), sum(i < 10 for i in test)
    (12, 3, 2)
    """
    generator = torch.Generator().manual_seed(seed)
    test: set[int] = set()
    for value in sorted(set(labels.tolist())):
        rows = (labels == value).nonzero().flatten()
        drawn = rows[torch.randperm(len(rows), generator=generator)]
        test.update(drawn[: round(len(rows) * share)].tolist())
    return [i for i in range(len(labels)) if i not in test], sorted(test)


def divide(samples: torch.Tensor, labels: torch.Tensor) -> tuple[Tensors, Tensors]:
    """A training and a test split of tensors: by class where the labels are whole numbers, else as they come."""
    _paired(samples, labels)
    whole = not labels.is_floating_point() and labels.ndim == 1
    train, test = stratified(labels if whole else torch.zeros(len(labels)))
    return Tensors(samples[train], labels[train]), Tensors(samples[test], labels[test])


def _paired(samples: torch.Tensor, labels: torch.Tensor) -> None:
    if samples.ndim < 2 or labels.ndim < 1 or len(samples) != len(labels):
        shapes = f"samples {list(samples.shape)}, labels {list(labels.shape)}"
        raise bad_data(f"there is no label for each sample: {shapes}")
