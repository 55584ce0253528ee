"""The word `label` in a `train`, and the names behind it."""

from __future__ import annotations

from archlang.dataclass import dataclass
from archlang.graph.scores import LABEL


@dataclass(frozen=True)
class LabelValue:
    """The word `label` in a `train`: what the data says an input is; with `part`, one of several labels by its name."""

    part: str | None = None
    described = "the label"

    @property
    def word(self) -> str:
        """The word by which a loss reads it: `label`, or `label.heat`."""
        return ".".join(filter(None, (LABEL, self.part)))
