"""Samples made to fit a network's input: resized, grey ones repeated over the channels, normalised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import torch

from archlang.emit import ImagePreparation
from archlang.graph.ir import Graph
from archlang.graph.views import larger_side
from archlang.ops.values import Option
from archlang.shapes import Tensor
from archlang.train.data.input_place import InputPlace
from archlang.train.data.ordering import looked_at
from archlang.train.data.pixels import kept_window, middle_place, resized, with_channels
from archlang.train.data.ready import image_preparation, preparation_for_windows
from archlang.train.data.splits import Split
from archlang.train.data.whole import whole_numbers
from archlang.train.problems import bad_data

LOOKED_AT = 4096
"""How many samples, evenly spread, mean and deviation are taken from."""

AT_ONCE = 256
"""How many of them are in memory at a time."""


@dataclass(frozen=True)
class Fit:
    """A network's input type, the normalisation before it (one number a channel, or none), the sizes of its images.

    `image` has the sizes that the network leaves open as they were in training. With `places` a sample holds all
    inputs of a network, one behind the other (`train.inputs`). Where a training cuts windows out of larger images,
    `larger` has the sizes of these.
    """

    type: Tensor
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    image: ImagePreparation | None = None
    places: tuple[InputPlace, ...] = ()
    larger: ImagePreparation | None = None

    def shape(self, samples: torch.Tensor) -> torch.Tensor:
        """Samples [batch, ...] in the sizes of the input; a size that nothing tells is the data's.

        Maps are resized (bilinear, antialiased) where that keeps their proportions, grey repeated over three channels,
        colour made grey for one; images are flattened for a vector. Where a training cuts windows, this is the one in
        the middle. Raises `ArchError` (bad-data) where nothing of that helps.
        """
        want = self.type.dims
        if self.type.highest_range is not None:
            self._require(samples)
            return whole_numbers(samples, self.type.highest_range)
        if len(want) == 3 and samples.ndim == 3:  # grey images without an axis of channels
            samples = samples[:, None]
        if len(want) == 3 and samples.ndim == 4:
            return self._image(samples)

        # What is flattened to a vector had a size of its own in training, which the vector does not tell.
        if len(want) == 1 and samples.ndim == 4 and self.image is not None:
            samples = _same_proportions(with_channels(samples, self.image.channels), self.image)
        if len(want) == 1 and samples.ndim > 1:
            samples = samples.flatten(1)

        self._require(samples)
        return samples

    def _require(self, samples: torch.Tensor) -> None:
        """Raise `ArchError` (bad-data) for samples of other sizes than the input."""
        want, have = self.type.dims, samples.shape[1:]
        if len(have) != len(want) or any(isinstance(w, int) and w != h for w, h in zip(want, have, strict=True)):
            raise bad_data(f"the network wants {self.type}, a sample of the data is {list(have)}")

    def _image(self, samples: torch.Tensor) -> torch.Tensor:
        own = tuple(samples.shape[1:])
        if self.image is not None:
            own = self.image.shape
        channels, rows, columns = (
            want if isinstance(want, int) else size for want, size in zip(self.type.dims, own, strict=True)
        )
        images = with_channels(samples, channels)
        # Of a file the middle was cut out where it was read.
        if self.larger is None or tuple(images.shape[2:]) == (rows, columns):
            return _same_proportions(images, ImagePreparation(channels, rows, columns))

        images = _same_proportions(images, self.larger)
        top, left = middle_place(self.larger.rows - rows, self.larger.columns - columns)
        return images[:, :, top : top + rows, left : left + columns]

    def shape_for_training(self, samples: torch.Tensor) -> torch.Tensor:
        """Samples as the changes of a training get them: those of `shape`, or the larger images for windows.

        Raises `ArchError` (bad-data) also for images that are as small as a window, of which nothing can be cut.
        """
        if self.larger is None:
            return self.shape(samples)

        if samples.ndim == 3:  # grey images without an axis of channels
            samples = samples[:, None]
        if samples.ndim != 4 or samples.shape[2:] == self.type.dims[1:]:
            raise bad_data(f"`crop_from` cuts windows of {self.type} out of larger images, and a sample of the data is "
                           f"{list(samples.shape[1:])}")
        return _same_proportions(with_channels(samples, self.larger.channels), self.larger)

    def sized(self, changes: Sequence[Option]) -> tuple[Option, ...]:
        """The changes of a training, those that cut windows with the `rows` and `columns` of these."""
        if self.larger is None:
            return tuple(changes)

        size = dict(zip(("rows", "columns"), self.type.dims[1:], strict=True))
        sized = []
        for change in changes:
            if larger_side([change]) is not None:
                change = replace(change, args={**change.args, **size})
            sized.append(change)
        return tuple(sized)

    def normalise(self, samples: torch.Tensor) -> torch.Tensor:
        """Each channel minus its mean, over its deviation."""
        if self.mean is None or self.std is None:
            return samples
        mean, std = (_by_channel(v, samples.ndim, samples.dtype, samples.device) for v in (self.mean, self.std))
        return (samples - mean) / std

    def __call__(self, samples: torch.Tensor) -> torch.Tensor:
        """Samples as the network wants them."""
        return self.normalise(self.shape(samples))

    def inputs(self, samples: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        """Samples as a model of this type of weights takes them: tokens stay whole numbers."""
        if self.type.range is not None or self.places:
            return samples
        return samples.to(dtype)


def fit_of(
    graph: Graph, mean: Sequence[float] | None = None, std: Sequence[float] | None = None,
    image: ImagePreparation | None = None,
) -> Fit:
    """The fit of a network's one input; its own mean and deviation, where it declares them, come first."""
    if len(graph.inputs) != 1:
        raise bad_data(f"the network has {len(graph.inputs)} inputs; images can be given to a network with one")

    declared = graph.inputs[0]
    if declared.mean:
        mean, std = declared.mean, declared.std
    return Fit(declared.type, _numbers(mean), _numbers(std), image, larger=_larger(graph))


