"""Data made ready for a network: images in its sizes, labels in the numbers that it gives the classes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from archlang.emit import ImagePreparation, Record
from archlang.graph.ir import Graph
from archlang.graph.views import larger_side
from archlang.shapes import Dim
from archlang.train.data.image_files import SIDE, ImageFiles
from archlang.train.data.items import Items
from archlang.train.data.labels import ClassOutput
from archlang.train.data.matching import matched, require_known, with_class_numbers
from archlang.train.data.splits import Data, Joined, Split, Tensors
from archlang.train.data.whole import whole_data
from archlang.train.problems import bad_data

COLOUR = 3


def for_training(data: Data, graph: Graph, labels: Sequence[str] | None, scores: ClassOutput | None) -> Data:
    """Data as a training of a network takes it.

    `labels` are the class names of the network's file: the data's are matched with them by name. `scores` is the output
    whose loss reads class numbers, None where no loss does. Raises `ArchError` (bad-data) for classes that the file
    does not name, and for labels that are no classes.
    """
    preparation = image_preparation(graph, data.train)
    ready = _prepared(whole_data(data, graph), preparation)
    if preparation is not None:
        ready = replace(ready, train=_brought_to(ready.train, preparation_for_windows(graph, preparation)))

    # Class numbers first: only numbers can be matched by the names that they stand for.
    if scores is not None:
        ready = _of_parts(ready, lambda split: with_class_numbers(split, scores))

    if labels is not None and ready.classes is not None:
        ready = _matched(ready, labels, "`labels` in the file")
    return _of_parts(ready, _keeping)


def _keeping(split: Split) -> Split:
    """A split that decodes its image files once: a training reads them in every epoch."""
    if isinstance(split, Joined):
        return Joined(tuple(_keeping(part) for part in split.parts))
    if isinstance(split, ImageFiles):
        return split.keeping()
    return split


def for_model(data: Data, record: Record, scores: ClassOutput | None) -> Data:
    """Data as a trained model is judged on it: prepared as in its training, classes matched with the model's by name.

    A part may lack some of the model's classes. Raises `ArchError` (bad-data) for a class that the model does not know.
    """
    ready = _prepared(whole_data(data, record.network.graph), preparation_of(record, data.test))
    if scores is not None:
        ready = _of_parts(ready, lambda split: with_class_numbers(split, scores))
    if ready.classes is None:
        return ready

    if record.labels is not None:
        return _matched(ready, record.labels, "the model")

    # By position, classes would be taken for others as soon as one is lacking.
    if scores is not None and len(ready.classes) < (scores.classes or 0):
        raise bad_data(
            f"the data has {len(ready.classes)} classes, the model tells {scores.classes} apart, and it carries no "
            "names to match them by", help="name them in its file: `labels = [...]` in `train`")
    return ready


def image_preparation(graph: Graph, split: Split | None, crop: float = 1.0) -> ImagePreparation | None:
    """The sizes that images are brought to for a network; None where its input is no image and the data holds none.

    Sizes that the network leaves open, or all where it wants a vector, are the data's own.
    """
    dims = _input_dims(graph)
    shape = None
    if split is not None:
        shape, crop = image_shape(split), _crop_of(split, crop)

    if len(dims) == 3:
        own = shape or (COLOUR, SIDE, SIDE)
        channels, rows, columns = (_size(dim, size) for dim, size in zip(dims, own, strict=True))
        side = larger_side(graph.plan.augment if graph.plan else ())
        # The window in the middle has the scale of those that training cuts.
        if side is not None:
            crop = min(rows, columns) / side
        return ImagePreparation(channels, rows, columns, crop)

    # A vector is what an image is flattened to; whatever else the network wants, images cannot be it.
    if shape is None or len(dims) != 1:
        return None
    return ImagePreparation(*shape, crop)


def preparation_for_windows(graph: Graph, own: ImagePreparation) -> ImagePreparation:
    """The sizes of the images that a training cuts windows out of, `own` being those of its test part: the same where
    it cuts none."""
    side = larger_side(graph.plan.augment if graph.plan else ())
    if side is None:
        return own
    return own.enlarged(side)


def preparation_of(record: Record, split: Split | None = None) -> ImagePreparation | None:
    """The sizes that a model wants image files in: those of its training, else those of its network.

    Without a training, a size that the network leaves open is 224, whatever the data, so that every command which reads
    a file sees the same. `split` serves networks of a vector.
    """
    if record.image is not None:
        return record.image

    graph: Graph = record.network.graph
    if len(_input_dims(graph)) == 3:
        return image_preparation(graph, None)
    return image_preparation(graph, split)


def image_shape(split: Split) -> tuple[int, int, int] | None:
    """Channels, rows and columns of a split's images; None where its samples are none."""
    if isinstance(split, Joined):
        return image_shape(split.parts[0])
    if isinstance(split, ImageFiles):
        return split.preparation.shape

    if isinstance(split, Tensors):
        sizes = tuple(split.samples.shape[1:])
    elif len(split):
        sizes = tuple(split.batch([0])[0].shape[1:])
    else:
        return None

    if len(sizes) == 2:  # grey images without an axis of channels
        return 1, sizes[0], sizes[1]
    if len(sizes) == 3:
        return sizes[0], sizes[1], sizes[2]
    return None


def _input_dims(graph: Graph) -> tuple[Dim, ...]:
    """The sizes of a network's one input; none where it has several."""
    if len(graph.inputs) != 1:
        return ()
    return graph.inputs[0].type.dims


def _crop_of(split: Split, crop: float) -> float:
    """The share of the middle that is kept of a split's images."""
    if isinstance(split, Joined):
        return _crop_of(split.parts[0], crop)
    if isinstance(split, ImageFiles):
        return split.preparation.crop
    return crop


def _size(dim: Dim, own: int) -> int:
    if isinstance(dim, int):
        return dim
    return own


def _prepared(data: Data, preparation: ImagePreparation | None) -> Data:
    if preparation is None:
        return data

    return _of_parts(data, lambda split: _brought_to(split, preparation))


def _brought_to(split: Split, preparation: ImagePreparation) -> Split:
    """A split with its image files in these sizes."""
    if isinstance(split, Joined):
        return Joined(tuple(_brought_to(part, preparation) for part in split.parts))
    if isinstance(split, ImageFiles | Items):
        return split.prepared_as(preparation)
    return split  # arrays are scaled with their batch


def _matched(data: Data, labels: Sequence[str], whose: str) -> Data:
    have = data.classes or ()
    require_known(have, labels, whose)
    return replace(_of_parts(data, lambda split: matched(split, have, labels, whose)), classes=tuple(labels))


def _of_parts(data: Data, change: Callable[[Split], Split]) -> Data:
    validation = None
    if data.validation is not None:
        validation = change(data.validation)
    return replace(data, train=change(data.train), test=change(data.test), validation=validation)
