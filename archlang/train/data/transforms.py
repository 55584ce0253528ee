"""Changes of training samples by functions of the user's: one sample at a time, or a whole batch.

A change of a sample takes the image, or the image and its label, as torchvision's transforms do (v2). A change of a
batch takes samples and labels, and may make labels shares of classes, as mixup does.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import torch

from archlang.diagnostics.text import one_line
from archlang.train.data.labels import label_of_item, labels_in_memory
from archlang.train.data.samples import as_sample, is_finite, plain_tensor
from archlang.train.data.user_code import blamed
from archlang.train.problems import bad_data

MAP = 2
"""Axes from which on a label lies on its image: a map of classes, or a target image."""


@dataclass(frozen=True)
class Changes:
    """The functions that change training samples, and how a run calls them."""

    sample: Callable[..., Any] | None = None
    batch: Callable[..., Any] | None = None

    def of(self, split: Any) -> Any:
        """The split with its samples changed."""
        if self.sample is not None:
            split = ChangedSamples(split, self.sample, takes_label(self.sample))
        if self.batch is not None:
            split = ChangedBatches(split, self.batch)
        return split

    @property
    def names(self) -> list[str]:
        """The names of these changes: of a function its own, of anything else what it shows of itself."""
        return [_name(change) for change in (self.sample, self.batch) if change is not None]


@dataclass(frozen=True)
class ChangedSamples:
    """A split each of whose samples is changed, together with its label where `both`."""

    split: Any
    change: Callable[..., Any]
    both: bool

    is_foreign = True

    def __len__(self) -> int:
        return len(self.split)

    def batch(self, indices: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Samples and labels by index. Raises `ArchError` (bad-data) where the change fails or gives something else."""
        samples, labels = self.split.batch(indices)
        pairs = [self._changed(*pair) for pair in zip(samples, labels, indices, strict=True)]

        return _stacked([sample for sample, _ in pairs], "samples"), _stacked([label for _, label in pairs], "labels")

    def _changed(self, sample: torch.Tensor, label: torch.Tensor, number: int) -> tuple[torch.Tensor, torch.Tensor]:
        place = f"the transform of sample {number}"
        if not self.both:
            if label.ndim >= MAP:
                raise bad_data("the label lies on the image, and the transform takes the image alone",
                               help="a transform of (image, label) can move both")
            with blamed(place):
                return as_sample(self.change(sample)), label

        with blamed(place):
            result = self.change(sample, self._given(label))
            if not isinstance(result, tuple | list) or len(result) != 2:
                raise bad_data(f"{place} gives no pair of a sample and a label")
            return as_sample(result[0]), label_of_item(result[1], {}, number)

    def _given(self, label: torch.Tensor) -> Any:
        """A label as the change takes it: a class as a number, a map as torchvision knows maps."""
        if label.ndim == 0:
            return label.item()
        if label.ndim < MAP or not _is_of_torchvision(self.change):
            return label

        # A plain tensor beside an image would pass torchvision unmoved.
        tv_tensors = import_module("torchvision.tv_tensors")
        if label.is_floating_point():
            return tv_tensors.Image(label)
        return tv_tensors.Mask(label)


@dataclass(frozen=True)
class ChangedBatches:
    """A split whose batches are changed as a whole."""

    split: Any
    change: Callable[..., Any]

    is_foreign = True

    def __len__(self) -> int:
        return len(self.split)

    def batch(self, indices: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Samples and labels by index. Raises `ArchError` (bad-data) where the change fails or gives something else."""
        samples, labels = self.split.batch(indices)
        place = "the transform of a batch"
        with blamed(place):
            result = self.change(samples, labels)
            if not isinstance(result, tuple | list) or len(result) != 2:
                raise bad_data(f"{place} gives no pair of samples and labels")
            changed = plain_tensor(result[0], "a batch of samples")
            marked, names = labels_in_memory(result[1])

        if names is not None or len(changed) != len(marked) or not len(changed):
            raise bad_data(f"{place} gives {len(changed)} samples and {len(marked)} labels")
        if not is_finite(changed):
            raise bad_data(f"{place} gives NaN or infinity")
        # A share of a process, and the seeds of the next steps, count samples as they were asked for.
        if len(changed) != len(indices):
            raise bad_data(f"{place} makes {len(changed)} samples of {len(indices)}", help="it keeps their number")
        return changed, marked


def _stacked(parts: Sequence[torch.Tensor], what: str) -> torch.Tensor:
    """The changed samples or labels of a batch. Raises `ArchError` (bad-data) where they differ in size or kind."""
    kinds = {(tuple(part.shape), part.dtype) for part in parts}
    if len(kinds) > 1:
        sizes = sorted({str(list(part.shape)) for part in parts})
        raise bad_data(f"the transform gives {what} of different sizes or kinds: {', '.join(sizes[:4])}")
    return torch.stack(list(parts))


def takes_label(change: Callable[..., Any]) -> bool:
    """Tell whether a change takes the label too. Raises `ArchError` (bad-data) for what cannot be called.

    >>> takes_label(lambda image: image), takes_label(lambda image, label: (image, label))
    (False, True)
    """
    if not callable(change):
        raise bad_data(f"a transform is no function ({one_line(type(change).__name__, 60)})")
    called = change
    # A module's own `__call__` takes anything; what it takes stands in `forward`.
    if isinstance(change, torch.nn.Module):
        called = change.forward
    try:
        inspect.signature(called).bind("image", "label")
    except TypeError:
        return False
    except ValueError:  # written in C, without a signature
        return False
    return True


def _is_of_torchvision(change: Callable[..., Any]) -> bool:
    return type(change).__module__.partition(".")[0] == "torchvision"


def _name(change: Callable[..., Any]) -> str:
    with blamed("the name of a transform"):
        name = getattr(change, "__qualname__", None)
        if isinstance(name, str):
            return one_line(f"{change.__module__}.{name}", 200)
        shown = repr(change)
    # An address is another one in every process.
    if " at 0x" in shown:
        return one_line(f"{type(change).__module__}.{type(change).__qualname__}", 200)
    return one_line(shown, 2000)
