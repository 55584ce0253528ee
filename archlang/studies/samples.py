"""Data sets at a glance: how many samples of which sizes, and a picture of some."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from archlang.diagnostics import ArchError, error
from archlang.studies.tiles import tile_of
from archlang.train.data.sources import find
from archlang.train.data.splits import Data, Split
from archlang.views.canvas.shapes import Page
from archlang.views.scatter import Plane, planes
from archlang.views.sheet import Tile, sheet


@dataclass(frozen=True)
class Glance:
    """A data set's sizes: samples of each part, the sizes of a sample, classes (None where the data names none)."""

    name: str
    train: int
    test: int
    validation: int | None
    sample: tuple[int, ...]
    classes: int | None


def glance(name: str) -> tuple[Data, Glance]:
    """The data of a name, and its sizes. Raises `ArchError`: unknown-data, bad-data, missing-tool."""
    data = find(name)
    validation = None
    if data.validation is not None:
        validation = len(data.validation)
    classes = None
    if data.classes is not None:
        classes = len(data.classes)

    # The first sample tells for all: data of several sizes is brought to one.
    sample = data.test.batch([0])[0]
    return data, Glance(name, len(data.train), len(data.test), validation, tuple(sample.shape[1:]), classes)


def picture(found: list[tuple[Data, Glance]], count: int) -> Page:
    """A picture of test samples: a row of images for each data set, or a square for each set of points in the plane.

    Raises `ArchError` (bad-data) where images and points are to stand side by side.
    """
    # Two numbers are a place in the plane.
    are_points = {seen.sample == (2,) for _, seen in found}
    if len(are_points) > 1:
        raise ArchError(error("bad-data", "images and points in the plane have no picture in common",
                              help="draw them one after the other"))

    if are_points == {True}:
        return planes([_plane(seen.name, data.test) for data, seen in found])
    return sheet([(seen.name, _row(data, count)) for data, seen in found])


def _row(data: Data, count: int) -> list[Tile]:
    # Evenly spread: data often lies class by class.
    split = data.test
    rows = [number * len(split) // count for number in range(min(count, len(split)))]
    samples, labels = split.batch(rows)
    return [tile_of(image, _caption(label, data.classes)) for image, label in zip(samples, labels, strict=True)]


def _caption(label: torch.Tensor, classes: tuple[str, ...] | None) -> str:
    """The class of a sample, or its classes; nothing for labels that are no classes."""
    if label.is_floating_point() or label.numel() > 4:
        return ""
    numbers = [int(number) for number in label.flatten()]
    # -1 stands for no label.
    if classes is None or min(numbers) < 0:
        return " ".join(str(number) for number in numbers if number >= 0)
    return " ".join(classes[number] for number in numbers)[:9]


def _plane(title: str, split: Split) -> Plane:
    points, labels = split.batch(range(len(split)))
    (low_x, low_y), (high_x, high_y) = points.amin(0).tolist(), points.amax(0).tolist()
    rows = [(float(x), float(y), int(kind)) for (x, y), kind in zip(points.tolist(), labels.tolist(), strict=True)]
    return Plane(title, (low_x, high_x, low_y, high_y), rows)
