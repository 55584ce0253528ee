"""A split over a user's data set, whose items are read as they are needed; nothing about them is taken for granted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy
import torch
from PIL import Image

from archlang.diagnostics import ArchError
from archlang.diagnostics.text import one_line
from archlang.emit import ImagePreparation
from archlang.train.data.label_place import LabelPlace
from archlang.train.data.label_tables import label_places, labels_of_item, row_of_item
from archlang.train.data.labels import LABEL, TEXTS, Names, label_of_item, numbered, text_of
from archlang.train.data.pixels import is_turned, kept_window, upright_size
from archlang.train.data.reading import drawing_by
from archlang.train.data.samples import Layout, as_sample
from archlang.train.data.splits import NO_LABEL
from archlang.train.data.user_code import blamed
from archlang.train.problems import bad_data

MOST_ITEMS = 20_000_000
"""Items of the largest data set that is divided; more of them are a mistake in its `__len__`."""


@dataclass(frozen=True)
class Items:
    """A split over a torch `Dataset` of (sample, label) pairs or of samples alone, which get the label -1.

    `rows` picks some of its items. `layout` says how its arrays lie, `names` numbers labels that are names,
    `preparation` says how Pillow images are made alike, `whole` that samples are whole numbers and stay so.
    Where samples are tables, `name` says which of their entries is meant, or `row` makes one row of them all.
    All arrays have the `shape` of the first, where it is known. Labels with names lie in a row by `label_places`.
    `count` is the length of the data set.
    """

    dataset: Any
    rows: Sequence[int] = field(default=())
    layout: Layout = "CHW"
    names: Names = field(default_factory=dict)
    preparation: ImagePreparation | None = None
    shape: tuple[int, ...] | None = None
    whole: bool = False
    name: str | None = None
    row: Callable[[Mapping[str, Any], Layout], torch.Tensor] | None = None
    label_places: tuple[LabelPlace, ...] = ()
    count: int | None = None

    is_foreign = True

    def __len__(self) -> int:
        return len(self.rows)

    def check_length(self) -> None:
        """Raise `ArchError` (bad-data) where the data set no longer has as many items as at first."""
        if self.count is not None:
            require_length(length_of(self.dataset), self.count)

    def batch(self, indices: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Samples by index, stacked, and their labels.

        Raises `ArchError` (bad-data), naming the item, where it cannot be read or does not fit the first of them.
        """
        numbers = [self.rows[i] for i in indices]
        pairs = [self.item(number) for number in numbers]

        samples = _stacked([sample for sample, _ in pairs], numbers, "sample")
        return samples, _stacked([label for _, label in pairs], numbers, "label")

    def item(self, number: int) -> tuple[torch.Tensor, torch.Tensor]:
        """One item as a sample and its label."""
        sample, label = raw_item(self.dataset, number)

        # The item's number goes before what is said of its sample.
        try:
            with blamed("reading the sample"):
                sample = self._entry(sample)
                pixels = self._pixels(sample)
        except ArchError as problem:
            first = problem.diagnostics[0]
            raise bad_data(f"item {number}: {first.message}", help=first.help) from None

        if self.label_places:
            target = row_of_item(label, self.label_places, number)
        else:
            target = label_of_item(label, self.names, number)
        lies_on_image = target.ndim >= 2 or any(len(place.sizes) >= 2 for place in self.label_places)
        if lies_on_image:
            self._refuse_turned(sample, number)
        # Images are made alike by their preparation; arrays have to be alike already.
        if isinstance(sample, Image.Image):
            if lies_on_image:
                self._refuse_cut(sample, number)
        elif self.shape is not None and tuple(pixels.shape) != self.shape:
            raise _of_another_size("sample", number, pixels, f"the first has {list(self.shape)}")
        return pixels, target

    def _entry(self, sample: Any) -> Any:
        """The entry of a table that is meant; anything else is itself."""
        if isinstance(sample, Mapping) and self.name is not None:
            if self.name not in sample:
                raise bad_data(f"its table has no `{self.name}`")
            return sample[self.name]
        return sample

    def _pixels(self, sample: Any) -> torch.Tensor:
        if self.row is None:
            return as_sample(sample, self.layout, self.preparation, self.whole)
        if not isinstance(sample, Mapping):
            raise bad_data("it is no table by the names of the network's inputs")
        return self.row(sample, self.layout)

    def prepared_as(self, preparation: ImagePreparation) -> Items:
        """The same items, Pillow images brought to other sizes."""
        return replace(self, preparation=preparation)

    @staticmethod
    def _refuse_turned(sample: Any, number: int) -> None:
        """A label map or target image would no longer lie on an image that is turned: it has no note of its own."""
        values = list(sample.values()) if isinstance(sample, Mapping) else [sample]
        if any(isinstance(value, Image.Image) and is_turned(value) for value in values):
            raise bad_data(f"item {number} is an image that is turned as its camera noted (EXIF), its label map not",
                           help="turn its pixels in the function that gives it: `PIL.ImageOps.exif_transpose`")

    def _refuse_cut(self, image: Image.Image, number: int) -> None:
        """A label map or target image would no longer lie on an image that is cut."""
        rows, columns = upright_size(image)
        if self.preparation is not None and kept_window(rows, columns, self.preparation) != (rows, columns):
            raise bad_data(f"item {number} is an image of {rows} x {columns}, which would be cut, its label map not",
                           help="bring both to the network's proportions in the function that gives them")


