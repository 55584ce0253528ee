"""torch.fx module to torch.fx module: the same results, computed with less."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, fx, nn

from archlang.emit.module import ArchModule
from archlang.rewrite.base import Pass, Rewritten
from archlang.rewrite.fold import Fold
from archlang.rewrite.report import REASONS, Kept, Merge, Report, Skip
from archlang.rewrite.verify import Comparison, verify, verify_nodes

__all__ = [
    "CATALOGUE", "REASONS", "Comparison", "Fold", "Kept", "Merge", "Pass", "Report", "Rewritten", "Skip", "fuse",
    "verify", "verify_nodes",
]

CATALOGUE: tuple[type[Pass], ...] = (Fold,)
"""Every pass; the tests go through it."""


def fuse(
    model: nn.Module, inputs: Sequence[Tensor] | None = None, *, training: Literal["refuse", "keep"] = "refuse"
) -> fx.GraphModule:
    """The inference form of a model in evaluation mode: a new module with everything linear around a convolution in it.

    Any module is taken that torch.fx can trace, and graphs of torch.export; the old one stays as it is. What was
    merged, and what was kept and why, stands in the new one's `meta["report"]`. An example of its inputs lets more be
    merged in models that no `.arch` file made. With `training="keep"` a model in training mode is taken: its frozen
    norms are folded, those that train stay. Raises ArchError: not-evaluation-mode, not-traceable, unsupported-module.
    """
    done = Fold(training)(model, inputs)
    done.module.meta["report"] = done.report
    if isinstance(done.module, ArchModule):
        done.module.archlang = done.module.archlang.after(Fold.name)
    return done.module
