"""Starting values of weights: torch's own, unless a file says otherwise (`init = ...`, `batch_norm(scale = 0)`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import nn

from archlang.ops.model import Weight

Fill = Callable[[torch.Tensor, Mapping[str, Any]], object]

INITIALISERS: dict[str, Fill] = {
    "zeros": lambda t, a: nn.init.zeros_(t),
    "ones": lambda t, a: nn.init.ones_(t),
    "constant": lambda t, a: nn.init.constant_(t, a["value"]),
    "normal": lambda t, a: nn.init.normal_(t, 0.0, a["std"]),
    "uniform": lambda t, a: nn.init.uniform_(t, a["low"], a["high"]),
}
"""How each setting of the role `initialiser` fills a tensor."""


def initialise(module: nn.Module, weights: Iterable[Weight]) -> None:
    """Fill in place those weights of a module that an op starts in its own way; the others keep torch's start."""
    for weight in weights:
        if weight.init is not None:
            with torch.no_grad():
                INITIALISERS[weight.init.name](getattr(module, weight.name), weight.init.args)
