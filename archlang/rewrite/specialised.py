"""Functions that graphs call: they hold a model to what it was traced with."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils import _pytree as pytree

from archlang.diagnostics import ArchError, error


def same_default(value: Any, default: Any, name: str) -> None:
    """Raise ArchError (input-shape) where an optional argument is given that was not there when a model was traced."""
    # Equal in value and type: `1` for `True` would take another way through the model.
    if value is default or (type(value) is type(default) and value == default):
        return
    raise ArchError(error(
        "input-shape",
        f"the argument `{name[:64]}` was {str(default)[:40]} when this model was rewritten, and is not now",
        help="rewrite the model with an example of its inputs that holds this argument"))


def detached(value: Any) -> Any:
    """The tensors of a value without their gradients' history: what torch.no_grad encloses in a model."""
    return pytree.tree_map(lambda leaf: leaf.detach() if isinstance(leaf, torch.Tensor) else leaf, value)
