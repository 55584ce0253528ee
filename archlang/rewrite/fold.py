"""Everything around a convolution or dense map that is linear too becomes part of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import fx, nn

from archlang.diagnostics import ArchError, error
from archlang.emit.module import ArchModule
from archlang.rewrite.base import Pass, exported
from archlang.rewrite.bench import Bench
from archlang.rewrite.branches import merge_sums
from archlang.rewrite.chains import fold_chains
from archlang.rewrite.report import Kept, Report


@dataclass(frozen=True)
class Fold(Pass):
    """Linear steps that meet become one convolution (or dense map) of what they all read.

        gamma (W x + b - mean) / sqrt(var + eps) + beta  -->  W' x + b',  W' = s W,  b' = s (b - mean) + beta
        W2 (W1 x + b1) + b2                              -->  (W2 W1) x + (W2 b1 + b2)
        (W1 x + b1) + (W2 x + b2)                        -->  (W1 + W2) x + (b1 + b2)

    with `s = gamma / sqrt(var + eps)`, everything in float64 and rounded once to the contraction's dtype.

    1. Batch norms with their statistics (instance norms too), products and sums with constants, behind a contraction
       and before it: convolutions of one to three dimensions, transposed ones, dense maps.
    2. Paddings, croppings, identities and dropouts between them.
    3. Two kernels in a row, and branches of one tensor whose results are added: kernels of any size at any place,
       dilated, grouped, average pools, the tensor itself; never where one kernel would be dearer than the parts.
    4. Modules (of torch's own classes, or subclasses that change nothing), functions, aten operations of torch.export.
    Kept, with a reason by name in the report: whatever would not be exact, or would be so by accident.
    The largest contraction keeps its name; the others' names go.

    `training` says what becomes of a model in training mode: `refuse`, or `keep` its training norms and fold the rest.
    """

    name: ClassVar[str] = "fuse"
    training: Literal["refuse", "keep"] = "refuse"

    def requires(self, module: nn.Module) -> None:
        """Raises `ArchError` (not-evaluation-mode)."""
        if not module.training or self.training == "keep" or exported(module):
            return
        kinds = (nn.modules.batchnorm._NormBase, nn.modules.dropout._DropoutNd)
        found = [(name, m) for name, m in module.named_modules() if isinstance(m, kinds) and m.training]
        where = f": `{found[0][0]}` ({type(found[0][1]).__name__}) is in training mode" if found else ""
        raise ArchError(error("not-evaluation-mode", f"a model in training mode cannot be fused{where}",
                              help="call `model.eval()` first"))

    def run(self, module: fx.GraphModule) -> Report:
        """Fold all that can be folded."""
        # A model file's fused form is derived anew from its text, with fresh weights: no step may depend on them.
        by_value = not (isinstance(module, ArchModule) and module.archlang.network is not None)
        bench = Bench(module, by_value)
        changed = True
        while changed:
            bench.kept.clear()
            changed = fold_chains(bench)
            changed |= merge_sums(bench)
        for node in module.graph.nodes:
            if bench.reader.norm(node) and node not in bench.kept:
                bench.keep(node, Kept("no-contraction"))
        return bench.finish()
