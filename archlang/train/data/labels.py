"""Labels in the forms that people write them: numbers of any kind, columns, one-hot rows, names, none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy
import torch

from archlang.diagnostics.text import one_line
from archlang.train.data.samples import NUMERIC, plain_tensor
from archlang.train.data.splits import NO_LABEL
from archlang.train.problems import bad_data

LABEL = "label"
"""The name under which a table of arrays, or an item that is a table, holds labels."""

Names = Mapping[str, int]
"""Class numbers by name."""

TEXTS = (str, bytes, numpy.str_, numpy.bytes_)


@dataclass(frozen=True)
class ClassOutput:
    """The output that a loss compares with class numbers: how many classes it tells apart, its axes, that of classes.

    `classes` is None where the size is a symbol; axes are counted with the batch.
    """

    classes: int | None
    axes: int
    axis: int = 1


# --- labels of a data set that lies in memory ------------------------------------------------------------------------


def labels_in_memory(value: Any) -> tuple[torch.Tensor, tuple[str, ...] | None]:
    """All labels of a data set, [count, ...], as a tensor of int64 or float32; and the classes, where they are names.

    Names are numbered in alphabetical order. A column [count, 1] of whole numbers becomes [count]. Raises `ArchError`
    (bad-data), naming the item, for labels that are no numbers.
    """
    if isinstance(value, tuple | list):
        return _labels_of_objects(list(value))
    if isinstance(value, numpy.ndarray) and value.dtype.kind in "OSU":
        column = numpy.atleast_1d(value)
        column = column.reshape(len(column), -1)
        if column.shape[1:] != (1,):
            raise bad_data(f"the labels are an array {list(value.shape)} of texts or objects; one for each sample is "
                           "read")
        return _labels_of_objects(column[:, 0].tolist())

    labels = tidy(plain_tensor(value, "the array of labels"))
    if labels.ndim == 2 and labels.shape[1] == 1 and not labels.is_floating_point():
        labels = labels[:, 0]
    require_finite(labels)
    return labels, None


def numbered(names: Sequence[str]) -> tuple[tuple[str, ...], Names]:
    """The classes of labels that are names, and their numbers: in alphabetical order.

    >>> numbered(["dog", "cat", "dog"])
    (('cat', 'dog'), {'cat': 0, 'dog': 1})
    """
    classes = tuple(sorted(set(names)))
    return classes, {name: number for number, name in enumerate(classes)}


def text_of(label: Any) -> str:
    """A label that is a name, as a text."""
    if isinstance(label, bytes):
        return label.decode("utf-8", "replace")
    return str(label)


def _labels_of_objects(labels: list[Any]) -> tuple[torch.Tensor, tuple[str, ...] | None]:
    if labels and all(isinstance(label, TEXTS) for label in labels):
        classes, numbers = numbered([text_of(label) for label in labels])
        return torch.tensor([numbers[text_of(label)] for label in labels]), classes

    each = [label_of_item(label, {}, number) for number, label in enumerate(labels)]
    if len({(label.shape, label.dtype) for label in each}) > 1:
        raise bad_data("the labels differ in kind or shape")
    return torch.stack(each), None


# --- the label of one item -------------------------------------------------------------------------------------------


def label_of_item(label: Any, names: Names, number: int) -> torch.Tensor:
    """The label of item `number` as a tensor of int64 or float32; none (`None`) is -1.

    Raises `ArchError` (bad-data) for a name that is no class, and for what is no number.
    """
    if label is None:
        return torch.tensor(NO_LABEL)

    if isinstance(label, TEXTS):
        name = text_of(label)
        if name not in names:
            raise bad_data(f"item {number} has the label `{one_line(name, 60)}`, which is no class of the data")
        return torch.tensor(names[name])

    if isinstance(label, list | tuple | numpy.generic | int | float):
        label = _array_of(label, number)
    if not isinstance(label, torch.Tensor | numpy.ndarray):
        raise bad_data(f"item {number} has a label that is no number ({one_line(type(label).__name__, 60)})")

    tensor = tidy(plain_tensor(label, f"the label of item {number}"))
    # [1] is a column's way of writing one class number.
    if tensor.shape == (1,) and not tensor.is_floating_point():
        tensor = tensor[0]
    require_finite(tensor[None], number)
    return tensor


def tidy(labels: torch.Tensor) -> torch.Tensor:
    """Labels of any type of numbers as int64 or float32. Raises `ArchError` (bad-data) past 64 bits."""
    if labels.is_floating_point():
        return labels.float()

    whole = labels.to(torch.int64)
    if labels.dtype == torch.uint64 and bool((whole < 0).any()):
        raise bad_data("a label is larger than 64-bit integers hold")
    return whole


def require_finite(labels: torch.Tensor, first: int = 0) -> None:
    """Raises `ArchError` (bad-data) for a label that is NaN or infinite; `first` is the number of the first item."""
    wrong = ~labels.isfinite()
    if bool(wrong.any()):
        raise bad_data(f"the label of item {first + int(wrong.nonzero()[0, 0])} is NaN or infinite")


def _array_of(label: Any, number: int) -> numpy.ndarray:
    """A label made of Python's or numpy's numbers as an array."""
    try:
        array = numpy.asarray(label)
    except (ValueError, OverflowError):  # rows of different lengths
        array = numpy.asarray(None)

    if array.dtype.kind not in NUMERIC:
        raise bad_data(f"item {number} has a label that is no number, or one past 64 bits")
    return array


# --- class numbers, for losses that want them ------------------------------------------------------------------------


def as_class_numbers(labels: torch.Tensor, scores: ClassOutput) -> torch.Tensor:
    """Labels [batch, ...] as class numbers for scores with one axis more, that of classes; probabilities stay.

    Whole floats become integers, one-hot rows their number, and an axis of one class that is too many goes. Raises
    `ArchError` (bad-data) for labels that are no classes: fractions, rows that are not one-hot.
    """
    if labels.ndim == scores.axes:

        if labels.shape[scores.axis] != 1 or scores.classes == 1:
            # A single class and an axis of size 1 are no column of numbers but its chance.
            return _of_one_hot(labels, scores)
        labels = labels.squeeze(scores.axis)

    if not labels.is_floating_point():
        return labels

    numbers = labels.to(torch.int64)
    if not torch.equal(numbers.to(labels.dtype), labels):
        fraction = labels.flatten()[(numbers != labels).flatten()][0]
        raise bad_data(f"a loss over classes reads the label, and there is the label {float(fraction):g}",
                       help="class numbers are whole, from 0; fractions are for `mse` and `bce`")
    return numbers


def _of_one_hot(labels: torch.Tensor, scores: ClassOutput) -> torch.Tensor:
    """Rows of zeros and a one along the axis of classes as numbers, without that axis."""
    axis = scores.axis
    count = labels.shape[axis]
    if scores.classes is not None and count != scores.classes:
        raise bad_data(f"a label has {count} numbers, and the network tells {scores.classes} classes apart",
                       help="one-hot labels and probabilities need a number for each class")

    sums = labels.sum(axis)
    if bool((((labels == 0) | (labels == 1)).all(axis) & (sums == 1)).all()):
        return labels.argmax(axis)

    near_one = (sums - 1).abs() < 0.01  # shares may have been calculated in half precision
    are_probabilities = labels.is_floating_point() and bool(((labels >= 0).all(axis) & near_one).all())
    if not are_probabilities:
        raise bad_data("a loss over classes reads the label, and its rows are neither one-hot nor probabilities",
                       help="several classes at once are for `bce`")
    return labels
