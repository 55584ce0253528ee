"""A torch model's own call: its arguments by place and by name, among which tensors may stand beside settings."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn


@dataclass(frozen=True)
class TorchCall:
    """The arguments of a call, as an example of them was given.

    `named` are those that the model takes by name alone.
    """

    placed: tuple[Any, ...]
    named: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, model: nn.Module, inputs: Sequence[Any] | Mapping[str, Any]) -> TorchCall:
        """The call with these inputs: a row of them, or each by the name that `forward` gives it."""
        if not isinstance(inputs, Mapping):
            return cls(tuple(inputs))
        try:
            bound = inspect.signature(model.forward).bind(**inputs)
        except TypeError:
            # Names that `forward` does not have: the dictionary itself is the input.
            return cls((inputs,))
        # What is left out between two that are given has its default.
        bound.apply_defaults()
        return cls(bound.args, bound.kwargs)

    @property
    def values(self) -> tuple[Any, ...]:
        """All arguments in their order."""
        return (*self.placed, *self.named.values())

    def on(self, model: Any, tensors: Sequence[Tensor]) -> Any:
        """Call a model with other tensors in the place of the example's; numbers and None stay as they were given.

        Without an example, as a stored program may be, tensors alone are given.
        """
        if not self.values:
            return model(*tensors)
        rest = iter(tensors)
        placed = [_next(value, rest) for value in self.placed]
        return model(*placed, **{name: _next(value, rest) for name, value in self.named.items()})


def _next(value: Any, rest: Iterator[Tensor]) -> Any:
    if isinstance(value, Tensor):
        return next(rest)
    return value
