"""The record of a compiled model: its origin and what was done to it, apart from its weights."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from archlang.dataclass import dataclass


@dataclass(frozen=True)
class ImagePreparation:
    """The sizes that image files are brought to.

    The middle of an image is cut out in these proportions, as large as it goes.

    Args:
        channels: 1 for grey, 3 for colour.
        rows: pixels from top to bottom.
        columns: pixels from left to right.
        crop: the share of the middle's side that is kept (ImageNet: 0.875).
    """

    channels: int
    rows: int
    columns: int
    crop: float = 1.0

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, rows, columns."""
        return self.channels, self.rows, self.columns

    def enlarged(self, side: int) -> ImagePreparation:
        """The whole image in the same proportions, its shorter side of so many pixels.

        >>> ImagePreparation(3, 224, 448, 0.875).enlarged(256)
        ImagePreparation(channels=3, rows=256, columns=512, crop=1.0)
        """
        shorter = min(self.rows, self.columns)
        return ImagePreparation(self.channels, round(self.rows * side / shorter), round(self.columns * side / shorter))


@dataclass(frozen=True)
class Record:
    """The origin of a model and what was done to it, at `model.archlang`.

    Args:
        network: the checked network; None for a model that no file made.
        seed: the seed that its weights were initialised with.
        passes: the names of the passes applied since, in order, as a model file replays them.
        labels: the class names.
        mean: the data's mean, one number a channel.
        std: the data's standard deviation, one number a channel.
        image: the sizes that image files were brought to in training.
    """

    network: Any = None
    seed: int = 0
    passes: tuple[str, ...] = ()
    labels: tuple[str, ...] | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    image: ImagePreparation | None = None

    def after(self, name: str) -> Record:
        """The record of the model that the pass `name` makes.

        >>> Record(seed=3).after("fuse").passes
        ('fuse',)
        """
        return replace(self, passes=(*self.passes, name))

    def __deepcopy__(self, memo: dict[int, Any]) -> Record:
        # A record never changes, and a copy of a model stems from the same network.
        return self
