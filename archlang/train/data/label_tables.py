"""Labels by name: a table of them for each sample, which travels as one row of numbers.

Batches, shares of processes and checkpoints know labels as one tensor. The labels of a sample lie in it one behind the
other, as doubles, which hold every class number and every float; the losses get them taken apart again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch

from archlang.diagnostics import did_you_mean
from archlang.diagnostics.text import one_line
from archlang.train.data.label_place import LabelPlace
from archlang.train.data.labels import LABEL, label_of_item
from archlang.train.problems import bad_data


def label_places(labels: Mapping[str, torch.Tensor]) -> tuple[LabelPlace, ...]:
    """The places of the labels of one sample in a row, in the order of their names."""
    places, start = [], 0
    for name in sorted(labels):
        place = LabelPlace(name, start, tuple(labels[name].shape), not labels[name].is_floating_point())
        places.append(place)
        start = place.stop
    return tuple(places)


def labels_of_item(table: Mapping[str, Any], number: int) -> dict[str, torch.Tensor]:
    """The labels of item `number` as tensors. Raises `ArchError` (bad-data) for one that is no number."""
    if not table:
        raise bad_data(f"the table of labels of item {number} is empty")

    found: dict[str, torch.Tensor] = {}
    for name, value in table.items():
        if value is None:
            raise bad_data(f"item {number} has no `{LABEL}.{one_line(str(name), 40)}`")
        found[str(name)] = label_of_item(value, {}, number)
    return found


def row_of_item(table: Any, places: Sequence[LabelPlace], number: int) -> torch.Tensor:
    """The labels of item `number` as a row. Raises `ArchError` (bad-data) where it differs from the first item."""
    if not isinstance(table, Mapping):
        raise bad_data(f"item {number} has one label, and those before it a table of labels")

    labels = labels_of_item(table, number)
    own = label_places(labels)
    for place, other in zip(places, own, strict=False):
        if (place.name, place.sizes) != (other.name, other.sizes):
            raise bad_data(f"item {number} has the label `{one_line(other.name, 40)}` {list(other.sizes)}, and the "
                           f"first item `{one_line(place.name, 40)}` {list(place.sizes)}")
    if len(own) != len(places):
        raise bad_data(f"item {number} has {len(own)} labels, and the first item {len(places)}")
    return torch.cat([labels[place.name].double().flatten() for place in places])


def rows_in_memory(labels: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, tuple[LabelPlace, ...]]:
    """All labels of a data set, [count, ...] each, as rows [count, all of them], and their places."""
    places = label_places({name: label[0] for name, label in labels.items()})
    count = len(next(iter(labels.values())))
    return torch.cat([labels[place.name].double().reshape(count, -1) for place in places], 1), places


def labels_of_rows(rows: torch.Tensor, places: Iterable[LabelPlace]) -> dict[str, torch.Tensor]:
    """Rows taken apart: for each word that a loss may read (`label.heat`) its labels [batch, ...]."""
    found = {}
    for place in places:
        label = rows[:, place.start : place.stop].reshape(len(rows), *place.sizes)
        if place.whole:
            found[f"{LABEL}.{place.name}"] = label.long()
        else:
            found[f"{LABEL}.{place.name}"] = label.float()
    return found


def require_labels(words: Iterable[str], places: Sequence[LabelPlace]) -> None:
    """Raises `ArchError` (bad-data) unless the data has the labels that losses read by these words."""
    have = [f"{LABEL}.{place.name}" for place in places]
    shown = ", ".join(f"`{one_line(word, 40)}`" for word in have[:8])

    for word in words:
        if word == LABEL and places:
            raise bad_data(f"a loss reads `{LABEL}`, and the data has several labels by their names, {shown}",
                           help=f"a loss reads one of them: `{have[0]}`")
        if word != LABEL and not places:
            raise bad_data(f"a loss reads `{word}`, and the labels of the data have no names",
                           help=f'give a table of labels: {{"{LABEL}": {{"{word.partition(".")[2]}": ...}}}}')
        if word != LABEL and word not in have:
            raise bad_data(f"a loss reads `{word}`, and the data has {shown}", help=did_you_mean(word, have))