def _larger(graph: Graph) -> ImagePreparation | None:
    """The sizes of the images that the file's training cuts windows out of; None where it cuts none."""
    if graph.plan is None or larger_side(graph.plan.augment) is None:
        return None
    own = image_preparation(graph, None)
    assert own is not None, "a file that cuts windows has an image of known size for input"
    return preparation_for_windows(graph, own)


def fit_to(graph: Graph, split: Split) -> Fit:
    """The fit of a network's input, with the mean and deviation of a split's channels where it declares none.

    A channel that never changes gets the deviation 1. A vector is normalised by one number for all its sizes.
    """
    bare = replace(fit_of(graph), image=image_preparation(graph, split))
    if bare.type.range is not None:  # there is nothing to normalise
        return bare
    if bare.mean is not None and bare.std is None:
        return replace(bare, std=(1.0,) * len(bare.mean))
    if bare.mean is not None:
        return bare

    # Large data is sampled: mean and deviation hardly move after some thousand samples.
    mean, std = _moments(bare, split, looked_at(split, LOOKED_AT))
    # A channel that never changes (a border, a mask) has nothing to be divided by.
    std = torch.where(std < 1e-6, 1.0, std)
    return replace(bare, mean=_rounded(mean), std=_rounded(std))


def _moments(fit: Fit, split: Split, rows: range) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and deviation of each channel, from so few samples at a time that large images find room."""
    count, mean, square = 0, torch.zeros((), dtype=torch.float64), torch.zeros((), dtype=torch.float64)
    for start in range(0, len(rows), AT_ONCE):
        samples = fit.shape(split.batch(rows[start : start + AT_ONCE])[0]).double()
        if not bool(samples.isfinite().all()):
            raise bad_data("the data holds NaN or infinity")

        over = [0, 1]
        if samples.ndim > 2:
            over = [0, *range(2, samples.ndim)]
        part_variance, part_mean = torch.var_mean(samples, dim=over, correction=0)

        # Moments of two parts as those of both (Chan et al. 1983): sums of squares would lose digits.
        more = samples.numel() // part_mean.numel()
        away, total = part_mean - mean, count + more
        square = square + part_variance * more + away**2 * (count * more / total)
        mean, count = mean + away * (more / total), total
    return mean, (square / count).sqrt()


@lru_cache(maxsize=64)
def _by_channel(values: tuple[float, ...], axes: int, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """A number for each channel, as wide as samples of so many axes: made once, not in every step."""
    return torch.tensor(values, dtype=dtype, device=device).view(1, -1, *(1,) * (axes - 2))


def _numbers(values: Sequence[float] | None) -> tuple[float, ...] | None:
    """Numbers that a network declares, or a model carries; none where there are none."""
    if not values:
        return None
    return tuple(values)


def _rounded(values: torch.Tensor) -> tuple[float, ...]:
    return tuple(round(v, 6) for v in values.reshape(-1).tolist())


def _same_proportions(images: torch.Tensor, preparation: ImagePreparation) -> torch.Tensor:
    """Images [batch, channels, rows, columns] scaled, if that alone brings them to the wanted sizes.

    Image files are cut to the wanted proportions; numbers are not, since nobody said that their border may go.
    """
    rows, columns = images.shape[2:]
    if kept_window(rows, columns, replace(preparation, crop=1.0)) != (rows, columns):
        raise bad_data(
            f"the network wants {preparation.rows} x {preparation.columns}, samples are {rows} x {columns}, in other "
            "proportions", help="cut or pad them in the function that gives the data")
    return resized(images, preparation.rows, preparation.columns)
