"""The reference's own list of operations and structures: every name of the language that computes something."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import ModuleType

from torch import Tensor

from tests.reference import (
    activations,
    attending,
    axes,
    elementwise,
    forms,
    indexing,
    learned,
    merging,
    norms,
    pools,
    recurrent,
    sliding,
    tokens,
    windows,
)

STRUCTURES = ("fork", "each", "shared", "parallel", "layers", "residual", "route", "attend",
              "patches", "position", "experts", "unpatch", "pbconv", "branches", "energy_normalize")
Rule = Callable[..., Tensor | tuple[Tensor, ...]]


def _rule(function: Rule) -> Rule:
    """A rule that also takes arguments by their place: the function's keywords, in their order."""
    names = [p.name for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY]

    def called(use: object, *tensors: Tensor, given: tuple[object, ...] = (), **named: object) -> object:
        if names[:1] == ["levels"]:
            flat = [one for part in given for one in (part if isinstance(part, list) else [part])]
            return function(use, *tensors, levels=flat, **named)
        return function(use, *tensors, **dict(zip(names, given, strict=False)), **named)

    return called  # type: ignore[return-value]


def _public(module: ModuleType) -> dict[str, Rule]:
    found = {name: value for name, value in vars(module).items() if inspect.isfunction(value)}
    return {
        name.rstrip("_"): _rule(value) for name, value in found.items()
        if value.__module__ == module.__name__ and not name.startswith("_")
    }


OPS: dict[str, Rule] = {
    name: rule
    for module in (sliding, norms, activations, pools, forms, learned, elementwise, axes, merging,
                   attending, recurrent, tokens, indexing, windows)
    for name, rule in _public(module).items()
} | {name: _rule(rule) for table in (sliding.OF_OTHER_RANKS, pools.OF_OTHER_RANKS) for name, rule in table.items()}
