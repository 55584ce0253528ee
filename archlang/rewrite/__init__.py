"""torch.fx module to torch.fx module: the same results, computed with less."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, fx, nn

from archlang.emit.module import ArchModule
from archlang.rewrite.base import Pass, Report, Rewritten
from archlang.rewrite.fold import Fold
from archlang.rewrite.verify import Comparison, verify

__all__ = ["CATALOGUE", "Comparison", "Fold", "Pass", "Report", "Rewritten", "fuse", "verify"]

CATALOGUE: tuple[type[Pass], ...] = (Fold,)
"""Every pass; the tests go through it."""


def fuse(model: nn.Module, inputs: Sequence[Tensor] | None = None) -> fx.GraphModule:
    """The inference form of a model in evaluation mode: a new module, batch norms folded into what stands before them.

    Any module is taken that torch.fx can trace; the old one stays as it is. What was folded, and what was kept and
    why, stands in the new one's `meta["report"]`. An example of its inputs lets more be folded in models that no
    `.arch` file made. Raises ArchError: not-evaluation-mode, not-traceable, unsupported-module.
    """
    done = Fold()(model, inputs)
    done.module.meta["report"] = done.report
    if isinstance(done.module, ArchModule):
        done.module.archlang = done.module.archlang.after(Fold.name)
    return done.module
