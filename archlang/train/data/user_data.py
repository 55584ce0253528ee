"""Data that a user's function gives, in any of the forms that are understood, as `Data`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy
import torch

from archlang.diagnostics.text import one_line
from archlang.train.data.image_files import ImageFiles
from archlang.train.data.items import Items, classes_of, is_items, items_of, length_of, named_labels, require_length
from archlang.train.data.labels import LABEL, TEXTS, labels_in_memory
from archlang.train.data.matching import matched
from archlang.train.data.named import NamedTensors, divided, is_named_arrays, named_arrays
from archlang.train.data.parts import PART_WORDS, part_of
from archlang.train.data.samples import plain_tensor, samples_in_memory
from archlang.train.data.splits import NO_LABEL, Data, Joined, Split, Tensors, divide, stratified
from archlang.train.data.torch_data import InOrder, taken_apart
from archlang.train.data.user_code import blamed
from archlang.train.problems import bad_data

FORMS = ("give a torch Dataset of (image, label) pairs, a pair of tensors, or two of either for training and test, "
         "or a table such as {\"train\": ..., \"val\": ..., \"test\": ...}; several inputs come as a table of arrays")


@dataclass(frozen=True)
class ForeignSplit:
    """A split of another's making, each batch of which is checked."""

    split: Any
    count: int
    whole: bool = False

    is_foreign = True

    def __len__(self) -> int:
        return self.count

    def check_length(self) -> None:
        """Raise `ArchError` (bad-data) where the split no longer has as many samples as at first."""
        require_length(length_of(self.split), self.count)

    def batch(self, indices: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Samples and labels by index, as the split gives them. Raises `ArchError` (bad-data) where they do not fit."""
        place = f"reading the items {indices[0]} to {indices[-1]} of the data"
        # Even the unpacking may fail: nobody has promised that it gives two things.
        with blamed(place):
            samples, labels = self.split.batch(indices)
            samples = plain_tensor(samples, "a batch of samples")
            # Tokens as floats would lose the last digits of large numbers.
            if not self.whole:
                samples = samples.float()
            labels, names = labels_in_memory(labels)

        if names is not None or len(samples) != len(indices) or len(labels) != len(indices):
            raise bad_data(f"{place} gave {len(samples)} samples and {len(labels)} labels", help="labels are numbers")
        return samples, labels


@dataclass(frozen=True)
class _UserPart:
    """A split, and the names that its labels 0, 1, ... stand for, if it knows them."""

    split: Split
    classes: tuple[str, ...] | None


def understand(name: str, value: Any) -> Data:
    """Data as `sources.find` describes it, from what a user's function gave; `name` is what messages call it.

    Raises `ArchError` (bad-data) for anything else.
    """
    if isinstance(value, Data):
        return _of_data(value)
    value = taken_apart(value)
    if isinstance(value, InOrder):
        raise bad_data(f"`{name}` gives one stream, which cannot be divided", help="give one for training and one for "
                       "the test")
    if isinstance(value, Mapping) and not _is_arrays(value):
        return _of_table(name, value)

    if isinstance(value, torch.Tensor | numpy.ndarray):
        samples = samples_in_memory(value)
        if not samples.ndim:
            raise bad_data(f"`{name}` gives a single number, no data", help=FORMS)
        return Data(name, *divide(samples, torch.full((len(samples),), NO_LABEL)))
    if _is_arrays(value):
        both, classes = _of_arrays(value)
        if isinstance(both, NamedTensors):
            return Data(name, *divided(both), classes=classes)
        return Data(name, *divide(both.samples, both.labels), classes=classes)

    # A list of three may as well be three items; two of them would be no data.
    may_be_parts = isinstance(value, tuple | list) and (len(value) == 2 or (len(value) == 3 and type(value) is tuple))
    if may_be_parts and all(_is_part(part) for part in value):
        return _of_parts(name, [_part(part) for part in value])
    if is_items(value):
        return _divided_items(name, value)

    raise bad_data(f"`{name}` gives something that is no data ({one_line(type(value).__name__, 60)})", help=FORMS)


def _of_data(data: Data) -> Data:
    validation = None
    if data.validation is not None:
        validation = _known(data.validation)
    return Data(data.name, _known(data.train), _known(data.test), _names(data.classes), validation)


def _names(classes: Any) -> tuple[str, ...] | None:
    """The class names of a user's `Data`."""
    if classes is None:
        return None
    if not isinstance(classes, tuple | list) or not all(isinstance(name, str) for name in classes):
        raise bad_data("the classes of the data are no list of names")
    return tuple(classes)


def _known(split: Any) -> Split:
    """A part of a user's `Data`: plain tensors, a split that checks what it gives, or one that is checked."""
    # A subclass has a `batch` of its own, which must not be lost: only plain tensors are taken apart.
    if type(split) is Tensors:
        return _of_arrays((split.samples, split.labels))[0]
    if isinstance(split, Items | ImageFiles | Joined | NamedTensors):
        length_of(split)
        return split
    if not hasattr(split, "batch") or not hasattr(split, "__len__"):
        raise bad_data(f"a part of the data is no split ({one_line(type(split).__name__, 60)})",
                       help="`Tensors` and `Items` of `archlang.train` are")
    return ForeignSplit(split, length_of(split))


def _of_table(name: str, table: Mapping[Any, Any]) -> Data:
    """Data of a table from the names of parts to them."""
    parts: dict[str, Any] = {}
    for key, value in table.items():
        role = part_of(str(key))
        if role is None or role in parts:
            shown = one_line(str(key), 60)
            raise bad_data(f"`{name}` gives a table with the key `{shown}`, which is no part of data, or twice",
                           help=f"parts are {', '.join(PART_WORDS)}")
        parts[role] = value

    if "train" not in parts or len(parts) < 2:
        raise bad_data(f"`{name}` gives a table without a training part, or without another", help=FORMS)
    order = [parts[role] for role in PART_WORDS if role in parts]
    return _of_parts(name, [_part(value) for value in order])


def _of_parts(name: str, parts: Sequence[_UserPart]) -> Data:
    """Data of two parts, training and test, or of three, with validation between them; classes matched by name."""
    classes = parts[0].classes
    splits = []
    for part in parts:
        # Names of a part alone say nothing of the others' numbers.
        if classes is not None and part.classes is not None:
            splits.append(matched(part.split, part.classes, classes, "its training part"))
        else:
            splits.append(part.split)

    train, *others = splits
    if len(others) == 1:
        return Data(name, train, others[0], classes)
    validation, test = others
    return Data(name, train, test, classes, validation)


def _divided_items(name: str, dataset: Any) -> Data:
    """Data of a single data set: a fifth of its items is the test, drawn by the seed 0."""
    classes = classes_of(dataset) or named_labels(dataset)

    # Labels of items are not read ahead: each may be an image away.
    train, test = stratified(torch.zeros(length_of(dataset), dtype=torch.int8))
    names = _numbers_of(classes)
    return Data(name, items_of(dataset, train, names), items_of(dataset, test, names), classes)


def _is_arrays(value: Any) -> bool:
    """Tell a pair of an array of samples and one, or a list, of as many labels; a table of arrays stands for samples.

    A table may hold the labels too, as `label`.
    """
    if is_named_arrays(value):
        return not any(part_of(name) for name in value)
    if not isinstance(value, tuple | list) or len(value) != 2:
        return False
    if not isinstance(value[0], torch.Tensor | numpy.ndarray) and not is_named_arrays(value[0]):
        return False
    if isinstance(value[1], torch.Tensor | numpy.ndarray):
        return True
    if is_named_arrays(value[1]):
        # Several labels beside samples; two parts of the data have the same names, or labels of their own.
        return is_named_arrays(value[0]) and not set(value[1]) & {LABEL, *value[0]}

    labels = value[1]
    return isinstance(labels, tuple | list) and len(labels) > 0 and all(_is_label(label) for label in labels)


def _of_arrays(value: Any) -> tuple[Tensors | NamedTensors, tuple[str, ...] | None]:
    """A split of an array of samples and one of labels, and the classes where they are names."""
    if isinstance(value, Mapping):
        return named_arrays(value)
    if isinstance(value[0], Mapping):
        return named_arrays(value[0], value[1])
    samples = samples_in_memory(value[0])
    labels, classes = labels_in_memory(value[1])
    return Tensors(samples, labels), classes


def _is_part(value: Any) -> bool:
    """Tell a part of data, arrays or items, from one (sample, label) pair of a list of two."""
    if _is_arrays(value):
        return True
    is_pair = isinstance(value, tuple | list) and len(value) == 2 and _is_label(value[1])
    return is_items(value) and not is_pair


def _is_label(value: Any) -> bool:
    return value is None or isinstance(value, (*TEXTS, int, float, numpy.generic))


def _part(value: Any) -> _UserPart:
    """A part of data: a pair of arrays, or items. Raises `ArchError` (bad-data) for anything else."""
    if _is_arrays(value):
        return _UserPart(*_of_arrays(value))
    if not is_items(value):
        raise bad_data("a part of the data is neither a torch Dataset nor a pair of tensors", help=FORMS)

    classes = classes_of(value) or named_labels(value)
    return _UserPart(items_of(value, names=_numbers_of(classes)), classes)


def _numbers_of(classes: tuple[str, ...] | None) -> dict[str, int]:
    return {name: number for number, name in enumerate(classes or ())}
