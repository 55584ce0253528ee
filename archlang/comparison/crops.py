"""Several crops of a test image: the four corners and the middle at one or more sizes, each mirrored too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from archlang.diagnostics import ArchError, error
from archlang.emit import ImagePreparation
from archlang.train.data.pixels import kept_window, middle_place, resized, with_channels
from archlang.train.problems import bad_data


@dataclass(frozen=True)
class Crops:
    """Crops of a network's size from images whose shorter side has each of some sizes, in pixels.

    Ten at each size (Krizhevsky et al. 2012): four corners, the middle, and the same mirrored left to right.
    """

    sizes: tuple[int, ...]

    def preparations(self, own: ImagePreparation | None) -> Iterator[ImagePreparation]:
        """The sizes that images are brought to, the network's own being `own`: its proportions, larger.

        Raises `ArchError`: bad-data for a network that takes no images, usage for a size below its own.
        """
        if own is None:
            raise bad_data("crops are made of images, and this network takes none")
        shorter = min(own.rows, own.columns)
        for size in self.sizes:
            if size < shorter:
                raise ArchError(error("usage", f"crops of {own.rows} x {own.columns} do not fit into images whose "
                                      f"shorter side has {size} pixels", help=f"`--crops {round(shorter * 8 / 7)}`"))
            # The whole image: crops see its border, which a single view may leave out.
            yield own.enlarged(size)


def ten_views(samples: torch.Tensor, large: ImagePreparation, own: ImagePreparation) -> Iterator[torch.Tensor]:
    """Ten views [batch, channels, rows, columns] of samples: corners from the top left by rows, the middle, mirrored.

    Raises `ArchError` (bad-data) for samples that are no images, or have other proportions than the network's input.
    """
    if samples.ndim == 3:  # grey images without an axis of channels
        samples = samples[:, None]
    if samples.ndim != 4:
        raise bad_data(f"crops are made of images; a sample of the data is {list(samples.shape[1:])}")
    if kept_window(samples.shape[2], samples.shape[3], large) != tuple(samples.shape[2:]):
        raise bad_data(f"the network wants images of the proportions {own.rows} x {own.columns}; a sample is "
                       f"{samples.shape[2]} x {samples.shape[3]}")

    images = resized(with_channels(samples, own.channels), large.rows, large.columns)
    down, across = large.rows - own.rows, large.columns - own.columns
    for top, left in ((0, 0), (0, across), (down, 0), (down, across), middle_place(down, across)):
        view = images[:, :, top : top + own.rows, left : left + own.columns]
        yield view
        yield view.flip(-1)
