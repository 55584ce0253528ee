"""Samples made to fit a network's input: resized, grey ones repeated over the channels, normalised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional

from archlang.graph.ir import Graph
from archlang.shapes import Tensor
from archlang.train.data.splits import Split
from archlang.train.problems import bad_data

LOOKED_AT = 4096
"""How many samples, evenly spread, mean and deviation are taken from."""

AT_ONCE = 256
"""How many of them are in memory at a time."""


@dataclass(frozen=True)
class Fit:
    """A network's input type and the normalisation before it (one number a channel, or none)."""

    type: Tensor
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None

    def shape(self, samples: torch.Tensor) -> torch.Tensor:
        """Samples [batch, ...] in the sizes of the input; a symbolic size keeps the data's.

        Maps are resized (bilinear, antialiased), grey repeated over the channels, colour made grey for one channel;
        images are flattened for a vector. Raises `ArchError` (bad-data) where nothing of that helps.
        """
        want = self.type.dims
        if len(want) == 3 and samples.ndim == 3:
            samples = samples[:, None]
        if len(want) == 3 and samples.ndim == 4:
            return _resized(_channels(samples, want[0]), want[1:])
        if len(want) == 1:
            samples = samples.flatten(1)
        have = samples.shape[1:]
        if len(have) != len(want) or any(isinstance(w, int) and w != h for w, h in zip(want, have, strict=True)):
            raise bad_data(f"the network wants {self.type}, a sample of the data is {list(have)}")
        return samples

    def normalise(self, samples: torch.Tensor) -> torch.Tensor:
        """Each channel minus its mean, over its deviation."""
        if self.mean is None or self.std is None:
            return samples
        shape = (1, -1, *(1,) * (samples.ndim - 2))
        mean, std = (torch.tensor(v, dtype=samples.dtype, device=samples.device) for v in (self.mean, self.std))
        return (samples - mean.view(shape)) / std.view(shape)

    def __call__(self, samples: torch.Tensor) -> torch.Tensor:
        """Samples as the network wants them."""
        return self.normalise(self.shape(samples))


def fit_of(graph: Graph, mean: Sequence[float] | None = None, std: Sequence[float] | None = None) -> Fit:
    """The fit of a network's one input; its own mean and deviation, where it declares them, come first."""
    if len(graph.inputs) != 1:
        raise bad_data(f"the network has {len(graph.inputs)} inputs; images can be given to a network with one")
    declared = graph.inputs[0]
    mean, std = (declared.mean, declared.std) if declared.mean else (mean, std)
    return Fit(declared.type, tuple(mean) if mean else None, tuple(std) if std else None)


def fit_to(graph: Graph, split: Split) -> Fit:
    """The fit of a network's input, with the mean and deviation of a split's channels where it declares none.

    A channel that never changes gets the deviation 1. A vector is normalised by one number for all its sizes.
    """
    bare = fit_of(graph)
    if bare.mean is not None:
        return bare if bare.std is not None else Fit(bare.type, bare.mean, (1.0,) * len(bare.mean))
    stride = max(1, len(split) // LOOKED_AT)
    mean, std = _moments(bare, split, range(0, len(split), stride)[:LOOKED_AT])
    std = torch.where(std < 1e-6, 1.0, std)
    return Fit(bare.type, _rounded(mean), _rounded(std))


def _moments(fit: Fit, split: Split, rows: range) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and deviation of each channel, from so few samples at a time that large images find room."""
    count, mean, square = 0, torch.zeros((), dtype=torch.float64), torch.zeros((), dtype=torch.float64)
    for start in range(0, len(rows), AT_ONCE):
        samples = fit.shape(split.batch(rows[start : start + AT_ONCE])[0]).double()
        if not bool(samples.isfinite().all()):
            raise bad_data("the data holds NaN or infinity")
        over = [0, *range(2, samples.ndim)] if samples.ndim > 2 else [0, 1]
        own_variance, own_mean = torch.var_mean(samples, dim=over, correction=0)
        more = samples.numel() // own_mean.numel()
        away, total = own_mean - mean, count + more
        square = square + own_variance * more + away**2 * (count * more / total)  # Chan et al. 1983
        mean, count = mean + away * (more / total), total
    return mean, (square / count).sqrt()


def _rounded(values: torch.Tensor) -> tuple[float, ...]:
    return tuple(round(v, 6) for v in values.reshape(-1).tolist())


def _channels(images: torch.Tensor, want: object) -> torch.Tensor:
    have = images.shape[1]
    if not isinstance(want, int) or have == want:
        return images
    if have == 1:
        return images.expand(-1, want, -1, -1)
    if have == 3 and want == 1:
        weights = images.new_tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)  # ITU-R 601
        return (images * weights).sum(1, keepdim=True)
    raise bad_data(f"the network wants {want} channels, the images of the data have {have}")


def _resized(images: torch.Tensor, want: Sequence[object]) -> torch.Tensor:
    height, width = (w if isinstance(w, int) else h for w, h in zip(want, images.shape[2:], strict=True))
    if (height, width) == tuple(images.shape[2:]):
        return images
    return functional.interpolate(images, (height, width), mode="bilinear", antialias=True, align_corners=False)
