"""The place of a label in a row of several, by its name."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod


@dataclass(frozen=True)
class LabelPlace:
    """A label by its name, and where its numbers lie in a row. `whole` says that they are whole, such as classes."""

    name: str
    start: int
    sizes: tuple[int, ...]
    whole: bool

    @property
    def stop(self) -> int:
        """The number after its last one."""
        return self.start + prod(self.sizes)
