"""The account of a transformed model: the weights that went along, and what that did to its results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Carried:
    """The weights that a transformed model took over, and what that did to its results.

    Args:
        what: the transformation as it is written.
        taken: the tensors that come from the model before, each with the name of the tensor there.
        new: the tensors that keep a start of their own, each with the reason.
        difference: how far results differ at first, in float64 on random inputs.
        largest: the largest result.
        equal: whether that difference is no more than rounding.
    """

    what: str
    taken: Mapping[str, str]
    new: Mapping[str, str]
    difference: float
    largest: float
    equal: bool

    def __str__(self) -> str:
        """One line of counts, one of results, and one for each tensor that is new."""
        lines = [f"{self.what}: {len(self.taken)} tensors taken over, {len(self.new)} new"]
        if self.equal:
            lines.append(f"at first it computes what it did: outputs equal to {self.difference:.1g}")
        else:
            lines.append(f"at first outputs differ by up to {self.difference:.3g}; the largest is {self.largest:.3g}")
        return "\n".join([*lines, *(f"new: {name} ({reason})" for name, reason in self.new.items())])
