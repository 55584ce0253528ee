"""Classes matched by name: labels of data numbered as a model, or the file of a network, numbers its classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from archlang.diagnostics.text import one_line
from archlang.train.data.image_files import ImageFiles
from archlang.train.data.items import Items
from archlang.train.data.labels import ClassOutput, as_class_numbers
from archlang.train.data.named import NamedTensors
from archlang.train.data.splits import NO_LABEL, Split, Tensors
from archlang.train.problems import bad_data

SHOWN = 8
"""Names that a message lists."""


@dataclass(frozen=True)
class Renumbered:
    """A split whose labels are read as class numbers, and numbered anew.

    `numbers` holds the new number of each old one; None leaves them as they are.
    """

    split: Any
    scores: ClassOutput | None = None
    numbers: torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self.split)

    def batch(self, indices: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Samples by index, and their labels as class numbers."""
        samples, labels = self.split.batch(indices)
        return samples, self.renumber(labels)

    def renumber(self, labels: torch.Tensor) -> torch.Tensor:
        """Labels [batch, ...] as class numbers of the model. Raises `ArchError` (bad-data) where they are none."""
        if self.scores is not None:
            labels = as_class_numbers(labels, self.scores)
        if self.numbers is None:
            return labels
        return renumbered(labels, self.numbers)


def with_class_numbers(split: Split, scores: ClassOutput) -> Split:
    """A split whose labels are class numbers, as a loss over classes reads them (`labels.as_class_numbers`)."""
    if isinstance(split, Tensors):
        return replace(split, labels=as_class_numbers(split.labels, scores))
    if isinstance(split, ImageFiles):
        return split
    return Renumbered(split, scores)


def matched(split: Split, have: Sequence[str], want: Sequence[str], whose: str) -> Split:
    """A split with the classes `have`, its labels numbered as `want` numbers them.

    `whose` says in messages who has the classes `want`. Raises `ArchError` (bad-data) for a class that is not there.
    """
    require_known(have, want, whose)
    numbers = torch.tensor([want.index(name) for name in have], dtype=torch.int64)
    # Most often both count alike: the split stays what it is, and labels of any form pass.
    if numbers.tolist() == list(range(len(have))):
        return split

    if isinstance(split, Tensors | NamedTensors):
        return replace(split, labels=renumbered(split.labels, numbers))
    if isinstance(split, ImageFiles):
        return replace(split, classes=renumbered(split.classes, numbers))
    if isinstance(split, Items) and split.names:
        return replace(split, names={name: want.index(name) for name in split.names})
    return Renumbered(split, None, numbers)


def require_known(have: Sequence[str], want: Sequence[str], whose: str) -> None:
    """Raises `ArchError` (bad-data) unless every name of `have` is one of `want`, and none stands twice."""
    twice = sorted({name for name in have if list(have).count(name) > 1})
    if twice:
        raise bad_data(f"the data has two classes called `{one_line(twice[0], 60)}`")

    strange = [name for name in have if name not in set(want)]
    if strange:
        raise bad_data(f"the data has the class `{one_line(strange[0], 60)}`, and {whose} has not",
                       help=f"classes are matched by name; known are {listed(want)}")


def renumbered(labels: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
    """Class numbers by their new ones; a label that is none stays none.

    >>> renumbered(torch.tensor([0, 1, -1]), torch.tensor([5, 2])).tolist()
    [5, 2, -1]
    """
    if labels.is_floating_point():
        raise bad_data("the labels are no class numbers, so that classes cannot be matched by name")

    unnamed = labels[(labels >= len(numbers)) | (labels < NO_LABEL)]
    if unnamed.numel():
        raise bad_data(f"the data has the label {int(unnamed[0])}, and names for the classes 0 to {len(numbers) - 1}")

    # The label of a sample without one is no index.
    return torch.where(labels >= 0, numbers[labels.clamp_min(0)], labels)


def listed(names: Sequence[str]) -> str:
    """The first of some names, for a message."""
    shown = ", ".join(f"`{one_line(name, 40)}`" for name in names[:SHOWN])
    if len(names) > SHOWN:
        return f"{shown} and {len(names) - SHOWN} more"
    return shown
