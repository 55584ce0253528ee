"""Samples with names: arrays of one length, an array for each input of a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy
import torch

from archlang.diagnostics.text import one_line
from archlang.train.data.label_place import LabelPlace
from archlang.train.data.label_tables import rows_in_memory
from archlang.train.data.labels import LABEL, labels_in_memory
from archlang.train.data.samples import samples_in_memory
from archlang.train.data.splits import NO_LABEL, stratified
from archlang.train.problems import bad_data


@dataclass(frozen=True)
class NamedTensors:
    """A split in memory: for each name samples [count, ...], and labels [count, ...], or rows of labels with names.

    Only together with a network, which says what its inputs are called, do its samples become tensors
    (`archlang.train.inputs`).
    """

    samples: Mapping[str, torch.Tensor]
    labels: torch.Tensor
    label_places: tuple[LabelPlace, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, indices: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Raises `ArchError` (bad-data): nobody has said which of the names is meant."""
        raise needs_inputs(self.samples, len(indices))


def needs_inputs(names: Mapping[str, Any], count: int) -> Exception:
    """The error of samples with names where one tensor is wanted; the caller raises it."""
    shown = ", ".join(f"`{one_line(str(name), 40)}`" for name in list(names)[:8])
    return bad_data(f"{count} samples with names ({shown}) were to be read without a network that says its inputs")


def is_named_arrays(value: Any) -> bool:
    """Tell a table of arrays by the names of inputs."""
    return (
        isinstance(value, Mapping) and bool(value)
        and all(isinstance(key, str) for key in value)
        and all(isinstance(array, torch.Tensor | numpy.ndarray) for key, array in value.items() if key != LABEL)
    )


def named_arrays(value: Mapping[str, Any], labels: Any = None) -> tuple[NamedTensors, tuple[str, ...] | None]:
    """A split of a table of arrays, whose labels are given beside it or stand in it as `label`.

    Several labels are a table too, or stand in it as `label.heat`, `label.extent` and so on. Returns the classes too,
    where labels are names. Raises `ArchError` (bad-data) where lengths differ.
    """
    if labels is None:
        labels = _labels_in(value)
    samples = {name: samples_in_memory(array) for name, array in value.items() if not _is_label(name)}
    if not samples:
        raise bad_data("a table of samples holds labels alone")

    lengths = {name: len(array) if array.ndim else 0 for name, array in samples.items()}
    count = next(iter(lengths.values()))
    numbers, classes = torch.full((count,), NO_LABEL), None
    places: tuple[LabelPlace, ...] = ()
    if isinstance(labels, Mapping):
        each = {str(name): _label_array(str(name), array) for name, array in labels.items()}
        lengths |= {f"{LABEL}.{name}": len(array) for name, array in each.items()}
        if len(set(lengths.values())) == 1 and count:
            numbers, places = rows_in_memory(each)
    elif labels is not None:
        numbers, classes = labels_in_memory(labels)
        lengths[LABEL] = len(numbers)

    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"`{one_line(name, 40)}` {length}" for name, length in lengths.items())
        raise bad_data(f"there is not one of each for every sample: {shown}")
    return NamedTensors(samples, numbers, places), classes


def _is_label(name: str) -> bool:
    return name == LABEL or name.startswith(f"{LABEL}.")


def _labels_in(value: Mapping[str, Any]) -> Any:
    """The labels of a table of arrays: one array, a table of them, or None."""
    parts = {name.removeprefix(f"{LABEL}."): array for name, array in value.items() if name.startswith(f"{LABEL}.")}
    if parts and LABEL in value:
        raise bad_data(f"a table of samples holds `{LABEL}` and `{LABEL}.{next(iter(parts))}`",
                       help="there is one label, or each has a name")
    if parts:
        return parts
    return value.get(LABEL)


def _label_array(name: str, array: Any) -> torch.Tensor:
    """One of several labels, [count, ...]. Raises `ArchError` (bad-data) for names of classes, and for no array."""
    if not isinstance(array, torch.Tensor | numpy.ndarray | tuple | list):
        raise bad_data(f"`{LABEL}.{one_line(name, 40)}` is no array of labels")
    numbers, classes = labels_in_memory(array)
    if classes is not None:
        raise bad_data(f"`{LABEL}.{one_line(name, 40)}` holds names of classes, and labels with names are numbers",
                       help="give the number of each class")
    return numbers


def divided(whole: NamedTensors) -> tuple[NamedTensors, NamedTensors]:
    """A training and a test part: a fifth of each class, or of all, is the test, drawn by the seed 0."""
    kinds = torch.zeros(len(whole))
    if whole.labels.ndim == 1 and not whole.labels.is_floating_point():
        kinds = whole.labels

    train, test = stratified(kinds)
    if not test:
        train, test = stratified(torch.zeros(len(whole)))
    return _some(whole, train), _some(whole, test)


def _some(whole: NamedTensors, rows: Sequence[int]) -> NamedTensors:
    samples = {name: array[rows] for name, array in whole.samples.items()}
    return NamedTensors(samples, whole.labels[rows], whole.label_places)
