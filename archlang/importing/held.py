"""The values of an exported graph while it is read: tensors of a sample, tensors of the model, and lists of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor

from archlang.importing.steps import State


@dataclass(frozen=True)
class Ref:
    """A tensor that depends on the input: the value of a step, its axes perhaps in another order.

    `order[i]` is the axis of the step's value that is the i-th of the torch tensor, the batch not counted. Permutations
    are kept like this and written only where an operation needs them: most networks take them back soon after.
    """

    value: int
    order: tuple[int, ...]

    @property
    def plain(self) -> bool:
        """Tell whether the axes are in the value's own order."""
        return self.order == tuple(range(len(self.order)))


@dataclass(frozen=True)
class Known:
    """A tensor that depends on the model alone: a parameter, a buffer, or what is calculated from them.

    `names` are the tensors that it is made of. `trained` where it is a parameter itself; `derived` where it was
    calculated from parameters, so that a training of the file would move something else.
    """

    shape: tuple[int, ...]
    read: Callable[[State], Tensor] = field(repr=False, compare=False)
    names: tuple[str, ...] = ()
    trained: bool = False
    derived: bool = False
    number: float | None = None  # of a constant: the one number that it holds everywhere
    key: str = ""  # how it was made: two tensors of the same names and the same key are one


@dataclass(frozen=True)
class Unknown:
    """The result of an operation that no text can say: reading goes on, so that all such places are found."""


Held = Ref | Known | Unknown | tuple["Held", ...] | int | float | bool | None
