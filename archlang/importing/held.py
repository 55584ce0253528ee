"""The values of an exported graph while it is read: tensors of a sample, tensors of the model, and lists of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from torch import Tensor

from archlang.importing.steps import State

BATCH = -1
"""Stands for the batch among the axes of a value, which has none for it."""


@dataclass(frozen=True)
class Ref:
    """A tensor that depends on the input: the value of a step, laid out in torch's own way.

    `dims` has for each axis of the torch tensor the axes of the value that it runs over, the last one fastest: one as
    a rule, several where torch laid them end to end, none where torch has an axis of size 1. `BATCH` stands for the
    batch. Orders are kept like this and written only where an operation needs them: most networks take them back soon.
    """

    value: int
    dims: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, value: int, order: Iterable[int]) -> Ref:
        """A value behind the batch, its axes in this order."""
        return cls(value, ((BATCH,), *((axis,) for axis in order)))

    def on(self, value: int) -> Ref:
        """Another value with the same axes, in the same layout."""
        return replace(self, value=value)

    @property
    def regular(self) -> bool:
        """Tell whether the batch stands first, and every other axis is one of the value's."""
        return self.dims[0] == (BATCH,) and all(len(dim) == 1 for dim in self.dims)

    @property
    def order(self) -> tuple[int, ...]:
        """For each axis of the torch tensor behind the batch that of the value, where the layout is regular."""
        assert self.regular
        return tuple(axis for (axis,) in self.dims[1:])

    @property
    def plain(self) -> bool:
        """Tell whether the axes are in the value's own order."""
        return self.regular and self.order == tuple(range(len(self.dims) - 1))


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
    fixed: float | None = None  # of a constant: the one number that it holds everywhere
    key: str = ""  # how it was made: two tensors of the same names and the same key are one
    made: Tensor | None = field(default=None, repr=False, compare=False)  # of what depends on no weight: itself
    repeated: Callable[[State], Tensor] | None = field(default=None, repr=False, compare=False)  # for a whole batch

    @property
    def number(self) -> float | None:
        """The one number that a constant holds everywhere; None where there are several, or weights decide."""
        # Looked at when it is asked for: code may write into a tensor that it made.
        if self.made is not None and self.made.numel() and bool((self.made == self.made.flatten()[0]).all()):
            return float(self.made.flatten()[0])
        return self.fixed


@dataclass(frozen=True)
class Mask:
    """Truth values that depend on the input: where a value of ones and zeros is 1, or 0 if it is `turned`."""

    ref: Ref
    turned: bool = False


@dataclass(frozen=True)
class Unknown:
    """The result of an operation that no text can say: reading goes on, so that all such places are found."""


@dataclass(frozen=True)
class Unsaid:
    """A result that no text says, which is a mistake only where something reads it."""

    reason: str


@dataclass(frozen=True)
class FinalStates:
    """The last states of all layers and directions, of which those of the uppermost layer can be said.

    `uppermost` has one for each direction, `[hidden]` of a sample; `count` are all of them.
    """

    uppermost: tuple[Ref, ...]
    count: int


Held = Ref | Known | Mask | Unknown | Unsaid | FinalStates | tuple["Held", ...] | int | float | bool | None
