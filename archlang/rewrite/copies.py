"""Copies of models that share nothing with them but what cannot be copied."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.utils import _pytree as pytree

_KEPT_APART = ("_parameters", "_buffers", "_modules")


def shadow(module: nn.Module) -> nn.Module:
    """A copy of a module: whatever a forward writes down while it is traced or run is written there.

    Attributes that cannot be copied (locks, open files) are shared.
    """
    memo = _calculated(module) | _empty(module)
    try:
        return copy.deepcopy(module, dict(memo))
    except Exception:
        # Attribute by attribute only now: it takes as long as another copy.
        return copy.deepcopy(module, memo | _uncopyable(module, memo))


def fresh(inputs: Sequence[Any]) -> tuple[Any, ...]:
    """A copy of inputs, with every tensor in them: a model may overwrite what it is given."""
    copied: tuple[Any, ...] = pytree.tree_map(
        lambda leaf: leaf.detach().clone() if isinstance(leaf, torch.Tensor) else leaf, tuple(inputs))
    return copied


def _calculated(module: nn.Module) -> dict[int, Any]:
    """Copies, by identity, of tensors that are results: torch does not copy those, and old parametrisations keep some.
    """
    values = [value for inner in module.modules() for value in vars(inner).values()]
    results = [v for v in values if isinstance(v, torch.Tensor) and not v.is_leaf]
    return {id(v): v.detach().clone() for v in results}


def _empty(module: nn.Module) -> dict[int, Any]:
    """Copies, by identity, of the empty tables of all modules: each has a dozen for hooks, which are slow to copy."""
    kinds = (dict, OrderedDict, set)
    values = [value for inner in module.modules() for value in vars(inner).values()]
    return {id(value): type(value)() for value in values if type(value) in kinds and not value}


def _uncopyable(module: nn.Module, memo: dict[int, Any]) -> dict[int, Any]:
    """The attributes that cannot be copied, as themselves."""
    shared: dict[int, Any] = {}
    for inner in module.modules():
        for name, value in vars(inner).items():
            # Tensors and children have copies always; only what a class hangs on itself may have none.
            if name in _KEPT_APART or isinstance(value, nn.Module):
                continue
            try:
                copy.deepcopy(value, dict(memo))
            except Exception:
                shared[id(value)] = value
    return shared