@drawing_by(0)
def items_of(dataset: Any, rows: Sequence[int] | None = None, names: Names | None = None) -> Items:
    """A split over all items of a data set, or some; what it says of itself (`layout`) is read.

    Raises `ArchError` (bad-data) where its `__len__` fails.
    """
    count = length_of(dataset)
    if rows is None:
        rows = range(count)

    # Every array must have the first one's shape, in whatever batch it comes; images are made alike.
    places = _label_places(dataset, count)
    items = Items(dataset, rows, _layout_of(dataset), names or {}, label_places=places, count=count)
    if not count or isinstance(raw_item(dataset, 0)[0], Image.Image | Mapping):
        return items
    return replace(items, shape=tuple(items.item(0)[0].shape))


def _label_places(dataset: Any, count: int) -> tuple[LabelPlace, ...]:
    """The places of labels that come as tables, by the first item; none where it has one label."""
    if not count:
        return ()
    label = raw_item(dataset, 0)[1]
    if not isinstance(label, Mapping):
        return ()
    return label_places(labels_of_item(label, 0))


def is_items(value: Any) -> bool:
    """Tell what can be read item by item: it has a length and gives items by number, unlike a text or a table."""
    is_other = isinstance(value, Mapping | torch.Tensor | numpy.ndarray | numpy.generic | str | bytes | bytearray)
    return hasattr(value, "__getitem__") and hasattr(value, "__len__") and not is_other


def length_of(dataset: Any) -> int:
    """The number of items that a data set says it has. Raises `ArchError` (bad-data) where that fails or cannot be."""
    with blamed("the length of the data (`__len__`)"):
        count = len(dataset)
    if count > MOST_ITEMS:
        raise bad_data(f"the data says that it has {count} items; at most {MOST_ITEMS} are read")
    return count


def require_length(count: int, before: int) -> None:
    """Raise `ArchError` (bad-data) where data has another length than before."""
    if count != before:
        raise bad_data(f"the data had {before} items when the training began, and has {count} now",
                       help="its length must not change while a network is trained")


def raw_item(dataset: Any, number: int) -> tuple[Any, Any]:
    """The sample and the label of one item, as they are given; -1 where it is a sample alone.

    Raises `ArchError` (bad-data), naming the item, where reading it fails or it is no pair.
    """
    with blamed(f"reading item {number} of the data"):
        item = dataset[number]

    if isinstance(item, torch.Tensor | numpy.ndarray | Image.Image):
        return item, NO_LABEL
    if isinstance(item, Mapping):
        return {name: value for name, value in item.items() if name != LABEL}, item.get(LABEL, NO_LABEL)
    if not isinstance(item, tuple | list) or len(item) != 2:
        raise bad_data(f"item {number} of the data is no pair of a sample and a label")
    return item[0], item[1]


def classes_of(dataset: Any) -> tuple[str, ...] | None:
    """The class names that a data set says it has (`classes`), as torchvision's do."""
    with blamed("the class names of the data (`classes`)"):
        names = getattr(dataset, "classes", None)
        if isinstance(names, tuple | list) and names and all(isinstance(name, str) for name in names):
            return tuple(names)
    return None


@drawing_by(0)
def named_labels(dataset: Any) -> tuple[str, ...] | None:
    """The classes of a data set whose labels are names; None where the first is none.

    All items are read once, since any of them may hold a name that no other has.
    """
    count = length_of(dataset)
    if not count or not isinstance(raw_item(dataset, 0)[1], TEXTS):
        return None

    names: set[str] = set()
    for number in range(count):
        label = raw_item(dataset, number)[1]
        if not isinstance(label, TEXTS):
            raise bad_data(f"item {number} has a label that is no name, as those before it are")
        names.add(text_of(label))
    return numbered(sorted(names))[0]


def _layout_of(dataset: Any) -> Layout:
    with blamed("the layout of the data (`layout`)"):
        layout = getattr(dataset, "layout", "CHW")
        shown = one_line(repr(layout), 40)
    if isinstance(layout, str) and layout == "CHW":
        return "CHW"
    if isinstance(layout, str) and layout == "HWC":
        return "HWC"
    raise bad_data(f"the data has the layout {shown}", help='it is "CHW" or "HWC"')


def _stacked(parts: Sequence[torch.Tensor], numbers: Sequence[int], what: str) -> torch.Tensor:
    first = parts[0]
    for part, number in zip(parts, numbers, strict=True):
        if part.shape != first.shape:
            raise _of_another_size(what, number, part, f"item {numbers[0]} has {list(first.shape)}")

    if what == "sample" and all(part.dtype == first.dtype for part in parts):
        return torch.stack(list(parts))
    # Whole numbers among fractions are fractions too; rows of labels are doubles, which hold both.
    if any(part.dtype != torch.float64 and part.is_floating_point() for part in parts):
        return torch.stack([part.float() for part in parts])
    return torch.stack(list(parts))


def _of_another_size(what: str, number: int, part: torch.Tensor, other: str) -> ArchError:
    """The error of an item that does not fit the others; the caller raises it."""
    return bad_data(f"the {what}s differ in size: item {number} has {list(part.shape)}, {other}",
                    help="make them alike in the function that gives the data")
