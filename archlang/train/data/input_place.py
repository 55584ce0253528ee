"""The place of a network's input in a row of all its inputs."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import torch

from archlang.graph.ir import InputSpec


@dataclass(frozen=True)
class InputPlace:
    """An input of a network, and where its numbers lie in a row."""

    spec: InputSpec
    start: int
    sizes: tuple[int, ...]

    @property
    def stop(self) -> int:
        """The number after its last one."""
        return self.start + prod(self.sizes)

    @property
    def whole(self) -> bool:
        """Tell an input of whole numbers, such as tokens."""
        return self.spec.type.range is not None

    @property
    def is_image(self) -> bool:
        """Tell an input of channels, rows and columns that is no table of whole numbers."""
        return len(self.sizes) == 3 and not self.whole

    def of_rows(self, rows: torch.Tensor) -> torch.Tensor:
        """The input's numbers [batch, ...] out of rows [batch, all of them]."""
        return rows[:, self.start : self.stop].reshape(len(rows), *self.sizes)
